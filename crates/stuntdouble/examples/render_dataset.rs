//! Renders a small data set with exact ground truth, checks it, and draws a contact sheet.
//!
//! `cargo run --release -p stuntdouble --example render_dataset -- FOLDER`
//!
//! Shards are WebDataset tar files: the files of a clip are consecutive and share the clip's name.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use stuntdouble::media::image_file::save_picture;
use stuntdouble::stage::{Assets, ClipSettings, Inspection, Passes, ShardPlan, inspect_shards, write_shards};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("expected FOLDER")?);
    let found = run(&folder)?;
    println!("{} clips, {} frames in {}", found.clips, found.frames, folder.display());
    Ok(())
}

/// Renders three clips into `folder`, compares their checksums and writes a contact sheet.
pub(crate) fn run(folder: &Path) -> Result<Inspection, Box<dyn std::error::Error>> {
    // 1. The same plan gives the same bytes on any machine, and a stopped run goes on where it was.
    let plan = ShardPlan {
        place: folder.to_path_buf().into(),
        set: "example".into(),
        settings: ClipSettings { width: 64, height: 64, frames: 4, references: 1, ..ClipSettings::default() },
        wanted: Passes::ALL,
        clips: 3,
        per_shard: 2,
    };
    let mut progress = |done: u64, of: u64| {
        println!("{done} of {of}");
        ControlFlow::Continue(())
    };
    // 2. Assets of your own: `Assets::load(folder)`. These are generated.
    write_shards(&plan, &Assets::procedural(), &mut progress)?;
    let (found, sheet) = inspect_shards(&plan.place, 3)?;
    save_picture(&folder.join("sheet.png"), &sheet)?;
    Ok(found)
}

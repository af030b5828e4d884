//! Makes a video with your own signals: poses and masks from another program. Nothing is downloaded.
//!
//! `cargo run --release -p stuntdouble --example custom_signals -- FOLDER`
//!
//! In this example, the renderer takes the place of the other program: it supplies frames, exact masks and exact
//! joints.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::{Path, PathBuf};

use stuntdouble::media::image_file::save_picture;
use stuntdouble::perception::signals::SignalsFolder;
use stuntdouble::stage::{Assets, ClipSettings, ClipSpec, Passes, render_parts};
use stuntdouble::{Error, Events, Host, Job, Report};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("expected FOLDER")?);
    let report = run(&folder)?;
    println!("{} frames in {}", report.frames, folder.join("out.mp4").display());
    Ok(())
}

/// Writes a video, its signals and a character into `folder`, and replaces the person of the video.
pub(crate) fn run(folder: &Path) -> Result<Report, Error> {
    // 1. Frames, masks, joints and a character, from wherever you have them.
    let settings = ClipSettings { width: 128, height: 128, frames: 12, references: 1, ..ClipSettings::default() };
    let assets = Assets::procedural();
    let spec = ClipSpec::draw(5, &assets, &settings)?;
    let take = render_parts(&spec, &assets, Passes { swapped: false, references: true })?.take;

    // 2. The layout that the program reads: `pose.json` and `person/000000.png`, one mask a frame, at the video's size.
    std::fs::create_dir_all(folder.join("video")).map_err(|error| media_error(folder, error))?;
    let signals = SignalsFolder::new(folder.join("signals"), take.frames.len(), (128, 128));
    for (index, (picture, mask)) in take.frames.iter().zip(&take.person).enumerate() {
        save_picture(&folder.join(format!("video/{index:05}.png")), picture)?;
        signals.save_person(index, mask)?;
    }
    signals.save_poses(take.poses.into_iter().map(Some).collect())?;
    save_picture(&folder.join("character.png"), &take.references[0])?;

    // 3. A folder of numbered pictures is a video too.
    let job = Job::replace(folder.join("character.png"), folder.join("video"), folder.join("out.mp4"))
        .with_signals(folder.join("signals"));
    job.run(&Host::with_cache(folder.join("cache")), &Events::silent())
}

fn media_error(folder: &Path, error: std::io::Error) -> Error {
    stuntdouble::media::Error::writing(folder, error).into()
}

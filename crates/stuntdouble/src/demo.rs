//! The example inside the program: a picture and a driving clip from our own renderer.

use std::path::Path;

use crate::error::Error;
use crate::pipeline::{Job, Mode};
use crate::settings::Settings;

const CHARACTER: &[u8] = include_bytes!("../../../examples/demo/character.png");
const DRIVING: &[u8] = include_bytes!("../../../examples/demo/driving.mp4");

/// Writes the example's inputs into `folder`, and returns the job for them.
///
/// # Errors
/// [`Error::Media`].
pub fn job(folder: &Path) -> Result<Job, Error> {
    std::fs::create_dir_all(folder).map_err(|source| media::Error::writing(folder, source))?;
    let (character, video) = (folder.join("character.png"), folder.join("driving.mp4"));
    media::file::write_atomic(&character, CHARACTER)?;
    media::file::write_atomic(&video, DRIVING)?;
    Ok(Job {
        mode: Mode::Replace,
        characters: vec![character],
        character_pose: None,
        video,
        output: folder.join("output.mp4"),
        run_dir: folder.join("run"),
        signals: None,
        dry_run: false,
        weight_cache: None,
        settings: Settings::default(),
    })
}

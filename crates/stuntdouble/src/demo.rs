//! Provides the example that is compiled into the program: a picture and a driving clip made by the project's own
//! renderer.

use std::path::Path;

use perception::objects::prompt::{Moment, ObjectPrompt, PointPrompt, Shown};

use crate::error::Error;
use crate::pipeline::Job;
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
    // The tablet in her hands, as with `--object 151,112@10f`.
    let tablet = PointPrompt { x: 151.0, y: 112.0, at: Some(Moment::Frame(10)) };
    let objects = vec![ObjectPrompt { shown: Shown::Point(tablet), not: vec![] }];
    Ok(Job { run_dir: folder.join("run"), ..Job::replace(character, video, folder.join("output.mp4")) }
        .with_settings(Settings { objects, ..Settings::default() }))
}

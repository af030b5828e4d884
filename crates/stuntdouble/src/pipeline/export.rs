//! Step 3: one more pass over the frames: paste the generated pictures, encode, copy the audio. The video is whole or absent.

use std::path::Path;

use media::image_file::{load_mask, load_picture};
use media::picture::Picture;
use perception::paste::{PasteConfig, paste};

use super::Work;
use crate::error::{Error, io};
use crate::events::Step;
use crate::manifest::NOTICE;

/// Finds out before the work whether the result can be written.
pub(super) fn check_writable(output: &Path) -> Result<(), Error> {
    // An atomic file that is dropped leaves nothing.
    drop(media::file::AtomicFile::create(output)?);
    Ok(())
}

/// Writes the video.
pub(super) fn export(work: &Work<'_>) -> Result<(), Error> {
    let Work { job, run, source, scene, timeline, events, .. } = work;
    let mut writer = source.writer(&job.output, scene.output_size(timeline.frame_size()), &[("comment", NOTICE)])?;
    for (index, frame) in source.frames()?.enumerate() {
        events.check_cancelled()?;
        let frame = frame?;
        writer.push(&finished_frame(work, index, &frame.picture)?, frame.pts)?;
        events.progress(Step::Export, index as u64 + 1, timeline.len() as u64);
    }
    writer.finish()?;
    let inside = run.join("output.mp4");
    if inside.exists() {
        std::fs::remove_file(&inside).map_err(io("replace", &inside))?;
    }
    // A second name for the same bytes where the file system can do that, else a copy.
    if std::fs::hard_link(&job.output, &inside).is_err() {
        std::fs::copy(&job.output, &inside).map_err(io("copy to", &inside))?;
    }
    Ok(())
}

/// A frame of the result. Outside of the edited region it is the scene's, byte for byte.
pub(super) fn finished_frame(work: &Work<'_>, index: usize, source: &Picture) -> Result<Picture, Error> {
    let Work { job, run, scene, timeline, .. } = work;
    let backdrop = scene.backdrop(source);
    let path = run.generated_frame(work.clip_of(index), index);
    if !path.exists() {
        return Ok(backdrop.clone());
    }
    let generated = load_picture(&path)?;
    let mut mask = load_mask(&run.join(&format!("conditions/mask/{index:06}.png")), None)?;
    if job.settings.raw {
        mask.cells_mut().fill(255);
    }
    Ok(paste(backdrop, &generated, timeline.region(index), &mask, &PasteConfig::default()).picture)
}

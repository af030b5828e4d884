//! Implements step 3 of a job, which is one more pass over the frames: composites and encodes the generated pictures,
//! and copies the audio. The output video is either complete or absent.

use std::fs::File;
use std::path::{Path, PathBuf};

use media::audio::AudioOutcome;
use media::file::AtomicFile;
use media::image_file::{load_mask, load_picture};
use media::picture::{Mask, Picture};
use perception::composite::{CompositeConfig, Composited, composite};
use perception::region::Region;

use super::composition::Composition;
use super::draft::draft_of;
use super::job::Job;
use super::sheet::RunSheet;
use super::source::Source;
use super::work::Work;
use crate::error::{Error, io};
use crate::events::Step;
use crate::manifest::NOTICE;
use crate::run_folder::{RunFolder, generated_frame};

/// Checks before the work whether the result can be written.
pub(super) fn check_writable(output: &Path) -> Result<(), Error> {
    // Dropping an atomic file leaves nothing behind.
    drop(AtomicFile::create(output)?);
    Ok(())
}

/// The first place of the video.
fn inside(run: &RunFolder, job: &Job) -> PathBuf {
    run.join("output").with_extension(job.output.extension().unwrap_or_default())
}

/// Starts ffmpeg with the requested file format and stops it again, so that an impossible format is found before the
/// work.
pub(super) fn check_format(run: &RunFolder, job: &Job, source: &Source) -> Result<(), Error> {
    drop(source.writer(&inside(run, job), source.size(), None, &[])?);
    Ok(())
}

/// Writes the video inside the run folder, which no other process uses, and then copies it to its place.
pub(super) fn export(work: &Work<'_>, sheet: &mut RunSheet<'_>) -> Result<(), Error> {
    let Work { job, run, source, scene, timeline, events, .. } = work;
    let inside = inside(run, job);
    let size = scene.output_size(timeline.frame_size());
    let mut writer = source.writer(&inside, size, timeline.end(), &[("comment", NOTICE)])?;
    if let AudioOutcome::Converted(streams) = writer.audio() {
        let list: Vec<String> = streams.iter().map(|(from, to)| format!("{from} to {to}")).collect();
        events.warn(
            "audio.converted",
            format!("the output format does not support this audio, so it was converted: {}", list.join(", ")),
        );
    }
    if !writer.not_kept().is_empty() {
        events.warn(
            "video.not_kept",
            format!("the result does not contain these parts of the video: {}", writer.not_kept().join(", ")),
        );
    }
    for (index, frame) in source.frames()?.enumerate() {
        events.check_cancelled()?;
        let frame = frame?;
        let finished = finished_frame(work, index, &frame.picture)?;
        writer.push(&finished, frame.pts)?;
        sheet.take(index, &frame.picture, &finished)?;
        events.progress(Step::Export, index as u64 + 1, timeline.len() as u64);
    }
    writer.finish()?;
    let mut output = AtomicFile::create(&job.output)?;
    let mut made = File::open(&inside).map_err(io("open", &inside))?;
    std::io::copy(&mut made, &mut output).map_err(io("write", &job.output))?;
    Ok(output.commit()?)
}

/// A frame of the result. Outside the edited region it equals the scene byte for byte.
fn finished_frame(work: &Work<'_>, index: usize, source: &Picture) -> Result<Picture, Error> {
    if work.composition.is_layered() {
        return draft_of(work.run.root(), index);
    }
    let region = work.timeline.region(index);
    let is_whole = work.job.settings.raw || work.composition == Composition::WholePicture;
    let backdrop = work.scene.backdrop(source);
    Ok(composite_frame(is_whole, work.run.root(), work.clip_of(index), index, region, backdrop)?.picture)
}

/// Composites the clip's picture for a frame into its backdrop: the whole picture, or the removed region of it.
pub(super) fn composite_frame(
    is_whole: bool,
    run: &Path,
    clip: usize,
    index: usize,
    region: Region,
    backdrop: &Picture,
) -> Result<Composited, Error> {
    let path = generated_frame(run, clip, index);
    if !path.exists() {
        let edited = Mask::filled(backdrop.width(), backdrop.height(), 0);
        return Ok(Composited { picture: backdrop.clone(), edited });
    }
    let generated = load_picture(&path)?;
    let mut mask = load_mask(&run.join(format!("conditions/mask/{index:06}.png")), None)?;
    if is_whole {
        mask.cells_mut().fill(255);
    }
    Ok(composite(backdrop, &generated, region, &mask, &CompositeConfig::default()))
}

//! Implements the commands `train data prepare|check`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use fetch::Store;
use perception::perceiver::Effort;
use stuntdouble::Error;
use stuntdouble::events::{Event, Events, Step};
use stuntdouble::models;
use stuntdouble::pipeline::Tools;
use train::videos::{Prepared, Summary, VideoConfig, VideoRecord, check, prepare};

#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Cut videos into clips of one person and add them to a set; continues an interrupted run
    Prepare(Prepare),
    /// Check the hashes and pictures of a set, and report its contents
    Check {
        /// The output of `train data prepare`
        set: PathBuf,
    },
}

/// Options of `train data prepare`.
#[derive(Debug, Args)]
pub(super) struct Prepare {
    /// Video files, GIFs, or folders of frames
    #[arg(required = true)]
    videos: Vec<PathBuf>,
    /// The folder of the set, new or existing
    #[arg(short, long, value_name = "SET")]
    output: PathBuf,
    /// Longer side of stored frames in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = VideoConfig::default().side)]
    size: usize,
    /// Smallest number of frames in a clip
    #[arg(long, value_name = "N", default_value_t = VideoConfig::default().least_frames)]
    least_frames: usize,
    /// Largest number of frames in a clip; longer segments become several clips
    #[arg(long, value_name = "N", default_value_t = VideoConfig::default().most_frames)]
    most_frames: usize,
    /// Smallest allowed length of the person's longer side, in stored pixels
    #[arg(long, value_name = "PIXELS", default_value_t = VideoConfig::default().least_person)]
    least_person: usize,
    /// Largest share of frames in which the frame border may cut off the person; 1 disables the limit
    #[arg(long, value_name = "SHARE", default_value_t = VideoConfig::default().cut_off)]
    cut_off: f64,
    /// Use faster perception, with rougher mask edges and fewer hands and faces
    #[arg(long)]
    quick: bool,
    /// Decode damaged files as far as possible instead of rejecting them
    #[arg(long)]
    tolerate_damage: bool,
}

pub(super) fn run(command: &Data, store: &Store, tools: &Tools, events: &Events) -> Result<(), Error> {
    match command {
        Data::Prepare(options) => prepare_videos(options, store, tools, events),
        Data::Check { set } => {
            report(&check(set)?, events);
            events.send(Event::Done { output: set.display().to_string() });
            Ok(())
        }
    }
}

fn prepare_videos(options: &Prepare, store: &Store, tools: &Tools, events: &Events) -> Result<(), Error> {
    let config = VideoConfig {
        side: options.size,
        least_frames: options.least_frames,
        most_frames: options.most_frames,
        least_person: options.least_person,
        cut_off: options.cut_off,
        quick: options.quick,
        tolerate_damage: options.tolerate_damage,
    };
    config.check()?;
    let effort = if options.quick { Effort::Quick } else { Effort::Full };
    let models = models::person_models(store, effort, events)?;
    let tools = train::videos::Tools { ffmpeg: models::ffmpeg(store, tools, events)?, models };
    let mut told = |event: &Prepared<'_>| {
        match event {
            Prepared::Frame { done, of, .. } => events.progress(Step::Perceive, *done, *of),
            Prepared::Video { record, is_known } => show(record, *is_known, events),
        }
        if events.check_cancelled().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    prepare(&options.videos, &options.output, &config, &tools, &mut told)?;
    events.check_cancelled()?;
    report(&check(&options.output)?, events);
    events.send(Event::Done { output: options.output.display().to_string() });
    Ok(())
}

/// The result for a video.
fn show(record: &VideoRecord, is_known: bool, events: &Events) {
    let known = if is_known { ", processed earlier" } else { "" };
    let (frames, shots, kept) = (record.frames, record.shots, record.kept());
    events.note(format!("`{}`: frames {frames}, shots {shots}, clips kept {kept}{known}", record.path.display()));
    for stretch in &record.stretches {
        let Some(reason) = stretch.reason else { continue };
        let place = match stretch.frames {
            0 => "the video was rejected".to_owned(),
            count => format!("frames {} to {} were rejected", stretch.first, stretch.first + count - 1),
        };
        events.note(format!("  {place}: {} ({})", reason.word(), stretch.detail));
    }
}

fn report(summary: &Summary, events: &Events) {
    let Summary { videos, used, clips, frames, bytes, refused } = summary;
    let size = *bytes as f64 / f64::from(1 << 20);
    events.note(format!(
        "clips: {clips}, frames: {frames}, videos used: {used} of {videos}, size: {size:.1} MiB; all hashes match"
    ));
    for (reason, (stretches, frames)) in refused {
        events.note(format!("rejected as {}: segments {stretches}, frames {frames}", reason.word()));
    }
}

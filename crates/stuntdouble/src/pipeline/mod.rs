//! The main job: one picture and one video in, a video out, in steps whose results are kept in the run folder.
//!
//! ```text
//! perceive    video -> signals/                      one pass over the frames
//! draft       video + signals -> conditions/draft/   one pass: clean plate, warped reference, objects; or
//! generate    video + signals -> clips/NNN/frames/   one pass, clip by clip; a finished clip is never made again
//! export      video + clips -> output.mp4            one pass: paste, encode, copy the audio
//! ```
//! Frames stream through each pass, so memory does not grow with the video's length.

mod draft;
mod export;
mod generate;
mod job;
mod objects;
mod perceive;
mod plan;
mod report;
mod scene;
mod sheet;
mod source;

pub use job::{Job, Mode, PerceiveJob, Tools};
pub use perceive::perceive_only;

use fetch::Store;
use media::picture::{Mask, Picture};
use model::clip_plan::{Clip, plan_clips};

use crate::character::CharacterFiles;
use crate::error::Error;
use crate::events::{Event, Events};
use crate::input::Input;
use crate::manifest::Manifest;
use crate::models;
use crate::networks::{LoadedNetworks, tell_trouble};
use crate::run_folder::{LOG, RunFolder, RunRecord, SIGNALS};
use crate::timeline::{Extent, Timeline};
use scene::Scene;
use sheet::RunSheet;
use source::Source;

/// Runs a job from start to end, or from where it stopped.
///
/// # Errors
/// Every [`Error`]; what was finished stays in the run folder, and no partial output is left.
pub fn run(job: &Job, store: &Store, tools: &Tools, events: &Events) -> Result<(), Error> {
    let settings = &job.settings;
    // 1. As much as can be wrong with the inputs is found before anything is made.
    job.check_places()?;
    let characters = CharacterFiles::open(&job.characters, &job.character_options(), store, tools, events)?;
    export::check_writable(&job.output)?;
    let source = Source::open(&job.video, settings, store, tools, events)?;
    let networks = match settings.draft {
        true => None,
        false => Some(LoadedNetworks::load(settings, job.packs.as_deref().filter(|_| !job.dry_run))?),
    };
    if let Some(networks) = &networks {
        networks.note_report(events);
    }
    let has_person = perceive::brings_person(job.signals.as_deref())?;
    if job.dry_run {
        return plan::report(job, &source, networks.as_ref(), events);
    }
    if !has_person || job.mode == Mode::Animate {
        models::person_models(store, settings.effort(), events)?;
    }
    let record = RunRecord {
        version: env!("CARGO_PKG_VERSION").into(),
        command: job.mode.name().into(),
        characters: job.characters.iter().map(|path| Input::of(path)).collect::<Result<_, _>>()?,
        character_pose: job.character_pose.as_deref().map(Input::of).transpose()?,
        video: Input::of(&job.video)?,
        signals: job.signals.as_deref().map(Input::of).transpose()?,
        weights: networks.as_ref().map(|networks| networks.fingerprint().into()),
        settings: settings.clone(),
    };
    let run = RunFolder::open(&job.run_dir, &record)?;
    // 2. The steps. A run folder without finished signals is of no use, and in the way of the corrected command.
    let begun = begin(job, &run, &source, store, events);
    let mut timeline = match begun {
        Err(error) if !matches!(error, Error::Cancelled) && !perceive::is_done(&run.join(SIGNALS)) => {
            run.abandon();
            return Err(error);
        }
        begun => begun?,
    };
    let scene = Scene::prepare(job, characters, &mut timeline, store, events)?;
    let plan = networks.as_ref().map_or(vec![], |networks| plan_clips(timeline.len(), networks.clip_frames()));
    let work = Work { job, run: &run, source: &source, scene: &scene, timeline: &timeline, plan: &plan, events };
    match &networks {
        Some(networks) => {
            generate::generate(&work, networks)?;
            tell_trouble(networks.packs.as_deref(), events);
        }
        None => {
            draft::note(&work);
            draft::draft(&work)?;
        }
    }
    let mut sheet = RunSheet::new(&work);
    export::export(&work, &mut sheet)?;
    sheet.save()?;
    // 3. What was done, last of all.
    Manifest::new(record, source.ffmpeg_version(), &job.output)?.save(&run.join("manifest.json"))?;
    report::save(run.root(), Some(settings), &timeline, events)?;
    events.send(Event::Done { output: job.output.display().to_string() });
    Ok(())
}

/// Everything up to the signals.
fn begin(job: &Job, run: &RunFolder, source: &Source, store: &Store, events: &Events) -> Result<Timeline, Error> {
    events.log_to(&run.join(LOG))?;
    export::check_format(run, job, source)?;
    let signals = run.join(SIGNALS);
    perceive::perceive(&job.settings, &signals, job.signals.as_deref(), source, store, events, &mut |_| Ok(()))
}

/// A frame of a finished `replace` job as it went to the encoder, with 255 where it may differ from the source, for whoever
/// wants to check that nothing else was touched.
///
/// # Errors
/// [`Error`] when the run folder is not that of a finished job.
pub fn finished_picture(job: &Job, index: usize, source: &Picture) -> Result<(Picture, Mask), Error> {
    if job.settings.draft {
        return Ok((draft::draft_of(&job.run_dir, index)?, draft::edited_of(&job.run_dir, index)?));
    }
    let signals = job.run_dir.join(SIGNALS);
    let unfinished =
        || Error::OtherRun { path: job.run_dir.clone(), what: "state: its signals are not finished".into() };
    let extent = Extent::load(&signals)?.ok_or_else(unfinished)?;
    let timeline = Timeline::load(extent, signals, job.signals.as_deref())?;
    let frames = LoadedNetworks::load(&job.settings, job.packs.as_deref())?.clip_frames();
    let clip = plan_clips(timeline.len(), frames).partition_point(|clip| clip.new_frames().end <= index);
    let pasted = export::paste_frame(job, &job.run_dir, clip, index, timeline.region(index), source)?;
    Ok((pasted.picture, pasted.edited))
}

/// What the steps of one job share.
struct Work<'a> {
    job: &'a Job,
    run: &'a RunFolder,
    source: &'a Source,
    scene: &'a Scene,
    timeline: &'a Timeline,
    plan: &'a [Clip],
    events: &'a Events,
}

impl Work<'_> {
    /// The number of the clip that finishes a frame.
    fn clip_of(&self, frame: usize) -> usize {
        self.plan.partition_point(|clip| clip.new_frames().end <= frame)
    }
}

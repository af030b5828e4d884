//! Runs the main job: turns one picture and one video into a video, in steps whose results are stored in the run
//! folder.
//!
//! ```text
//! perceive    video -> signals/                      one pass over the frames
//! draft       video + signals -> conditions/draft/   one pass: clean plate, warped reference, objects; or
//! generate    video + signals -> clips/NNN/frames/   one pass, clip by clip; a finished clip is never made again
//! export      video + clips -> output.mp4            one pass: composite, encode, copy the audio
//! ```
//! Frames stream through each pass, so memory does not grow with the video's length.

mod composition;
mod draft;
mod export;
mod figure;
mod generate;
mod job;
mod level;
mod memory;
mod objects;
mod perceive;
mod plan;
mod plates;
mod report;
mod scene;
mod sheet;
mod source;
mod work;

pub use crate::tools::Tools;
pub use composition::Composition;
pub use job::{Job, Mode, PerceiveJob};
pub use perceive::perceive_only;
pub use report::Report;
pub(crate) use scene::conditions;

use fetch::Store;
use media::picture::{Mask, Picture};

use crate::character::CharacterFiles;
use crate::error::Error;
use crate::events::{Event, Events};
use crate::input::Input;
use crate::manifest::Manifest;
use crate::models;
use crate::networks::{LoadedNetworks, tell_trouble};
use crate::run_folder::{LOG, RunFolder, RunRecord, SIGNALS};
use crate::settings::Settings;
use crate::timeline::{Extent, Timeline};
use figure::Figures;
use scene::Scene;
use sheet::RunSheet;
use source::Source;
use work::Work;

/// Runs a job from start to end, or from where it stopped.
///
/// # Errors
/// Every [`Error`]. Finished steps stay in the run folder, and no partial output is left.
pub fn run(job: &Job, store: &Store, tools: &Tools, events: &Events) -> Result<Report, Error> {
    let settings = &job.settings;
    // 1. Check the inputs as far as possible before anything is made.
    job.check_places()?;
    let characters = CharacterFiles::open(&job.characters, &job.character_options(), store, tools, events)?;
    export::check_writable(&job.output)?;
    let source = Source::open(&job.video, settings, store, tools, events)?;
    let networks = match settings.draft {
        true => None,
        false => Some(LoadedNetworks::load(settings, job.weight_cache.as_deref().filter(|_| !job.dry_run))?),
    };
    if let Some(networks) = &networks {
        networks.note_report(events);
    }
    let has_person = perceive::brings_person(job.signals.as_deref())?;
    if job.dry_run {
        plan::report(job, &source, networks.as_ref(), events);
        check_memory(networks.as_ref(), settings, &source)?;
        return Ok(Report::of_plan(source.expected_frames() as usize, events));
    }
    check_memory(networks.as_ref(), settings, &source)?;
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
    // 2. The steps. A run folder without complete signals is useless, and would block the corrected command.
    let begun = begin(job, &run, &source, store, events);
    let mut timeline = match begun {
        Err(error) if !matches!(error, Error::Cancelled) && !perceive::is_done(&run.join(SIGNALS)) => {
            run.abandon();
            return Err(error);
        }
        begun => begun?,
    };
    let composition = Composition::of(job, networks.as_ref().map(LoadedNetworks::config));
    let scene = Scene::prepare(job, composition, characters, &mut timeline, store, events)?;
    let plan = networks.as_ref().map_or(vec![], |networks| networks.plan(timeline.len()));
    let work =
        Work { job, composition, run: &run, source: &source, scene: &scene, timeline: &timeline, plan: &plan, events };
    match &networks {
        Some(networks) => {
            generate::generate(&work, networks)?;
            tell_trouble(networks.packs.as_deref(), events);
            if composition == Composition::PseudoIntegration {
                draft::draft(&work, Some(Figures::open(store, events)))?;
            }
        }
        None => {
            draft::note(&work);
            draft::draft(&work, None)?;
        }
    }
    let mut sheet = RunSheet::new(&work);
    export::export(&work, &mut sheet)?;
    sheet.save()?;
    // 3. Record what was done.
    Manifest::new(record, source.ffmpeg_version(), &job.output)?.save(&run.join("manifest.json"))?;
    let report = Report::of(Some(composition), &job.output, &timeline, events);
    report.save(run.root())?;
    events.send(Event::Done { output: job.output.display().to_string() });
    Ok(report)
}

/// Refuses networks that do not fit into memory.
fn check_memory(networks: Option<&LoadedNetworks>, settings: &Settings, source: &Source) -> Result<(), Error> {
    match networks {
        Some(networks) => memory::check(networks, settings, source.expected_frames() as usize),
        None => Ok(()),
    }
}

/// All work up to the signals.
fn begin(job: &Job, run: &RunFolder, source: &Source, store: &Store, events: &Events) -> Result<Timeline, Error> {
    events.log_to(&run.join(LOG))?;
    export::check_format(run, job, source)?;
    let signals = run.join(SIGNALS);
    perceive::perceive(&job.settings, &signals, job.signals.as_deref(), source, store, events, &mut |_| Ok(()))
}

/// A frame of a finished `replace` job as given to the encoder, with 255 where it may differ from the source. Use it to
/// check that nothing else was changed.
///
/// # Errors
/// [`Error`] when the run folder does not belong to a finished job.
pub fn finished_picture(job: &Job, index: usize, source: &Picture) -> Result<(Picture, Mask), Error> {
    let networks = match job.settings.draft {
        true => None,
        false => Some(LoadedNetworks::load(&job.settings, job.weight_cache.as_deref())?),
    };
    let composition = Composition::of(job, networks.as_ref().map(LoadedNetworks::config));
    let Some(networks) = networks.filter(|_| !composition.is_layered()) else {
        return Ok((draft::draft_of(&job.run_dir, index)?, draft::edited_of(&job.run_dir, index)?));
    };
    let signals = job.run_dir.join(SIGNALS);
    let unfinished =
        || Error::OtherRun { path: job.run_dir.clone(), what: "the signals in the folder are not complete".into() };
    let extent = Extent::load(&signals)?.ok_or_else(unfinished)?;
    let timeline = Timeline::load(extent, signals, job.signals.as_deref())?;
    let clip = networks.plan(timeline.len()).partition_point(|clip| clip.new_frames().end <= index);
    let composited =
        export::composite_frame(job.settings.raw, &job.run_dir, clip, index, timeline.region(index), source)?;
    Ok((composited.picture, composited.edited))
}

//! Implements step 1 of a job: one pass over the frames that perceives the person and writes `signals/`. Signals that
//! the user supplies are not perceived.

use std::path::Path;

use fetch::Store;
use media::geometry::Pts;
use media::picture::Picture;
use perception::conditions::{ConditionsConfig, FrameSignals, inference_conditions};
use perception::contact_sheet::{SheetFrame, contact_sheet, spread_rows};
use perception::perceiver::{Perceiver, PerceiverConfig};
use perception::person::tracker::PersonChoice;
use perception::pose::Pose;
use perception::signals::{SignalsError, SignalsFolder};
use perception::stream::{SeenFrame, perceive_frames};

use super::job::PerceiveJob;
use super::objects::{self, Scores};
use super::report::Report;
use super::source::{Source, past_end};
use crate::error::{Error, io};
use crate::events::{Event, Events, Step};
use crate::models;
use crate::run_folder::SIGNALS;
use crate::settings::Settings;
use crate::timeline::{EXTENT_FILE, Extent, Timeline};
use crate::tools::Tools;

/// Number of rows of the contact sheet.
const SHEET_ROWS: usize = 6;
/// Size of its conditions in pixels.
const SHEET_SIZE: u32 = 256;

/// Where `perceive` writes signals until they are complete.
const UNFINISHED: &str = ".stuntdouble-signals";

/// Receives each frame with its signals, in order, while later frames are still being perceived. An error ends the
/// step.
pub(super) type Watcher<'a> = dyn FnMut(&SeenFrame) -> Result<(), Error> + 'a;

/// Perceives the person in every frame, or reuses the signals of an earlier run. `watcher` gets the frames that are
/// perceived now; none if the signals exist already.
pub(super) fn perceive(
    settings: &Settings,
    signals: &Path,
    own: Option<&Path>,
    source: &Source,
    store: &Store,
    events: &Events,
    watcher: &mut Watcher<'_>,
) -> Result<Timeline, Error> {
    let earlier = Extent::load(signals)?;
    let extent = match earlier {
        Some(extent) => extent,
        None if brings_person(own)? => source.measure(events)?,
        None => see(settings, signals, source, store, events, watcher)?,
    };
    let timeline = Timeline::load(extent, signals.into(), own)?;
    if timeline.without_person() == timeline.len() {
        return Err(Error::NoPerson { video: source.path().into(), frames: timeline.len() });
    }
    if earlier.is_none() {
        std::fs::create_dir_all(signals).map_err(io("create", signals))?;
        if !settings.objects.is_empty() {
            objects::follow(&settings.objects, signals, &timeline, source, events)?;
        }
        extent.save(signals)?;
    }
    Ok(timeline)
}

/// True when the signals in a folder are complete.
pub(super) fn is_done(signals: &Path) -> bool {
    signals.join(EXTENT_FILE).exists()
}

/// True when the user's own signals have poses and masks, so that nothing needs to be perceived.
///
/// # Errors
/// [`Error::Signals`] when the folder does not exist or contains no signal.
pub(super) fn brings_person(own: Option<&Path>) -> Result<bool, Error> {
    let Some(own) = own else { return Ok(false) };
    let folder = SignalsFolder::new(own, 0, (0, 0));
    if folder.is_empty()? {
        return Err(SignalsError::Empty { path: own.into() }.into());
    }
    Ok(folder.has_person())
}

fn see(
    settings: &Settings,
    signals: &Path,
    source: &Source,
    store: &Store,
    events: &Events,
    watcher: &mut Watcher<'_>,
) -> Result<Extent, Error> {
    let effort = settings.effort();
    let models = models::person_models(store, effort, events)?;
    let person = settings.person.map(|prompt| PersonChoice {
        x: prompt.x,
        y: prompt.y,
        at: prompt.at.unwrap_or_default().nearest(source.interval()),
    });
    let config = PerceiverConfig { person, effort, ..PerceiverConfig::default() };
    let mut perceiver = Perceiver::open(&models, config)?;
    let mut poses: Vec<Option<Pose>> = vec![];
    let (mut first, mut is_chosen) = (None, person.is_none());
    let mut extent = Extent { frames: 0, width: 0, height: 0, end: None };
    let total = source.expected_frames();
    let mut frames = source.frames()?;
    let pictures = frames.by_ref().map(|frame| frame.map(|frame| (frame.picture, frame.pts)).map_err(Error::from));
    perceive_frames(&mut perceiver, pictures, |frame| {
        events.check_cancelled()?;
        let SeenFrame { index, picture, signals: seen, .. } = &frame;
        for warning in &seen.warnings {
            events.warn(warning.code(), format!("frame {index}: {}", warning.message()));
        }
        extent = Extent { width: picture.width() as u32, height: picture.height() as u32, ..extent };
        SignalsFolder::new(signals, total as usize, picture.size()).save_person(*index, &seen.person)?;
        watcher(&frame)?;
        let since_first = Pts(frame.at.0 - first.get_or_insert(frame.at).0);
        is_chosen |= person.is_some_and(|person| person.at.has_come(frame.index, since_first));
        poses.push(frame.signals.pose);
        events.progress(Step::Perceive, poses.len() as u64, total.max(poses.len() as u64));
        Ok(())
    })?;
    source.warn_of_damage(&frames, events);
    if let Some(prompt) = settings.person.filter(|_| !is_chosen) {
        return Err(past_end(prompt.to_string(), poses.len()));
    }
    extent = Extent { frames: poses.len(), end: frames.end(), ..extent };
    SignalsFolder::new(signals, poses.len(), (extent.width as usize, extent.height as usize)).save_poses(poses)?;
    Ok(extent)
}

/// The command `perceive`: writes signals and a contact sheet. Existing signals, which the user can have edited, are
/// not changed. The folder `signals` is either complete or absent.
///
/// # Errors
/// Every [`Error`] of the inputs; [`Error::OtherRun`] when the folder already contains signals.
pub fn perceive_only(job: &PerceiveJob, store: &Store, tools: &Tools, events: &Events) -> Result<Report, Error> {
    let signals = job.output.join(SIGNALS);
    if signals.exists() {
        return Err(Error::OtherRun { path: signals, what: "the folder already contains signals".into() });
    }
    let source = Source::open(&job.video, &job.settings, store, tools, events)?;
    let is_new = !job.output.exists();
    let unfinished = job.output.join(UNFINISHED);
    if unfinished.exists() {
        // Left by a process that was killed.
        std::fs::remove_dir_all(&unfinished).map_err(io("clear", &unfinished))?;
    }
    std::fs::create_dir_all(&unfinished).map_err(|source| media::Error::writing(&job.output, source))?;
    let done = perceive_into(&unfinished, job, &source, store, events)
        .and_then(|report| std::fs::rename(&unfinished, &signals).map_err(io("create", &signals)).map(|()| report));
    if done.is_err() {
        // The error to report is the failure itself, not that something could not be removed.
        let _ = std::fs::remove_dir_all(&unfinished);
        if is_new {
            let _ = std::fs::remove_dir_all(&job.output);
        }
        return done;
    }
    events.send(Event::Done { output: job.output.display().to_string() });
    done
}

/// Writes the signals into a folder, and sheet and report beside it.
fn perceive_into(
    signals: &Path,
    job: &PerceiveJob,
    source: &Source,
    store: &Store,
    events: &Events,
) -> Result<Report, Error> {
    // If the number of frames is known, the pictures of the sheet are kept as they pass.
    let expected = spread_rows(source.expected_frames() as usize, SHEET_ROWS);
    let mut kept = vec![];
    let mut keep = |frame: &SeenFrame| {
        if expected.contains(&frame.index) {
            kept.push((frame.index, frame.picture.clone()));
        }
        Ok(())
    };
    let timeline = perceive(&job.settings, signals, None, source, store, events, &mut keep)?;
    let prompts = Scores::load_all(signals)?;
    let mut places = spread_rows(timeline.len(), SHEET_ROWS);
    places.extend(prompts.iter().map(|prompt| prompt.frame));
    places.sort_unstable();
    places.dedup();
    if places != expected {
        kept = pictures_at(source, &places)?;
    }
    save_sheet(&job.output.join("sheet.png"), kept, &timeline, &prompts)?;
    let report = Report::of(None, &job.output, &timeline, events);
    report.save(&job.output)?;
    Ok(report)
}

/// Decodes the video once more to get some of its frames.
fn pictures_at(source: &Source, places: &[usize]) -> Result<Vec<(usize, Picture)>, Error> {
    let frames = source.frames()?.enumerate().filter(|(index, _)| places.contains(index));
    frames.map(|(index, frame)| Ok((index, frame?.picture))).collect()
}

fn save_sheet(
    path: &Path,
    pictures: Vec<(usize, Picture)>,
    timeline: &Timeline,
    prompts: &[Scores],
) -> Result<(), Error> {
    let mut rows = vec![];
    for (index, picture) in pictures {
        let (person, objects) = timeline.load_masks(index)?;
        let pose = timeline.pose(index);
        let signals = FrameSignals { picture: &picture, person: &person, pose, depth: None, objects: &objects };
        let crop = signals.crop(timeline.region(index), SHEET_SIZE);
        let conditions = inference_conditions(&[crop], None, &ConditionsConfig::default()).remove(0);
        let mut picture = picture;
        for prompt in prompts.iter().filter(|prompt| prompt.frame == index) {
            objects::mark(&mut picture, prompt.prompt.target().0, 1.0);
        }
        rows.push((index, picture, person, conditions));
    }
    let frames: Vec<SheetFrame<'_>> = rows
        .iter()
        .map(|(index, picture, person, conditions)| SheetFrame {
            index: *index,
            picture,
            person,
            pose: timeline.pose(*index),
            region: timeline.region(*index),
            conditions,
        })
        .collect();
    Ok(media::image_file::save_picture(path, &contact_sheet("perceive", &frames))?)
}

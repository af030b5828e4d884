//! Step 1: one pass over the frames that sees the person and writes `signals/`. What the user brings is not perceived.

use std::path::{Path, PathBuf};

use fetch::Store;
use media::geometry::Pts;
use perception::conditions::{ConditionsConfig, FrameSignals, inference_conditions};
use perception::contact_sheet::{SheetFrame, contact_sheet, spread_rows};
use perception::perceiver::{Perceiver, PerceiverConfig};
use perception::pose::Pose;
use perception::signals::SignalsFolder;
use perception::tracker::PersonChoice;

use super::job::{PerceiveJob, Tools};
use super::source::Source;
use crate::error::{Error, io};
use crate::events::{Event, Events, Step};
use crate::models;
use crate::settings::Settings;
use crate::timeline::{Extent, Timeline};

/// Rows of the contact sheet.
const SHEET_ROWS: usize = 6;
/// Size of its conditions in pixels.
const SHEET_SIZE: u32 = 256;

/// Sees the person in every frame, or takes up what was seen in an earlier run.
pub(super) fn perceive(
    settings: &Settings,
    signals: &Path,
    own: Option<&Path>,
    source: &Source,
    store: &Store,
    events: &Events,
) -> Result<Timeline, Error> {
    let extent = match Extent::load(signals)? {
        Some(extent) => extent,
        None => {
            let extent = if own.is_some_and(has_everything) {
                source.measure(events)?
            } else {
                see(settings, signals, source, store, events)?
            };
            std::fs::create_dir_all(signals).map_err(io("create", signals))?;
            extent.save(signals)?;
            extent
        }
    };
    let timeline = Timeline::load(extent, signals.into(), own)?;
    if timeline.without_person() == timeline.len() {
        return Err(Error::NoPerson { video: source.path().into(), frames: timeline.len() });
    }
    Ok(timeline)
}

/// True when a folder has both poses and masks, so that nothing needs to be perceived.
fn has_everything(folder: &Path) -> bool {
    let poses = folder.join("pose.json").is_file()
        || std::fs::read_dir(folder.join("openpose")).is_ok_and(|mut files| files.next().is_some());
    poses && folder.join("person").is_dir()
}

fn see(settings: &Settings, signals: &Path, source: &Source, store: &Store, events: &Events) -> Result<Extent, Error> {
    let models = models::person_models(store, events)?;
    let person = settings.person.map(|(x, y)| PersonChoice { x, y, at: Pts(0) });
    let mut perceiver = Perceiver::open(&models, PerceiverConfig { person, ..PerceiverConfig::default() })?;
    let mut poses: Vec<Option<Pose>> = vec![];
    let mut extent = Extent { frames: 0, width: 0, height: 0, end: None };
    let total = source.expected_frames();
    let mut frames = source.frames()?;
    while let Some(frame) = frames.next().transpose()? {
        events.check_cancelled()?;
        let seen = perceiver.push(&frame.picture, frame.pts)?;
        for warning in &seen.warnings {
            events.warn(warning.code(), format!("frame {}", poses.len()));
        }
        extent = Extent { width: frame.picture.width() as u32, height: frame.picture.height() as u32, ..extent };
        SignalsFolder::new(signals, total as usize, frame.picture.size()).save_person(poses.len(), &seen.person)?;
        poses.push(seen.pose);
        events.progress(Step::Perceive, poses.len() as u64, total.max(poses.len() as u64));
    }
    source.warn_of_damage(&frames, events);
    extent = Extent { frames: poses.len(), end: frames.end(), ..extent };
    SignalsFolder::new(signals, poses.len(), (extent.width as usize, extent.height as usize)).save_poses(poses)?;
    Ok(extent)
}

/// The command `perceive`: signals and a contact sheet. Signals that are there already, and perhaps edited, are not touched.
///
/// # Errors
/// Every [`Error`] of the inputs; [`Error::OtherRun`] when the folder holds finished signals.
pub fn perceive_only(job: &PerceiveJob, store: &Store, tools: &Tools, events: &Events) -> Result<(), Error> {
    let signals = job.output.join("signals");
    if signals.join(crate::timeline::EXTENT_FILE).exists() {
        return Err(Error::OtherRun { path: signals, what: "contents: finished signals".into() });
    }
    let source = Source::open(&job.video, &job.settings, store, tools, events)?;
    std::fs::create_dir_all(&signals).map_err(io("create", &signals))?;
    let timeline = perceive(&job.settings, &signals, None, &source, store, events)?;
    let path: PathBuf = job.output.join("sheet.png");
    save_sheet(&path, &source, &timeline)?;
    let report = serde_json::json!({
        "frames": timeline.len(),
        "frames_without_person": timeline.without_person(),
        "warnings": events.warnings(),
    });
    media::file::write_atomic(&job.output.join("report.json"), report.to_string().as_bytes())?;
    events.send(Event::Done { output: job.output.display().to_string() });
    Ok(())
}

fn save_sheet(path: &Path, source: &Source, timeline: &Timeline) -> Result<(), Error> {
    let places = spread_rows(timeline.len(), SHEET_ROWS);
    let mut rows = vec![];
    for (index, frame) in source.frames()?.enumerate() {
        let picture = frame?.picture;
        if !places.contains(&index) {
            continue;
        }
        let (person, objects) = timeline.load_masks(index)?;
        let pose = timeline.pose(index);
        let signals = FrameSignals { picture: &picture, person: &person, pose, depth: None, objects: &objects };
        let crop = signals.crop(timeline.region(index), SHEET_SIZE);
        let conditions = inference_conditions(&[crop], None, &ConditionsConfig::default()).remove(0);
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

//! Finds each object that the user points at in the frame of its prompt, follows the object to both ends of the shot,
//! and writes the masks as `object-N/%06d.png`, with `scores.json` and `preview.png` in the same folder.
//!
//! The module makes one pass over the video. The frames of a shot before the prompt are stored on disk, at the size at
//! which objects are followed, and are later processed in reverse order.

use std::path::{Path, PathBuf};

use media::geometry::Pts;
use media::image_file::{load_picture, save_picture};
use media::picture::{Mask, Picture};
use media::sheet::Sheet;
use perception::contact_sheet::spread_rows;
use perception::objects::prompt::{Moment, ObjectPrompt, PromptError, Target};
use perception::objects::{ObjectFrame, ObjectMask, ObjectTracker, working_picture};
use perception::person::scene_cut::SceneCut;
use perception::signals::SignalsFolder;
use serde::{Deserialize, Serialize};

use super::source::{Source, past_end};
use crate::error::{Error, io};
use crate::events::{Events, Step};
use crate::timeline::Timeline;

/// Where frames wait, in the folder of the signals.
const WAITING: &str = ".stuntdouble-frames";
/// Frames of a preview, that of the prompt not counted.
const PREVIEWS: usize = 7;
/// Longest side of a picture in a preview, in pixels.
const PREVIEW_SIDE: usize = 384;
/// The colours of an object and of what was pointed at.
const COLOUR: [u8; 3] = [0, 200, 255];
const MARK: [u8; 3] = [255, 255, 255];

/// What is kept beside the masks of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    /// What was pointed at.
    pub(super) prompt: ObjectPrompt,
    /// The frame in which it was pointed at.
    pub(super) frame: usize,
    /// How sure the mask of each frame is, 0..=1; 0 where the object is not seen.
    pub(super) scores: Vec<f32>,
}

impl Scores {
    /// Those of every object in a folder of signals that was pointed at.
    pub(super) fn load_all(signals: &Path) -> Result<Vec<Self>, Error> {
        let files = (1..).map(|number| scores_file(signals, number)).take_while(|path| path.is_file());
        let load = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).map_err(io("read", &path))?;
            serde_json::from_str(&text).map_err(|reason| io("understand", &path)(reason.into()))
        };
        files.map(load).collect()
    }
}

fn object_folder(signals: &Path, number: usize) -> PathBuf {
    signals.join(format!("object-{number}"))
}

fn scores_file(signals: &Path, number: usize) -> PathBuf {
    object_folder(signals, number).join("scores.json")
}

/// Follows every object that is pointed at and writes its masks.
pub(super) fn follow(
    prompts: &[ObjectPrompt],
    signals: &Path,
    timeline: &Timeline,
    source: &Source,
    events: &Events,
) -> Result<(), Error> {
    let waiting = signals.join(WAITING);
    clear(&waiting)?;
    let mut layers: Vec<Layer> = prompts
        .iter()
        .enumerate()
        .map(|(index, prompt)| Layer::new(index + 1, prompt, source.interval(), timeline))
        .collect();
    let folder = Folder { signals, timeline, waiting: &waiting };
    let mut cut = SceneCut::default();
    let (mut shot, mut first) = (0, None);
    for (index, frame) in source.frames()?.enumerate().take(timeline.len()) {
        events.check_cancelled()?;
        let frame = frame?;
        let since_first = Pts(frame.pts.0 - first.get_or_insert(frame.pts).0);
        if cut.happened(&frame.picture) {
            // What was followed ends here, and what begins later does not reach back.
            layers.iter_mut().for_each(|layer| layer.tracker = None);
            clear(&waiting)?;
            shot = index;
        }
        let small = working_picture(&frame.picture);
        let view = folder.view(&small, index)?;
        for layer in &mut layers {
            layer.push(&folder, &view, &small, index, since_first, shot)?;
        }
        if layers.iter().any(|layer| layer.begun.is_none()) {
            folder.keep(&small, index)?;
        } else {
            clear(&waiting)?;
        }
        events.progress(Step::Objects, index as u64 + 1, timeline.len() as u64);
    }
    clear(&waiting)?;
    layers.iter().try_for_each(|layer| layer.finish(&folder, events))
}

fn clear(folder: &Path) -> Result<(), Error> {
    if folder.exists() { std::fs::remove_dir_all(folder).map_err(io("remove", folder)) } else { Ok(()) }
}

/// Where signals and waiting frames are.
struct Folder<'a> {
    signals: &'a Path,
    timeline: &'a Timeline,
    waiting: &'a Path,
}

impl Folder<'_> {
    fn size(&self) -> (usize, usize) {
        let (width, height) = self.timeline.frame_size();
        (width as usize, height as usize)
    }

    fn masks(&self) -> SignalsFolder {
        SignalsFolder::new(self.signals, self.timeline.len(), self.size())
    }

    /// A frame as the segmenter takes it.
    fn view(&self, small: &Picture, index: usize) -> Result<ObjectFrame, Error> {
        let person = self.timeline.load_person(index)?;
        Ok(ObjectFrame::new(small, &person, self.timeline.pose(index), self.size()))
    }

    fn waiting_file(&self, index: usize) -> PathBuf {
        self.waiting.join(format!("{index:06}.png"))
    }

    fn keep(&self, small: &Picture, index: usize) -> Result<(), Error> {
        std::fs::create_dir_all(self.waiting).map_err(io("create", self.waiting))?;
        Ok(save_picture(&self.waiting_file(index), small)?)
    }
}

/// One object on its way.
struct Layer<'a> {
    number: usize,
    prompt: &'a ObjectPrompt,
    target: Target,
    at: Moment,
    /// Points that are not the object's: when, where, and in which frame that is once it has come.
    not: Vec<(Moment, (f32, f32), Option<usize>)>,
    tracker: Option<ObjectTracker>,
    begun: Option<usize>,
    scores: Vec<Option<f32>>,
    previews: Vec<usize>,
    pictures: Vec<(usize, Picture)>,
}

impl<'a> Layer<'a> {
    fn new(number: usize, prompt: &'a ObjectPrompt, interval: f64, timeline: &Timeline) -> Self {
        let (target, at) = prompt.target();
        let moment = |at: Moment| at.nearest(interval);
        let not = prompt.not.iter().map(|not| (moment(not.at.unwrap_or(at)), (not.x, not.y), None)).collect();
        Self {
            number,
            prompt,
            target,
            at: moment(at),
            not,
            tracker: None,
            begun: None,
            scores: vec![None; timeline.len()],
            previews: spread_rows(timeline.len(), PREVIEWS),
            pictures: vec![],
        }
    }

    /// Takes the next frame of the video.
    fn push(
        &mut self,
        folder: &Folder<'_>,
        view: &ObjectFrame,
        small: &Picture,
        index: usize,
        since_first: Pts,
        shot: usize,
    ) -> Result<(), Error> {
        for (at, _, frame) in &mut self.not {
            *frame = frame.or(at.has_come(index, since_first).then_some(index));
        }
        let begins = self.begun.is_none() && self.at.has_come(index, since_first);
        if begins || self.previews.contains(&index) {
            self.pictures.push((index, small.clone()));
        }
        let not = self.not_in(index);
        if begins {
            self.begun = Some(index);
            let nothing = || PromptError::NothingThere { prompt: self.prompt.to_string() };
            let (tracker, found) = ObjectTracker::begin(view, self.target, &not).ok_or_else(nothing)?;
            self.save(folder, index, &found)?;
            self.follow_back(folder, tracker.clone(), shot..index)?;
            self.tracker = Some(tracker);
        } else if let Some(tracker) = &mut self.tracker {
            let found = tracker.follow(view, &not);
            self.save(folder, index, &found)?;
        }
        Ok(())
    }

    /// The frames of the shot before the prompt, the last one first.
    fn follow_back(
        &mut self,
        folder: &Folder<'_>,
        mut tracker: ObjectTracker,
        frames: std::ops::Range<usize>,
    ) -> Result<(), Error> {
        for index in frames.rev() {
            let small = load_picture(&folder.waiting_file(index))?;
            let found = tracker.follow(&folder.view(&small, index)?, &self.not_in(index));
            self.save(folder, index, &found)?;
        }
        Ok(())
    }

    fn not_in(&self, index: usize) -> Vec<(f32, f32)> {
        self.not.iter().filter(|(_, _, frame)| *frame == Some(index)).map(|(_, place, _)| *place).collect()
    }

    fn save(&mut self, folder: &Folder<'_>, index: usize, found: &ObjectMask) -> Result<(), Error> {
        self.scores[index] = Some(found.score);
        Ok(folder.masks().save_object(self.number, index, &found.mask)?)
    }

    /// Writes empty masks where the object is not, scores and preview.
    fn finish(&self, folder: &Folder<'_>, events: &Events) -> Result<(), Error> {
        let frames = self.scores.len();
        let frame = self.begun.ok_or_else(|| past_end(self.prompt.to_string(), frames))?;
        if let Some((at, place, _)) = self.not.iter().find(|(_, _, frame)| frame.is_none()) {
            return Err(past_end(format!("{},{}@{at}", place.0, place.1), frames));
        }
        let (width, height) = folder.size();
        let empty = Mask::filled(width, height, 0);
        for (index, _) in self.scores.iter().enumerate().filter(|(_, score)| score.is_none()) {
            folder.masks().save_object(self.number, index, &empty)?;
        }
        let scores: Vec<f32> = self.scores.iter().map(|score| score.unwrap_or(0.0)).collect();
        let seen = scores.iter().filter(|score| **score > 0.0).count();
        events.note(format!(
            "object {}, selected in frame {frame}, is visible in {seen} of {frames} frames",
            self.number
        ));
        let scores = Scores { prompt: self.prompt.clone(), frame, scores };
        let text = serde_json::json!(scores).to_string();
        media::file::write_atomic(&scores_file(folder.signals, self.number), text.as_bytes())?;
        let path = object_folder(folder.signals, self.number).join("preview.png");
        Ok(save_picture(&path, &self.preview(folder, frame)?)?)
    }

    fn preview(&self, folder: &Folder<'_>, frame: usize) -> Result<Picture, Error> {
        let (width, height) = media::resize::fit_size(folder.size(), (PREVIEW_SIDE, PREVIEW_SIDE));
        let mut sheet = Sheet::new(4, width, height).titled(format!("object {}: {}", self.number, self.prompt));
        for (index, small) in &self.pictures {
            let masks = folder.masks().objects(*index)?;
            let Some(mask) = masks.get(self.number - 1) else { continue };
            let (columns, rows) = small.size();
            let mask = media::resize::resize_mask(mask, columns, rows, media::resize::Filter::Bilinear);
            let mut shown = tinted(small, &mask);
            if *index == frame {
                let scale = columns as f32 / folder.size().0 as f32;
                mark(&mut shown, self.target, scale);
            }
            let score = self.scores[*index].unwrap_or(0.0);
            let what = if *index == frame { "prompt, frame" } else { "frame" };
            sheet.push(&shown, format!("{what} {index}: score {score:.2}"));
        }
        Ok(sheet.render())
    }
}

/// The picture with the covered pixels half coloured.
fn tinted(picture: &Picture, mask: &Mask) -> Picture {
    let cells = picture.cells().iter().zip(mask.cells()).map(|(pixel, &coverage)| {
        let share = u16::from(coverage) / 2;
        std::array::from_fn(|channel| {
            ((u16::from(pixel[channel]) * (255 - share) + u16::from(COLOUR[channel]) * share) / 255) as u8
        })
    });
    Picture::from_cells(picture.width(), picture.height(), cells.collect())
}

/// Draws what was pointed at: a cross, or the outline of a box. `scale` are pixels of the picture to a pixel of the frame.
pub(super) fn mark(picture: &mut Picture, target: Target, scale: f32) {
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let mut dot = |x: i32, y: i32| {
        if (0..width).contains(&x) && (0..height).contains(&y) {
            picture.set(x as usize, y as usize, MARK);
        }
    };
    let [first, last] = target.corners().map(|(x, y)| ((x * scale) as i32, (y * scale) as i32));
    if first == last {
        let reach = (width.max(height) / 48).max(3);
        (-reach..=reach).for_each(|step| {
            dot(first.0 + step, first.1);
            dot(first.0, first.1 + step);
        });
        return;
    }
    for x in first.0..=last.0 {
        dot(x, first.1);
        dot(x, last.1);
    }
    for y in first.1..=last.1 {
        dot(first.0, y);
        dot(last.0, y);
    }
}

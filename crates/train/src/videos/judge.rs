//! Decides which stretches of a video are suitable for training, and gives the reasons for rejecting the others.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use perception::mask::bounding_box;
use perception::person::people::PeopleFinder;
use perception::pose::{Joint, Pose};
use serde::{Deserialize, Serialize};

use super::config::VideoConfig;
use super::cut::Seen;
use crate::error::Result;

/// From this coverage on, a pixel belongs to the person.
const COVERED: u8 = 128;
/// If more than this share of the longer side of the box lies along the picture's border, the person is cut off.
const BORDER: f32 = 0.2;
/// Number of frames of a stretch in which other people are searched.
const LOOKS: usize = 3;
/// From this share of the first person's size on, a second person counts.
const BESIDE: f32 = 0.5;

/// Why a video or a stretch is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The file is not a video, or cannot be decoded.
    Unreadable,
    /// Nobody was seen.
    NoPerson,
    /// The person is seen in too few frames.
    TooShort,
    /// The person is too small.
    TooSmall,
    /// The border of the picture cuts the person off, or the head is outside.
    CutOff,
    /// Somebody else is about as large.
    TwoPeople,
}

impl Reason {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NoPerson => "no person",
            Self::TooShort => "too short",
            Self::TooSmall => "person too small",
            Self::CutOff => "person cut off",
            Self::TwoPeople => "two people",
        }
    }
}

/// A reason with its figures.
pub(super) type Refusal = (Reason, String);

/// The rejection of a stretch by its signals; none when it may be kept.
pub(super) fn refusal(seen: &Seen, config: &VideoConfig) -> Option<Refusal> {
    if seen.frames.is_empty() {
        return Some((Reason::NoPerson, format!("in all frames (number: {})", seen.count)));
    }
    if seen.count < config.least_frames {
        return Some((Reason::TooShort, format!("number of frames {}, expected {}", seen.count, config.least_frames)));
    }
    let boxes: Vec<Rect<Frame>> =
        seen.frames.iter().filter_map(|frame| bounding_box(&solid(&frame.signals.person))).collect();
    let mut sides: Vec<u32> = boxes.iter().map(|area| area.width.max(area.height)).collect();
    sides.sort_unstable();
    let side = sides.get(sides.len() / 2).copied().unwrap_or(0);
    if (side as usize) < config.least_person {
        return Some((Reason::TooSmall, format!("longer side {side} pixels, expected {}", config.least_person)));
    }
    let cut_off = seen.frames.iter().filter(|frame| {
        let (person, pose) = (&frame.signals.person, frame.signals.pose.as_ref());
        is_cut_off(person) || pose.is_some_and(|pose| is_headless(pose, person.size()))
    });
    let cut_off = cut_off.count();
    if cut_off as f64 > config.cut_off * seen.count as f64 {
        return Some((Reason::CutOff, format!("in {cut_off} of {} frames", seen.count)));
    }
    None
}

/// The rejection for other people: in most of a few frames, somebody else is nearly as large.
///
/// # Errors
/// The errors of the networks.
pub(super) fn company(pictures: &[&Picture], finder: &PeopleFinder) -> Result<Option<Refusal>> {
    let mut crowded = 0;
    for picture in pictures {
        let people = finder.find(picture)?;
        let sides: Vec<f32> = people.iter().map(|seen| seen.region.side).collect();
        crowded += usize::from(sides.len() > 1 && sides[1] > BESIDE * sides[0]);
    }
    let detail = || format!("in {crowded} of {} examined frames", pictures.len());
    Ok((2 * crowded > pictures.len()).then(|| (Reason::TwoPeople, detail())))
}

/// The indices of frames that represent a stretch.
pub(super) fn looked_at(count: usize) -> Vec<usize> {
    (0..LOOKS).map(|look| (2 * look + 1) * count / (2 * LOOKS)).collect()
}

fn solid(mask: &Mask) -> Mask {
    mask.map(|coverage| if coverage >= COVERED { 255 } else { 0 })
}

/// True when much of the person's outline lies on the picture's border.
fn is_cut_off(person: &Mask) -> bool {
    let (width, height) = person.size();
    let Some(area) = bounding_box::<Frame>(&solid(person)) else { return false };
    let covered = |x: usize, y: usize| usize::from(person.get(x, y) >= COVERED);
    let rows = [0, height - 1].map(|y| (0..width).map(|x| covered(x, y)).sum::<usize>());
    let columns = [0, width - 1].map(|x| (0..height).map(|y| covered(x, y)).sum::<usize>());
    let along = rows.iter().chain(&columns).sum::<usize>() as f32;
    along > BORDER * area.width.max(area.height) as f32
}

/// True when the head lies outside the picture.
fn is_headless(pose: &Pose, (width, height): (usize, usize)) -> bool {
    let nose = pose.joint(Joint::Nose);
    !((0.0..=width as f32).contains(&nose.x) && (0.0..=height as f32).contains(&nose.y))
}

#[cfg(test)]
mod tests {
    use media::geometry::Pts;
    use perception::perceiver::PerceivedFrame;
    use perception::stream::SeenFrame;

    use super::*;

    /// Frames of 100x80 with a person in a box: left, top, right, bottom.
    fn seen(count: usize, person: impl Fn(usize) -> [usize; 4]) -> Seen {
        let frame = |index: usize| {
            let [left, top, right, bottom] = person(index);
            let inside = |x: usize, y: usize| (left..right).contains(&x) && (top..bottom).contains(&y);
            let signals = PerceivedFrame {
                pose: Some(Pose::default()),
                person: Mask::from_fn(100, 80, |x, y| if inside(x, y) { 255 } else { 0 }),
                region: None,
                is_new: false,
                detections: None,
                warnings: vec![],
            };
            SeenFrame { index, at: Pts(0), picture: Picture::filled(100, 80, [0; 3]), signals }
        };
        Seen { shot: 0, first: 0, count, frames: (0..count).map(frame).collect() }
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let config = VideoConfig { least_frames: 4, least_person: 40, ..VideoConfig::default() };
        let check = |seen: &Seen, expected: Option<Reason>| {
            assert_eq!(refusal(seen, &config).map(|(reason, _)| reason), expected);
        };
        let whole = [40, 10, 60, 70];
        check(&seen(8, |_| whole), None);
        check(&Seen { shot: 0, first: 0, count: 8, frames: vec![] }, Some(Reason::NoPerson));
        check(&seen(3, |_| whole), Some(Reason::TooShort));
        check(&seen(8, |_| [40, 10, 60, 49]), Some(Reason::TooSmall));
        check(&seen(8, |_| [40, 10, 60, 80]), Some(Reason::CutOff));
        // Only the feet touch the border, or the person is cut off in only half of the frames.
        check(&seen(8, |_| [40, 10, 50, 80]), None);
        check(&seen(8, |index| if index < 4 { [40, 10, 60, 80] } else { whole }), None);
        check(&seen(8, |index| if index < 5 { [0, 10, 20, 70] } else { whole }), Some(Reason::CutOff));
        let mut headless = seen(8, |_| whole);
        for frame in &mut headless.frames {
            frame.signals.pose.get_or_insert_default().body[Joint::Nose as usize].y = -1.0;
        }
        check(&headless, Some(Reason::CutOff));
    }

    #[test]
    fn looks_are_spread() {
        assert_eq!(looked_at(60), [10, 30, 50]);
        assert_eq!(looked_at(1), [0, 0, 0]);
    }
}

//! Renders clips with exact or simulated signals.

use std::cell::Cell;
use std::error::Error;

use draft::held::Hands;
use draft::hole::hole;
use draft::plate::{PlateConfig, PlateFrame, plates};
use media::picture::{Mask, Picture};
use perception::pose::{Keypoint, Pose};
use stage::{Assets, Clip, ClipSettings, ClipSpec, Passes, Split, Usage, render_parts};

const SIZE: (usize, usize) = (256, 256);
const FRAMES: usize = 24;
/// The person must be visible in at least this share of the frames.
const SHOWN: usize = 12;
/// Smallest number of pixels of a visible person or object.
pub(crate) const LEAST: usize = 40;
/// Simulated perception: how far the joint mask of person and object grows, and the spread of a joint's error, as
/// shares of the person's height.
const GROWTH: f32 = 0.015;
const SPREAD: f32 = 0.012;

/// The signals of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signals {
    /// The renderer's own masks and poses.
    Exact,
    /// Like perception: the person's mask also covers the object, and it is too large. Joints are slightly off, and
    /// there are no fingers.
    Imitated,
    /// The same with the renderer's empty scene as a fully visible plate, as in a longer clip.
    TruePlate,
}

impl Signals {
    pub(crate) const ALL: [Self; 3] = [Self::Exact, Self::Imitated, Self::TruePlate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact signals",
            Self::Imitated => "imitated signals",
            Self::TruePlate => "imitated signals, true plate",
        }
    }
}

/// A rendered clip.
pub(crate) struct Staged {
    pub(crate) name: String,
    pub(crate) frames: Vec<Picture>,
    pub(crate) persons: Vec<Mask>,
    pub(crate) objects: Vec<Mask>,
    poses: Vec<Pose>,
    empty: Vec<Picture>,
}

/// A clip with its signals and everything derived from them.
pub(crate) struct Seen<'a> {
    pub(crate) frames: &'a [Picture],
    pub(crate) persons: Vec<Mask>,
    pub(crate) poses: Vec<Option<Pose>>,
    pub(crate) holes: Vec<Mask>,
    pub(crate) plates: Vec<PlateFrame>,
    /// Seconds a frame that the crate's own method needed.
    pub(crate) took: Cell<f64>,
}

impl<'a> Seen<'a> {
    /// Makes holes and plates from masks and poses. If `empty` frames are given, they are the plates.
    pub(crate) fn new(
        frames: &'a [Picture],
        persons: Vec<Mask>,
        poses: Vec<Option<Pose>>,
        empty: Option<&[Picture]>,
    ) -> Self {
        let holes: Vec<Mask> = persons.iter().map(|person| hole(person, &[])).collect();
        let widened = |(hole, pose): (&Mask, &Option<Pose>)| match pose.as_ref().and_then(Hands::of) {
            Some(hands) => hands.widened(hole),
            None => hole.clone(),
        };
        let wide: Vec<Mask> = holes.iter().zip(&poses).map(widened).collect();
        let known = |empty: &Picture| PlateFrame { picture: empty.clone(), seen: empty.map(|_| 255) };
        let plates = match empty {
            Some(empty) => empty.iter().map(known).collect(),
            None => plates(frames, &wide, &PlateConfig::default()),
        };
        Self { frames, persons, poses, holes, plates, took: Cell::new(0.0) }
    }

    /// Seconds a frame that the crate's own method needed.
    pub(crate) fn seconds(&self) -> f64 {
        self.took.get()
    }
}

/// A clip in which the person is visible, with or without an object in use; none when the seed gives another kind.
pub(crate) fn staged(
    seed: u64,
    wants_object: bool,
    split: Split,
    assets: &Assets,
) -> Result<Option<Staged>, Box<dyn Error>> {
    let settings = ClipSettings {
        width: SIZE.0,
        height: SIZE.1,
        frames: FRAMES,
        split: Some(split),
        swapped: false,
        references: 0,
        prop_share: if wants_object { 1.0 } else { 0.0 },
        blur_share: 0.0,
        bystander_share: 0.0,
        ..ClipSettings::default()
    };
    let spec = ClipSpec::draw(seed, assets, &settings)?;
    let used = spec.prop.as_ref().map(|used| used.usage);
    if wants_object && !matches!(used, Some(Usage::Hand { .. } | Usage::BothHands | Usage::Kicked { .. })) {
        return Ok(None);
    }
    let Clip { take, plate: empty, .. } = render_parts(&spec, assets, Passes::CLIP)?;
    let shown = |masks: &[Mask]| masks.iter().filter(|mask| area(mask) >= LEAST).count();
    if shown(&take.person) < SHOWN || (wants_object && shown(&take.object) < SHOWN) {
        return Ok(None);
    }
    let usage = match used {
        Some(Usage::Hand { .. }) => "held",
        Some(Usage::BothHands) => "carried",
        Some(_) => "kicked",
        None => "nothing",
    };
    let prop = spec.prop.map_or(String::new(), |used| used.prop);
    let name = format!("{usage} {prop} {}", spec.action.motion);
    Ok(Some(Staged { name, frames: take.frames, persons: take.person, objects: take.object, poses: take.poses, empty }))
}

impl Staged {
    /// The clip's signals of one kind, with holes and plates.
    pub(crate) fn seen_with(&self, signals: Signals) -> Seen<'_> {
        let (mut persons, mut poses) = (self.persons.clone(), self.poses.clone());
        if signals != Signals::Exact {
            for (index, (person, pose)) in persons.iter_mut().zip(&mut poses).enumerate() {
                let height = height(person);
                *person = grown_union(person, &self.objects[index], GROWTH * height);
                disturb(pose, SPREAD * height, index as u32);
            }
        }
        let poses = poses.into_iter().map(Some).collect();
        let empty = (signals == Signals::TruePlate).then_some(self.empty.as_slice());
        Seen::new(&self.frames, persons, poses, empty)
    }
}

/// Number of pixels that a mask covers.
pub(crate) fn area(mask: &Mask) -> usize {
    mask.cells().iter().filter(|&&coverage| coverage > 127).count()
}

fn height(mask: &Mask) -> f32 {
    let rows = (0..mask.height()).filter(|&y| mask.row(y).iter().any(|&coverage| coverage > 127));
    rows.clone().next_back().zip(rows.min()).map_or(1.0, |(last, first)| (last - first + 1) as f32)
}

/// The union of both masks, grown by a disc with a soft edge of one pixel.
fn grown_union(person: &Mask, object: &Mask, radius: f32) -> Mask {
    let reach = radius.ceil() as i32 + 1;
    let mut grown = Mask::filled(person.width(), person.height(), 0);
    for y in 0..person.height() as i32 {
        for x in 0..person.width() as i32 {
            let covers = |x: i32, y: i32| person.get_clamped(x, y).max(object.get_clamped(x, y)) > 127;
            if !covers(x, y) {
                continue;
            }
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let (column, row) = (x + dx, y + dy);
                    let inside = column >= 0 && row >= 0 && column < SIZE.0 as i32 && row < SIZE.1 as i32;
                    let coverage = (radius + 1.0 - (dx as f32).hypot(dy as f32)).clamp(0.0, 1.0);
                    if inside {
                        let old = grown.get(column as usize, row as usize);
                        grown.set(column as usize, row as usize, old.max((255.0 * coverage) as u8));
                    }
                }
            }
        }
    }
    grown
}

/// Moves joints by errors that change slowly from frame to frame, and removes the fingers.
fn disturb(pose: &mut Pose, spread: f32, frame: u32) {
    for (index, joint) in pose.body.iter_mut().enumerate() {
        let Keypoint { x, y, .. } = joint;
        for (axis, value) in [x, y].into_iter().enumerate() {
            let seed = 2 * index as u32 + axis as u32;
            let (step, share) = (frame / 4, (frame % 4) as f32 / 4.0);
            *value += spread * ((1.0 - share) * noise(seed, step) + share * noise(seed, step + 1));
        }
    }
    pose.right_hand.clear();
    pose.left_hand.clear();
}

/// A value with mean 0 and spread 1 that depends only on two numbers.
fn noise(seed: u32, step: u32) -> f32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9) ^ step.wrapping_mul(0x85eb_ca6b) ^ 0x2545_f491;
    let mut sum = 0.0;
    for _ in 0..4 {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        sum += state as f32 / u32::MAX as f32 - 0.5;
    }
    sum * 3.0f32.sqrt()
}

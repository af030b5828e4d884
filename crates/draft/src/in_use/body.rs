//! Models the driving person's body as capsules around the bones. The widths of the capsules are measured on this
//! person.

use media::picture::Mask;
use perception::pose::Pose;

use crate::body::bones::Bones;
use crate::body::part::Part;
use crate::body::point::Point;
use crate::body::trunk::TrunkFrame;

/// Groups of parts that usually wear the same colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Group {
    Trunk,
    Head,
    Arm,
    Hand,
    Leg,
    Foot,
}

impl Group {
    pub(super) const COUNT: usize = 6;

    fn of(part: Part) -> Self {
        match part {
            Part::Trunk => Self::Trunk,
            Part::Head => Self::Head,
            Part::RightUpperArm | Part::RightForearm | Part::LeftUpperArm | Part::LeftForearm => Self::Arm,
            Part::RightHand | Part::LeftHand => Self::Hand,
            Part::RightThigh | Part::RightShin | Part::LeftThigh | Part::LeftShin => Self::Leg,
            Part::RightFoot | Part::LeftFoot => Self::Foot,
        }
    }
}

/// Fingers reach beyond the bone of the hand, which ends at the knuckles.
const FINGERS: f32 = 1.4;
/// Half widths are measured up to this multiple of the usual one.
const WIDEST: f32 = 3.0;
/// Histogram bins for each usual half width.
const STEPS_A_WIDTH: f32 = 8.0;
/// Bounds of a learned half width, relative to the usual one.
const WIDTH_BOUNDS: (f32, f32) = (1.0, 2.0);

/// The widths of this person's parts, learned over a shot.
#[derive(Debug, Clone)]
pub(super) struct Widths {
    counts: [[u32; (WIDEST * STEPS_A_WIDTH) as usize]; Group::COUNT],
}

impl Default for Widths {
    fn default() -> Self {
        Self { counts: [[0; (WIDEST * STEPS_A_WIDTH) as usize]; Group::COUNT] }
    }
}

impl Widths {
    /// Measures a frame: from the bones to both sides, up to the end of the mask.
    pub(super) fn look(&mut self, body: &Body, person: &Mask) {
        for limb in body.limbs.iter().filter(|limb| limb.group != Group::Hand) {
            let normal = (limb.to - limb.from).direction(Point::new(1.0, 0.0)).quarter_turn();
            for along in [0.3, 0.5, 0.7] {
                let place = limb.from.lerp(limb.to, along);
                for side in [normal, normal * -1.0] {
                    let step = limb.usual / STEPS_A_WIDTH;
                    let counts = &mut self.counts[limb.group as usize];
                    let end = (0..counts.len()).find(|&count| !covers(person, place + side * (count as f32 * step)));
                    if let Some(end) = end.filter(|&end| end > 0) {
                        counts[end] += 1;
                    }
                }
            }
        }
    }

    /// The half width of a group, relative to the usual one: the median of the measurements.
    fn of(&self, group: Group) -> f32 {
        let counts = &self.counts[group as usize];
        let half = counts.iter().sum::<u32>() / 2;
        let mut sum = 0;
        let middle = counts.iter().position(|count| {
            sum += count;
            sum > half
        });
        let (least, most) = WIDTH_BOUNDS;
        middle.map_or(1.2, |middle| (middle as f32 + 0.5) / STEPS_A_WIDTH).clamp(least, most)
    }
}

fn covers(mask: &Mask, place: Point) -> bool {
    let inside = place.x >= 0.0 && place.y >= 0.0;
    let (x, y) = (place.x as usize, place.y as usize);
    inside && x < mask.width() && y < mask.height() && mask.get(x, y) > 127
}

/// A line with a half width.
#[derive(Debug, Clone, Copy)]
struct Limb {
    from: Point,
    to: Point,
    /// The usual half width in pixels.
    usual: f32,
    /// The half width of this person, in pixels.
    half: f32,
    group: Group,
}

/// The body of one frame.
#[derive(Debug, Clone)]
pub(super) struct Body {
    limbs: Vec<Limb>,
    trunk: TrunkFrame,
    /// From wrist to fingertips.
    hands: Vec<(Point, Point)>,
    /// Length of the trunk in pixels.
    pub(super) length: f32,
}

impl Body {
    /// The body of a pose; none without a trunk.
    pub(super) fn of(pose: &Pose, size: (usize, usize), widths: &Widths) -> Option<Self> {
        let trunk = TrunkFrame::of(pose)?;
        let bones = Bones::of(pose, size);
        let (mut limbs, mut hands) = (vec![], vec![]);
        let mut add = |from: Point, to: Point, part: Part| {
            let group = Group::of(part);
            let usual = part.usual_radius() * trunk.length;
            limbs.push(Limb { from, to, usual, half: usual * widths.of(group), group });
        };
        for part in Part::ALL {
            let Some(bone) = bones.get(part).filter(|_| part != Part::Trunk) else { continue };
            let (from, mut to) = bone.line();
            if Group::of(part) == Group::Hand {
                to = from + (to - from) * FINGERS;
                hands.push((from, to));
            }
            add(from, to, part);
        }
        for side in [-1.0, 1.0] {
            add(trunk.place((side, 0.0)), trunk.place((side, 1.0)), Part::Trunk);
        }
        Some(Self { limbs, trunk, hands, length: trunk.length })
    }

    /// The distance of a place from each group in half widths: 0 on the bones, 1 at the outline.
    pub(super) fn distances(&self, place: Point) -> [f32; Group::COUNT] {
        let mut least = [f32::INFINITY; Group::COUNT];
        for limb in &self.limbs {
            let (way, step) = (limb.to - limb.from, place - limb.from);
            let share = (step.dot(way) / way.dot(way).max(1e-6)).clamp(0.0, 1.0);
            let off = step - way * share;
            let squared = off.dot(off) / (limb.half * limb.half);
            let group = &mut least[limb.group as usize];
            *group = group.min(squared);
        }
        let mut distances = least.map(f32::sqrt);
        let (across, along) = self.trunk.coordinates(place);
        if across.abs() < 1.0 && (0.0..1.0).contains(&along) {
            distances[Group::Trunk as usize] = 0.0;
        }
        distances
    }

    /// The smallest distance from any part except the hands.
    pub(super) fn apart(distances: &[f32; Group::COUNT]) -> f32 {
        let but_hands = distances.iter().enumerate().filter(|(group, _)| *group != Group::Hand as usize);
        but_hands.map(|(_, &distance)| distance).fold(f32::INFINITY, f32::min)
    }

    /// The distance of a place from the nearest hand, in lengths of the trunk.
    pub(super) fn hand_distance(&self, place: Point) -> f32 {
        let distance = |&(from, to): &(Point, Point)| {
            let (way, step) = (to - from, place - from);
            let share = (step.dot(way) / way.dot(way).max(1e-6)).clamp(0.0, 1.0);
            (step - way * share).length()
        };
        self.hands.iter().map(distance).fold(f32::INFINITY, f32::min) / self.length
    }
}

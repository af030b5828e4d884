//! Maps each part of a cut-out to the target picture, with one map for each part.
//!
//! | part | map |
//! |---|---|
//! | trunk | maps coordinates on the old trunk to the same coordinates on the new trunk |
//! | limbs | maps the old bone to the new bone: the length is that of the new bone, and the body's scale determines the thickness |
//! | hands, feet | turned according to their own points; their length stays within bounds |
//! | head | turned and scaled about the neck; eyes and nose move on it as the head turns |
//!
//! A left limb can also be swapped with the matching right limb ([`Sides::Exchanged`]). Swapped limbs are mirrored,
//! except on bodies seen from the side, whose two sides look alike.

use perception::pose::{Joint, Pose};

use crate::body::bones::{Bones, is_placed};
use crate::body::part::Part;
use crate::body::point::{Affine, Point};
use crate::body::trunk::TrunkFrame;

/// Bounds of a limb's stretch along its bone, relative to the body's scale.
const LIMB: (f32, f32) = (0.12, 2.2);
/// The same for hands and feet.
const END: (f32, f32) = (0.6, 1.5);
/// From this sine of the turn on, a body counts as seen from the side.
const SIDE_VIEW: f32 = 0.7;
/// How far the features of a face may move on the head, in half faces.
const FEATURES: f32 = 0.45;

/// The geometry of a person that the maps need.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) bones: Bones,
    pub(crate) trunk: TrunkFrame,
    pub(crate) face: Option<Face>,
}

/// Where the features of a face are on its head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Face {
    /// The middle of eyes and nose.
    middle: Point,
    /// Vector from the middle of the ears to the middle of the face.
    forward: Point,
    /// Half the distance between the ears, including depth.
    half: f32,
    /// Turn of the head in radians; see [`TrunkFrame::yaw`].
    pub(crate) yaw: f32,
}

impl Figure {
    /// The figure of a pose in a picture of `size` pixels; none without shoulders.
    pub(crate) fn of(pose: &Pose, size: (usize, usize)) -> Option<Self> {
        Some(Self { bones: Bones::of(pose, size), trunk: TrunkFrame::of(pose)?, face: Face::of(pose) })
    }
}

impl Face {
    fn of(pose: &Pose) -> Option<Self> {
        let joints = [Joint::RightEar, Joint::LeftEar, Joint::RightEye, Joint::LeftEye, Joint::Nose];
        let joints = joints.map(|joint| pose.joint(joint));
        if !joints.iter().all(|&joint| is_placed(joint)) {
            return None;
        }
        let [right_ear, left_ear, right_eye, left_eye, nose] = joints;
        let ears = Point::from(right_ear).lerp(left_ear.into(), 0.5);
        let middle = Point::from(right_eye).lerp(left_eye.into(), 0.5).lerp(nose.into(), 0.5);
        let (dx, dy, dz) = (left_ear.x - right_ear.x, left_ear.y - right_ear.y, left_ear.z - right_ear.z);
        let half = (dx * dx + dy * dy + dz * dz).sqrt() / 2.0;
        let depth = (right_eye.z + left_eye.z) / 4.0 + nose.z / 2.0 - (right_ear.z + left_ear.z) / 2.0;
        let forward = middle - ears;
        // On a head seen from the front, the face is nearer than the ears. Without depth, the order of the eyes
        // decides.
        let towards = if depth == 0.0 { (left_eye.x - right_eye.x).signum() } else { -depth };
        let yaw = if depth == 0.0 && towards > 0.0 { 0.0 } else { forward.x.atan2(towards) };
        (half > 0.5).then_some(Self { middle, forward, half, yaw })
    }
}

/// The target of a limb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    /// The same limb.
    Own,
    /// The limb of the other side.
    Exchanged,
}

/// The maps of all parts from one figure to another.
#[derive(Debug, Clone)]
pub(crate) struct Transforms {
    sides: Sides,
    affine: [Option<Affine>; Part::COUNT],
    /// Where the cloth over the legs goes, indexed by part.
    cloth: [Option<Affine>; Part::COUNT],
    old_trunk: TrunkFrame,
    new_trunk: TrunkFrame,
    features: Option<Features>,
}

/// How the features move on the head.
#[derive(Debug, Clone, Copy)]
struct Features {
    middle: Point,
    reach: f32,
    shift: Point,
}

impl Sides {
    /// The target part of a part.
    pub(crate) fn target(self, part: Part) -> Part {
        match self {
            Self::Own => part,
            Self::Exchanged => part.opposite(),
        }
    }
}

impl Transforms {
    /// The maps from `old` to `new` for a body scaled by `scale`.
    pub(crate) fn between(old: &Figure, new: &Figure, scale: f32, sides: Sides) -> Self {
        let is_from_side = old.trunk.yaw.sin().abs() > SIDE_VIEW;
        let map = |part: Part, target: Part| {
            // If the trunk is seen from the other side, its sides are swapped, and its limbs with it.
            let is_turned = part != Part::Head && old.trunk.shows_back != new.trunk.shows_back;
            let is_mirrored = is_turned != (sides == Sides::Exchanged && !is_from_side);
            let across = if is_mirrored { -scale } else { scale };
            Some(bone_map(part, old.bones.get(part)?.line(), new.bones.get(target)?.line(), scale, across))
        };
        let affine = Part::ALL.map(|part| map(part, sides.target(part)));
        let cloth = cloth(new, map, affine);
        let features = old.face.zip(new.face).and_then(|(old_face, new_face)| {
            let head = affine[Part::Head as usize]?;
            let turn = |face: &Face| face.yaw.abs() < 1.3;
            if !turn(&old_face) || !turn(&new_face) {
                return None;
            }
            let wanted = new_face.forward * (1.0 / new_face.half);
            let linear = |step: Point| head.column_x * step.x + head.column_y * step.y;
            let now = linear(old_face.forward) * (1.0 / (scale * old_face.half));
            let shift = wanted - now;
            let length = shift.length();
            let shift = shift * (FEATURES / length.max(FEATURES)) * (scale * old_face.half);
            Some(Features { middle: old_face.middle, reach: 1.15 * old_face.half, shift })
        });
        Self {
            sides,
            affine,
            cloth,
            old_trunk: old.trunk,
            new_trunk: new.trunk.as_wide_as(&old.trunk, scale),
            features,
        }
    }

    /// True when the part has a target.
    pub(crate) fn knows(&self, part: Part) -> bool {
        part == Part::Trunk || self.affine[part as usize].is_some()
    }

    /// Maps a place of the cut-out that follows the parts with these weights. Parts without a target are ignored.
    pub(crate) fn apply(&self, place: Point, weights: &[(Part, f32)]) -> Point {
        let (mut sum, mut total) = (Point::default(), 0.0);
        for &(part, weight) in weights {
            let moved = match part {
                Part::Trunk => Some(self.on_trunk(place)),
                Part::Head => self.affine[part as usize].map(|map| map.apply(place) + self.feature_shift(place)),
                part => self.affine[part as usize].map(|map| map.apply(place)),
            };
            if let Some(moved) = moved {
                sum = sum + moved * weight;
                total += weight;
            }
        }
        if total > 1e-3 { sum * (1.0 / total) } else { self.on_trunk(place) }
    }

    /// Maps a place on the trunk.
    fn on_trunk(&self, place: Point) -> Point {
        let (across, along) = self.old_trunk.coordinates(place);
        self.new_trunk.place((if self.sides == Sides::Exchanged { -across } else { across }, along))
    }

    /// Like [`Self::apply`], for a place of a skirt.
    pub(crate) fn apply_to_cloth(&self, place: Point, weights: &[(Part, f32)]) -> Point {
        let moved = weights.iter().filter_map(|&(part, weight)| {
            let moved = match part {
                Part::Trunk => self.on_trunk(place),
                part => self.cloth[part as usize]?.apply(place),
            };
            Some((moved * weight, weight))
        });
        let (sum, total) =
            moved.fold((Point::default(), 0.0), |(sum, total), (moved, weight)| (sum + moved, total + weight));
        if total > 1e-3 { sum * (1.0 / total) } else { self.on_trunk(place) }
    }

    fn feature_shift(&self, place: Point) -> Point {
        let Some(Features { middle, reach, shift }) = self.features else { return Point::default() };
        let near = (place - middle).length() / reach;
        let share = (1.0 - near * near).max(0.0);
        shift * (share * share)
    }
}

/// The map of one bone to another.
fn bone_map(part: Part, from: (Point, Point), to: (Point, Point), scale: f32, across: f32) -> Affine {
    let along = (to.1 - to.0).length() / (from.1 - from.0).length().max(1e-3);
    let bounds = match part {
        Part::Head => (1.0, 1.0),
        Part::RightHand | Part::LeftHand | Part::RightFoot | Part::LeftFoot => END,
        _ => LIMB,
    };
    let along = along.clamp(bounds.0 * scale, bounds.1 * scale);
    let old_way = (from.1 - from.0).direction(Point::new(0.0, 1.0));
    let new_way = (to.1 - to.0).direction(old_way);
    Affine::from_axes(from.0, old_way, to.0, new_way, along, across)
}

/// The maps of a skirt. Where the legs cross, each side of the cloth follows the leg on that side, because cloth does
/// not cross.
fn cloth(
    new: &Figure,
    map: impl Fn(Part, Part) -> Option<Affine>,
    affine: [Option<Affine>; Part::COUNT],
) -> [Option<Affine>; Part::COUNT] {
    let mut cloth = affine;
    let left = new.trunk.place((1.0, 0.0)) - new.trunk.place((-1.0, 0.0));
    for (right_leg, left_leg) in [(Part::RightThigh, Part::LeftThigh), (Part::RightShin, Part::LeftShin)] {
        let (Some(right), Some(other)) = (new.bones.get(right_leg), new.bones.get(left_leg)) else { continue };
        if (Point::from(other.to) - right.to.into()).dot(left) < 0.0 {
            cloth[right_leg as usize] = map(right_leg, left_leg);
            cloth[left_leg as usize] = map(left_leg, right_leg);
        }
    }
    cloth
}

/// How much larger the person of `new` is than that of `old`: the median ratio of trunk and limbs, including depth.
pub(crate) fn body_scale(old: &Figure, new: &Figure) -> f32 {
    let pairs = [
        [Part::RightUpperArm, Part::LeftUpperArm],
        [Part::RightForearm, Part::LeftForearm],
        [Part::RightThigh, Part::LeftThigh],
        [Part::RightShin, Part::LeftShin],
    ];
    let longest = |figure: &Figure, pair: [Part; 2]| {
        pair.into_iter().filter_map(|part| figure.bones.get(part)).map(|bone| bone.length()).reduce(f32::max)
    };
    let mut ratios: Vec<f32> = pairs
        .into_iter()
        .filter_map(|pair| Some(longest(new, pair)? / longest(old, pair)?.max(1.0)))
        .chain([new.trunk.length / old.trunk.length.max(1.0)])
        .collect();
    ratios.sort_by(f32::total_cmp);
    let middle = ratios.len() / 2;
    let scale = if ratios.len() % 2 == 1 { ratios[middle] } else { (ratios[middle - 1] + ratios[middle]) / 2.0 };
    scale.clamp(0.02, 50.0)
}

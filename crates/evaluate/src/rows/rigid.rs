//! Implements row `rigid`: the character is cut into ten rigid parts, and one affine map moves each part to the driving
//! pose, over the plate. This row is the simple baseline for crate `draft`: the figure tears at joints, and a front
//! view stays a front view when the person turns. We deliberately do not improve this baseline.
//!
//! | step | rule |
//! |---|---|
//! | parts | each pixel of the character belongs to the part of the nearest bone, and to other parts that are about as near |
//! | limbs | scaled along the bone by its length, and across it by the body's scale |
//! | trunk | moved by the best affine map of shoulders and hips, never narrower than 0.55 of the scaled width |
//! | head | turned with the neck, and scaled by the body's scale |
//! | order | parts are drawn in the order of the joints' depth, the farthest first |

use media::picture::{Mask, Picture, Plane};
use perception::pose::{Joint, Pose};
use rayon::prelude::*;

use super::compose::{Affine, Layer};
use super::draft::{Body, puppets};
use super::part_map::{Point, TrunkCorners, bone_map, distance_to_segment, trunk_map};
use crate::case::{Case, Reference};

/// A limb between two joints, and how far its part extends beyond each, in lengths of the bone.
struct Bone {
    from: Joint,
    to: Joint,
    beyond_from: f64,
    beyond_to: f64,
}

const fn bone(from: Joint, to: Joint, beyond_from: f64, beyond_to: f64) -> Bone {
    Bone { from, to, beyond_from, beyond_to }
}

const BONES: [Bone; 8] = [
    bone(Joint::RightHip, Joint::RightKnee, 0.1, 0.1),
    bone(Joint::RightKnee, Joint::RightAnkle, 0.1, 0.35),
    bone(Joint::LeftHip, Joint::LeftKnee, 0.1, 0.1),
    bone(Joint::LeftKnee, Joint::LeftAnkle, 0.1, 0.35),
    bone(Joint::RightShoulder, Joint::RightElbow, 0.15, 0.1),
    bone(Joint::RightElbow, Joint::RightWrist, 0.1, 0.6),
    bone(Joint::LeftShoulder, Joint::LeftElbow, 0.15, 0.1),
    bone(Joint::LeftElbow, Joint::LeftWrist, 0.1, 0.6),
];
/// Indices of trunk and head, which follow the limbs in lists of parts.
const TRUNK: usize = BONES.len();
const HEAD: usize = TRUNK + 1;
const PARTS: usize = HEAD + 1;
/// A part also takes pixels that are nearer to another part by at most this much.
const OVERLAP: f64 = 3.0;
const TRUNK_OVERLAP: f64 = 4.0;
/// Parts with fewer pixels are left out.
const LEAST_PIXELS: usize = 4;

/// The parts in every frame, on the driving poses or on those of a character with the given height. Without a pose, the
/// plate.
pub(crate) fn make(case: &Case, body: Body) -> Vec<Picture> {
    let reference = &case.references[0];
    let Some(from) = &reference.pose else { return case.plates().to_vec() };
    let parts = cut_parts(reference, from);
    let poses = match body {
        Body::Unknown => case.poses.clone(),
        Body::Sized => body.poses(case, &puppets(case, 1)),
    };
    let frames = case.plates().par_iter().zip(&poses);
    frames
        .map(|(plate, pose)| match pose {
            Some(to) => assemble(&parts, from, to, plate.size()).over(plate),
            None => plate.clone(),
        })
        .collect()
}

fn place(pose: &Pose, joint: Joint) -> Point {
    let point = pose.joint(joint);
    Point { x: f64::from(point.x), y: f64::from(point.y) }
}

/// The centre of the face: of nose, eyes and ears.
fn head(pose: &Pose) -> Point {
    let [nose, right_eye, left_eye, right_ear, left_ear] =
        [Joint::Nose, Joint::RightEye, Joint::LeftEye, Joint::RightEar, Joint::LeftEar].map(|joint| place(pose, joint));
    (nose + (right_eye + left_eye) * 0.5 + (right_ear + left_ear) * 0.5) * (1.0 / 3.0)
}

/// How much larger the driving body is: the median of the ratios of trunk, longest leg bone and longest arm bone.
fn body_scale(from: &Pose, to: &Pose) -> f64 {
    let measures = |pose: &Pose| -> [f64; 3] {
        let middle = |a, b| (place(pose, a) + place(pose, b)) * 0.5;
        let trunk = middle(Joint::RightShoulder, Joint::LeftShoulder) - middle(Joint::RightHip, Joint::LeftHip);
        let longest = |bones: &[Bone]| {
            bones.iter().map(|bone| (place(pose, bone.from) - place(pose, bone.to)).length()).fold(0.0, f64::max)
        };
        [trunk.length(), longest(&BONES[..4]), longest(&BONES[4..])]
    };
    let (before, after) = (measures(from), measures(to));
    let mut ratios: [f64; 3] = std::array::from_fn(|index| after[index] / before[index].max(1.0));
    ratios.sort_by(f64::total_cmp);
    ratios[1]
}

fn trunk_corners(pose: &Pose) -> TrunkCorners {
    TrunkCorners {
        right_shoulder: place(pose, Joint::RightShoulder),
        left_shoulder: place(pose, Joint::LeftShoulder),
        right_hip: place(pose, Joint::RightHip),
        left_hip: place(pose, Joint::LeftHip),
    }
}

/// Distance of a position in the reference to each part.
fn distances(pose: &Pose, at: Point) -> [f64; PARTS] {
    std::array::from_fn(|part| match part {
        TRUNK => (trunk_corners(pose).distance(at) - 1.0).max(0.0),
        HEAD => {
            let (neck, head) = (place(pose, Joint::Neck), head(pose));
            0.8 * distance_to_segment(at, neck + (head - neck) * 0.5, head + (head - neck) * 0.6)
        }
        limb => {
            let Bone { from, to, beyond_from, beyond_to } = &BONES[limb];
            let (from, to) = (place(pose, *from), place(pose, *to));
            distance_to_segment(at, from - (to - from) * *beyond_from, to + (to - from) * *beyond_to)
        }
    })
}

/// The parts of the character, with soft edges; `None` for parts that are hardly visible.
fn cut_parts(reference: &Reference, pose: &Pose) -> [Option<Layer>; PARTS] {
    let (width, height) = reference.picture.size();
    let mut masks = vec![Mask::filled(width, height, 0); PARTS];
    for y in 0..height {
        for x in (0..width).filter(|x| reference.mask.get(*x, y) > 127) {
            let distances = distances(pose, Point { x: x as f64 + 0.5, y: y as f64 + 0.5 });
            let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
            for (part, mask) in masks.iter_mut().enumerate() {
                let overlap = if part == TRUNK { TRUNK_OVERLAP } else { OVERLAP };
                if distances[part] < least + overlap {
                    mask.set(x, y, 255);
                }
            }
        }
    }
    std::array::from_fn(|part| {
        let pixels = masks[part].cells().iter().filter(|cell| **cell > 0).count();
        (pixels >= LEAST_PIXELS).then(|| Layer::cut(&reference.picture, &softened(&masks[part])))
    })
}

/// A blur of three pixels with weights 1/4, 1/2, 1/4 both ways, as coverage 0..=1.
fn softened(mask: &Mask) -> Plane<f32> {
    Plane::from_fn(mask.width(), mask.height(), |x, y| {
        let mut sum = 0;
        for (dy, down) in [(-1, 1), (0, 2), (1, 1)] {
            for (dx, across) in [(-1, 1), (0, 2), (1, 1)] {
                sum += down * across * u32::from(mask.get_clamped(x as i32 + dx, y as i32 + dy));
            }
        }
        sum as f32 / (16.0 * 255.0)
    })
}

/// The parts moved onto a pose, drawn from far to near.
fn assemble(parts: &[Option<Layer>; PARTS], from: &Pose, to: &Pose, size: (usize, usize)) -> Layer {
    let scale = body_scale(from, to);
    let depth = |joint: Joint| f64::from(to.joint(joint).z);
    let trunk_depth = [Joint::RightShoulder, Joint::LeftShoulder, Joint::RightHip, Joint::LeftHip]
        .into_iter()
        .map(depth)
        .sum::<f64>()
        / 4.0;
    let part_depth = |part: usize| match part {
        TRUNK => trunk_depth,
        HEAD => trunk_depth - 1e-3,
        limb => (depth(BONES[limb].from) + depth(BONES[limb].to)) / 2.0,
    };
    let mut order: Vec<usize> = (0..PARTS).collect();
    order.sort_by(|a, b| part_depth(*b).total_cmp(&part_depth(*a)));
    let mut stack = Layer::empty(size.0, size.1);
    for part in order {
        if let Some(layer) = &parts[part] {
            stack.cover_with(&layer.moved(&part_map(part, from, to, scale), size));
        }
    }
    stack
}

fn part_map(part: usize, from: &Pose, to: &Pose, scale: f64) -> Affine {
    match part {
        TRUNK => trunk_map(&trunk_corners(from), &trunk_corners(to), scale),
        HEAD => {
            let (old_neck, neck) = (place(from, Joint::Neck), place(to, Joint::Neck));
            let (old_head, direction) = (head(from), head(to) - neck);
            let length = (old_head - old_neck).length() * scale;
            let head = neck + direction * (length / direction.length().max(1e-3));
            bone_map([old_neck, old_head], [neck, head], scale)
        }
        limb => {
            let Bone { from: start, to: end, .. } = BONES[limb];
            bone_map([place(from, start), place(from, end)], [place(to, start), place(to, end)], scale)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perception::pose::Keypoint;

    /// A person of 60 pixels who stands with arms held down and out.
    fn standing() -> Pose {
        let places = [
            (32.0, 10.0),
            (32.0, 16.0),
            (26.0, 17.0),
            (22.0, 25.0),
            (20.0, 33.0),
            (38.0, 17.0),
            (42.0, 25.0),
            (44.0, 33.0),
            (28.0, 36.0),
            (27.0, 47.0),
            (27.0, 58.0),
            (36.0, 36.0),
            (37.0, 47.0),
            (37.0, 58.0),
            (30.0, 8.0),
            (34.0, 8.0),
            (28.0, 9.0),
            (36.0, 9.0),
        ];
        Pose { body: places.map(|(x, y)| Keypoint { x, y, z: 0.0, confidence: 1.0 }), ..Pose::default() }
    }

    fn reference() -> Reference {
        let pose = standing();
        let near = |x: usize, y: usize| {
            let at = Point { x: x as f64 + 0.5, y: y as f64 + 0.5 };
            distances(&pose, at).iter().any(|distance| *distance < 4.0)
        };
        Reference {
            picture: Picture::from_fn(64, 64, |x, y| [(4 * x) as u8, (4 * y) as u8, 90]),
            mask: Mask::from_fn(64, 64, |x, y| if near(x, y) { 255 } else { 0 }),
            pose: Some(pose),
        }
    }

    #[test]
    fn on_its_own_pose_the_character_looks_as_in_its_picture() {
        let reference = reference();
        let parts = cut_parts(&reference, &standing());
        let plate = Picture::filled(64, 64, [0; 3]);
        let made = assemble(&parts, &standing(), &standing(), (64, 64)).over(&plate);
        let inside = |x: usize, y: usize| {
            (-2..=2).all(|dy| (-2..=2).all(|dx| reference.mask.get_clamped(x as i32 + dx, y as i32 + dy) > 127))
        };
        for (x, y) in (0..64).flat_map(|y| (0..64).map(move |x| (x, y))).filter(|(x, y)| inside(*x, *y)) {
            let (made, wanted) = (made.get(x, y), reference.picture.get(x, y));
            assert!(made.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 3), "({x}, {y}): {made:?} for {wanted:?}");
        }
        assert_eq!(made.get(2, 2), [0; 3]);
    }

    #[test]
    fn a_turned_forearm_takes_its_pixels_along() {
        let mut turned = standing();
        let elbow = turned.joint(Joint::LeftElbow);
        turned.body[Joint::LeftWrist as usize] = Keypoint { x: 50.246, y: 25.0, ..elbow };
        let parts = cut_parts(&reference(), &standing());
        let made = assemble(&parts, &standing(), &turned, (64, 64)).over(&Picture::filled(64, 64, [0; 3]));
        assert_eq!(made.get(44, 31), [0; 3]);
        // (46.5, 25.5) is 4.5 pixels along the bone (2, 8) and half a pixel aside: (42.61, 29.49) in the reference.
        let [red, green, blue] = made.get(46, 25);
        assert!(red.abs_diff(168) < 4 && green.abs_diff(116) < 4 && blue.abs_diff(90) < 2, "{red} {green} {blue}");
    }

    #[test]
    fn the_scale_is_the_median_ratio() {
        let twice = standing().map(|point| Keypoint { x: 2.0 * point.x, y: 2.0 * point.y, ..point });
        assert!((body_scale(&standing(), &twice) - 2.0).abs() < 1e-6);
        let mut crouched = twice.clone();
        for joint in [Joint::RightKnee, Joint::LeftKnee, Joint::RightAnkle, Joint::LeftAnkle] {
            crouched.body[joint as usize] = twice.joint(Joint::RightHip);
        }
        assert!((body_scale(&standing(), &crouched) - 2.0).abs() < 1e-6);
    }
}

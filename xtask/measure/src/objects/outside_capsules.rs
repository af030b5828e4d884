//! Implements the simplest method: an object is everything near a hand that differs from the plate and lies outside the
//! body's capsules.

use draft::body::part::Part;
use media::picture::Mask;
use perception::pose::{Joint, Pose};

use crate::objects::clips::Seen;

/// From this channel difference on, a pixel differs from the plate.
const DIFFERENT: u8 = 34;
/// Capsules are this many usual half widths thick.
const THICKNESS: f32 = 1.3;
/// Radius around a wrist, in lengths of the trunk.
const REACH: f32 = 0.75;

type Place = (f32, f32);

pub(crate) fn objects(seen: &Seen<'_>, index: usize) -> Option<Mask> {
    let (source, plate) = (&seen.frames[index], &seen.plates[index]);
    let pose = seen.poses[index].as_ref()?;
    let length = length(pose);
    let capsules = capsules(pose, length);
    let hands = [Joint::RightWrist, Joint::LeftWrist].map(|joint| place(pose, joint));
    let found = Mask::from_fn(source.width(), source.height(), |x, y| {
        let here = (x as f32 + 0.5, y as f32 + 0.5);
        let pairs = source.get(x, y).into_iter().zip(plate.picture.get(x, y));
        let differs = plate.seen.get(x, y) > 0 && pairs.map(|(a, b)| a.abs_diff(b)).max() >= Some(DIFFERENT);
        let is_near = || hands.iter().any(|&hand| distance(here, hand, hand) < REACH * length);
        let is_body = || capsules.iter().any(|&(from, to, radius)| distance(here, from, to) < radius);
        if differs && is_near() && !is_body() { 255 } else { 0 }
    });
    found.cells().contains(&255).then_some(found)
}

fn place(pose: &Pose, joint: Joint) -> Place {
    let joint = pose.joint(joint);
    (joint.x, joint.y)
}

fn middle(a: Place, b: Place) -> Place {
    ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
}

fn length(pose: &Pose) -> f32 {
    let shoulders = middle(place(pose, Joint::RightShoulder), place(pose, Joint::LeftShoulder));
    let hips = middle(place(pose, Joint::RightHip), place(pose, Joint::LeftHip));
    (shoulders.0 - hips.0).hypot(shoulders.1 - hips.1)
}

/// Lines with a half width.
fn capsules(pose: &Pose, length: f32) -> Vec<(Place, Place, f32)> {
    use Joint::{
        LeftAnkle, LeftElbow, LeftHip, LeftKnee, LeftShoulder, LeftWrist, Neck, Nose, RightAnkle, RightElbow, RightHip,
        RightKnee, RightShoulder, RightWrist,
    };
    let lines = [
        (RightShoulder, LeftHip, Part::RightThigh),
        (LeftShoulder, RightHip, Part::RightThigh),
        (RightShoulder, RightHip, Part::RightThigh),
        (LeftShoulder, LeftHip, Part::RightThigh),
        (Neck, Nose, Part::Head),
        (RightShoulder, RightElbow, Part::RightUpperArm),
        (RightElbow, RightWrist, Part::RightForearm),
        (LeftShoulder, LeftElbow, Part::LeftUpperArm),
        (LeftElbow, LeftWrist, Part::LeftForearm),
        (RightHip, RightKnee, Part::RightThigh),
        (RightKnee, RightAnkle, Part::RightShin),
        (LeftHip, LeftKnee, Part::LeftThigh),
        (LeftKnee, LeftAnkle, Part::LeftShin),
    ];
    let mut capsules: Vec<(Place, Place, f32)> = lines
        .into_iter()
        .map(|(from, to, part)| (place(pose, from), place(pose, to), THICKNESS * part.usual_radius() * length))
        .collect();
    for (elbow, wrist) in [(RightElbow, RightWrist), (LeftElbow, LeftWrist)] {
        let (elbow, wrist) = (place(pose, elbow), place(pose, wrist));
        let hand = (wrist.0 + 0.35 * (wrist.0 - elbow.0), wrist.1 + 0.35 * (wrist.1 - elbow.1));
        capsules.push((wrist, hand, THICKNESS * Part::RightHand.usual_radius() * length));
    }
    capsules
}

/// Distance of a place from a line segment.
fn distance(place: Place, from: Place, to: Place) -> f32 {
    let (way, step) = ((to.0 - from.0, to.1 - from.1), (place.0 - from.0, place.1 - from.1));
    let share = (step.0 * way.0 + step.1 * way.1) / (way.0 * way.0 + way.1 * way.1).max(1e-6);
    let share = share.clamp(0.0, 1.0);
    (step.0 - share * way.0).hypot(step.1 - share * way.1)
}

//! Interprets the body network's output: whether it shows the expected person, and where.

use crate::networks::blazepose::body::{BODY_SIDE, BodyEstimate, point};
use crate::networks::blazepose::detector::BODY_MARGIN;
use crate::person::candidates::{distance, holds};
use crate::person::rotated_roi::{RotatedRoi, bilinear_value};

/// A body whose hips are further from where they were expected is another one, in sides.
const LEAP: f32 = 0.3;

/// The region of the next frame as the network says it, not smoothed.
pub(super) fn region_after(estimate: &BodyEstimate) -> RotatedRoi {
    RotatedRoi::from_centre_and_top(estimate.next[0], estimate.next[1], BODY_MARGIN)
}

/// True when the network left the person that its region was made for.
pub(super) fn leapt(estimate: &BodyEstimate) -> bool {
    distance(&estimate.region, estimate.next[0]) > LEAP
}

/// True when at least half of the torso of `followed` lies on the person of `seen`.
pub(super) fn shows_torso_of(seen: &BodyEstimate, followed: &BodyEstimate) -> bool {
    use point::{LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER};
    let torso = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP].map(|name| followed.points[name]);
    torso.iter().filter(|joint| covers(seen, (joint.x, joint.y))).count() >= 2
}

/// True when the place lies on the person rather than beside.
pub(super) fn covers(estimate: &BodyEstimate, place: (f32, f32)) -> bool {
    let (x, y) = estimate.region.region_from_frame(place);
    let side = BODY_SIDE as f32;
    holds(&estimate.region, place) && bilinear_value(&estimate.mask, x * side, y * side) > 0.5
}

//! Retargets the pose, for use by all later steps. The parameter `proportions` interpolates between the driving
//! person's proportions (0) and the character's (1).
//!
//! Each bone keeps its direction. The length of a bone is multiplied by a factor that is constant for the whole shot,
//! `size * (character / driver) ^ proportions`. The ratio uses the median over time of the driver's bone length, with
//! both bodies scaled to equal height. The right and the left bone of a pair share one factor. The body is then placed
//! by these rules:
//!
//! - The toe of the lowest foot, and the toe of each resting foot, stay at the position of the driver's toe. A foot
//!   that is neither lowest nor resting is not constrained.
//! - A hand that holds an object keeps its position at the object.
//! - Directions, depth and the shot's horizon are those of the driver.

use perception::pose::{Joint, Keypoint, Pose};

use crate::body::bones::{Step, is_usable, moved, step};
use crate::body::part::Part;
use crate::body::stance::{LIFTED, Stance, ankle_of_foot, smooth, stances};
use crate::body::trunk::TrunkFrame;
use crate::puppet::Puppet;
use crate::puppet::transform::{Figure, body_scale};

/// The default: half way between the driver and the character (`docs/drafts.md` has the measurement).
pub const PROPORTIONS: f32 = 0.5;
/// Bounds of a bone's factor, so that a wrong bone length does not become a stilt.
const FACTOR: (f32, f32) = (0.45, 2.2);
/// Heights of a foot above the other at which it no longer carries the body, and at which the hips no longer stay
/// between both, in [`LIFTED`].
const BEARING: f32 = 0.3;
const BETWEEN: f32 = 2.0;
/// Number of frames on either side over which a hold fades.
const RELEASE: usize = 4;

/// A pair for one half of the body: right, then left.
const LEG: [[Joint; 3]; 2] =
    [[Joint::RightHip, Joint::RightKnee, Joint::RightAnkle], [Joint::LeftHip, Joint::LeftKnee, Joint::LeftAnkle]];
const ARM: [[Joint; 3]; 2] = [
    [Joint::RightShoulder, Joint::RightElbow, Joint::RightWrist],
    [Joint::LeftShoulder, Joint::LeftElbow, Joint::LeftWrist],
];
const HEAD: [Joint; 5] = [Joint::Nose, Joint::RightEye, Joint::LeftEye, Joint::RightEar, Joint::LeftEar];

/// Factors for the driver's bones. Right and left share each factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// Hips to shoulders.
    pub trunk: f32,
    /// Shoulder to shoulder.
    pub shoulders: f32,
    /// Hip to hip.
    pub hips: f32,
    /// Neck to ears.
    pub head: f32,
    /// Upper arm.
    pub upper_arm: f32,
    /// Forearm and hand.
    pub forearm: f32,
    /// Thigh.
    pub thigh: f32,
    /// Shin and foot.
    pub shin: f32,
}

impl Factors {
    /// Factors of 1: the driver unchanged.
    pub const NONE: Self =
        Self { trunk: 1.0, shoulders: 1.0, hips: 1.0, head: 1.0, upper_arm: 1.0, forearm: 1.0, thigh: 1.0, shin: 1.0 };

    /// The factors of a shot. `proportions` is 0..=1, and `size` is the character's height relative to the driver's.
    pub fn between(
        puppet: &Puppet,
        poses: &[Option<Pose>],
        frame: (usize, usize),
        proportions: f32,
        size: f32,
    ) -> Self {
        let Some(character) = puppet.figure() else { return Self::NONE };
        // The driver's lengths in the character's pixels, for each frame.
        let seen: Vec<(Figure, f32)> = poses
            .iter()
            .flatten()
            .filter_map(|pose| Figure::of(pose, frame))
            .map(|figure| {
                let heights = upright(&figure).zip(upright(character));
                let scale = heights.map_or_else(|| body_scale(character, &figure), |(own, other)| own / other);
                (figure, scale)
            })
            .collect();
        let factor = |length: &dyn Fn(&Figure) -> Option<f32>| {
            let own = length(character);
            let mut ratios: Vec<f32> = seen
                .iter()
                .filter_map(|(figure, scale)| Some(own? * scale / length(figure)?.max(1e-3)))
                .filter(|ratio| ratio.is_finite())
                .collect();
            ratios.sort_by(f32::total_cmp);
            let middle = ratios.get(ratios.len() / 2).copied().unwrap_or(1.0);
            size * middle.clamp(FACTOR.0, FACTOR.1).powf(proportions)
        };
        let bone = |pair: [Part; 2]| move |figure: &Figure| longest(figure, pair);
        Self {
            trunk: factor(&|figure| Some(figure.trunk.length)),
            shoulders: factor(&|figure| Some(figure.trunk.true_halves[1])),
            hips: factor(&|figure| Some(figure.trunk.true_halves[0])),
            head: factor(&bone([Part::Head; 2])),
            upper_arm: factor(&bone([Part::RightUpperArm, Part::LeftUpperArm])),
            forearm: factor(&bone([Part::RightForearm, Part::LeftForearm])),
            thigh: factor(&bone([Part::RightThigh, Part::LeftThigh])),
            shin: factor(&bone([Part::RightShin, Part::LeftShin])),
        }
    }
}

/// The longer bone of a pair, including depth.
fn longest(figure: &Figure, pair: [Part; 2]) -> Option<f32> {
    pair.into_iter().filter_map(|part| figure.bones.get(part)).map(|bone| bone.length()).reduce(f32::max)
}

/// Length from ankles to ears when standing upright; none when legs or head are unknown.
fn upright(figure: &Figure) -> Option<f32> {
    let thigh = longest(figure, [Part::RightThigh, Part::LeftThigh])?;
    let shin = longest(figure, [Part::RightShin, Part::LeftShin])?;
    let height = thigh + shin + figure.trunk.length + longest(figure, [Part::Head; 2])?;
    (height > 1.0).then_some(height)
}

/// The poses of a shot with new bone lengths, in frames of `frame` pixels. For each frame, `holds` says whether the
/// right and the left hand hold something.
///
/// # Panics
/// When the numbers of holds and poses differ.
pub fn retarget(
    poses: &[Option<Pose>],
    factors: &Factors,
    holds: &[[bool; 2]],
    frame: (usize, usize),
) -> Vec<Option<Pose>> {
    assert_eq!(poses.len(), holds.len(), "{} poses, {} holds", poses.len(), holds.len());
    if *factors == Factors::NONE {
        return poses.to_vec();
    }
    let stances = stances(poses);
    let moved = poses.iter().enumerate().map(|(index, pose)| {
        let held = std::array::from_fn(|hand| softened(holds, index, hand));
        pose.as_ref().map(|pose| still_usable(pose, retarget_one(pose, factors, stances[index], held), frame))
    });
    moved.collect()
}

/// A joint outside the frame never has much confidence, but it counts there. If retargeting moves it into the frame, it
/// still counts.
fn still_usable(old: &Pose, mut new: Pose, frame: (usize, usize)) -> Pose {
    let lists = |pose: &Pose| [pose.body.to_vec(), pose.right_foot.clone(), pose.left_foot.clone()].concat();
    let feet = new.right_foot.iter_mut().chain(&mut new.left_foot);
    for (point, old) in new.body.iter_mut().chain(feet).zip(lists(old)) {
        if is_usable(old, frame) && !is_usable(*point, frame) {
            point.confidence = Keypoint::DRAWN;
        }
    }
    new
}

/// A hold with a soft start and end.
fn softened(holds: &[[bool; 2]], index: usize, hand: usize) -> f32 {
    let nearest = (0..=RELEASE).find(|&step| {
        let at = |index: Option<usize>| index.and_then(|index| holds.get(index)).is_some_and(|hold| hold[hand]);
        at(index.checked_sub(step)) || at(Some(index + step))
    });
    nearest.map_or(0.0, |step| smooth(1.0 - step as f32 / (RELEASE + 1) as f32))
}

fn retarget_one(pose: &Pose, factors: &Factors, stance: Stance, held: [f32; 2]) -> Pose {
    let joint = |joint: Joint| pose.joint(joint);
    let between = |a: Keypoint, b: Keypoint| moved(a, step(a, b), 0.5);
    let hips = between(joint(Joint::RightHip), joint(Joint::LeftHip));
    // 1. The legs as they hang from the hips, and the position of the hips that keeps each foot in place.
    let leg = |hips_at: Keypoint, side: usize| -> [Keypoint; 3] {
        let [hip, knee, ankle] = LEG[side].map(joint);
        let new_hip = moved(hips_at, step(hips, hip), factors.hips);
        let new_knee = moved(new_hip, step(hip, knee), factors.thigh);
        [new_hip, new_knee, moved(new_knee, step(knee, ankle), factors.shin)]
    };
    let free = [leg(hips, 0), leg(hips, 1)];
    let stand = [0, 1].map(|side| ankle_of_foot(pose, side, factors.shin, stance.slope));
    let unit = TrunkFrame::of(pose).map_or(50.0, |trunk| LIFTED * trunk.length).max(1.0);
    let shift = [0, 1].map(|side| step(free[side][2], stand[side]));
    // The lowest foot carries the body. Along the ground, the hips stay between the feet; otherwise each step would
    // jerk them.
    let mean = |soft: f32, value: &dyn Fn(Step) -> f32| {
        let weights = stance.heights.map(|height| (-height / (soft * unit)).max(-30.0).exp());
        (weights[0] * value(shift[0]) + weights[1] * value(shift[1])) / (weights[0] + weights[1])
    };
    let along = [0, 2].map(|axis| mean(BETWEEN, &|shift| shift[axis]));
    let up = mean(BEARING, &|[_, y, z]| y + stance.slope * z);
    let raise: Step = [along[0], up - stance.slope * along[1], along[1]];
    let new_hips = moved(hips, raise, 1.0);
    let mut new = pose.clone();
    // 2. Resting feet are moved to their place, and the knee half as far.
    let mut feet = [Keypoint::default(); 2];
    for side in [0, 1] {
        let [hip, knee, ankle] = leg(new_hips, side);
        let pull = step(ankle, stand[side]);
        let rest = stance.rests[side];
        let placed = [hip, moved(knee, pull, 0.5 * rest), moved(ankle, pull, rest)];
        LEG[side].into_iter().zip(placed).for_each(|(joint, place)| put(&mut new, joint, place));
        feet[side] = placed[2];
    }
    // 3. Trunk, head, arms.
    let shoulders = between(joint(Joint::RightShoulder), joint(Joint::LeftShoulder));
    let new_shoulders = moved(new_hips, step(hips, shoulders), factors.trunk);
    let neck = moved(new_shoulders, step(shoulders, joint(Joint::Neck)), factors.trunk);
    put(&mut new, Joint::Neck, neck);
    HEAD.into_iter().for_each(|part| {
        put(&mut new, part, moved(neck, step(joint(Joint::Neck), joint(part)), factors.head));
    });
    let mut wrists = [Keypoint::default(); 2];
    for side in [0, 1] {
        let [shoulder, elbow, wrist] = ARM[side].map(joint);
        let new_shoulder = moved(new_shoulders, step(shoulders, shoulder), factors.shoulders);
        let new_elbow = moved(new_shoulder, step(shoulder, elbow), factors.upper_arm);
        let new_wrist = moved(new_elbow, step(elbow, wrist), factors.forearm);
        let pull = step(new_wrist, wrist);
        let placed = [new_shoulder, moved(new_elbow, pull, 0.5 * held[side]), moved(new_wrist, pull, held[side])];
        ARM[side].into_iter().zip(placed).for_each(|(joint, place)| put(&mut new, joint, place));
        wrists[side] = placed[2];
    }
    // 4. Points of hands, feet and face move with the joint that carries them.
    let follow = |points: &mut Vec<Keypoint>, old: Keypoint, place: Keypoint, factor: f32| {
        for point in points.iter_mut() {
            let confidence = point.confidence;
            *point = Keypoint { confidence, ..moved(place, step(old, *point), factor) };
        }
    };
    follow(&mut new.right_hand, joint(Joint::RightWrist), wrists[0], factors.forearm);
    follow(&mut new.left_hand, joint(Joint::LeftWrist), wrists[1], factors.forearm);
    follow(&mut new.right_foot, joint(Joint::RightAnkle), feet[0], factors.shin);
    follow(&mut new.left_foot, joint(Joint::LeftAnkle), feet[1], factors.shin);
    follow(&mut new.face, joint(Joint::Neck), neck, factors.head);
    new
}

/// Moves a joint and keeps its confidence.
fn put(pose: &mut Pose, joint: Joint, place: Keypoint) {
    let old = &mut pose.body[joint as usize];
    if old.confidence > 0.0 {
        *old = Keypoint { confidence: old.confidence, ..place };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(lift: f32) -> Pose {
        let mut pose = Pose::default();
        let places = [
            (50.0, 20.0),
            (50.0, 40.0),
            (40.0, 40.0),
            (36.0, 60.0),
            (34.0, 80.0),
            (60.0, 40.0),
            (64.0, 60.0),
            (66.0, 80.0),
            (44.0, 90.0),
            (44.0, 120.0),
            (44.0, 150.0),
            (56.0, 90.0),
            (58.0, 118.0 - lift),
            (60.0, 150.0 - lift),
            (47.0, 17.0),
            (53.0, 17.0),
            (44.0, 19.0),
            (56.0, 19.0),
        ];
        for (joint, (x, y)) in pose.body.iter_mut().zip(places) {
            *joint = Keypoint { x, y, z: 0.0, confidence: 0.9 };
        }
        pose
    }

    const FRAME: (usize, usize) = (100, 160);
    const SHORT: Factors = Factors { thigh: 0.7, shin: 0.6, trunk: 0.8, ..Factors::NONE };

    #[test]
    fn without_factors_nothing_moves() {
        let poses = vec![Some(standing(0.0)), None, Some(standing(30.0))];
        assert_eq!(retarget(&poses, &Factors::NONE, &[[false; 2]; 3], FRAME), poses);
    }

    #[test]
    fn feet_stay_on_the_ground_and_shorter_legs_lower_the_head() {
        for lift in [0.0, 30.0] {
            let old = standing(lift);
            let new = retarget(&[Some(old.clone())], &SHORT, &[[false; 2]], FRAME)[0].clone().unwrap();
            let (old_ankle, ankle) = (old.joint(Joint::RightAnkle), new.joint(Joint::RightAnkle));
            assert!((ankle.x - old_ankle.x).hypot(ankle.y - old_ankle.y) < 0.1, "{ankle:?}");
            assert!(new.joint(Joint::Nose).y > old.joint(Joint::Nose).y + 15.0);
        }
    }

    #[test]
    fn a_hand_that_holds_stays_and_one_that_does_not_goes_along() {
        let old = standing(0.0);
        let new = retarget(&[Some(old.clone())], &SHORT, &[[true, false]], FRAME)[0].clone().unwrap();
        let moved = |joint| (new.joint(joint).y - old.joint(joint).y).abs();
        assert!(moved(Joint::RightWrist) < 0.1 && moved(Joint::LeftWrist) > 10.0);
    }

    #[test]
    fn a_foot_that_comes_into_the_frame_counts_and_one_that_stays_hidden_does_not() {
        // The frame ends above the right ankle, and something hides the left ankle.
        let mut old = standing(0.0);
        (old.body[Joint::RightAnkle as usize].confidence, old.body[Joint::RightAnkle as usize].y) = (0.1, 161.0);
        old.body[Joint::LeftAnkle as usize].confidence = 0.1;
        let high = Factors { thigh: 0.5, shin: 0.5, ..Factors::NONE };
        let pulled = Stance { rests: [0.0; 2], heights: [100.0, 0.0], slope: 0.0 };
        let new = still_usable(&old, retarget_one(&old, &high, pulled, [0.0; 2]), FRAME);
        let [right, left] = [Joint::RightAnkle, Joint::LeftAnkle].map(|joint| new.joint(joint));
        assert!(right.y < 160.0 && right.is_drawn() && !left.is_drawn(), "{right:?} {left:?}");
    }

    #[test]
    fn a_character_is_as_tall_as_is_said_whatever_its_shape() {
        // A drawn person of the same height with long legs and a short trunk.
        let mut long_legs = standing(0.0);
        for point in &mut long_legs.body {
            point.y = if point.y <= 90.0 {
                20.0 + (point.y - 20.0) * 50.0 / 70.0
            } else {
                70.0 + (point.y - 90.0) * 80.0 / 60.0
            };
        }
        let mask = media::picture::Mask::from_fn(100, 160, |x, y| {
            if (30..70).contains(&x) && (15..155).contains(&y) { 255 } else { 0 }
        });
        let picture = media::picture::Picture::filled(100, 160, [90; 3]);
        let puppet = Puppet::new(crate::puppet::cutout::Cutout::new(&picture, &mask, Some(&long_legs)).unwrap());
        let driver = Figure::of(&standing(0.0), FRAME).unwrap();
        for size in [0.6, 1.0, 1.4] {
            let factors = Factors::between(&puppet, &[Some(standing(0.0))], FRAME, 1.0, size);
            assert!(factors.thigh > 1.2 * factors.trunk, "{factors:?}");
            let new = retarget(&[Some(standing(0.0))], &factors, &[[false; 2]], FRAME)[0].clone().unwrap();
            let ratio = upright(&Figure::of(&new, (1000, 1000)).unwrap()).unwrap() / upright(&driver).unwrap();
            assert!((ratio / size - 1.0).abs() < 0.03, "{ratio} for {size}");
        }
    }
}

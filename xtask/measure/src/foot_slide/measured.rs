//! Measures the feet of retargeted poses.

use draft::body::retarget::Factors;
use perception::pose::{Joint, Keypoint, Pose};

use crate::foot_slide::walk::{FRAMES, Track, Walk, focal, lowest, track};

/// The measurements of one retargeting method, in cm.
#[derive(Default)]
pub(crate) struct Measured {
    /// Ankle and toe.
    slides: [Vec<f32>; 2],
    drifts: Vec<f32>,
    soles: Vec<f32>,
    /// In percent.
    stretches: Vec<f32>,
    hips: Vec<f32>,
}

/// The driver's pose scaled about the hips.
pub(crate) fn scaled(pose: &Pose, factor: f32) -> Pose {
    let (right, left) = (pose.joint(Joint::RightHip), pose.joint(Joint::LeftHip));
    let middle = [(right.x + left.x) / 2.0, (right.y + left.y) / 2.0, (right.z + left.z) / 2.0];
    let along = |from: f32, to: f32| from + factor * (to - from);
    pose.map(|point| Keypoint {
        x: along(middle[0], point.x),
        y: along(middle[1], point.y),
        z: along(middle[2], point.z),
        ..point
    })
}

impl Measured {
    /// Adds a walk with other poses. Their bones and feet should be `factors` times as long as the driver's.
    pub(crate) fn add(&mut self, walk: &Walk, poses: &[Option<Pose>], factors: &Factors) {
        self.add_legs(walk, poses, factors);
        for foot in [0, 1] {
            let Some(new) = track(poses, &walk.cameras, &walk.hip_depths, foot) else { continue };
            let old = &walk.feet[foot];
            // Distance on the screen from the driver's point, in centimetres.
            let offset = |frame: usize, point: usize| {
                let (new, old) = (new[frame][point].0, old[frame][point].0);
                let camera = &walk.cameras[frame];
                let distance = walk.hip_depths[frame] * (1.0 + old.z / focal(camera));
                let scale = 100.0 * distance / focal(camera);
                [(new.x - old.x) * scale, (new.y - old.y) * scale]
            };
            let apart = |[a, b]: [f32; 2], [c, d]: [f32; 2]| (c - a).hypot(d - b);
            for (point, contact) in walk.contacts[foot].iter().enumerate() {
                let mut start = None;
                let mut drift = 0.0f32;
                for frame in 0..FRAMES {
                    match (contact[frame], start) {
                        (true, None) => (start, drift) = (Some(frame), 0.0),
                        (true, Some(first)) => {
                            self.slides[point].push(apart(offset(frame - 1, point), offset(frame, point)));
                            drift = drift.max(apart(offset(first, point), offset(frame, point)));
                        }
                        (false, Some(_)) => start = None,
                        (false, None) => {}
                    }
                    let ends = contact.get(frame + 1) != Some(&true);
                    if ends && start.is_some_and(|first| first < frame) {
                        self.drifts.push(drift);
                    }
                }
            }
            let clearances = [1, 2].map(|point| lowest(old, point));
            let sole = |track: &Track, frame: usize, factor: f32| {
                let height = |point: usize| track[frame][point].1.y - factor * clearances[point - 1];
                100.0 * height(1).min(height(2))
            };
            let stands = |frame: &usize| walk.contacts[foot].iter().any(|contact| contact[*frame]);
            self.soles.extend((0..FRAMES).filter(stands).map(|at| sole(&new, at, factors.shin) - sole(old, at, 1.0)));
        }
    }

    fn add_legs(&mut self, walk: &Walk, poses: &[Option<Pose>], factors: &Factors) {
        use Joint::{LeftAnkle, LeftHip, LeftKnee, RightAnkle, RightHip, RightKnee};
        let mut ways = Vec::new();
        for (frame, (new, old)) in poses.iter().zip(&walk.poses).enumerate() {
            let (Some(new), Some(old)) = (new, old) else { continue };
            for [hip, knee, ankle] in [[RightHip, RightKnee, RightAnkle], [LeftHip, LeftKnee, LeftAnkle]] {
                for (from, to, factor) in [(hip, knee, factors.thigh), (knee, ankle, factors.shin)] {
                    let length = |pose: &Pose| {
                        let (from, to) = (pose.joint(from), pose.joint(to));
                        (to.x - from.x).hypot(to.y - from.y).hypot(to.z - from.z)
                    };
                    self.stretches.push(100.0 * (length(new) / (factor * length(old)) - 1.0).abs());
                }
            }
            let scale = 50.0 * walk.hip_depths[frame] / focal(&walk.cameras[frame]);
            let middle = |pose: &Pose| {
                let (right, left) = (pose.joint(RightHip), pose.joint(LeftHip));
                [(right.x + left.x) * scale, (right.y + left.y) * scale]
            };
            let ([new_x, new_y], [old_x, old_y]) = (middle(new), middle(old));
            ways.push([new_x - old_x, new_y - old_y]);
        }
        let bend = |axis: usize, at: usize| ways[at - 1][axis] - 2.0 * ways[at][axis] + ways[at + 1][axis];
        self.hips.extend((1..ways.len().saturating_sub(1)).map(|at| bend(0, at).hypot(bend(1, at))));
    }

    pub(crate) fn row(&self, name: &str) -> String {
        let mean = |values: &[f32]| values.iter().map(|value| value.abs()).sum::<f32>() / values.len().max(1) as f32;
        let most = |values: &[f32], share: f32| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f32::total_cmp);
            sorted.get((share * sorted.len().saturating_sub(1) as f32).round() as usize).copied().unwrap_or(f32::NAN)
        };
        let pair = |values: &[f32]| format!("{:.2} / {:.2}", mean(values), most(values, 0.95));
        let [ankle, toe] = self.slides.each_ref().map(|slides| pair(slides));
        let (stretch, hips) = (pair(&self.stretches), pair(&self.hips));
        let (drift, sole) = (pair(&self.drifts), mean(&self.soles));
        let (under, over) = (most(&self.soles, 0.0), most(&self.soles, 1.0));
        format!("| {name} | {ankle} | {toe} | {drift} | {sole:.2} | {under:.2} | {over:.2} | {stretch} | {hips} |")
    }
}

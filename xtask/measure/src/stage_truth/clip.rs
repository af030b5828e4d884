//! Reads one rendered clip, and determines the groups to which it belongs.

use perception::pose::{Joint, Pose};
use serde::Serialize;
use stage::{ClipSpec, Take, Vec3, usage_name};

use crate::stage_truth::measured::Figures;

/// From this share of the body's joints inside the picture on, a clip counts as showing the whole body.
const WHOLE: f64 = 0.95;

/// A clip with its truth and its measurements.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    seed: u64,
    kind: &'static str,
    pub(crate) character: String,
    pub(crate) motion: String,
    thing: Option<String>,
    /// How the prop is used.
    usage: &'static str,
    furniture: usize,
    bystanders: usize,
    /// Shares of frames that show the person's back, and in which the trunk leans by more than 45 degrees.
    from_behind: f64,
    leaning: f64,
    /// Share of the body's joints inside the picture.
    in_picture: f64,
    pub(crate) figures: Figures,
}

impl Line {
    pub(crate) fn new(spec: &ClipSpec, take: &Take, figures: Figures) -> Self {
        let character = spec.person.character.clone();
        let kind = match character.split('/').next() {
            Some("mannequin") => "mannequin",
            Some("mh") => "realistic",
            _ => "stylised",
        };
        let of_frames =
            |test: &dyn Fn(&Pose) -> f64| take.poses.iter().map(test).sum::<f64>() / take.poses.len() as f64;
        let x_of = |pose: &Pose, joint| pose.joint(joint).x;
        Self {
            seed: spec.seed,
            kind,
            character,
            motion: spec.action.motion.clone(),
            thing: spec.prop.as_ref().map(|used| used.prop.clone()),
            usage: spec.prop.as_ref().map_or("none", |used| usage_name(&used.usage)),
            furniture: spec.furniture.len(),
            bystanders: spec.bystanders.len(),
            from_behind: of_frames(&|pose| {
                f64::from(x_of(pose, Joint::RightShoulder) > x_of(pose, Joint::LeftShoulder))
            }),
            leaning: take.joints.iter().filter(|joints| leans(joints)).count() as f64 / take.joints.len() as f64,
            in_picture: of_frames(&|pose| {
                pose.body.iter().filter(|point| point.is_drawn()).count() as f64 / Joint::COUNT as f64
            }),
            figures,
        }
    }

    /// The groups of the clip, as `aspect: value`.
    pub(crate) fn groups(&self) -> Vec<String> {
        let pack = self.motion.split('/').next().unwrap_or_default();
        let either = |test: bool, yes: &'static str, no: &'static str| if test { yes } else { no };
        vec![
            "all".into(),
            format!("body: {}", self.kind),
            format!("framing: {}", either(self.in_picture >= WHOLE, "whole body", "cut by the border")),
            format!("motion: {pack}"),
            format!("other people: {}", either(self.bystanders > 0, "one or two", "none")),
            format!("furniture: {}", either(self.furniture > 0, "some", "none")),
            format!("thing: {}", self.usage),
            format!("trunk: {}", either(self.leaning > 0.5, "over 45 degrees", "upright")),
            format!("view: {}", either(self.from_behind > 0.5, "from behind", "from the front")),
        ]
    }
}

/// True when the trunk leans by more than 45 degrees.
fn leans(joints: &[Vec3; Joint::COUNT]) -> bool {
    let hips = (joints[Joint::RightHip as usize] + joints[Joint::LeftHip as usize]) * 0.5;
    let trunk = joints[Joint::Neck as usize] - hips;
    trunk.y < trunk.length() * std::f32::consts::FRAC_1_SQRT_2
}

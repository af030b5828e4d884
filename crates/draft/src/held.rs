//! Defines where to search for objects in use: circles around the driving person's hands.

use media::picture::Mask;
use perception::pose::{Joint, Pose};

use crate::body::point::Point;
use crate::body::trunk::TrunkFrame;

/// Radius around a wrist, in lengths of the trunk.
const REACH: f32 = 0.75;

/// Circles around the hands of a pose.
#[derive(Debug, Clone)]
pub struct Hands {
    circles: Vec<(Point, f32)>,
}

impl Hands {
    /// The hands of a pose; none when no wrist is visible.
    pub fn of(pose: &Pose) -> Option<Self> {
        let length = TrunkFrame::of(pose)?.length;
        let seen = |elbow: Joint, wrist: Joint| {
            let (elbow, wrist) = (pose.joint(elbow), pose.joint(wrist));
            // The hand's centre lies a little beyond the wrist.
            wrist.is_drawn().then(|| (Point::from(elbow).lerp(wrist.into(), 1.3), REACH * length))
        };
        let hands = [(Joint::RightElbow, Joint::RightWrist), (Joint::LeftElbow, Joint::LeftWrist)];
        let circles: Vec<(Point, f32)> = hands.into_iter().filter_map(|(elbow, wrist)| seen(elbow, wrist)).collect();
        (!circles.is_empty()).then_some(Self { circles })
    }

    /// The removed region extended by the surroundings of the hands. The plate is made for this whole region.
    pub fn widened(&self, hole: &Mask) -> Mask {
        Mask::from_fn(hole.width(), hole.height(), |x, y| if self.holds(x, y) { 255 } else { hole.get(x, y) })
    }

    fn holds(&self, x: usize, y: usize) -> bool {
        let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
        self.circles.iter().any(|&(middle, reach)| (place - middle).length() < reach)
    }
}

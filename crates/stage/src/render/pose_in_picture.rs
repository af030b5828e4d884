//! Projects the points of joints, hands and face to pixels of a picture, and computes their confidence.

use media::picture::DepthMap;
use perception::pose::{Keypoint, Pose};

use crate::body::landmark::Landmark;
use crate::camera::View;
use crate::render::actor::Actor;
use crate::render::sample::SAMPLES;

/// The pose in pixels. Confidence is 1 when nothing lies clearly in front of a point, 0.5 when something does, 0.1
/// outside the picture, and 0 behind the camera.
pub(crate) fn project_pose(view: &View, actor: &Actor<'_>, depth: &DepthMap) -> Pose {
    let skeleton = actor.character.skeleton();
    let landmarks = actor.character.landmarks();
    let scale = SAMPLES as f32;
    let place = |landmark: &Landmark| actor.posed.landmark(skeleton, landmark);
    let hips = place(&landmarks.body[8]).lerp(place(&landmarks.body[11]), 0.5);
    let hip_depth = view.project(hips).1.max(0.1);
    let project = |landmark: &Landmark, thickness: f32| {
        let ([x, y], distance) = view.project(place(landmark));
        let (x, y) = (x / scale, y / scale);
        let inside = x >= 0.0 && y >= 0.0 && x < depth.width() as f32 && y < depth.height() as f32;
        let confidence = if distance <= 0.05 {
            0.0
        } else if !inside {
            0.1
        } else if depth.get(x as usize, y as usize) < distance - thickness {
            0.5
        } else {
            1.0
        };
        Keypoint { x, y, z: (distance - hip_depth) * view.focal / scale / hip_depth, confidence }
    };
    let points = |list: &[Landmark], thickness: f32| list.iter().map(|point| project(point, thickness)).collect();
    let [left, right] = &landmarks.hands;
    let [left_foot, right_foot] = &landmarks.feet;
    Pose {
        body: std::array::from_fn(|joint| {
            let thickness = match joint {
                0 | 14 | 15 => 0.04,
                16 | 17 => 0.06,
                1 | 8 | 11 => 0.25,
                _ => 0.14,
            };
            project(&landmarks.body[joint], thickness)
        }),
        right_hand: points(right, 0.05),
        left_hand: points(left, 0.05),
        face: points(&landmarks.face, 0.04),
        right_foot: points(right_foot, 0.12),
        left_foot: points(left_foot, 0.12),
    }
}

//! Runs the BlazePose family: a detector that finds persons in a whole frame, networks that find the points of one
//! body, hand or face inside a rotated ROI, and a network for the person mask.

pub mod anchors;
pub mod body;
pub mod detector;
pub mod face;
pub mod hand;
pub mod selfie;
pub mod suppression;

pub(crate) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The scale and offset that map a byte to 0..1.
pub(crate) const UNIT: (f32, f32) = (1.0 / 255.0, 0.0);

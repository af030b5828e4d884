//! Conditions the networks on character, pose, objects and environment (paper sections 3.2 to 3.5).

pub mod blending;
pub mod clip_vision;
pub mod object_guider;
pub mod pixels;
pub mod pose_guider;
pub mod pose_modulation;

//! Finds people, their poses, and the pixels that belong to each person.

pub(crate) mod candidates;
pub mod cut_out;
pub(crate) mod extremities;
pub mod foreground;
pub mod ground;
pub(crate) mod guided_filter;
pub mod mask_steadiness;
pub mod one_euro;
pub mod people;
pub mod person_mask;
pub mod rotated_roi;
pub mod saliency;
pub mod scene_cut;
pub mod tracker;

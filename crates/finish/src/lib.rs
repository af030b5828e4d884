//! Runs drafts, with the planes that describe them, through [`model::finisher`], and applies the network's retouches to
//! the draft at the frame's own resolution.

pub mod finishing;
pub mod planes;
pub mod retouch;

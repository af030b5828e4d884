//! The network finishes (`docs/decisions.md`: geometry proposes): drafts, with what is known about them, go through
//! [`model::finisher`], and what it asks for is done to the draft at the frame's own resolution.

pub mod finishing;
pub mod planes;
pub mod retouch;

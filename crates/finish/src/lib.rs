//! The network finishes (`docs/decisions.md`: geometry proposes): drafts, with what is known about them, go through
//! [`model::finisher`], and the change that it asks for is laid on the draft.

pub mod change;
pub mod finishing;
pub mod planes;

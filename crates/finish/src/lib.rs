//! The network finishes (`docs/decisions.md`: geometry proposes): drafts, with what is known about them, go through
//! [`model::finisher`], and the change it asks for is laid on the draft.

pub mod planes;

//! The trainer as a user runs it: configurations in, checkpoints and weights out.

mod behaviour;
mod resume;
mod small;

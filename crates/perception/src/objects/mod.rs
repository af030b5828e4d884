//! Objects that the user points at, followed through the video without any network.
//!
//! 1. `prompt`: what is typed.
//! 2. `look`: a frame at the working size. `regions`, `proposals`, `shape`, `choice`: the regions around a click and which of them
//!    is meant. `first`: its edge, by the colours inside and around.
//! 3. `follower`: from frame to frame, by `motion`, `votes` of remembered frames, `palette` and `relax`.
//! 4. `tracker`: all this for frames of any size.

mod choice;
mod first;
mod follower;
mod look;
mod motion;
mod palette;
pub mod prompt;
mod prompt_error;
mod proposals;
mod regions;
mod relax;
mod shape;
mod tracker;
mod votes;

#[cfg(test)]
mod tests;

pub use proposals::Proposal;
pub use shape::{FIGURES, Figures};
pub use tracker::{ObjectFrame, ObjectMask, ObjectTracker, working_picture};

//! Follows objects that the user points at through the video, without any network file.
//!
//! 1. `prompt` parses the clicks and boxes that the user types.
//! 2. `look` reduces a frame to the working size. `regions`, `proposals`, `shape` and `choice` find the regions around
//!    a click and choose one of them. `first` refines the edge of the chosen region by the colours inside and around
//!    it.
//! 3. `follower` follows the object from frame to frame with `motion`, `votes` of remembered frames, `palette` and
//!    `relax`.
//! 4. `tracker` does all this for frames of any size.

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

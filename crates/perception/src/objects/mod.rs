//! Objects that the user points at.

mod choice;
mod look;
mod palette;
mod proposals;
mod regions;
mod relax;
mod shape;

use media::picture::{Mask, Picture};

pub use proposals::Proposal;
pub use shape::{FIGURES, Figures};

use crate::pose::Pose;
use look::Look;

/// What a click in a frame may mean, the likeliest first.
///
/// # Panics
/// When the frame is empty or the person's mask has another size.
pub fn proposals(picture: &Picture, person: &Mask, pose: Option<&Pose>, (x, y): (f32, f32)) -> Vec<Proposal> {
    let look = Look::of(picture, person, pose);
    let (width, height) = look.size();
    let place = ((x * look.scale) as usize, (y * look.scale) as usize);
    let place = (place.0.min(width - 1), place.1.min(height - 1));
    proposals::proposals(&look, &proposals::hierarchies(&look), place)
}

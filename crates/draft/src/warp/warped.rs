//! Holds the result of a warp: the character over a region of the target picture.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture, Plane};

use crate::push_pull::Scattered;

/// A character warped to a pose, over a region of the target picture.
#[derive(Debug, Clone)]
pub struct Warp {
    /// The covered region of the target picture.
    pub area: Rect<Frame>,
    /// The character's colour.
    pub colour: Picture,
    /// Coverage by the character.
    pub alpha: Mask,
    /// Depth of the visible chain.
    pub depth: Plane<f32>,
    /// How much of each pixel is guessed.
    pub guess: Mask,
}

impl Warp {
    /// Makes a layer from another source, such as a generated figure. The layer has one depth, and nothing in it is
    /// guessed.
    ///
    /// # Panics
    /// When colour, coverage and region differ in size.
    pub fn of_picture(area: Rect<Frame>, colour: Picture, alpha: Mask) -> Self {
        let (width, height) = colour.size();
        let sizes = (alpha.size(), (area.width as usize, area.height as usize));
        assert_eq!(sizes, (colour.size(), colour.size()), "layer: sizes of coverage and region, and of the colour");
        let (depth, guess) = (Plane::filled(width, height, 0.0), Mask::filled(width, height, 0));
        Self { area, colour, alpha, depth, guess }
    }

    /// The colour, extended smoothly over pixels with little or no coverage.
    pub fn spread_colour(&self) -> Picture {
        let (width, height) = self.colour.size();
        let mut known = Scattered::<3>::empty(width, height);
        for (index, (&alpha, colour)) in self.alpha.cells().iter().zip(self.colour.cells()).enumerate() {
            let weight = (f32::from(alpha) / 128.0).min(1.0).powi(2);
            known.put(index % width, index / width, colour.map(f32::from), weight);
        }
        known.spread().map(|colour| colour.map(|value| value.round() as u8))
    }

    /// Draws the character over a picture of the target's size.
    pub fn lay_over(&self, picture: &mut Picture) {
        for y in 0..self.colour.height() {
            for x in 0..self.colour.width() {
                let alpha = u32::from(self.alpha.get(x, y));
                if alpha == 0 {
                    continue;
                }
                let (column, row) = (self.area.x as usize + x, self.area.y as usize + y);
                let (above, below) = (self.colour.get(x, y), picture.get(column, row));
                let mixed = std::array::from_fn(|channel| {
                    let sum = alpha * u32::from(above[channel]) + (255 - alpha) * u32::from(below[channel]);
                    ((sum + 127) / 255) as u8
                });
                picture.set(column, row, mixed);
            }
        }
    }
}

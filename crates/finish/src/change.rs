//! What a finisher asks of a frame: a change of colour for each cell of its region, laid on the draft at the frame's own
//! resolution, so that the draft keeps the detail that the network's smaller picture does not show.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use perception::region::Region;

/// The change of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    region: Region,
    side: usize,
    /// Red, green, blue of each cell, in levels; 0 where the draft must stay.
    values: Vec<[f32; 3]>,
}

impl Change {
    /// A change of the cells of a region, `side` to a row.
    ///
    /// # Panics
    /// When there are not `side * side` of them.
    pub fn new(region: Region, side: usize, values: Vec<[f32; 3]>) -> Self {
        assert_eq!(values.len(), side * side, "change: cells of a square of {side}");
        Self { region, side, values }
    }

    /// A share of this and the rest of another change of the same region.
    ///
    /// # Panics
    /// When the regions differ.
    pub fn mixed(mut self, other: &Self, share: f32) -> Self {
        assert_eq!((self.region, self.side), (other.region, other.side), "change: regions of one frame");
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            for (value, other) in value.iter_mut().zip(other) {
                *value = share * *value + (1.0 - share) * other;
            }
        }
        self
    }

    /// Lays the change on a draft, and marks in `edited` with 255 where that made a difference.
    pub fn lay_on(&self, draft: &mut Picture, edited: &mut Mask) {
        let (width, height) = draft.size();
        let area = self.region.square.intersection(&Rect::<Frame>::of_size(width as u32, height as u32));
        let transform = self.region.transform(self.side as u32);
        for y in area.y as usize..area.bottom() as usize {
            for x in area.x as usize..area.right() as usize {
                let (column, row) = transform.crop_from_frame(x as f32 + 0.5, y as f32 + 0.5);
                let change = self.at(column - 0.5, row - 0.5);
                if change == [0.0; 3] {
                    continue;
                }
                let pixel = draft.get(x, y);
                let changed =
                    |channel: usize| (f32::from(pixel[channel]) + change[channel]).round().clamp(0.0, 255.0) as u8;
                let changed = [changed(0), changed(1), changed(2)];
                if changed != pixel {
                    draft.set(x, y, changed);
                    edited.set(x, y, 255);
                }
            }
        }
    }

    /// Between the four cells around a place.
    fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let last = (self.side - 1) as f32;
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.side - 1), (top + 1).min(self.side - 1));
        let (u, v) = (x - left as f32, y - top as f32);
        let cell = |x: usize, y: usize, channel: usize| self.values[y * self.side + x][channel];
        [0, 1, 2].map(|channel| {
            let upper = (1.0 - u) * cell(left, top, channel) + u * cell(right, top, channel);
            let lower = (1.0 - u) * cell(left, bottom, channel) + u * cell(right, bottom, channel);
            (1.0 - v) * upper + v * lower
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_the_detail_of_a_finer_draft() {
        let region = Region { square: Rect::new(2, 0, 4, 4) };
        let change = Change::new(region, 2, vec![[10.0, 0.0, -10.0]; 4]);
        let mut draft = Picture::from_fn(8, 4, |x, y| [(x * 8 + y) as u8 + 100; 3]);
        let before = draft.clone();
        let mut edited = Mask::filled(8, 4, 0);
        change.lay_on(&mut draft, &mut edited);
        assert_eq!(edited.cells().iter().filter(|cell| **cell == 255).count(), 16);
        for (x, y) in [(2, 0), (5, 3), (3, 2)] {
            let [red, green, blue] = before.get(x, y);
            assert_eq!(draft.get(x, y), [red + 10, green, blue - 10]);
        }
        assert_eq!([draft.get(1, 0), draft.get(6, 3)], [before.get(1, 0), before.get(6, 3)]);
    }

    #[test]
    fn changes_mix_and_are_clamped() {
        let region = Region { square: Rect::new(0, 0, 1, 1) };
        let change = |value: f32| Change::new(region, 1, vec![[value; 3]]);
        let mut draft = Picture::filled(1, 1, [100; 3]);
        change(40.0).mixed(&change(0.0), 0.25).lay_on(&mut draft, &mut Mask::filled(1, 1, 0));
        assert_eq!(draft.get(0, 0), [110; 3]);
        change(400.0).lay_on(&mut draft, &mut Mask::filled(1, 1, 0));
        assert_eq!(draft.get(0, 0), [255; 3]);
    }
}

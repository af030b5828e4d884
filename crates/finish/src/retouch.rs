//! Applies a finisher's retouches at the frame's own resolution. The maps are interpolated, and the warped character is
//! sampled at full detail. [`model::finisher::Retouch`] documents the formula.

use draft::drafter::Draft;
use draft::warp::Warp;
use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use model::finisher::strong_cut;
use perception::region::Region;

/// The retouch of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CellRetouch {
    /// Where the layer is sampled, relative to the cell, in cells.
    pub shift: [f32; 2],
    /// Change of the coverage.
    pub cut: f32,
    /// Share of the layer's colour to discard.
    pub erasure: f32,
    /// Logarithm of the brightness gain.
    pub light: [f32; 3],
    /// Colour that is added where the layer has no colour, in [0, 1].
    pub paint: [f32; 3],
    /// How much the network may change the draft, in [0, 1].
    pub editable: f32,
}

/// Number of values in a cell.
pub const VALUES: usize = 11;

impl CellRetouch {
    fn values(self) -> [f32; VALUES] {
        let ([x, y], [a, b, c], [d, e, f]) = (self.shift, self.light, self.paint);
        [x, y, self.cut, self.erasure, a, b, c, d, e, f, self.editable]
    }

    /// Creates a cell from shift, cut, erasure, light, paint and editable share, in this order.
    pub fn of([x, y, cut, erasure, a, b, c, d, e, f, editable]: [f32; VALUES]) -> Self {
        Self { shift: [x, y], cut, erasure, light: [a, b, c], paint: [d, e, f], editable }
    }
}

/// The retouch of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRetouch {
    region: Region,
    side: usize,
    cells: Vec<CellRetouch>,
}

impl FrameRetouch {
    /// Creates the retouch from the cells of a region, `side` in each row.
    ///
    /// # Panics
    /// When there are not `side * side` cells.
    pub fn new(region: Region, side: usize, cells: Vec<CellRetouch>) -> Self {
        assert_eq!(cells.len(), side * side, "retouch: cells of a square of {side}");
        Self { region, side, cells }
    }

    /// Blends this retouch with another one of the same region.
    ///
    /// # Panics
    /// When the regions differ.
    pub fn mixed(mut self, other: &Self, share: f32) -> Self {
        assert_eq!((self.region, self.side), (other.region, other.side), "retouch: regions of one frame");
        for (cell, other) in self.cells.iter_mut().zip(&other.cells) {
            let (mut values, others) = (cell.values(), other.values());
            values.iter_mut().zip(others).for_each(|(value, other)| *value = share * *value + (1.0 - share) * other);
            *cell = CellRetouch::of(values);
        }
        self
    }

    /// Retouches a draft. Writes 255 to `edited` where the draft was changed.
    pub fn lay_on(&self, draft: &mut Draft) {
        let Some(warp) = draft.warp.clone() else { return };
        let layer = Layer::of(&warp);
        let (width, height) = draft.picture.size();
        let area = self.region.square.intersection(&Rect::<Frame>::of_size(width as u32, height as u32));
        let transform = self.region.transform(self.side as u32);
        // The side of a cell in pixels.
        let cell = self.region.square.width as f32 / self.side as f32;
        for y in area.y as usize..area.bottom() as usize {
            for x in area.x as usize..area.right() as usize {
                let (column, row) = transform.crop_from_frame(x as f32 + 0.5, y as f32 + 0.5);
                let asked = self.at(column - 0.5, row - 0.5);
                let changeable = asked.editable * (1.0 - f32::from(draft.front.get(x, y)) / 255.0);
                if changeable <= 0.0 {
                    continue;
                }
                let under = draft.under.get(x, y).map(|value| f32::from(value) / 255.0);
                let place = [x as f32 + asked.shift[0] * cell, y as f32 + asked.shift[1] * cell];
                let after = laid_on(layer.at(place), &asked, under);
                let before = laid_on(layer.at([x as f32, y as f32]), &CellRetouch::default(), under);
                let pixel = draft.picture.get(x, y);
                let changed: [u8; 3] = std::array::from_fn(|channel| {
                    let change = 255.0 * changeable * (after[channel] - before[channel]);
                    (f32::from(pixel[channel]) + change).round().clamp(0.0, 255.0) as u8
                });
                if changed != pixel {
                    draft.picture.set(x, y, changed);
                    draft.edited.set(x, y, 255);
                }
            }
        }
    }

    /// Interpolates between the four cells around a place.
    fn at(&self, x: f32, y: f32) -> CellRetouch {
        let last = (self.side - 1) as f32;
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.side - 1), (top + 1).min(self.side - 1));
        let (u, v) = (x - left as f32, y - top as f32);
        let cell = |x: usize, y: usize| self.cells[y * self.side + x].values();
        let [a, b, c, d] = [cell(left, top), cell(right, top), cell(left, bottom), cell(right, bottom)];
        CellRetouch::of(std::array::from_fn(|index| {
            let upper = (1.0 - u) * a[index] + u * b[index];
            let lower = (1.0 - u) * c[index] + u * d[index];
            (1.0 - v) * upper + v * lower
        }))
    }
}

/// The layer composited over the ground.
fn laid_on([red, green, blue, alpha, guess]: [f32; 5], asked: &CellRetouch, under: [f32; 3]) -> [f32; 3] {
    let coverage = (alpha + strong_cut(asked.cut)).clamp(0.0, 1.0);
    let erased = strong_cut(asked.erasure).clamp(0.0, 1.0);
    let unknown = (1.0 - alpha + guess).clamp(erased, 1.0);
    let layer = [red, green, blue];
    std::array::from_fn(|channel| {
        let kept = (1.0 - erased) * layer[channel] * asked.light[channel].exp();
        let colour = kept + unknown * asked.paint[channel];
        coverage * (colour.clamp(0.0, 1.0) - under[channel])
    })
}

/// The warped character with its colours extended beyond its edge.
struct Layer<'a> {
    warp: &'a Warp,
    colour: Picture,
}

impl<'a> Layer<'a> {
    fn of(warp: &'a Warp) -> Self {
        Self { warp, colour: warp.spread_colour() }
    }

    /// Colour, coverage and guess in [0, 1] at a place of the frame. Pixels are at integers.
    fn at(&self, [x, y]: [f32; 2]) -> [f32; 5] {
        let (x, y) = (x - self.warp.area.x as f32, y - self.warp.area.y as f32);
        let (left, top) = (x.floor(), y.floor());
        let mut sum = [0.0; 5];
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let (column, row) = (left + dx, top + dy);
            let share = (1.0 - (x - column).abs()) * (1.0 - (y - row).abs());
            let values = self.pixel(column, row);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += share * value);
        }
        sum
    }

    /// Outside the warp's area the colours continue and the coverage is 0.
    fn pixel(&self, column: f32, row: f32) -> [f32; 5] {
        let (width, height) = self.colour.size();
        let inside = |value: f32, count: usize| value.clamp(0.0, count as f32 - 1.0);
        let (x, y) = (inside(column, width), inside(row, height));
        let is_inside = (x, y) == (column, row);
        let (x, y) = (x as usize, y as usize);
        let [red, green, blue] = self.colour.get(x, y).map(|value| f32::from(value) / 255.0);
        let coverage = |mask: &Mask| if is_inside { f32::from(mask.get(x, y)) / 255.0 } else { 0.0 };
        [red, green, blue, coverage(&self.warp.alpha), coverage(&self.warp.guess)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey frame with a layer of vertical stripes in columns 8 to 15.
    fn draft() -> Draft {
        let warp = Warp {
            area: Rect::new(8, 4, 8, 8),
            colour: Picture::from_fn(8, 8, |x, _| [20 * x as u8 + 40; 3]),
            alpha: Mask::filled(8, 8, 255),
            depth: media::picture::Plane::filled(8, 8, 0.0),
            guess: Mask::filled(8, 8, 0),
        };
        let under = Picture::filled(32, 16, [100; 3]);
        let mut picture = under.clone();
        warp.lay_over(&mut picture);
        let (edited, front) = (Mask::filled(32, 16, 0), Mask::filled(32, 16, 0));
        Draft { picture, edited, warp: Some(warp), under, front }
    }

    fn retouched(cell: CellRetouch) -> Draft {
        let mut draft = draft();
        let region = Region { square: Rect::new(0, -8, 32, 32) };
        FrameRetouch::new(region, 16, vec![CellRetouch { editable: 1.0, ..cell }; 256]).lay_on(&mut draft);
        draft
    }

    #[test]
    fn nothing_asked_changes_nothing() {
        let draft_before = draft();
        let draft = retouched(CellRetouch::default());
        assert_eq!(draft.picture, draft_before.picture);
        assert!(draft.edited.cells().iter().all(|cell| *cell == 0));
    }

    #[test]
    fn a_shifted_layer_keeps_every_stripe() {
        // A cell is two pixels wide. The layer comes from two pixels to the right, so it moves two to the left.
        let draft = retouched(CellRetouch { shift: [1.0, 0.0], ..CellRetouch::default() });
        let row: Vec<u8> = (4..16).map(|x| draft.picture.get(x, 8)[0]).collect();
        assert_eq!(row, [100, 100, 40, 60, 80, 100, 120, 140, 160, 180, 100, 100]);
        assert_eq!([draft.edited.get(6, 8), draft.edited.get(4, 8)], [255, 0]);
    }

    #[test]
    fn what_is_in_front_stays() {
        let mut draft = draft();
        draft.front = Mask::filled(32, 16, 255);
        let before = draft.picture.clone();
        let region = Region { square: Rect::new(0, -8, 32, 32) };
        let cell = CellRetouch { cut: -1.0, editable: 1.0, ..CellRetouch::default() };
        FrameRetouch::new(region, 16, vec![cell; 256]).lay_on(&mut draft);
        assert_eq!(draft.picture, before);
    }

    #[test]
    fn paint_stays_where_it_may_and_two_retouches_mix() {
        let mut draft = draft();
        let painted = |editable: f32| CellRetouch { cut: 1.0, paint: [0.2; 3], editable, ..CellRetouch::default() };
        let region = Region { square: Rect::new(0, 0, 32, 32) };
        // Two columns of cells, sixteen pixels each, with centres at 8 and 24.
        let cells = [1.0, 0.0, 1.0, 0.0].map(painted).to_vec();
        FrameRetouch::new(region, 2, cells).lay_on(&mut draft);
        assert_ne!(draft.picture.get(22, 8), [100; 3]);
        assert_eq!(draft.picture.get(24, 8), [100; 3]);
        let region = Region { square: Rect::new(0, 0, 1, 1) };
        let one = |cut: f32| FrameRetouch::new(region, 1, vec![CellRetouch { cut, ..CellRetouch::default() }]);
        assert_eq!(one(0.8).mixed(&one(0.0), 0.25), one(0.2));
    }
}

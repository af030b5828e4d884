//! What a finisher asks of a frame, done at the frame's own resolution: the maps are interpolated, the warped character is
//! sampled where it has all its detail. [`model::finisher::Retouch`] has the formula.

use draft::drafter::Draft;
use draft::warp::Warp;
use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use model::finisher::{REACH, strong_cut};
use perception::region::Region;

/// What is asked of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CellRetouch {
    /// Where the layer comes from, in cells.
    pub shift: [f32; 2],
    /// What is asked of the coverage.
    pub cut: f32,
    /// Logarithm of the gain.
    pub light: [f32; 3],
    /// Colour that is added where the layer knows nothing, in [0, 1].
    pub paint: [f32; 3],
}

impl CellRetouch {
    fn values(self) -> [f32; 9] {
        let ([x, y], [a, b, c], [d, e, f]) = (self.shift, self.light, self.paint);
        [x, y, self.cut, a, b, c, d, e, f]
    }

    /// From shift, cut, light and paint in this order.
    pub fn of([x, y, cut, a, b, c, d, e, f]: [f32; 9]) -> Self {
        Self { shift: [x, y], cut, light: [a, b, c], paint: [d, e, f] }
    }
}

/// What is asked of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRetouch {
    region: Region,
    side: usize,
    cells: Vec<CellRetouch>,
}

impl FrameRetouch {
    /// What is asked of the cells of a region, `side` to a row.
    ///
    /// # Panics
    /// When there are not `side * side` of them.
    pub fn new(region: Region, side: usize, cells: Vec<CellRetouch>) -> Self {
        assert_eq!(cells.len(), side * side, "retouch: cells of a square of {side}");
        Self { region, side, cells }
    }

    /// A share of this and the rest of another of the same region.
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

    /// Retouches a draft, and marks in `edited` with 255 where that made a difference. `hole` is what was removed.
    ///
    /// # Panics
    /// When the hole has another size than the draft.
    pub fn lay_on(&self, draft: &mut Draft, hole: &Mask) {
        assert_eq!(hole.size(), draft.picture.size(), "retouch: hole {:?}", hole.size());
        let Some(warp) = draft.warp.clone() else { return };
        let layer = Layer::of(&warp);
        let (width, height) = draft.picture.size();
        let area = self.region.square.intersection(&Rect::<Frame>::of_size(width as u32, height as u32));
        let transform = self.region.transform(self.side as u32);
        // The length of a cell in pixels.
        let cell = self.region.square.width as f32 / self.side as f32;
        let editable = editable(&warp, hole, (REACH as f32 * cell).round() as usize);
        for y in area.y as usize..area.bottom() as usize {
            for x in area.x as usize..area.right() as usize {
                let front = f32::from(draft.front.get(x, y)) / 255.0;
                if !editable.get(x, y) || front >= 1.0 {
                    continue;
                }
                let (column, row) = transform.crop_from_frame(x as f32 + 0.5, y as f32 + 0.5);
                let asked = self.at(column - 0.5, row - 0.5);
                let under = draft.under.get(x, y).map(|value| f32::from(value) / 255.0);
                let place = [x as f32 + asked.shift[0] * cell, y as f32 + asked.shift[1] * cell];
                let after = laid_on(layer.at(place), &asked, under);
                let before = laid_on(layer.at([x as f32, y as f32]), &CellRetouch::default(), under);
                let pixel = draft.picture.get(x, y);
                let changed: [u8; 3] = std::array::from_fn(|channel| {
                    let change = 255.0 * (1.0 - front) * (after[channel] - before[channel]);
                    (f32::from(pixel[channel]) + change).round().clamp(0.0, 255.0) as u8
                });
                if changed != pixel {
                    draft.picture.set(x, y, changed);
                    draft.edited.set(x, y, 255);
                }
            }
        }
    }

    /// Between the four cells around a place.
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

/// What the layer adds to the ground under it.
fn laid_on([red, green, blue, alpha, guess]: [f32; 5], asked: &CellRetouch, under: [f32; 3]) -> [f32; 3] {
    let coverage = (alpha + strong_cut(asked.cut)).clamp(0.0, 1.0);
    let unknown = (1.0 - alpha + guess).clamp(0.0, 1.0);
    let layer = [red, green, blue];
    std::array::from_fn(|channel| {
        let colour = layer[channel] * asked.light[channel].exp() + unknown * asked.paint[channel];
        coverage * (colour.clamp(0.0, 1.0) - under[channel])
    })
}

/// The warped character with its colours continued.
struct Layer<'a> {
    warp: &'a Warp,
    colour: Picture,
}

impl<'a> Layer<'a> {
    fn of(warp: &'a Warp) -> Self {
        Self { warp, colour: warp.spread_colour() }
    }

    /// Colour, coverage and guess in [0, 1] at a place of the frame; pixels lie at whole numbers.
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

    /// Outside of the warp's area colours go on and coverage is none.
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

/// Where a frame may be changed: within `reach` pixels of hole and layer, by rows and columns.
fn editable(warp: &Warp, hole: &Mask, reach: usize) -> media::picture::Plane<bool> {
    let (width, height) = hole.size();
    let covered = |x: usize, y: usize| {
        let (column, row) = (x as i32 - warp.area.x, y as i32 - warp.area.y);
        let (right, bottom) = warp.alpha.size();
        column >= 0
            && row >= 0
            && (column as usize) < right
            && (row as usize) < bottom
            && warp.alpha.get(column as usize, row as usize) > 0
    };
    let near = media::picture::Plane::from_fn(width, height, |x, y| hole.get(x, y) > 0 || covered(x, y));
    let across = spread(&near, reach, |x, y| (x, y), (width, height));
    spread(&across, reach, |y, x| (x, y), (height, width))
}

/// True within `reach` cells along a line of a cell that is true. `place` gives the cell of a step and a line.
fn spread(
    near: &media::picture::Plane<bool>,
    reach: usize,
    place: impl Fn(usize, usize) -> (usize, usize),
    (steps, lines): (usize, usize),
) -> media::picture::Plane<bool> {
    let mut spread = near.clone();
    for line in 0..lines {
        let is_near = |step: usize| {
            let (x, y) = place(step, line);
            near.get(x, y)
        };
        let mut last: Option<usize> = None;
        let mut next = 0;
        for step in 0..steps {
            if is_near(step) {
                last = Some(step);
            }
            next = next.max(step);
            while next < steps && !is_near(next) {
                next += 1;
            }
            let before = last.is_some_and(|last| step - last <= reach);
            let after = next < steps && next - step <= reach;
            if before || after {
                let (x, y) = place(step, line);
                spread.set(x, y, true);
            }
        }
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of grey with a layer of vertical stripes that covers columns 8 to 15.
    fn draft() -> (Draft, Mask) {
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
        (Draft { picture, edited, warp: Some(warp), under, front }, Mask::filled(32, 16, 0))
    }

    fn retouched(cell: CellRetouch) -> Draft {
        let (mut draft, hole) = draft();
        let region = Region { square: Rect::new(0, -8, 32, 32) };
        FrameRetouch::new(region, 16, vec![cell; 256]).lay_on(&mut draft, &hole);
        draft
    }

    #[test]
    fn nothing_asked_changes_nothing() {
        let draft_before = draft().0;
        let draft = retouched(CellRetouch::default());
        assert_eq!(draft.picture, draft_before.picture);
        assert!(draft.edited.cells().iter().all(|cell| *cell == 0));
    }

    #[test]
    fn a_shifted_layer_keeps_every_stripe() {
        // A cell is two pixels: the layer comes from two pixels to the right, so it moves two to the left.
        let draft = retouched(CellRetouch { shift: [1.0, 0.0], ..CellRetouch::default() });
        let row: Vec<u8> = (4..16).map(|x| draft.picture.get(x, 8)[0]).collect();
        assert_eq!(row, [100, 100, 40, 60, 80, 100, 120, 140, 160, 180, 100, 100]);
        assert_eq!([draft.edited.get(6, 8), draft.edited.get(4, 8)], [255, 0]);
    }

    #[test]
    fn what_is_in_front_stays() {
        let (mut draft, hole) = draft();
        draft.front = Mask::filled(32, 16, 255);
        let before = draft.picture.clone();
        let region = Region { square: Rect::new(0, -8, 32, 32) };
        let cell = CellRetouch { cut: -1.0, ..CellRetouch::default() };
        FrameRetouch::new(region, 16, vec![cell; 256]).lay_on(&mut draft, &hole);
        assert_eq!(draft.picture, before);
    }

    #[test]
    fn paint_stays_near_the_layer_and_two_retouches_mix() {
        let painted = CellRetouch { cut: 1.0, paint: [0.2; 3], ..CellRetouch::default() };
        let reach = 2 * REACH; // pixels
        let draft = retouched(painted);
        assert_ne!(draft.picture.get(15 + reach, 8), [100; 3]);
        assert_eq!(draft.picture.get(16 + reach, 8), [100; 3]);
        let region = Region { square: Rect::new(0, 0, 1, 1) };
        let one = |cut: f32| FrameRetouch::new(region, 1, vec![CellRetouch { cut, ..CellRetouch::default() }]);
        assert_eq!(one(0.8).mixed(&one(0.0), 0.25), one(0.2));
    }
}

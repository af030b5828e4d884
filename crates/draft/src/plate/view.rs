//! Prepares a frame for alignment: a brightness pyramid without the hole, smoothed and halved at each level.

use media::picture::{Mask, Picture, Plane};

/// Smallest side of a level.
const LEAST_SIDE: usize = 16;
/// Largest number of levels.
const MOST_LEVELS: usize = 6;

/// The levels on which held frames are searched.
pub(super) const SEARCHED_LEVELS: usize = 3;

/// One scale of a frame.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// Brightness, 0..=255; NaN where less than half of a cell is visible.
    pub(super) grey: Plane<f32>,
    /// Visible share of each cell; 0 where it is less than half.
    pub(super) visible: Plane<f32>,
}

/// A frame at several scales, finest first. Each level has half the sides of the previous one.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) levels: Vec<Level>,
    /// Share of the frame outside the hole.
    pub(super) visible_share: f32,
}

impl View {
    /// Builds the view of a frame. Covered pixels do not count.
    pub(super) fn new(picture: &Picture, hole: &Mask) -> Self {
        let grey = picture
            .map(|[red, green, blue]| 0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue));
        let visible = hole.map(|covered| if covered > 0 { 0.0 } else { 1.0 });
        let visible_share = visible.cells().iter().sum::<f32>() / visible.cells().len().max(1) as f32;
        let mut levels = vec![Level { grey, visible }];
        while levels.len() < MOST_LEVELS {
            let last = &levels[levels.len() - 1];
            if last.grey.width().min(last.grey.height()) < 2 * LEAST_SIDE {
                break;
            }
            let half = last.half();
            levels.push(half);
        }
        levels.iter_mut().for_each(Level::hide);
        Self { levels, visible_share }
    }

    /// Keeps only what a search needs. Templates can no longer be cut out.
    pub(super) fn searchable(mut self) -> Self {
        self.levels.truncate(SEARCHED_LEVELS);
        self.levels.iter_mut().for_each(|level| level.visible = Plane::filled(0, 0, 0.0));
        self
    }

    /// Columns and rows of the finest level.
    pub(super) fn size(&self) -> (usize, usize) {
        self.levels[0].grey.size()
    }
}

impl Level {
    /// Removes cells that are mostly hole.
    fn hide(&mut self) {
        for (grey, visible) in self.grey.cells_mut().iter_mut().zip(self.visible.cells_mut()) {
            if *visible < 0.5 {
                (*grey, *visible) = (f32::NAN, 0.0);
            }
        }
    }

    fn half(&self) -> Self {
        let (width, height) = (self.grey.width() / 2, self.grey.height() / 2);
        let mut visible = Plane::filled(width, height, 0.0);
        let mut grey = Plane::filled(width, height, 0.0);
        for y in 0..height {
            let rows = [self.grey.row(2 * y), self.grey.row(2 * y + 1)];
            let shares = [self.visible.row(2 * y), self.visible.row(2 * y + 1)];
            for x in 0..width {
                let (mut sum, mut weight, mut plain) = (0.0, 0.0, 0.0);
                for (row, share) in rows.iter().zip(shares) {
                    for column in 2 * x..2 * x + 2 {
                        sum += row[column] * share[column];
                        weight += share[column];
                        plain += row[column];
                    }
                }
                visible.cells_mut()[y * width + x] = weight / 4.0;
                grey.cells_mut()[y * width + x] = if weight > 0.0 { sum / weight } else { plain / 4.0 };
            }
        }
        Self { grey, visible }
    }
}

/// Interpolates between four cells, for `0 <= x <= width - 1` and `0 <= y <= height - 1`; NaN when one of the cells is
/// NaN.
#[inline]
pub(super) fn bilinear(plane: &Plane<f32>, x: f32, y: f32) -> f32 {
    let (width, height) = plane.size();
    let (left, top) = ((x as usize).min(width - 2), (y as usize).min(height - 2));
    let (along, down) = (x - left as f32, y - top as f32);
    let start = top * width + left;
    let (upper, lower) = (&plane.cells()[start..start + 2], &plane.cells()[start + width..start + width + 2]);
    let high = upper[0] + along * (upper[1] - upper[0]);
    let low = lower[0] + along * (lower[1] - lower[0]);
    high + down * (low - high)
}

/// Converts a coordinate of the finest level to a level.
pub(super) fn on_level(value: f32, level: usize) -> f32 {
    (value + 0.5) / (1 << level) as f32 - 0.5
}

/// Converts a coordinate of a level to the finest level.
pub(super) fn off_level(value: f32, level: usize) -> f32 {
    (value + 0.5) * (1 << level) as f32 - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hole_does_not_bleed_into_coarser_levels() {
        let picture = Picture::from_fn(64, 64, |x, _| if x < 31 { [255; 3] } else { [40; 3] });
        let hole = Mask::from_fn(64, 64, |x, _| if x < 31 { 255 } else { 0 });
        let view = View::new(&picture, &hole);
        assert_eq!(view.levels.len(), 3);
        assert!((view.levels[1].grey.get(15, 3) - 40.0).abs() < 1e-3);
        assert_eq!(view.levels[1].visible.get(15, 3), 0.5);
        assert_eq!(on_level(off_level(7.25, 2), 2), 7.25);
    }

    #[test]
    fn values_between_cells_are_mixed() {
        let plane = Plane::from_cells(2, 2, vec![0.0, 10.0, 20.0, 30.0]);
        assert_eq!(bilinear(&plane, 0.5, 0.5), 15.0);
        assert_eq!(bilinear(&plane, 1.0, 0.0), 10.0);
    }
}

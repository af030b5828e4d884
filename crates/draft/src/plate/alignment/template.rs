//! Searches a small window of one frame in another by inverse compositional Lucas-Kanade. The search uses the gradient
//! of the template, so one template serves many searches. The mean brightness is removed, so a difference in mean
//! brightness does not matter.

use crate::plate::view::{Level, bilinear};

#[derive(Debug, Clone, Copy)]
struct Cell {
    offset: (f32, f32),
    value: f32,
    slope: (f32, f32),
    weight: f32,
}

/// A window of one level.
#[derive(Debug, Clone)]
pub(in crate::plate) struct Template {
    cells: Vec<Cell>,
    weight: f32,
    inverse: [f32; 3],
}

/// Where a template was found.
#[derive(Debug, Clone, Copy)]
pub(in crate::plate) struct Found {
    pub(in crate::plate) place: (f32, f32),
    /// Root mean square difference of brightness after removing its mean, in levels.
    pub(in crate::plate) residual: f32,
}

impl Template {
    /// Cuts out the window of `2 * radius + 1` cells around a cell; none when less than 60 % of it is visible.
    ///
    /// `stiffness` is added to the squared gradients, so the search hardly moves in directions without detail.
    pub(in crate::plate) fn cut(level: &Level, (x, y): (i32, i32), radius: i32, stiffness: f32) -> Option<Self> {
        let (width, height) = level.grey.size();
        let (width, height) = (width as i32, height as i32);
        let mut cells = Vec::with_capacity(((2 * radius + 1) * (2 * radius + 1)) as usize);
        let (mut weight, mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0, 0.0);
        for row in (y - radius).max(1)..=(y + radius).min(height - 2) {
            let grey = level.grey.row(row as usize);
            let (above, below) = (level.grey.row(row as usize - 1), level.grey.row(row as usize + 1));
            let visible = level.visible.row(row as usize);
            let (hidden, covered) = (level.visible.row(row as usize - 1), level.visible.row(row as usize + 1));
            for column in (x - radius).max(1)..=(x + radius).min(width - 2) {
                let at = column as usize;
                let share = visible[at].min(visible[at - 1]).min(visible[at + 1]).min(hidden[at]).min(covered[at]);
                if share < 0.5 {
                    continue;
                }
                let slope = ((grey[at + 1] - grey[at - 1]) / 2.0, (below[at] - above[at]) / 2.0);
                weight += share;
                xx += share * slope.0 * slope.0;
                xy += share * slope.0 * slope.1;
                yy += share * slope.1 * slope.1;
                let offset = ((column - x) as f32, (row - y) as f32);
                cells.push(Cell { offset, value: grey[at], slope, weight: share });
            }
        }
        if weight < 0.6 * ((2 * radius + 1) * (2 * radius + 1)) as f32 {
            return None;
        }
        let (xx, yy) = (xx + stiffness * weight + 1e-3, yy + stiffness * weight + 1e-3);
        let determinant = xx * yy - xy * xy;
        let inverse = [yy / determinant, -xy / determinant, xx / determinant];
        Some(Self { cells, weight, inverse })
    }

    /// Searches from `place`. `turn` is the derivative of the map from the template's frame to the searched frame.
    pub(in crate::plate) fn search(
        &self,
        level: &Level,
        place: (f32, f32),
        turn: [f32; 4],
        rounds: usize,
    ) -> Option<Found> {
        let (width, height) = level.grey.size();
        if width < 2 || height < 2 {
            return None;
        }
        let (right, bottom) = (width as f32 - 1.0, height as f32 - 1.0);
        let (mut x, mut y) = place;
        let mut residual = f32::INFINITY;
        for round in 0..=rounds {
            let (mut weights, mut error, mut squares) = (0.0, 0.0, 0.0);
            let (mut slopes, mut moments) = ((0.0, 0.0), (0.0, 0.0));
            for cell in &self.cells {
                let (dx, dy) = cell.offset;
                let (u, v) = (x + turn[0] * dx + turn[1] * dy, y + turn[2] * dx + turn[3] * dy);
                if u < 0.0 || v < 0.0 || u > right || v > bottom {
                    continue;
                }
                let difference = bilinear(&level.grey, u, v) - cell.value;
                if difference.is_nan() {
                    continue;
                }
                let weighted = cell.weight * difference;
                weights += cell.weight;
                error += weighted;
                squares += weighted * difference;
                slopes.0 += cell.weight * cell.slope.0;
                slopes.1 += cell.weight * cell.slope.1;
                moments.0 += weighted * cell.slope.0;
                moments.1 += weighted * cell.slope.1;
            }
            if weights < 0.5 * self.weight {
                return None;
            }
            let mean = error / weights;
            residual = (squares / weights - mean * mean).max(0.0).sqrt();
            if round == rounds {
                break;
            }
            let (along, down) = (moments.0 - mean * slopes.0, moments.1 - mean * slopes.1);
            let dx = self.inverse[0] * along + self.inverse[1] * down;
            let dy = self.inverse[1] * along + self.inverse[2] * down;
            x -= turn[0] * dx + turn[1] * dy;
            y -= turn[2] * dx + turn[3] * dy;
            if !x.is_finite() || !y.is_finite() {
                return None;
            }
            if dx * dx + dy * dy < 2.5e-4 {
                break;
            }
        }
        Some(Found { place: (x, y), residual })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plate::view::View;
    use media::picture::{Mask, Picture};

    #[test]
    fn a_shift_is_found_to_a_twentieth_of_a_pixel() {
        let blob = |shift: f32| {
            Picture::from_fn(40, 40, |x, y| {
                let (dx, dy) = (x as f32 - 20.0 - shift, y as f32 - 19.0 + shift / 2.0);
                [(30.0 + 200.0 * (-(dx * dx + 2.0 * dy * dy) / 60.0).exp()).round() as u8; 3]
            })
        };
        let open = Mask::filled(40, 40, 0);
        let (from, to) = (View::new(&blob(0.0), &open), View::new(&blob(1.6), &open));
        let template = Template::cut(&from.levels[0], (20, 19), 6, 0.0).unwrap();
        let found = template.search(&to.levels[0], (20.0, 19.0), [1.0, 0.0, 0.0, 1.0], 20).unwrap();
        assert!((found.place.0 - 21.6).abs() < 0.05 && (found.place.1 - 18.2).abs() < 0.05, "{found:?}");
        assert!(found.residual < 1.0);
    }
}

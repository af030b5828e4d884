//! Estimates how an object moved from one frame to another: searches for its position, then fits an affine map to its
//! colours (Lucas and Kanade).

use media::picture::Plane;

use super::look::{Look, difference};

/// Most pixels that are compared.
const SAMPLES: usize = 400;
/// A pixel whose colour differs by more is hidden, or not the object's.
const CAP: f32 = 60.0;
/// What a pixel outside of the frame counts.
const OUTSIDE: f32 = 40.0;
/// What a pixel of distance from the expected place counts.
const FAR: f32 = 0.06;
/// Rounds of the fit.
const ROUNDS: usize = 8;
/// Bounds of the change of size between two frames that follow each other.
const STRETCH: (f32, f32) = (0.8, 1.25);

/// An affine map of places: `(xx x + xy y + x, yx x + yy y + y)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    pub(super) matrix: [[f32; 2]; 2],
    pub(super) shift: [f32; 2],
}

impl Affine {
    pub(super) const IDENTITY: Self = Self { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0, 0.0] };

    pub(super) fn shifted(x: f32, y: f32) -> Self {
        Self { shift: [x, y], ..Self::IDENTITY }
    }

    pub(super) fn apply(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let row = |row: usize| self.matrix[row][0] * x + self.matrix[row][1] * y + self.shift[row];
        (row(0), row(1))
    }

    /// First `self`, then `next`.
    pub(super) fn then(&self, next: &Self) -> Self {
        let (x, y) = next.apply((self.shift[0], self.shift[1]));
        let cell = |row: usize, column: usize| {
            next.matrix[row][0] * self.matrix[0][column] + next.matrix[row][1] * self.matrix[1][column]
        };
        Self { matrix: [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]], shift: [x, y] }
    }

    pub(super) fn determinant(&self) -> f32 {
        self.matrix[0][0] * self.matrix[1][1] - self.matrix[0][1] * self.matrix[1][0]
    }

    /// The map back; the identity when there is none.
    pub(super) fn inverse(&self) -> Self {
        let determinant = self.determinant();
        if determinant.abs() < 1e-6 {
            return Self::IDENTITY;
        }
        let [[a, b], [c, d]] = self.matrix;
        let matrix = [[d / determinant, -b / determinant], [-c / determinant, a / determinant]];
        let back = Self { matrix, shift: [0.0, 0.0] };
        let (x, y) = back.apply((self.shift[0], self.shift[1]));
        Self { matrix, shift: [-x, -y] }
    }
}

/// Pixels of an object in a frame.
pub(super) struct Samples<'a> {
    look: &'a Look,
    places: Vec<(f32, f32)>,
    middle: (f32, f32),
    radius: f32,
}

impl<'a> Samples<'a> {
    /// Pixels that are the object's, spread evenly over it; none when there are too few.
    pub(super) fn of(look: &'a Look, coverage: &Plane<f32>) -> Option<Self> {
        let covered = coverage.cells().iter().filter(|&&share| share > 0.5).count();
        if covered < 4 {
            return None;
        }
        let step = ((covered as f32 / SAMPLES as f32).sqrt().floor() as usize).max(1);
        let (width, height) = coverage.size();
        let mut places = vec![];
        for y in (0..height).step_by(step) {
            for x in (0..width).step_by(step).filter(|&x| coverage.get(x, y) > 0.5) {
                places.push((x as f32, y as f32));
            }
        }
        if places.len() < 3 {
            return None;
        }
        let count = places.len() as f32;
        let sum = places.iter().fold((0.0, 0.0), |sum, place| (sum.0 + place.0, sum.1 + place.1));
        Some(Self { look, places, middle: (sum.0 / count, sum.1 / count), radius: (covered as f32).sqrt() })
    }

    /// The middle of the object.
    pub(super) fn middle(&self) -> (f32, f32) {
        self.middle
    }

    /// Square root of the object's area.
    pub(super) fn radius(&self) -> f32 {
        self.radius
    }

    /// Mean difference of colours when the object moves so, hidden pixels counting little more than the most different ones.
    pub(super) fn error(&self, to: &Look, motion: &Affine, step: usize) -> f32 {
        let (mut sum, mut count) = (0.0, 0.0);
        for &(x, y) in self.places.iter().step_by(step) {
            let (column, row) = motion.apply((x, y));
            sum += if to.holds((column, row)) {
                let there = to.colours.get(column.round().max(0.0) as usize, row.round().max(0.0) as usize);
                difference(self.look.colours.get(x as usize, y as usize), there).sqrt().min(CAP)
            } else {
                OUTSIDE
            };
            count += 1.0;
        }
        sum / count
    }

    /// The best shift within `reach` pixels of a guess.
    pub(super) fn search(&self, to: &Look, guess: &Affine, reach: i32) -> (Affine, f32) {
        let thin = (self.places.len() / 120).max(1);
        let mut best = (*guess, f32::INFINITY);
        let mut look_at = |middle: Affine, reach: i32, step: i32, thin: usize| {
            let (mut found, mut least) = (middle, f32::INFINITY);
            for dy in (-reach..=reach).step_by(step as usize) {
                for dx in (-reach..=reach).step_by(step as usize) {
                    let moved = middle.then(&Affine::shifted(dx as f32, dy as f32));
                    let far = (moved.shift[0] - guess.shift[0]).hypot(moved.shift[1] - guess.shift[1]);
                    let error = self.error(to, &moved, thin) + FAR * far;
                    if error < least {
                        (found, least) = (moved, error);
                    }
                }
            }
            best = (found, least);
            found
        };
        let coarse = look_at(*guess, reach / 2 * 2, 2, thin);
        look_at(coarse, 2, 1, (thin / 2).max(1));
        best
    }

    /// Improves a motion by an affine fit; the motion itself when that fits no better.
    pub(super) fn fitted(&self, to: &Look, start: &Affine) -> (Affine, f32) {
        let before = self.error(to, start, 1);
        let mut motion = *start;
        // Small objects say little about turns and sizes.
        let stiffness = 2.0e4 * (12.0 / self.radius).powi(2);
        for _ in 0..ROUNDS {
            let Some(change) = self.change(to, &motion, stiffness) else { break };
            motion = change.then(&motion);
        }
        let stretch = (motion.determinant() / start.determinant().max(1e-3)).max(0.0).sqrt();
        let after = self.error(to, &motion, 1);
        let is_usable = (STRETCH.0..STRETCH.1).contains(&stretch) && after <= before;
        if is_usable { (motion, after) } else { (*start, before) }
    }

    /// One Gauss-Newton step for a change that is applied before the motion.
    fn change(&self, to: &Look, motion: &Affine, stiffness: f32) -> Option<Affine> {
        let mut normal = [[0.0f64; 6]; 6];
        let mut right = [0.0f64; 6];
        let (mx, my) = self.middle;
        for &(x, y) in &self.places {
            let own = self.look.colours.get(x as usize, y as usize);
            let (column, row) = motion.apply((x, y));
            if !to.holds((column, row)) {
                continue;
            }
            let there = to.colour_at(column, row);
            let apart = difference(own, there);
            let weight = f64::from(1.0 / (1.0 + apart / (0.1 * CAP * CAP)));
            let (east, west) = (to.colour_at(column + 0.5, row), to.colour_at(column - 0.5, row));
            let (south, north) = (to.colour_at(column, row + 0.5), to.colour_at(column, row - 0.5));
            let (u, v) = ((x - mx) / self.radius, (y - my) / self.radius);
            for channel in 0..3 {
                let (dx, dy) = (east[channel] - west[channel], south[channel] - north[channel]);
                // Slopes along the object's own axes.
                let gx = dx * motion.matrix[0][0] + dy * motion.matrix[1][0];
                let gy = dx * motion.matrix[0][1] + dy * motion.matrix[1][1];
                let slopes = [gx, gx * u, gx * v, gy, gy * u, gy * v].map(f64::from);
                let residual = f64::from(own[channel] - there[channel]);
                for one in 0..6 {
                    right[one] += weight * slopes[one] * residual;
                    for other in 0..6 {
                        normal[one][other] += weight * slopes[one] * slopes[other];
                    }
                }
            }
        }
        for (index, row) in normal.iter_mut().enumerate() {
            let share = if index % 3 == 0 { 1.0 } else { f64::from(stiffness) };
            row[index] += share * 10.0;
        }
        let [tx, a, b, ty, c, d] = solved(normal, right)?.map(|value| value as f32);
        let [a, b, c, d] = [a, b, c, d].map(|value| value / self.radius);
        let matrix = [[1.0 + a, b], [c, 1.0 + d]];
        Some(Affine { matrix, shift: [tx - a * mx - b * my, ty - c * mx - d * my] })
    }
}

/// Solves six equations by elimination; none when they are underdetermined.
fn solved(mut matrix: [[f64; 6]; 6], mut right: [f64; 6]) -> Option<[f64; 6]> {
    for pivot in 0..6 {
        let best = (pivot..6).max_by(|&one, &other| matrix[one][pivot].abs().total_cmp(&matrix[other][pivot].abs()))?;
        matrix.swap(pivot, best);
        right.swap(pivot, best);
        if matrix[pivot][pivot].abs() < 1e-9 {
            return None;
        }
        for row in pivot + 1..6 {
            let (above, factor) = (matrix[pivot], matrix[row][pivot] / matrix[pivot][pivot]);
            for (cell, above) in matrix[row].iter_mut().zip(above) {
                *cell -= factor * above;
            }
            right[row] -= factor * right[pivot];
        }
    }
    let mut answer = [0.0; 6];
    for row in (0..6).rev() {
        let known: f64 = (row + 1..6).map(|column| matrix[row][column] * answer[column]).sum();
        answer[row] = (right[row] - known) / matrix[row][row];
    }
    answer.iter().all(|value| value.is_finite()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_map_and_its_inverse_lead_back(a in 0.7f32..1.4, b in -0.3f32..0.3, c in -0.3f32..0.3, d in 0.7f32..1.4, x in -50.0f32..50.0, y in -50.0f32..50.0) {
            let map = Affine { matrix: [[a, b], [c, d]], shift: [x, y] };
            let there = map.apply((3.0, 7.0));
            let (column, row) = map.inverse().apply(there);
            prop_assert!((column - 3.0).abs() < 1e-2 && (row - 7.0).abs() < 1e-2);
            let (column, row) = map.then(&map.inverse()).apply((-5.0, 2.0));
            prop_assert!((column + 5.0).abs() < 1e-2 && (row - 2.0).abs() < 1e-2);
        }
    }

    #[test]
    fn six_equations_are_solved_and_contradictions_refused() {
        let mut matrix = [[0.0; 6]; 6];
        // Rows in reverse order, so that rows must be exchanged: 2 x5 = 2, 2 x4 = 4 ...
        (0..6).for_each(|row| matrix[row][5 - row] = 2.0);
        assert_eq!(solved(matrix, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]), Some([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]));
        assert_eq!(solved([[1.0; 6]; 6], [1.0; 6]), None);
    }
}

//! Defines homographies between pictures, which describe a camera that turns, zooms, or films a plane. Pixel centres
//! have integer coordinates.

use crate::plate::alignment::linear::solve;

/// A place in pixels.
pub(in crate::plate) type Place = (f64, f64);

/// Two places that show the same thing, with a weight.
#[derive(Debug, Clone, Copy)]
pub(in crate::plate) struct Pair {
    pub(in crate::plate) from: Place,
    pub(in crate::plate) to: Place,
    pub(in crate::plate) weight: f64,
}

/// A 3x3 matrix in rows; its last cell is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::plate) struct Homography([f64; 9]);

impl Homography {
    /// The identity.
    pub(in crate::plate) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);

    /// A translation.
    pub(in crate::plate) fn translation(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0])
    }

    fn normalised(cells: [f64; 9]) -> Option<Self> {
        let cells = cells.map(|cell| cell / cells[8]);
        cells.iter().all(|cell| cell.is_finite()).then_some(Self(cells))
    }

    /// The image of a place.
    pub(in crate::plate) fn apply(&self, (x, y): Place) -> Place {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let depth = g * x + h * y + i;
        ((a * x + b * y + c) / depth, (d * x + e * y + f) / depth)
    }

    /// The derivative at a place, in rows.
    pub(in crate::plate) fn derivative(&self, place: Place) -> [f32; 4] {
        let [a, b, _, d, e, _, g, h, i] = self.0;
        let (x, y) = self.apply(place);
        let depth = g * place.0 + h * place.1 + i;
        [(a - x * g) / depth, (b - x * h) / depth, (d - y * g) / depth, (e - y * h) / depth].map(|cell| cell as f32)
    }

    /// The composition: first `self`, then `next`.
    pub(in crate::plate) fn then(&self, next: &Self) -> Option<Self> {
        if *self == Self::IDENTITY {
            return Some(*next);
        }
        let cell = |row: usize, column: usize| -> f64 {
            (0..3).map(|index| next.0[3 * row + index] * self.0[3 * index + column]).sum()
        };
        Self::normalised(std::array::from_fn(|index| cell(index / 3, index % 3)))
    }

    /// The inverse.
    pub(in crate::plate) fn inverse(&self) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        Self::normalised([
            e * i - f * h,
            c * h - b * i,
            b * f - c * e,
            f * g - d * i,
            a * i - c * g,
            c * d - a * f,
            d * h - e * g,
            b * g - a * h,
            a * e - b * d,
        ])
    }

    /// The map between pictures `a` and `b`, from their maps into a common reference. It is exactly the identity when
    /// both maps are the same.
    pub(in crate::plate) fn between(frame_from_a: &Self, frame_from_b: &Self) -> Option<Self> {
        if frame_from_a == frame_from_b {
            return Some(Self::IDENTITY);
        }
        frame_from_a.then(&frame_from_b.inverse()?)
    }

    /// The largest displacement of the corners of a picture.
    pub(in crate::plate) fn largest_shift(&self, (width, height): (usize, usize)) -> f64 {
        let (right, bottom) = (width as f64 - 1.0, height as f64 - 1.0);
        let shift = |place: Place| {
            let to = self.apply(place);
            (to.0 - place.0).hypot(to.1 - place.1)
        };
        [(0.0, 0.0), (right, 0.0), (0.0, bottom), (right, bottom)].map(shift).into_iter().fold(0.0, f64::max)
    }

    /// The least-squares homography of weighted pairs in a picture of this size; none when the pairs do not determine
    /// one.
    pub(in crate::plate) fn fit(pairs: &[Pair], (width, height): (usize, usize)) -> Option<Self> {
        let (middle_x, middle_y) = (width as f64 / 2.0, height as f64 / 2.0);
        let scale = 2.0 / width.max(height) as f64;
        let normal = |place: Place| ((place.0 - middle_x) * scale, (place.1 - middle_y) * scale);
        let (mut matrix, mut right) = ([[0.0; 8]; 8], [0.0; 8]);
        let mut total = 0.0;
        for pair in pairs {
            let ((x, y), (u, v)) = (normal(pair.from), normal(pair.to));
            total += pair.weight;
            let rows =
                [([x, y, 1.0, 0.0, 0.0, 0.0, -x * u, -y * u], u), ([0.0, 0.0, 0.0, x, y, 1.0, -x * v, -y * v], v)];
            for (row, value) in rows {
                for i in 0..8 {
                    for j in 0..8 {
                        matrix[i][j] += pair.weight * row[i] * row[j];
                    }
                    right[i] += pair.weight * row[i] * value;
                }
            }
        }
        // The perspective part is damped a little where the pairs hardly determine it.
        matrix[6][6] += 1e-4 * total;
        matrix[7][7] += 1e-4 * total;
        let [a, b, c, d, e, f, g, h] = solve(matrix, right)?;
        let to_normal = Self([scale, 0.0, -middle_x * scale, 0.0, scale, -middle_y * scale, 0.0, 0.0, 1.0]);
        to_normal.then(&Self([a, b, c, d, e, f, g, h, 1.0]))?.then(&to_normal.inverse()?)
    }

    /// The least-squares similarity (rotation, scale and shift) of weighted pairs.
    pub(in crate::plate) fn similarity(pairs: &[Pair]) -> Option<Self> {
        let total: f64 = pairs.iter().map(|pair| pair.weight).sum();
        let mean = |place: fn(&Pair) -> f64| pairs.iter().map(|pair| pair.weight * place(pair)).sum::<f64>() / total;
        let (x, y) = (mean(|pair| pair.from.0), mean(|pair| pair.from.1));
        let (u, v) = (mean(|pair| pair.to.0), mean(|pair| pair.to.1));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for pair in pairs {
            let (dx, dy) = (pair.from.0 - x, pair.from.1 - y);
            let (du, dv) = (pair.to.0 - u, pair.to.1 - v);
            along += pair.weight * (dx * du + dy * dv);
            across += pair.weight * (dx * dv - dy * du);
            spread += pair.weight * (dx * dx + dy * dy);
        }
        let (a, b) = (along / spread, across / spread);
        Self::normalised([a, -b, u - a * x + b * y, b, a, v - b * x - a * y, 0.0, 0.0, 1.0])
    }

    /// The exact affine map of three pairs.
    pub(in crate::plate) fn affine_of(pairs: [Pair; 3]) -> Option<Self> {
        let matrix = pairs.map(|pair| [pair.from.0, pair.from.1, 1.0]);
        let [a, b, c] = solve(matrix, pairs.map(|pair| pair.to.0))?;
        let [d, e, f] = solve(matrix, pairs.map(|pair| pair.to.1))?;
        Some(Self([a, b, c, d, e, f, 0.0, 0.0, 1.0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Place, b: Place) -> bool {
        (a.0 - b.0).hypot(a.1 - b.1) < 1e-6
    }

    #[test]
    fn a_map_is_found_from_pairs_and_undone_by_its_inverse() {
        let map = Homography([1.02, 0.01, 5.0, -0.02, 0.99, -3.0, 1e-5, -2e-5, 1.0]);
        let places = [(0.0, 0.0), (90.0, 3.0), (4.0, 70.0), (95.0, 66.0), (50.0, 31.0), (20.0, 44.0)];
        let pairs = places.map(|from| Pair { from, to: map.apply(from), weight: 1.0 });
        let found = Homography::fit(&pairs, (100, 80)).unwrap();
        for place in places {
            let (x, y) = (found.apply(place), map.apply(place));
            assert!((x.0 - y.0).hypot(x.1 - y.1) < 0.05, "{x:?} {y:?}");
            assert!(near(map.inverse().unwrap().apply(map.apply(place)), place));
            let shifted = map.then(&Homography::translation(2.0, 1.0)).unwrap().apply(place);
            assert!(near(shifted, (y.0 + 2.0, y.1 + 1.0)));
        }
    }

    #[test]
    fn a_quarter_turn_with_a_shift_is_a_similarity() {
        let turned = |(x, y): Place| (3.0 - 2.0 * y, 1.0 + 2.0 * x);
        let places = [(0.0, 0.0), (4.0, 1.0), (2.0, 7.0)];
        let pairs = places.map(|from| Pair { from, to: turned(from), weight: 0.5 });
        let found = Homography::similarity(&pairs).unwrap();
        assert!(near(found.apply((5.0, 6.0)), turned((5.0, 6.0))));
        assert!(Homography::similarity(&[pairs[0]; 2]).is_none());
    }

    #[test]
    fn equal_maps_are_related_by_exactly_the_identity() {
        let map = Homography([1.02, 0.01, 5.0, -0.02, 0.99, -3.0, 1e-5, -2e-5, 1.0]);
        assert_eq!(Homography::between(&map, &map), Some(Homography::IDENTITY));
        assert_eq!(Homography::translation(3.0, 4.0).largest_shift((9, 9)), 5.0);
    }
}

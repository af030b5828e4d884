//! Interpolates values smoothly from the cells at which they are known to all other cells. Averages go up a pyramid,
//! and come back down where no finer level is known (Gortler et al., "The Lumigraph", 1996, section 3.4).

use media::picture::Plane;

/// Values and their weights; weights above 1 count as 1.
#[derive(Debug, Clone)]
pub(crate) struct Scattered<const C: usize> {
    pub(crate) values: Plane<[f32; C]>,
    pub(crate) weights: Plane<f32>,
}

impl<const C: usize> Scattered<C> {
    /// A field without known values.
    pub(crate) fn empty(width: usize, height: usize) -> Self {
        Self { values: Plane::filled(width, height, [0.0; C]), weights: Plane::filled(width, height, 0.0) }
    }

    /// Sets a known value.
    pub(crate) fn put(&mut self, x: usize, y: usize, value: [f32; C], weight: f32) {
        self.values.set(x, y, value);
        self.weights.set(x, y, weight);
    }

    /// A value for every cell; zeros when nothing is known.
    pub(crate) fn spread(&self) -> Plane<[f32; C]> {
        let (width, height) = self.values.size();
        if width <= 1 && height <= 1 {
            return self.values.clone();
        }
        let coarse = self.half().spread();
        let mut values = self.values.clone();
        let weights = self.weights.cells();
        for (index, value) in values.cells_mut().iter_mut().enumerate() {
            let weight = weights[index].min(1.0);
            if weight < 1.0 {
                let from = between(&coarse, index % width, index / width);
                for (value, from) in value.iter_mut().zip(from) {
                    *value = weight * *value + (1.0 - weight) * from;
                }
            }
        }
        values
    }

    fn half(&self) -> Self {
        let (width, height) = self.values.size();
        let mut half = Self::empty(width.div_ceil(2), height.div_ceil(2));
        for y in 0..half.values.height() {
            for x in 0..half.values.width() {
                let (mut sum, mut total) = ([0.0; C], 0.0);
                for row in 2 * y..(2 * y + 2).min(height) {
                    for column in 2 * x..(2 * x + 2).min(width) {
                        let index = row * width + column;
                        let weight = self.weights.cells()[index].min(1.0);
                        total += weight;
                        for (sum, value) in sum.iter_mut().zip(self.values.cells()[index]) {
                            *sum += weight * value;
                        }
                    }
                }
                if total > 0.0 {
                    half.put(x, y, sum.map(|value| value / total), total);
                }
            }
        }
        half
    }
}

/// Interpolates a finer cell between the four coarse cells around it.
fn between<const C: usize>(coarse: &Plane<[f32; C]>, x: usize, y: usize) -> [f32; C] {
    let (width, height) = coarse.size();
    let near = |at: usize, end: usize| {
        let own = at / 2;
        let other = if at.is_multiple_of(2) { own.saturating_sub(1) } else { (own + 1).min(end - 1) };
        (own, other)
    };
    let ((left, right), (top, bottom)) = (near(x, width), near(y, height));
    let cells = coarse.cells();
    let (a, b) = (cells[top * width + left], cells[top * width + right]);
    let (c, d) = (cells[bottom * width + left], cells[bottom * width + right]);
    std::array::from_fn(|i| 0.5625 * a[i] + 0.1875 * (b[i] + c[i]) + 0.0625 * d[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_cells_stay_and_others_lie_between_them() {
        let mut scattered = Scattered::<1>::empty(33, 9);
        for y in 0..9 {
            scattered.put(0, y, [10.0], 1.0);
            scattered.put(32, y, [50.0], 1.0);
        }
        let all = scattered.spread();
        assert_eq!([all.get(0, 4), all.get(32, 4)], [[10.0], [50.0]]);
        let middle = all.get(16, 4)[0];
        assert!((15.0..45.0).contains(&middle), "{middle}");
        assert!((0..32).all(|x| all.get(x, 4)[0] <= all.get(x + 1, 4)[0] + 4.0));
    }

    #[test]
    fn one_value_is_everywhere_and_nothing_stays_nothing() {
        let mut scattered = Scattered::<2>::empty(7, 5);
        assert_eq!(scattered.spread().get(3, 3), [0.0, 0.0]);
        scattered.put(2, 1, [3.0, -4.0], 1.0);
        assert!(
            scattered
                .spread()
                .cells()
                .iter()
                .all(|value| (value[0] - 3.0).abs() < 1e-4 && (value[1] + 4.0).abs() < 1e-4)
        );
    }
}

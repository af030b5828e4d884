//! Composites pictures, and moves pictures by affine maps.

use media::picture::{Mask, Picture, Plane};

/// An affine map of pixel positions: `(x, y)` to `(a x + b y + c, d x + e y + f)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    /// `[[a, b, c], [d, e, f]]`.
    pub(crate) rows: [[f64; 3]; 2],
}

impl Affine {
    pub(crate) fn apply(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let [first, second] = self.rows.map(|[a, b, c]| a * x + b * y + c);
        (first, second)
    }

    /// The inverse; `None` where there is none.
    pub(crate) fn inverse(&self) -> Option<Self> {
        let [[a, b, c], [d, e, f]] = self.rows;
        let determinant = a * e - b * d;
        if determinant.abs() < 1e-9 {
            return None;
        }
        let [a, b, d, e] = [e, -b, -d, a].map(|value| value / determinant);
        Some(Self { rows: [[a, b, -(a * c + b * f)], [d, e, -(d * c + e * f)]] })
    }
}

/// A picture with coverage, 0..=1. Colours are premultiplied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    cells: Plane<[f32; 4]>,
}

impl Layer {
    /// An empty layer.
    pub(crate) fn empty(width: usize, height: usize) -> Self {
        Self { cells: Plane::filled(width, height, [0.0; 4]) }
    }

    /// A picture with its coverage, 0..=1.
    pub(crate) fn cut(picture: &Picture, coverage: &Plane<f32>) -> Self {
        assert_eq!(picture.size(), coverage.size(), "layer: picture {:?}, mask {:?}", picture.size(), coverage.size());
        let cells = Plane::from_fn(picture.width(), picture.height(), |x, y| {
            let share = coverage.get(x, y);
            let [red, green, blue] = picture.get(x, y).map(|value| f32::from(value) * share);
            [red, green, blue, share]
        });
        Self { cells }
    }

    /// The layer moved by `target_from_source` into a plane of `size`, with bilinear interpolation. Outside the layer
    /// it is empty. A map without an inverse gives an empty layer.
    pub(crate) fn moved(&self, target_from_source: &Affine, size: (usize, usize)) -> Self {
        let Some(source_from_target) = target_from_source.inverse() else { return Self::empty(size.0, size.1) };
        let cells = Plane::from_fn(size.0, size.1, |x, y| {
            let (x, y) = source_from_target.apply((x as f64 + 0.5, y as f64 + 0.5));
            self.sample(x - 0.5, y - 0.5)
        });
        Self { cells }
    }

    /// The value at a position relative to the centre of the first pixel.
    fn sample(&self, x: f64, y: f64) -> [f32; 4] {
        let (width, height) = (self.cells.width() as f64, self.cells.height() as f64);
        if !(x > -1.0 && y > -1.0 && x < width && y < height) {
            return [0.0; 4];
        }
        let (left, top) = (x.floor(), y.floor());
        let (right_share, below_share) = ((x - left) as f32, (y - top) as f32);
        let corner = |x: f64, y: f64, share: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < width && y < height;
            if inside { self.cells.get(x as usize, y as usize).map(|value| value * share) } else { [0.0; 4] }
        };
        let corners = [
            corner(left, top, (1.0 - right_share) * (1.0 - below_share)),
            corner(left + 1.0, top, right_share * (1.0 - below_share)),
            corner(left, top + 1.0, (1.0 - right_share) * below_share),
            corner(left + 1.0, top + 1.0, right_share * below_share),
        ];
        std::array::from_fn(|channel| corners.iter().map(|corner| corner[channel]).sum())
    }

    /// Composites `upper` over this layer.
    pub(crate) fn cover_with(&mut self, upper: &Self) {
        assert_eq!(self.cells.size(), upper.cells.size(), "layers differ in size");
        for (lower, upper) in self.cells.cells_mut().iter_mut().zip(upper.cells.cells()) {
            *lower = std::array::from_fn(|channel| upper[channel] + lower[channel] * (1.0 - upper[3]));
        }
    }

    /// Composites the layer over a picture.
    pub(crate) fn over(&self, below: &Picture) -> Picture {
        assert_eq!(self.cells.size(), below.size(), "layer {:?}, picture {:?}", self.cells.size(), below.size());
        Picture::from_fn(below.width(), below.height(), |x, y| {
            let (upper, below) = (self.cells.get(x, y), below.get(x, y));
            std::array::from_fn(|channel| {
                let value = upper[channel] + f32::from(below[channel]) * (1.0 - upper[3]);
                value.round().clamp(0.0, 255.0) as u8
            })
        })
    }
}

/// Coverage 0..=1.
pub(crate) fn coverage(mask: &Mask) -> Plane<f32> {
    mask.map(|value| f32::from(value) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_undoes_its_map() {
        let map = Affine { rows: [[2.0, 1.0, 5.0], [-1.0, 3.0, -2.0]] };
        let (x, y) = map.inverse().unwrap().apply(map.apply((7.0, -3.0)));
        assert!((x - 7.0).abs() < 1e-9 && (y + 3.0).abs() < 1e-9);
        assert_eq!(Affine { rows: [[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]] }.inverse(), None);
    }

    #[test]
    fn layers_move_by_halves_and_cover_what_is_below() {
        let picture = Picture::from_cells(2, 1, vec![[200, 0, 0], [0, 100, 0]]);
        let layer = Layer::cut(&picture, &Plane::from_cells(2, 1, vec![1.0, 0.5]));
        let below = Picture::filled(2, 1, [100; 3]);
        assert_eq!(layer.over(&below).cells(), [[200, 0, 0], [50, 100, 50]]);
        // Half a pixel to the right: half of the first, then half of each.
        let moved = layer.moved(&Affine { rows: [[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]] }, (2, 1));
        assert_eq!(moved.cells.cells(), [[100.0, 0.0, 0.0, 0.5], [100.0, 25.0, 0.0, 0.75]]);
        let mut stack = Layer::empty(2, 1);
        stack.cover_with(&layer);
        assert_eq!(stack, layer);
    }
}

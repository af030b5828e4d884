//! Stores the colours of a layer with mipmaps, premultiplied by coverage, for lookups at any position and any smaller
//! size.

use media::picture::Plane;

use crate::body::point::Point;

/// Red, green and blue (0..=255) times coverage, coverage (0..=1), guess (0..=1) times coverage.
pub(crate) type Texel = [f32; 5];

/// A texture with its mipmaps.
#[derive(Debug, Clone)]
pub(crate) struct Texture {
    levels: Vec<Plane<Texel>>,
    /// Position of the texture's top left corner in the cut-out.
    origin: Point,
}

impl Texture {
    pub(crate) fn new(base: Plane<Texel>, origin: Point) -> Self {
        let mut levels = vec![base];
        while let Some(last) = levels.last().filter(|last| last.width().max(last.height()) > 8) {
            levels.push(halved(last));
        }
        Self { levels, origin }
    }

    /// The value at a place of the cut-out, averaged over a square of `2^detail` pixels. `detail` 0 reads single
    /// pixels.
    pub(crate) fn sample(&self, place: Point, detail: f32) -> Texel {
        let detail = detail.clamp(0.0, (self.levels.len() - 1) as f32);
        let level = detail as usize;
        let share = detail - level as f32;
        let fine = self.bilinear(place, level);
        if share <= 0.0 {
            return fine;
        }
        let coarse = self.bilinear(place, level + 1);
        std::array::from_fn(|channel| fine[channel] + share * (coarse[channel] - fine[channel]))
    }

    fn bilinear(&self, place: Point, level: usize) -> Texel {
        let plane = &self.levels[level];
        let size = 1.0 / (1 << level) as f32;
        let x = (place.x - self.origin.x) * size - 0.5;
        let y = (place.y - self.origin.y) * size - 0.5;
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let at = |x: i32, y: i32| -> Texel {
            let inside = x >= 0 && y >= 0 && x < plane.width() as i32 && y < plane.height() as i32;
            if inside { plane.cells()[y as usize * plane.width() + x as usize] } else { [0.0; 5] }
        };
        let (left, top) = (left as i32, top as i32);
        let corners = [at(left, top), at(left + 1, top), at(left, top + 1), at(left + 1, top + 1)];
        let weights = [(1.0 - across) * (1.0 - down), across * (1.0 - down), (1.0 - across) * down, across * down];
        std::array::from_fn(|channel| (0..4).map(|corner| weights[corner] * corners[corner][channel]).sum())
    }
}

/// Means of two by two texels. Beyond the border everything is 0.
fn halved(plane: &Plane<Texel>) -> Plane<Texel> {
    let (width, height) = (plane.width().div_ceil(2), plane.height().div_ceil(2));
    Plane::from_fn(width, height, |x, y| {
        let mut sum = [0.0; 5];
        for (x, y) in [(2 * x, 2 * y), (2 * x + 1, 2 * y), (2 * x, 2 * y + 1), (2 * x + 1, 2 * y + 1)] {
            if x < plane.width() && y < plane.height() {
                sum.iter_mut().zip(plane.get(x, y)).for_each(|(sum, value)| *sum += 0.25 * value);
            }
        }
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_centres_come_back_exactly_and_smaller_copies_are_means() {
        let base = Plane::from_fn(16, 16, |x, y| [x as f32, y as f32, 0.0, 1.0, 0.0]);
        let texture = Texture::new(base, Point::new(3.0, 4.0));
        assert_eq!(texture.sample(Point::new(3.0 + 5.5, 4.0 + 7.5), 0.0), [5.0, 7.0, 0.0, 1.0, 0.0]);
        assert_eq!(texture.sample(Point::new(3.0 + 5.0, 4.0 + 7.0), 1.0)[..2], [4.5, 6.5]);
        assert_eq!(texture.sample(Point::new(-9.0, 0.0), 0.0), [0.0; 5]);
    }
}

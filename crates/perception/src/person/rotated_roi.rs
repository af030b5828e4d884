//! Defines a rotated square region of a frame (a rotated ROI), and the transforms between frame and region.
//!
//! Positions are real numbers: the centre of the top left pixel is (0.5, 0.5). Region coordinates run from 0 to 1 along
//! each side.

use media::picture::{Picture, Plane};

/// A rotated square in frame pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RotatedRoi {
    /// Centre in frame pixels.
    pub centre: (f32, f32),
    /// Side in frame pixels.
    pub side: f32,
    /// Clockwise rotation in radians. The region's own "up" points to (sin, -cos) of the frame.
    pub turn: f32,
}

impl RotatedRoi {
    /// The smallest upright square around a whole frame (letterboxing).
    pub fn around_frame(width: usize, height: usize) -> Self {
        Self { centre: (width as f32 / 2.0, height as f32 / 2.0), side: width.max(height) as f32, turn: 0.0 }
    }

    /// The square around `centre` whose half side is the distance to `top` times `scale`. `top` points up.
    pub fn from_centre_and_top(centre: (f32, f32), top: (f32, f32), scale: f32) -> Self {
        let (x, y) = (top.0 - centre.0, top.1 - centre.1);
        Self { centre, side: 2.0 * x.hypot(y) * scale, turn: x.atan2(-y) }
    }

    /// True when its values are valid.
    pub fn is_usable(&self) -> bool {
        let numbers = [self.centre.0, self.centre.1, self.side, self.turn];
        numbers.iter().all(|number| number.is_finite() && number.abs() < 1e6) && self.side >= 4.0
    }

    /// Converts a region coordinate (0..1 along each side) to a frame coordinate.
    pub fn frame_from_region(&self, place: (f32, f32)) -> (f32, f32) {
        let (sin, cos) = self.turn.sin_cos();
        let (x, y) = ((place.0 - 0.5) * self.side, (place.1 - 0.5) * self.side);
        (self.centre.0 + x * cos - y * sin, self.centre.1 + x * sin + y * cos)
    }

    /// Converts a frame coordinate to a region coordinate (0..1 along each side).
    pub fn region_from_frame(&self, place: (f32, f32)) -> (f32, f32) {
        let (sin, cos) = self.turn.sin_cos();
        let (x, y) = (place.0 - self.centre.0, place.1 - self.centre.1);
        ((x * cos + y * sin) / self.side + 0.5, (y * cos - x * sin) / self.side + 0.5)
    }

    /// The frame vectors of one step to the right and one down, with `count` steps a side.
    fn steps(&self, count: usize) -> ((f32, f32), (f32, f32)) {
        let (sin, cos) = self.turn.sin_cos();
        let step = self.side / count as f32;
        ((step * cos, step * sin), (-step * sin, step * cos))
    }

    /// The four corners in frame pixels, clockwise from the region's top left.
    pub fn corners(&self) -> [(f32, f32); 4] {
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|place| self.frame_from_region(place))
    }

    /// Resamples the region to `size` x `size` pixels of planar RGB, with values `v * scale + offset` for a byte `v`.
    ///
    /// Sampling is bilinear. If a crop pixel covers several frame pixels, it is the mean of up to 3x3 samples. Pixels
    /// outside the frame are black.
    pub fn crop(&self, picture: &Picture, size: usize, scale: f32, offset: f32) -> Vec<f32> {
        let samples = (self.side / size as f32 / 1.5).ceil().clamp(1.0, 3.0) as usize;
        let steps = size * samples;
        let weight = scale / (samples * samples) as f32;
        let (start, (right, down)) = (self.frame_from_region((0.0, 0.0)), self.steps(steps));
        let mut planes = vec![offset; 3 * size * size];
        for row in 0..steps {
            for column in 0..steps {
                let (across, along) = (column as f32 + 0.5, row as f32 + 0.5);
                let x = start.0 + across * right.0 + along * down.0;
                let y = start.1 + across * right.1 + along * down.1;
                let index = row / samples * size + column / samples;
                for (channel, value) in bilinear(picture, (x, y)).into_iter().enumerate() {
                    planes[channel * size * size + index] += value * weight;
                }
            }
        }
        planes
    }
}

/// The colour at a real-valued place; black outside.
fn bilinear(picture: &Picture, place: (f32, f32)) -> [f32; 3] {
    let (x, y) = (place.0 - 0.5, place.1 - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (right_share, bottom_share) = (x - left, y - top);
    let (left, top) = (left as i32, top as i32);
    if left >= 0 && top >= 0 && (left as usize) + 1 < picture.width() && (top as usize) + 1 < picture.height() {
        let start = top as usize * picture.width() + left as usize;
        let rows = [start, start + picture.width()].map(|start| &picture.cells()[start..start + 2]);
        let [[a, b], [c, d]] = rows.map(|row| [row[0], row[1]]);
        return std::array::from_fn(|channel| {
            let value = |pixel: [u8; 3]| f32::from(pixel[channel]);
            (1.0 - right_share) * (1.0 - bottom_share) * value(a)
                + right_share * (1.0 - bottom_share) * value(b)
                + (1.0 - right_share) * bottom_share * value(c)
                + right_share * bottom_share * value(d)
        });
    }
    let mut sum = [0.0; 3];
    for (dx, dy, share) in [
        (0, 0, (1.0 - right_share) * (1.0 - bottom_share)),
        (1, 0, right_share * (1.0 - bottom_share)),
        (0, 1, (1.0 - right_share) * bottom_share),
        (1, 1, right_share * bottom_share),
    ] {
        let (x, y) = (left.saturating_add(dx), top.saturating_add(dy));
        if x >= 0 && y >= 0 && (x as usize) < picture.width() && (y as usize) < picture.height() {
            let pixel = picture.get(x as usize, y as usize);
            sum = std::array::from_fn(|channel| sum[channel] + share * f32::from(pixel[channel]));
        }
    }
    sum
}

/// The value of a plane at a real-valued place (in cells), clamped to its border.
pub(crate) fn bilinear_value(plane: &Plane<f32>, x: f32, y: f32) -> f32 {
    let x = (x - 0.5).clamp(0.0, plane.width() as f32 - 1.0);
    let y = (y - 0.5).clamp(0.0, plane.height() as f32 - 1.0);
    let (left, top) = (x.floor(), y.floor());
    let (right_share, bottom_share) = (x - left, y - top);
    let (left, top) = (left as usize, top as usize);
    let (right, bottom) = ((left + 1).min(plane.width() - 1), (top + 1).min(plane.height() - 1));
    let upper = plane.get(left, top) * (1.0 - right_share) + plane.get(right, top) * right_share;
    let lower = plane.get(left, bottom) * (1.0 - right_share) + plane.get(right, bottom) * right_share;
    upper * (1.0 - bottom_share) + lower * bottom_share
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn region() -> impl Strategy<Value = RotatedRoi> {
        (-500.0..900.0_f32, -500.0..900.0_f32, 8.0..2000.0_f32, -7.0..7.0_f32)
            .prop_map(|(x, y, side, turn)| RotatedRoi { centre: (x, y), side, turn })
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_identity(region in region(), x in -1.0..2.0_f32, y in -1.0..2.0_f32) {
            let (x2, y2) = region.region_from_frame(region.frame_from_region((x, y)));
            prop_assert!((x - x2).abs() < 1e-3 && (y - y2).abs() < 1e-3, "({x}, {y}) became ({x2}, {y2})");
        }

        #[test]
        fn up_points_to_the_top(x in -90.0..90.0_f32, y in -90.0..90.0_f32) {
            prop_assume!(x.hypot(y) > 4.0);
            let region = RotatedRoi::from_centre_and_top((10.0, 20.0), (10.0 + x, 20.0 + y), 1.25);
            let (u, v) = region.region_from_frame((10.0 + x, 20.0 + y));
            prop_assert!((u - 0.5).abs() < 1e-4 && (v - (0.5 - 0.5 / 1.25)).abs() < 1e-4, "({u}, {v})");
        }
    }

    #[test]
    fn an_upright_crop_of_the_same_size_is_the_picture() {
        let picture = Picture::from_fn(4, 4, |x, y| [(10 * x) as u8, (20 * y) as u8, 7]);
        let planes = RotatedRoi::around_frame(4, 4).crop(&picture, 4, 1.0, 0.0);
        for (index, pixel) in picture.cells().iter().enumerate() {
            for channel in 0..3 {
                assert!((planes[16 * channel + index] - f32::from(pixel[channel])).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn a_black_frame_around_the_picture_changes_no_crop() {
        let colour = |x: usize, y: usize| [(37 * x % 251) as u8, (53 * y % 241) as u8, (x * y % 239) as u8];
        let picture = Picture::from_fn(12, 9, colour);
        let inside = |x: usize, y: usize| (2..14).contains(&x) && (2..11).contains(&y);
        let framed = Picture::from_fn(16, 13, |x, y| if inside(x, y) { colour(x - 2, y - 2) } else { [0; 3] });
        let region = RotatedRoi { centre: (6.3, 4.1), side: 17.0, turn: 0.6 };
        let moved = RotatedRoi { centre: (8.3, 6.1), ..region };
        let (one, other) = (region.crop(&picture, 16, 1.0, 0.0), moved.crop(&framed, 16, 1.0, 0.0));
        for (index, (one, other)) in one.iter().zip(&other).enumerate() {
            assert!((one - other).abs() < 0.05, "value {index}: {one} and {other}");
        }
    }

    #[test]
    fn a_quarter_turn_brings_the_right_side_up() {
        let picture = Picture::from_fn(2, 2, |x, _| [if x == 1 { 200 } else { 0 }; 3]);
        let region = RotatedRoi { turn: std::f32::consts::FRAC_PI_2, ..RotatedRoi::around_frame(2, 2) };
        let planes = region.crop(&picture, 2, 1.0, 0.0);
        for (found, expected) in planes[..4].iter().zip([200.0, 200.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 0.1, "{planes:?}");
        }
    }

    #[test]
    fn outside_the_frame_is_black() {
        let picture = Picture::filled(4, 2, [255; 3]);
        let planes = RotatedRoi::around_frame(4, 2).crop(&picture, 4, 2.0 / 255.0, -1.0);
        assert!((planes[0] + 1.0).abs() < 1e-6 && (planes[5] - 1.0).abs() < 1e-5);
    }
}

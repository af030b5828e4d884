//! Rasterises triangles: finds the nearest triangle at each sample. Vertices are snapped to sixteenths of a sample, and
//! edges are tested in integer arithmetic with the top-left rule. Adjacent triangles therefore neither overlap nor
//! leave gaps, and the result does not depend on the order of work.

use crate::texture::floor;

/// No triangle.
pub(crate) const NOTHING: u32 = u32::MAX;
const SUBSAMPLE: f32 = 16.0;

/// A vertex in samples, and its nearness (`1 / depth`, or any value that is linear over the picture and larger when
/// nearer).
pub(crate) type ScreenCorner = [f32; 3];

/// The nearest triangle at every sample.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 0 where there is no triangle.
    pub(crate) nearness: Vec<f32>,
    /// Empty when only nearness is needed.
    pub(crate) id: Vec<u32>,
    /// Touched columns and rows: left, top, right, bottom; the last two are exclusive.
    pub(crate) touched: [usize; 4],
}

impl Samples {
    /// Clears everything and keeps the memory.
    pub(crate) fn clear(&mut self, width: usize, height: usize, with_id: bool) {
        (self.width, self.height) = (width, height);
        self.nearness.clear();
        self.nearness.resize(width * height, 0.0);
        self.id.clear();
        self.id.resize(if with_id { width * height } else { 0 }, NOTHING);
        self.touched = [width, height, 0, 0];
    }

    fn touch(&mut self, left: usize, top: usize, right: usize, bottom: usize) {
        let [x0, y0, x1, y1] = self.touched;
        self.touched = [x0.min(left), y0.min(top), x1.max(right + 1), y1.max(bottom + 1)];
    }

    /// Draws one triangle. `faces` selects the orientation. `opaque` is called with the perspective weights of the
    /// three vertices and says whether a sample is covered.
    #[inline]
    pub(crate) fn draw(
        &mut self,
        corners: [ScreenCorner; 3],
        id: u32,
        faces: Faces,
        opaque: Option<&dyn Fn([f32; 3]) -> bool>,
    ) {
        let [a, mut b, mut c] = corners;
        // 1. Snap. Coordinates far outside are clamped so that products stay exact.
        let snap = |corner: &ScreenCorner| {
            let whole = |value: f32| i64::from(floor(value.clamp(-1e6, 1e6) * SUBSAMPLE + 0.5));
            (whole(corner[0]), whole(corner[1]))
        };
        let ((ax, ay), (mut bx, mut by), (mut cx, mut cy)) = (snap(&a), snap(&b), snap(&c));
        // 2. The samples whose centres lie in the box. Most triangles of a small figure contain none.
        let half = SUBSAMPLE as i64 / 2;
        let first = |low: i64| (low - half + SUBSAMPLE as i64 - 1).div_euclid(SUBSAMPLE as i64).max(0);
        let last = |high: i64, size: usize| (high - half).div_euclid(SUBSAMPLE as i64).min(size as i64 - 1);
        let (x0, x1) = (first(ax.min(bx).min(cx)), last(ax.max(bx).max(cx), self.width));
        let (y0, y1) = (first(ay.min(by).min(cy)), last(ay.max(by).max(cy), self.height));
        if x0 > x1 || y0 > y1 {
            return;
        }
        // 3. Orientation: rows grow downwards, so the front (counter-clockwise) has a negative area here.
        let mut area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
        if area == 0 || (area > 0 && faces == Faces::Front) || (area < 0 && faces == Faces::Back) {
            return;
        }
        let swapped = area < 0;
        if swapped {
            (bx, by, cx, cy) = (cx, cy, bx, by);
            std::mem::swap(&mut b, &mut c);
            area = -area;
        }
        // 4. Edge values at the first sample's centre, and their steps. A sample exactly on an edge belongs to the
        // triangle for which it is a top or left edge.
        let (px, py) = (x0 * SUBSAMPLE as i64 + half, y0 * SUBSAMPLE as i64 + half);
        let edge = |x: i64, y: i64, to_x: i64, to_y: i64| {
            let (dx, dy) = (to_x - x, to_y - y);
            let owns = dy < 0 || (dy == 0 && dx > 0);
            (dx * (py - y) - dy * (px - x) - i64::from(!owns), -dy * SUBSAMPLE as i64, dx * SUBSAMPLE as i64)
        };
        let (mut row_a, step_a_x, step_a_y) = edge(bx, by, cx, cy);
        let (mut row_b, step_b_x, step_b_y) = edge(cx, cy, ax, ay);
        let (mut row_c, step_c_x, step_c_y) = edge(ax, ay, bx, by);
        // 5. Nearness is linear over the picture. For thin triangles it is clamped to the vertices' values.
        let (low, high) = (a[2].min(b[2]).min(c[2]), a[2].max(b[2]).max(c[2]));
        let inverse = 1.0 / area as f32;
        let mut drawn = false;
        for y in y0..=y1 {
            let (mut at_a, mut at_b, mut at_c) = (row_a, row_b, row_c);
            let line = y as usize * self.width;
            for x in x0..=x1 {
                if (at_a | at_b | at_c) >= 0 {
                    let (share_b, share_c) = (at_b as f32 * inverse, at_c as f32 * inverse);
                    let near = (a[2] + (b[2] - a[2]) * share_b + (c[2] - a[2]) * share_c).clamp(low, high);
                    let place = line + x as usize;
                    if near > self.nearness[place] {
                        let covered = opaque.is_none_or(|opaque| {
                            let weights = [(1.0 - share_b - share_c) * a[2], share_b * b[2], share_c * c[2]];
                            let sum = 1.0 / (weights[0] + weights[1] + weights[2]);
                            let [a, b, c] = weights.map(|weight| weight * sum);
                            opaque(if swapped { [a, c, b] } else { [a, b, c] })
                        });
                        if covered {
                            drawn = true;
                            self.nearness[place] = near;
                            if let Some(slot) = self.id.get_mut(place) {
                                *slot = id;
                            }
                        }
                    }
                }
                (at_a, at_b, at_c) = (at_a + step_a_x, at_b + step_b_x, at_c + step_c_x);
            }
            (row_a, row_b, row_c) = (row_a + step_a_y, row_b + step_b_y, row_c + step_c_y);
        }
        if drawn {
            self.touch(x0 as usize, y0 as usize, x1 as usize, y1 as usize);
        }
    }
}

/// Which side of a triangle is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Faces {
    Front,
    Back,
    Both,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covered(samples: &Samples) -> usize {
        samples.id.iter().filter(|id| **id != NOTHING).count()
    }

    fn fresh(size: usize) -> Samples {
        let mut samples = Samples::default();
        samples.clear(size, size, true);
        samples
    }

    #[test]
    fn half_a_square_covers_its_samples_once() {
        // The diagonal of a 4x4 square passes through 4 centres. The two halves share them without overlap.
        let mut samples = fresh(4);
        samples.draw([[0.0, 0.0, 1.0], [0.0, 4.0, 1.0], [4.0, 4.0, 1.0]], 0, Faces::Both, None);
        let first = covered(&samples);
        let mut other = fresh(4);
        other.draw([[0.0, 0.0, 1.0], [4.0, 4.0, 1.0], [4.0, 0.0, 1.0]], 0, Faces::Both, None);
        assert_eq!(first + covered(&other), 16);
    }

    #[test]
    fn the_nearer_triangle_wins_in_either_order_and_backs_are_not_drawn() {
        let near = [[0.0, 0.0, 2.0], [0.0, 4.0, 2.0], [4.0, 4.0, 2.0]];
        let far = [[0.0, 0.0, 1.0], [0.0, 4.0, 1.0], [4.0, 4.0, 1.0]];
        for order in [[0, 1], [1, 0]] {
            let mut samples = fresh(4);
            for id in order {
                samples.draw([near, far][id], id as u32, Faces::Both, None);
            }
            assert_eq!(samples.id[3 * 4], 0);
        }
        let mut samples = fresh(4);
        samples.draw(near, 0, Faces::Front, None);
        samples.draw([near[0], near[2], near[1]], 1, Faces::Back, None);
        assert_eq!(covered(&samples), 10.min(covered(&samples)));
        assert!(samples.id.iter().all(|id| *id != 1) || samples.id.iter().all(|id| *id != 0));
    }

    #[test]
    fn holes_are_not_drawn() {
        let mut samples = fresh(4);
        let corners = [[0.0, 0.0, 1.0], [0.0, 4.0, 1.0], [4.0, 4.0, 1.0]];
        samples.draw(corners, 0, Faces::Both, Some(&|weights| weights[0] > 2.0));
        assert_eq!(covered(&samples), 0);
        assert_eq!(samples.touched, [4, 4, 0, 0]);
    }

    proptest! {
        #[test]
        fn a_fan_around_a_point_covers_every_sample_once(x in 1.0f32..15.0, y in 1.0f32..15.0) {
            let rim = [[0.0, 0.0], [16.0, 0.0], [16.0, 16.0], [0.0, 16.0]];
            let mut total = 0;
            for side in 0..4 {
                let (p, q) = (rim[side], rim[(side + 1) % 4]);
                let mut samples = fresh(16);
                samples.draw([[p[0], p[1], 1.0], [q[0], q[1], 1.0], [x, y, 1.0]], 0, Faces::Both, None);
                total += covered(&samples);
            }
            prop_assert_eq!(total, 256);
        }
    }
}

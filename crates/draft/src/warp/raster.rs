//! Draws textured triangles over one another, sampled at pixel centres. Two triangles with a common edge never draw the
//! same pixel, and leave no gap. Soft edges come from the coverage in the texture, not from the triangles.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture, Plane};

use crate::body::point::Point;
use crate::puppet::texture::{Texel, Texture};
use crate::warp::warped::Warp;

/// Three corners, each with its place in the target and in the cut-out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Triangle(pub(crate) [(Point, Point); 3]);

/// The result so far.
pub(crate) struct Canvas {
    area: Rect<Frame>,
    texels: Plane<Texel>,
    depth: Plane<f32>,
}

impl Canvas {
    pub(crate) fn new(area: Rect<Frame>) -> Self {
        let (width, height) = (area.width as usize, area.height as usize);
        Self {
            area,
            texels: Plane::filled(width, height, [0.0; 5]),
            depth: Plane::filled(width, height, f32::INFINITY),
        }
    }

    /// Draws triangles over the result. `guess` is the minimum guess of their pixels.
    pub(crate) fn draw(&mut self, triangles: &[Triangle], texture: &Texture, detail: f32, depth: f32, guess: f32) {
        for triangle in triangles {
            self.draw_one(triangle, texture, detail, depth, guess);
        }
    }

    fn draw_one(&mut self, triangle: &Triangle, texture: &Texture, detail: f32, depth: f32, guess: f32) {
        let mut corners = triangle.0;
        let double_area = cross(corners[1].0 - corners[0].0, corners[2].0 - corners[0].0);
        if !double_area.is_finite() || double_area.abs() < 1e-6 {
            return;
        }
        if double_area < 0.0 {
            corners.swap(1, 2);
        }
        let [a, b, c] = corners.map(|(place, _)| place);
        let inverse = 1.0 / double_area.abs();
        let (left, top) = (self.area.x as f32, self.area.y as f32);
        let bound = |low: f32, high: f32, start: f32, count: usize| {
            let first = (low - start - 0.5).ceil().max(0.0) as usize;
            let last = (high - start - 0.5).floor().min(count as f32 - 1.0);
            (first, if last < 0.0 { 0 } else { last as usize + 1 })
        };
        let (width, height) = self.texels.size();
        let columns = bound(a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x), left, width);
        let rows = bound(a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y), top, height);
        for row in rows.0..rows.1 {
            for column in columns.0..columns.1 {
                let place = Point::new(left + column as f32 + 0.5, top + row as f32 + 0.5);
                let edges = [edge(b, c, place), edge(c, a, place), edge(a, b, place)];
                if edges.iter().any(|(value, owns)| *value < 0.0 || (*value == 0.0 && !owns)) {
                    continue;
                }
                let shares = edges.map(|(value, _)| value * inverse);
                let source = corners[0].1 * shares[0] + corners[1].1 * shares[1] + corners[2].1 * shares[2];
                let mut texel = texture.sample(source, detail);
                let alpha = texel[3].min(1.0);
                if alpha <= 0.0 {
                    continue;
                }
                texel[4] = texel[4].max(guess * alpha);
                let index = row * width + column;
                let below = &mut self.texels.cells_mut()[index];
                below.iter_mut().zip(texel).for_each(|(below, above)| *below = above + (1.0 - alpha) * *below);
                if alpha > 0.5 || self.depth.cells()[index].is_infinite() {
                    self.depth.cells_mut()[index] = depth;
                }
            }
        }
    }

    pub(crate) fn finish(self) -> Warp {
        let Self { area, texels, depth } = self;
        let (width, height) = texels.size();
        let byte = |value: f32| (value + 0.5).clamp(0.0, 255.0) as u8;
        let colour: Picture = texels.map(|[red, green, blue, alpha, _]| {
            let alpha = alpha.max(1e-4);
            [byte(red / alpha), byte(green / alpha), byte(blue / alpha)]
        });
        let alpha: Mask = texels.map(|texel| byte(255.0 * texel[3]));
        let guess: Mask = texels.map(|texel| byte(255.0 * texel[4]));
        let seen =
            Plane::from_fn(width, height, |x, y| if alpha.get(x, y) > 0 { depth.get(x, y) } else { f32::INFINITY });
        Warp { area, colour, alpha, depth: seen, guess }
    }
}

fn cross(a: Point, b: Point) -> f32 {
    a.x * b.y - a.y * b.x
}

/// Returns the side of the edge on which a place lies (positive = inside), and whether the edge owns places on itself.
/// The value is computed from the same corner for both orientations of the edge, so that neighbours agree to the last
/// bit.
fn edge(from: Point, to: Point, place: Point) -> (f32, bool) {
    let is_forward = (from.x, from.y) < (to.x, to.y);
    let (first, second) = if is_forward { (from, to) } else { (to, from) };
    let value = cross(second - first, place - first);
    let owns = if from.y == to.y { to.x > from.x } else { to.y < from.y };
    (if is_forward { value } else { -value }, owns)
}

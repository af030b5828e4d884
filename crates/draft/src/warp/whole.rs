//! Places the whole cut-out in the driving person's bounding box, for characters without a usable pose, such as a
//! child's drawing or a juice box. The cut-out keeps its shape, stands where the person stands, and has the person's
//! height times a factor.

use media::geometry::{Frame, Rect};
use media::picture::Plane;

use crate::body::point::Point;
use crate::puppet::Puppet;
use crate::puppet::texture::{Texel, Texture};
use crate::warp::raster::{Canvas, Triangle};
use crate::warp::warped::Warp;

/// Places a puppet's cut-out in `area` of a picture of `size` pixels: `taller` times as tall as the area, centred, on
/// its bottom edge. None when nothing of it lies in the picture.
pub fn place_whole(puppet: &Puppet, area: Rect<Frame>, taller: f32, size: (usize, usize)) -> Option<Warp> {
    let cutout = puppet.cutout();
    let (width, height) = cutout.size();
    let (mut top, mut bottom) = (height, 0);
    for y in 0..height {
        if cutout.mask.row(y).iter().any(|&coverage| coverage > 127) {
            (top, bottom) = (top.min(y), y + 1);
        }
    }
    if top >= bottom || area.is_empty() {
        return None;
    }
    let scale = taller * area.height as f32 / (bottom - top) as f32;
    let texels: Plane<Texel> = Plane::from_fn(width, height, |x, y| {
        let coverage = f32::from(cutout.mask.get(x, y)) / 255.0;
        let [red, green, blue] = cutout.picture.get(x, y).map(|value| coverage * f32::from(value));
        [red, green, blue, coverage, coverage]
    });
    let texture = Texture::new(texels, Point::new(0.0, 0.0));
    let left = area.x as f32 + (area.width as f32 - scale * width as f32) / 2.0;
    let up = area.bottom() as f32 - scale * bottom as f32;
    let corner = |x: f32, y: f32| (Point::new(left + scale * x, up + scale * y), Point::new(x, y));
    let (right, low) = (width as f32, height as f32);
    let [a, b, c, d] = [corner(0.0, 0.0), corner(right, 0.0), corner(right, low), corner(0.0, low)];
    let place = Rect::new(
        a.0.x.floor() as i32,
        a.0.y.floor() as i32,
        (scale * right).ceil() as u32 + 1,
        (scale * low).ceil() as u32 + 1,
    );
    let covered = place.intersection(&Rect::of_size(size.0 as u32, size.1 as u32));
    if covered.is_empty() {
        return None;
    }
    let mut canvas = Canvas::new(covered);
    let detail = (1.0 / scale).log2().max(0.0);
    canvas.draw(&[Triangle([a, b, c]), Triangle([a, c, d])], &texture, detail, 0.0, 0.0);
    Some(canvas.finish())
}

#[cfg(test)]
mod tests {
    use media::picture::{Mask, Picture};

    use super::*;
    use crate::puppet::cutout::Cutout;

    #[test]
    fn it_stands_on_the_bottom_of_the_box_and_is_as_tall() {
        let mask = Mask::from_fn(60, 80, |x, y| if (20..40).contains(&x) && (10..70).contains(&y) { 255 } else { 0 });
        let picture = Picture::filled(60, 80, [10, 200, 30]);
        let puppet = Puppet::new(Cutout::new(&picture, &mask, None).unwrap());
        let placed = |taller: f32| {
            let warp = place_whole(&puppet, Rect::new(30, 20, 40, 30), taller, (100, 64)).unwrap();
            let mut scene = Picture::filled(100, 64, [0; 3]);
            warp.lay_over(&mut scene);
            move |x: usize, y: usize| scene.get(x, y) == [10, 200, 30]
        };
        let covered = placed(1.0);
        assert!(covered(50, 21) && covered(50, 48) && covered(46, 35) && covered(54, 35));
        assert!(!covered(50, 17) && !covered(50, 52) && !covered(42, 35) && !covered(58, 35));
        // Half as tall it still stands on the bottom.
        let covered = placed(0.5);
        assert!(covered(50, 48) && covered(50, 37) && !covered(50, 33) && !covered(45, 45) && !covered(50, 52));
    }
}

//! Implements random scale augmentation (paper 3.2). The person of a training clip is cut out together with the objects
//! in use, scaled, and composited back. A model therefore cannot learn that a character is always smaller than its
//! hole.
//!
//! | clip | target | scale |
//! |---|---|---|
//! | with a clean plate | plate + scaled person and objects | U(0.8, 1.25) |
//! | without | frame + scaled person and objects | U(1.0, 1.25) |
//!
//! All frames of a clip have the same scale. Each frame is scaled about the bottom of the person's box, so that feet
//! stay in place. The position of this point is averaged over five frames to avoid jitter. A person cut off at any
//! border except the lower one is never made smaller, because the cut edge would become visible inside the picture. The
//! paper gives no range of scales.

use media::geometry::{Crop, Rect};
use media::picture::{DepthMap, Mask, Picture, Plane};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::mask::COVERED;
use crate::networks::resample::{Enlarge, Window, cut_out_over, mask_window};
use crate::pose::{Keypoint, Pose};

/// Ranges of the random scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScaleAugmentation {
    /// Smallest and largest scale of clips with a clean plate.
    pub with_plate: (f32, f32),
    /// Smallest and largest scale of clips without a clean plate. The smallest scale should be 1, so that the original
    /// person stays covered.
    pub without_plate: (f32, f32),
}

impl Default for ScaleAugmentation {
    fn default() -> Self {
        Self { with_plate: (0.8, 1.25), without_plate: (1.0, 1.25) }
    }
}

impl ScaleAugmentation {
    /// No scaling.
    pub fn off() -> Self {
        Self { with_plate: (1.0, 1.0), without_plate: (1.0, 1.0) }
    }

    /// Chooses the random scale of one clip. `boxes` are the person's boxes in each frame. `visible` is the part of the
    /// crop inside the video frame.
    pub fn draw(
        &self,
        boxes: &[Option<Rect<Crop>>],
        visible: Rect<Crop>,
        has_plate: bool,
        random: &mut impl Rng,
    ) -> f32 {
        let (low, high) = if has_plate { self.with_plate } else { self.without_plate };
        let scale = if low < high { random.random_range(low..=high) } else { low };
        let cut = |area: &Rect<Crop>| area.x <= visible.x || area.y <= visible.y || area.right() >= visible.right();
        if boxes.iter().flatten().any(cut) { scale.max(1.0) } else { scale }
    }
}

/// The fixed point of the scaling in each frame: the middle of the lower edge of the person's box, averaged over two
/// frames on each side. Frames without a person use the point of the nearest frame with a person.
pub fn anchors(boxes: &[Option<Rect<Crop>>]) -> Vec<(f32, f32)> {
    let foot = |area: &Rect<Crop>| (area.centre().0, area.bottom() as f32);
    let known: Vec<(usize, (f32, f32))> =
        boxes.iter().enumerate().filter_map(|(index, area)| Some((index, foot(area.as_ref()?)))).collect();
    let nearest = |index: usize| {
        known.iter().min_by_key(|(place, _)| place.abs_diff(index)).map_or((0.0, 0.0), |&(_, foot)| foot)
    };
    let end = boxes.len().saturating_sub(1);
    let mean = |index: usize| {
        let near = (index.saturating_sub(2)..=(index + 2).min(end)).map(nearest);
        let count = near.clone().count() as f32;
        let (x, y) = near.fold((0.0, 0.0), |sum, foot| (sum.0 + foot.0, sum.1 + foot.1));
        (x / count, y / count)
    };
    (0..boxes.len()).map(mean).collect()
}

/// A scaling about a fixed point: `place = anchor + scale * (old place - anchor)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// The fixed point, in pixels of the crop.
    pub anchor: (f32, f32),
    /// New length divided by old length; above 0.
    pub scale: f32,
}

impl Scaling {
    /// The position of a point of the unscaled frame after scaling.
    pub fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        (self.anchor.0 + self.scale * (x - self.anchor.0), self.anchor.1 + self.scale * (y - self.anchor.1))
    }

    /// A pose scaled with its depth.
    pub fn pose(&self, pose: &Pose) -> Pose {
        pose.map(|point| {
            let (x, y) = self.apply(point.x, point.y);
            Keypoint { x, y, z: point.z * self.scale, confidence: point.confidence }
        })
    }

    /// A scaled mask; empty where the frame has no data.
    pub fn mask(&self, mask: &Mask) -> Mask {
        if self.scale == 1.0 {
            return mask.clone();
        }
        mask_window(mask, self.window(mask.size()), mask.size(), Enlarge::Linear)
    }

    /// A depth map scaled with nearest values; 0 (unknown) where the frame has no data.
    pub fn depth(&self, depth: &DepthMap) -> DepthMap {
        let (width, height) = depth.size();
        let old = |place: usize, anchor: f32| (anchor + (place as f32 + 0.5 - anchor) / self.scale).floor();
        Plane::from_fn(width, height, |x, y| {
            let (x, y) = (old(x, self.anchor.0), old(y, self.anchor.1));
            let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
            if inside { depth.get(x as usize, y as usize) } else { 0.0 }
        })
    }

    /// Draws the covered part of `frame`, scaled, over `base`.
    ///
    /// # Panics
    /// When the three differ in size.
    pub fn put_over(&self, base: &Picture, frame: &Picture, coverage: &Mask) -> Picture {
        assert_eq!(base.size(), frame.size(), "base of {:?}, frame of {:?}", base.size(), frame.size());
        cut_out_over(base, frame, coverage, self.window(frame.size()))
    }

    fn window(&self, (width, height): (usize, usize)) -> Window {
        let start = |anchor: f32| f64::from(anchor) * (1.0 - 1.0 / f64::from(self.scale));
        Window {
            x: start(self.anchor.0),
            y: start(self.anchor.1),
            width: width as f64 / f64::from(self.scale),
            height: height as f64 / f64::from(self.scale),
        }
    }
}

/// The pixels of the old place that remain visible: covered by `before`, but not by `after`.
pub(crate) fn left_over(before: &Mask, after: &Mask) -> Mask {
    let cells = before.cells().iter().zip(after.cells());
    let cells = cells.map(|(&before, &after)| if before >= COVERED && after < 255 - COVERED { 255 } else { 0 });
    Mask::from_cells(before.width(), before.height(), cells.collect())
}

/// The largest coverage of some masks at each cell; none for an empty list.
pub(crate) fn union<'a>(masks: impl IntoIterator<Item = &'a Mask>) -> Option<Mask> {
    masks.into_iter().fold(None, |all: Option<Mask>, mask| match all {
        None => Some(mask.clone()),
        Some(all) => {
            let cells = all.cells().iter().zip(mask.cells()).map(|(&a, &b)| a.max(b)).collect();
            Some(Mask::from_cells(all.width(), all.height(), cells))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::bounding_box;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// A person of 4 x 8 pixels at column 6, row 4 of a 20 x 20 crop.
    fn person() -> Mask {
        Mask::from_fn(20, 20, |x, y| if (6..10).contains(&x) && (4..12).contains(&y) { 255 } else { 0 })
    }

    #[test]
    fn a_doubled_person_stands_on_the_same_foot() {
        let boxes = [bounding_box(&person())];
        assert_eq!(anchors(&boxes), [(8.0, 12.0)]);
        let scaling = Scaling { anchor: (8.0, 12.0), scale: 2.0 };
        let large = bounding_box::<Crop>(&scaling.mask(&person()).map(|value| if value > 127 { 255 } else { 0 }));
        assert_eq!(large, Some(Rect::new(4, 0, 8, 12)));
        let half = Scaling { scale: 0.5, ..scaling };
        assert_eq!(bounding_box::<Crop>(&half.mask(&person())), Some(Rect::new(7, 8, 2, 4)));
        assert_eq!(scaling.apply(6.0, 4.0), (4.0, -4.0));
    }

    #[test]
    fn only_the_person_moves() {
        let frame = Picture::from_fn(20, 20, |x, y| if person().get(x, y) > 0 { [200, 0, 0] } else { [0, 0, 90] });
        let plate = Picture::filled(20, 20, [0, 50, 0]);
        let half = Scaling { anchor: (8.0, 12.0), scale: 0.5 };
        let target = half.put_over(&plate, &frame, &person());
        let smaller = half.mask(&person());
        for (pixel, coverage) in target.cells().iter().zip(smaller.cells()) {
            assert_eq!(*pixel, if *coverage > 0 { [200, 0, 0] } else { [0, 50, 0] });
        }
        // Without a plate and with a smaller scale, the old person shows. That is what is reported.
        let rest = left_over(&person(), &smaller);
        assert_eq!(rest.cells().iter().filter(|&&value| value > 0).count(), 4 * 8 - 2 * 4);
        let depth = DepthMap::from_fn(20, 20, |x, _| x as f32);
        assert_eq!(half.depth(&depth).get(8, 12), 9.0);
        assert_eq!(half.depth(&depth).get(0, 12), 0.0 * depth.get(0, 0));
    }

    #[test]
    fn scales_lie_in_their_ranges_and_the_cut_off_only_grow() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let whole = Rect::of_size(20, 20);
        let config = ScaleAugmentation::default();
        let mut draws = |area: Rect<Crop>, plate| -> (f32, f32) {
            let drawn: Vec<f32> =
                (0..300).map(|_| config.draw(&[None, Some(area)], whole, plate, &mut random)).collect();
            (drawn.iter().copied().fold(9.0, f32::min), drawn.iter().copied().fold(0.0, f32::max))
        };
        let (low, high) = draws(Rect::new(5, 5, 5, 5), true);
        assert!((0.8..0.83).contains(&low) && (1.22..=1.25).contains(&high), "{low} {high}");
        let (low, high) = draws(Rect::new(5, 5, 5, 5), false);
        assert!((1.0..1.02).contains(&low) && (1.22..=1.25).contains(&high), "{low} {high}");
        assert_eq!(draws(Rect::new(0, 5, 5, 5), true).0, 1.0);
        assert!(draws(Rect::new(5, 5, 5, 15), true).0 < 0.83, "feet at the lower border may shrink");
    }

    #[test]
    fn anchors_bridge_gaps_and_average() {
        let area = |x| Some(Rect::new(x, 0, 10, 30));
        let got = anchors(&[area(0), None, None, area(30), area(30), area(30)]);
        assert_eq!(got[0], (5.0 + 10.0, 30.0));
        assert_eq!(got[5], (35.0, 30.0));
        assert_eq!(anchors(&[None, None]), [(0.0, 0.0); 2]);
        assert!(anchors(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn scale_one_changes_nothing(cells in prop::collection::vec(any::<([u8; 3], u8)>(), 30), x in -9.0_f32..9.0) {
            let frame = Picture::from_cells(6, 5, cells.iter().map(|cell| cell.0).collect());
            let mask = Mask::from_cells(6, 5, cells.iter().map(|cell| cell.1).collect());
            let scaling = Scaling { anchor: (x, x + 1.0), scale: 1.0 };
            prop_assert_eq!(scaling.put_over(&frame, &frame, &mask), frame);
            prop_assert_eq!(scaling.mask(&mask), mask);
        }

        #[test]
        fn pose_and_mask_go_together(scale in 0.5_f32..2.0, x in 0.0_f32..40.0, y in 0.0_f32..40.0, dot in (5_usize..35, 5_usize..35)) {
            let mask = Mask::from_fn(40, 40, |column, row| if (column, row) == dot { 255 } else { 0 });
            let scaling = Scaling { anchor: (x, y), scale };
            let mut pose = Pose::default();
            pose.body[0] = Keypoint { x: dot.0 as f32 + 0.5, y: dot.1 as f32 + 0.5, z: 3.0, confidence: 1.0 };
            let moved = scaling.pose(&pose).body[0];
            prop_assert!((moved.z - 3.0 * scale).abs() < 1e-5);
            let scaled = scaling.mask(&mask);
            let (mut sum, mut at) = (0.0, (0.0, 0.0));
            for (index, &value) in scaled.cells().iter().enumerate() {
                let value = f32::from(value);
                sum += value;
                at = (at.0 + value * ((index % 40) as f32 + 0.5), at.1 + value * ((index / 40) as f32 + 0.5));
            }
            let inside = (3.0..37.0).contains(&moved.x) && (3.0..37.0).contains(&moved.y);
            if inside {
                prop_assert!((at.0 / sum - moved.x).abs() < 0.6 && (at.1 / sum - moved.y).abs() < 0.6);
            }
        }
    }
}

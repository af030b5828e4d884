//! Draws a soft contact shadow under feet on the ground. The shadow's darkness is measured on the source's shadow
//! around the feet.
//!
//! Outside the hole, the source's shadow stays visible. Inside the hole, the plate contains no shadow, so the new
//! shadow is drawn only there.

use media::picture::{Mask, Picture};
use perception::pose::{Joint, Keypoint, Pose};

use crate::body::bones::is_placed;
use crate::body::trunk::TrunkFrame;

/// The darkest shadow, as a share of lost light.
const DARKEST: f32 = 0.5;
/// Half axes of the shadow of a foot, in lengths of the trunk.
const HALF_AXES: (f32, f32) = (0.34, 0.11);
/// Two rings, in half axes: the shadow is measured in the first and compared with the second.
const NEAR: (f32, f32) = (0.6, 1.5);
const FAR: (f32, f32) = (2.2, 3.2);

/// Where feet stand, and the size of their shadows.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprints {
    middles: Vec<(f32, f32)>,
    half: (f32, f32),
}

impl Footprints {
    /// The feet of a pose that are on the ground: the lowest foot, and any foot that is hardly higher.
    pub fn of(pose: &Pose) -> Option<Self> {
        let length = TrunkFrame::of(pose)?.length;
        let feet = [(Joint::RightAnkle, &pose.right_foot), (Joint::LeftAnkle, &pose.left_foot)];
        let soles: Vec<(f32, f32)> = feet
            .into_iter()
            .filter_map(|(ankle, points)| {
                let ankle: Keypoint = pose.joint(ankle);
                if !is_placed(ankle) || !ankle.is_drawn() {
                    return None;
                }
                let ends: Vec<&Keypoint> = points.iter().filter(|point| is_placed(**point)).collect();
                if ends.len() < 2 {
                    return Some((ankle.x, ankle.y + 0.12 * length));
                }
                Some(((ends[0].x + ends[1].x) / 2.0, ends[0].y.max(ends[1].y) + 0.03 * length))
            })
            .collect();
        let lowest = soles.iter().map(|(_, y)| *y).reduce(f32::max)?;
        let middles = soles.into_iter().filter(|(_, y)| lowest - y < 0.3 * length).collect();
        Some(Self { middles, half: (HALF_AXES.0 * length, HALF_AXES.1 * length) })
    }

    /// The share of light that the ground next to the feet lacks, 0..=0.5; none where too little of the ground is
    /// visible.
    pub fn darkness(&self, source: &Picture, hole: &Mask) -> Option<f32> {
        let (mut near, mut far) = (Mean::default(), Mean::default());
        for &middle in &self.middles {
            self.visit(middle, FAR.1, source.size(), |x, y, distance| {
                // The area above the feet shows what stands behind them.
                if hole.get(x, y) > 0 || (y as f32) < middle.1 - 0.3 * self.half.1 {
                    return;
                }
                let [red, green, blue] = source.get(x, y).map(f32::from);
                let light = (0.3 * red + 0.59 * green + 0.11 * blue).powi(2);
                if (NEAR.0..NEAR.1).contains(&distance) {
                    near.add(light);
                } else if distance > FAR.0 {
                    far.add(light);
                }
            });
        }
        let (near, far) = (near.value()?, far.value()?);
        Some((1.0 - near / far.max(1.0)).clamp(0.0, DARKEST))
    }

    /// Darkens the ground inside the hole.
    pub fn draw(&self, picture: &mut Picture, hole: &Mask, darkness: f32) {
        if darkness < 0.02 {
            return;
        }
        let mut light = std::collections::BTreeMap::<(usize, usize), f32>::new();
        for &middle in &self.middles {
            self.visit(middle, 2.0, picture.size(), |x, y, distance| {
                if hole.get(x, y) > 0 {
                    let shade = 1.0 - darkness * (-1.5 * distance * distance).exp();
                    let least = light.entry((x, y)).or_insert(1.0);
                    *least = least.min(shade);
                }
            });
        }
        for ((x, y), light) in light {
            // Light is approximately the square of the value.
            let factor = light.sqrt();
            picture.set(x, y, picture.get(x, y).map(|value| (factor * f32::from(value) + 0.5) as u8));
        }
    }

    /// Visits pixels around a footprint, with their distance in half axes.
    fn visit(
        &self,
        middle: (f32, f32),
        reach: f32,
        (width, height): (usize, usize),
        mut visit: impl FnMut(usize, usize, f32),
    ) {
        let range = |middle: f32, half: f32, count: usize| {
            let first = (middle - reach * half).floor().max(0.0) as usize;
            let last = (middle + reach * half).ceil().clamp(0.0, count as f32) as usize;
            first..last
        };
        for y in range(middle.1, self.half.1, height) {
            for x in range(middle.0, self.half.0, width) {
                let across = (x as f32 + 0.5 - middle.0) / self.half.0;
                let down = (y as f32 + 0.5 - middle.1) / self.half.1;
                let distance = across.hypot(down);
                if distance < reach {
                    visit(x, y, distance);
                }
            }
        }
    }
}

/// The mean of the values, if there are enough.
#[derive(Default)]
struct Mean {
    sum: f32,
    count: f32,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.sum += value;
        self.count += 1.0;
    }

    fn value(&self) -> Option<f32> {
        (self.count >= 20.0).then(|| self.sum / self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Footprints {
        Footprints { middles: vec![(60.0, 80.0)], half: (16.0, 6.0) }
    }

    #[test]
    fn a_shadow_is_measured_and_drawn_in_the_hole_alone() {
        let prints = standing();
        let hole = Mask::from_fn(160, 120, |x, y| if (50..70).contains(&x) && y < 82 { 255 } else { 0 });
        let shaded = Picture::from_fn(160, 120, |x, y| {
            let distance = ((x as f32 - 60.0) / 16.0).hypot((y as f32 - 80.0) / 6.0);
            if distance < 1.6 { [140; 3] } else { [200; 3] }
        });
        let darkness = prints.darkness(&shaded, &hole).unwrap();
        assert!((darkness - 0.5).abs() < 0.06, "{darkness}");
        assert_eq!(prints.darkness(&Picture::filled(160, 120, [200; 3]), &hole), Some(0.0));
        let mut plate = Picture::filled(160, 120, [200; 3]);
        prints.draw(&mut plate, &hole, darkness);
        assert!(plate.get(60, 80)[0] < 160 && plate.get(60, 90)[0] == 200 && plate.get(10, 10)[0] == 200);
    }
}

//! Plans the region of interest for each frame: a square that contains the person and moves smoothly.
//!
//! The planner processes the person's boxes of all frames at once (four numbers per frame). The planner encloses the
//! person's bounding boxes in an envelope. Per frame, each edge of the envelope moves by at most the share `STEP` of
//! the square's side, both forward and backward in time. The square therefore starts to move before a fast person would
//! leave it. The centre of the square is the middle of the envelope, averaged over a few frames, so a person who moves
//! evenly stays in the middle. The square is large enough to cover the person around that centre. The size of the
//! square starts to grow early and grows slowly. If a person is faster than the centre, the square becomes larger. The
//! paper does not say how a region is found.

use media::geometry::{Frame, Rect};
use media::picture::Mask;
use serde::{Deserialize, Serialize};

use crate::mask::bounding_box;
use crate::pose::Pose;
use crate::region::Region;

/// Largest shift of an edge of the person's envelope in a frame, as a share of the square. The square itself moves and
/// grows by at most twice that, plus a pixel of rounding: less than 15 % of [`RegionConfig::smallest`].
const STEP: f64 = 0.06;

/// Settings of the region of interest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionConfig {
    /// Margin on each side of the person, as a share of the longer side of the person's box.
    pub margin: f32,
    /// The smallest square, in frame pixels; at least 64.
    pub smallest: u32,
    /// Number of frames before and after over which the square is smoothed.
    pub smoothing: usize,
}

impl Default for RegionConfig {
    fn default() -> Self {
        Self { margin: 0.15, smallest: 64, smoothing: 3 }
    }
}

/// The person's box in a frame of `frame` pixels: the mask's box joined with that of the drawn joints, clipped at the
/// frame's border. None if neither contains a person inside the frame.
pub fn person_box(mask: Option<&Mask>, pose: Option<&Pose>, frame: (u32, u32)) -> Option<Rect<Frame>> {
    let masked = mask.and_then(bounding_box);
    let posed = pose.and_then(|pose| pose_box(pose, masked.is_none()));
    let joined = match (masked, posed) {
        (Some(masked), Some(posed)) => masked.union(&posed),
        (one, other) => one.or(other)?,
    };
    let inside = joined.intersection(&Rect::of_size(frame.0, frame.1));
    (!inside.is_empty()).then_some(inside)
}

/// The box of the drawn points. Joints lie inside the body, so a box without a mask gets a larger margin.
fn pose_box(pose: &Pose, alone: bool) -> Option<Rect<Frame>> {
    let drawn = || pose.points().filter(|point| point.is_drawn() && point.x.is_finite() && point.y.is_finite());
    let least = |side: fn(f32) -> f32, value: f32| side(value).clamp(-1e6, 1e6);
    let left = least(f32::floor, drawn().map(|point| point.x).reduce(f32::min)?) as i32;
    let top = least(f32::floor, drawn().map(|point| point.y).reduce(f32::min)?) as i32;
    let right = least(f32::ceil, drawn().map(|point| point.x).reduce(f32::max)?) as i32;
    let bottom = least(f32::ceil, drawn().map(|point| point.y).reduce(f32::max)?) as i32;
    let room = if alone { (right - left).max(bottom - top) / 8 } else { 0 };
    let (width, height) = (right - left + 2 * room, bottom - top + 2 * room);
    Some(Rect::new(left - room, top - room, width.max(1) as u32, height.max(1) as u32))
}

/// The envelope of one clip: the smallest square and the outermost edges for each frame.
#[derive(Clone)]
struct Envelope {
    size: Vec<f64>,
    left: Vec<f64>,
    top: Vec<f64>,
    right: Vec<f64>,
    bottom: Vec<f64>,
}

/// Plans the square of every frame from the person's box in each frame (none if there is no person). Missing boxes are
/// interpolated. If no frame shows a person, the square is in the middle of the frame.
pub fn plan_regions(boxes: &[Option<Rect<Frame>>], frame: (u32, u32), config: &RegionConfig) -> Vec<Region> {
    let Some(filled) = fill(boxes, frame, config) else {
        let side = frame.0.min(frame.1).max(config.smallest.max(64));
        let middle = (f64::from(frame.0) / 2.0, f64::from(frame.1) / 2.0);
        return vec![square(middle, f64::from(side), frame); boxes.len()];
    };
    let envelope = limit_steps(filled.clone());
    let middle = |low: &[f64], high: &[f64]| {
        let middles: Vec<f64> = low.iter().zip(high).map(|(low, high)| (low + high) / 2.0).collect();
        average(&middles, config.smoothing)
    };
    let across = middle(&envelope.left, &envelope.right);
    let down = middle(&envelope.top, &envelope.bottom);
    let needed = (0..boxes.len()).map(|index| {
        let aside = (across[index] - filled.left[index]).max(filled.right[index] - across[index]);
        let upright = (down[index] - filled.top[index]).max(filled.bottom[index] - down[index]);
        envelope.size[index].max(2.0 * aside).max(2.0 * upright)
    });
    let sizes = widen(&limit_growth(needed.collect()), config.smoothing);
    let sizes = average(&sizes, config.smoothing);
    (0..boxes.len()).map(|index| square((across[index], down[index]), sizes[index], frame)).collect()
}

/// One square for all frames of a training clip, which contains the whole person in each.
pub fn fixed_region(boxes: &[Option<Rect<Frame>>], frame: (u32, u32), config: &RegionConfig) -> Region {
    let all = boxes.iter().flatten().fold(Rect::new(0, 0, 0, 0), |all, area| all.union(area));
    let one = if all.is_empty() { None } else { Some(all) };
    plan_regions(&[one], frame, config)[0]
}

/// The padded edges of every frame, with gaps interpolated; none when there is no person at all.
fn fill(boxes: &[Option<Rect<Frame>>], frame: (u32, u32), config: &RegionConfig) -> Option<Envelope> {
    let padded = |area: &Rect<Frame>| {
        // A margin outside the frame would show nothing, so the padding ends at the border.
        let room = (f64::from(area.width.max(area.height)) * f64::from(config.margin)).max(1.0);
        [
            (f64::from(area.x) - room).max(0.0),
            (f64::from(area.y) - room).max(0.0),
            (f64::from(area.right()) + room).min(f64::from(frame.0)),
            (f64::from(area.bottom()) + room).min(f64::from(frame.1)),
        ]
    };
    let known: Vec<(usize, [f64; 4])> =
        boxes.iter().enumerate().filter_map(|(index, area)| Some((index, padded(area.as_ref()?)))).collect();
    if known.is_empty() {
        return None;
    }
    let edges: Vec<[f64; 4]> = (0..boxes.len())
        .map(|index| {
            let next = known.partition_point(|&(place, _)| place < index);
            match (next.checked_sub(1).and_then(|before| known.get(before)), known.get(next)) {
                (Some((before, a)), Some((after, b))) => {
                    let share = (index - before) as f64 / (after - before) as f64;
                    Some(std::array::from_fn(|edge| a[edge] + share * (b[edge] - a[edge])))
                }
                (one, other) => one.or(other).map(|(_, edges)| *edges),
            }
        })
        .collect::<Option<_>>()?;
    let smallest = f64::from(config.smallest.max(64));
    let edge = |which: usize| edges.iter().map(|edges| edges[which]).collect();
    let size = edges.iter().map(|edge| (edge[2] - edge[0]).max(edge[3] - edge[1]).max(smallest)).collect();
    Some(Envelope { size, left: edge(0), top: edge(1), right: edge(2), bottom: edge(3) })
}

/// Widens the envelope until nothing moves faster than [`STEP`] of the square in a frame.
fn limit_steps(mut envelope: Envelope) -> Envelope {
    envelope.size = limit_growth(envelope.size);
    for (from, to) in both_ways(envelope.size.len()) {
        let step = STEP * envelope.size[from].min(envelope.size[to]);
        for edge in [&mut envelope.left, &mut envelope.top] {
            edge[to] = edge[to].min(edge[from] + step);
        }
        for edge in [&mut envelope.right, &mut envelope.bottom] {
            edge[to] = edge[to].max(edge[from] - step);
        }
    }
    envelope
}

/// Enlarges sizes until none exceeds its neighbours by more than twice [`STEP`].
fn limit_growth(mut sizes: Vec<f64>) -> Vec<f64> {
    for (from, to) in both_ways(sizes.len()) {
        sizes[to] = sizes[to].max(sizes[from] / (1.0 + 2.0 * STEP));
    }
    sizes
}

/// Visits every pair of neighbours, first to last and then back.
fn both_ways(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..count).map(|index| (index - 1, index)).chain((1..count).rev().map(|index| (index, index - 1)))
}

/// The largest value within `reach` frames. After it, a mean over the same range still covers the middle frame.
fn widen(values: &[f64], reach: usize) -> Vec<f64> {
    let end = values.len().saturating_sub(1);
    let near = |index: usize| index.saturating_sub(reach)..=(index + reach).min(end);
    (0..values.len()).map(|index| values[near(index)].iter().copied().fold(values[index], f64::max)).collect()
}

/// The mean over `reach` frames on both sides. Beyond the ends the last value is repeated.
fn average(values: &[f64], reach: usize) -> Vec<f64> {
    let end = values.len().saturating_sub(1);
    let held = |index: usize, offset: usize| values[(index + offset).saturating_sub(reach).min(end)];
    let mean = |index: usize| (0..=2 * reach).map(|offset| held(index, offset)).sum::<f64>();
    (0..values.len()).map(|index| mean(index) / (2 * reach + 1) as f64).collect()
}

/// The square around a centre. It is kept inside the frame if it fits, and otherwise centred on the frame.
fn square(centre: (f64, f64), side: f64, frame: (u32, u32)) -> Region {
    // Sums that should be integers may be slightly larger.
    let whole = (side - 1e-4).ceil().max(1.0);
    let start = |centre: f64, length: u32| {
        let length = f64::from(length);
        if whole >= length {
            return ((length - whole) / 2.0).round() as i32;
        }
        let kept = centre.clamp(side.min(length) / 2.0, length - side.min(length) / 2.0);
        (kept - whole / 2.0).round().clamp(0.0, length - whole) as i32
    };
    Region { square: Rect::new(start(centre.0, frame.0), start(centre.1, frame.1), whole as u32, whole as u32) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: (u32, u32) = (640, 360);

    fn plan(boxes: &[Option<Rect<Frame>>]) -> Vec<Region> {
        plan_regions(boxes, FRAME, &RegionConfig::default())
    }

    fn largest_jump(regions: &[Region]) -> f32 {
        regions.windows(2).map(|pair| pair[0].jump(&pair[1])).fold(0.0, f32::max)
    }

    #[test]
    fn a_still_person_is_centred_with_room() {
        let regions = plan(&[Some(Rect::new(200, 100, 60, 160)); 5]);
        // 160 and 15 % of it on each side; centred at (230, 180).
        assert_eq!(regions, vec![Region { square: Rect::new(126, 76, 208, 208) }; 5]);
    }

    #[test]
    fn without_a_person_the_square_is_the_middle() {
        assert_eq!(plan(&[None, None]), vec![Region { square: Rect::new(140, 0, 360, 360) }; 2]);
        assert!(plan(&[]).is_empty());
    }

    #[test]
    fn an_even_walk_costs_no_room() {
        let walk: Vec<_> = (0..40).map(|index| Some(Rect::new(60 + 8 * index, 100, 60, 160))).collect();
        for (index, region) in plan(&walk).iter().enumerate().skip(10).take(20) {
            assert_eq!(region.square, Rect::new(8 * index as i32 - 14, 76, 208, 208));
        }
    }

    #[test]
    fn gaps_are_bridged_and_a_huge_person_reaches_over_the_border() {
        let here = |x| Some(Rect::new(x, 100, 40, 80));
        let regions = plan(&[here(100), None, None, here(112), None]);
        assert!(largest_jump(&regions) < 0.05, "{regions:?}");
        assert_eq!(plan(&[Some(Rect::of_size(640, 360))]), [Region { square: Rect::new(0, -140, 640, 640) }]);
    }

    #[test]
    fn the_box_of_a_pose_without_a_mask_has_more_room() {
        let mut pose = Pose::default();
        for (index, (x, y)) in [(10.0, 20.0), (50.0, 100.0), (30.0, 900.0)].into_iter().enumerate() {
            let confidence = if y > 500.0 { 0.1 } else { 0.9 };
            pose.body[index] = crate::pose::Keypoint { x, y, z: 0.0, confidence };
        }
        assert_eq!(person_box(None, Some(&pose), FRAME), Some(Rect::new(0, 10, 60, 100)));
        let mask = Mask::from_fn(640, 360, |x, y| if x == 5 && y == 30 { 255 } else { 0 });
        assert_eq!(person_box(Some(&mask), Some(&pose), FRAME), Some(Rect::new(5, 20, 45, 80)));
        assert_eq!(person_box(None, Some(&Pose::default()), FRAME), None);
        assert_eq!(person_box(Some(&Mask::filled(640, 360, 0)), None, FRAME), None);
    }

    fn any_boxes() -> impl Strategy<Value = (Vec<Option<Rect<Frame>>>, (u32, u32))> {
        (16_u32..700, 16_u32..700).prop_flat_map(|frame| {
            let area = (0..frame.0 as i32, 0..frame.1 as i32, 1..=frame.0, 1..=frame.1)
                .prop_map(move |(x, y, w, h)| Rect::new(x, y, w, h).intersection(&Rect::of_size(frame.0, frame.1)));
            (prop::collection::vec(prop::option::weighted(0.8, area), 1..40), Just(frame))
        })
    }

    proptest! {
        #[test]
        fn never_jumps_and_always_covers((boxes, frame) in any_boxes(), smoothing in 0_usize..6) {
            let config = RegionConfig { smoothing, ..RegionConfig::default() };
            let regions = plan_regions(&boxes, frame, &config);
            prop_assert_eq!(regions.len(), boxes.len());
            prop_assert!(largest_jump(&regions) <= 0.15, "{} in {:?}", largest_jump(&regions), regions);
            for (region, area) in regions.iter().zip(&boxes) {
                prop_assert_eq!(region.square.width, region.square.height);
                if let Some(area) = area {
                    prop_assert_eq!(region.square.intersection(area), *area, "{:?} leaves {:?}", region, area);
                }
                // It stays inside the frame where it fits.
                if region.square.width <= frame.0 {
                    prop_assert!(region.square.x >= 0 && region.square.right() <= frame.0 as i32);
                }
            }
        }

        #[test]
        fn one_square_holds_a_whole_clip((boxes, frame) in any_boxes()) {
            let region = fixed_region(&boxes, frame, &RegionConfig::default());
            for area in boxes.iter().flatten() {
                prop_assert_eq!(region.square.intersection(area), *area);
            }
        }
    }
}

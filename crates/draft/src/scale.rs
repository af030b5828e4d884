//! Estimates the character's size over time. The measured ratio of the two bodies' sizes is noisy from frame to frame,
//! although a person's size is constant.

use perception::pose::Pose;

use crate::puppet::Puppet;
use crate::warp::scale_of;

/// Number of frames on either side for the median and for the average after it.
const MIDDLE: usize = 12;
const MEAN: usize = 6;

/// The scale of a puppet in every frame of a shot, smooth over time; none where no frame gives one.
pub fn smooth_scales(puppet: &Puppet, poses: &[Option<Pose>], size: (usize, usize)) -> Vec<Option<f32>> {
    let raw: Vec<Option<f32>> =
        poses.iter().map(|pose| pose.as_ref().and_then(|pose| scale_of(puppet, pose, size))).collect();
    let window = |index: usize, reach: usize| index.saturating_sub(reach)..(index + reach + 1).min(raw.len());
    let middles: Vec<Option<f32>> = (0..raw.len())
        .map(|index| {
            let mut near: Vec<f32> = raw[window(index, MIDDLE)].iter().copied().flatten().collect();
            near.sort_by(f32::total_cmp);
            near.get(near.len() / 2).copied()
        })
        .collect();
    (0..raw.len())
        .map(|index| {
            let near: Vec<f32> = middles[window(index, MEAN)].iter().copied().flatten().collect();
            (!near.is_empty()).then(|| near.iter().sum::<f32>() / near.len() as f32)
        })
        .collect()
}

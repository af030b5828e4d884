//! Defines the sizes of a [`Finisher`](super::Finisher).

use serde::{Deserialize, Serialize};

use super::POSE_DIVISOR;
use crate::conditioning::pose_modulation::{DepthModulationConfig, PoseModulationConfig};
use crate::unet::ConfigError;
use crate::unet::motion::MotionConfig;

/// Sizes of the network. They are stored with the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinisherConfig {
    /// Side of the pixel patches that the input folds into channels and the output unfolds again: 1, 2, 4 or 8.
    pub patch: usize,
    /// Channels of each level, finest first. Each level after the first has half the resolution.
    pub widths: Vec<usize>,
    /// Levels with self-attention, reference attention and temporal attention.
    pub attention_levels: Vec<bool>,
    /// Width of an attention head.
    pub head_width: usize,
    /// Groups of the group norms.
    pub norm_groups: usize,
    /// Temporal modules; `None` for a network of single frames.
    pub motion: Option<MotionConfig>,
    /// Pose modulation; `None` if the skeleton map among the inputs is enough.
    pub pose: Option<PoseModulationConfig>,
    /// Frames processed together.
    pub clip_frames: usize,
    /// Side in pixels of the square window that the network was trained for.
    pub size: usize,
}

impl Default for FinisherConfig {
    fn default() -> Self {
        Self {
            patch: 2,
            widths: vec![24, 48, 96, 128],
            attention_levels: vec![false, false, false, true],
            head_width: 32,
            norm_groups: 8,
            motion: Some(MotionConfig { heads: 4, norm_groups: 8, attentions: 1, ..MotionConfig::default() }),
            pose: Some(PoseModulationConfig {
                trunk_widths: vec![8, 16, 24, 32],
                out_channels: 48,
                depth: Some(DepthModulationConfig { heads: 2, ..DepthModulationConfig::default() }),
            }),
            clip_frames: 4,
            size: 256,
        }
    }
}

impl FinisherConfig {
    /// For tests: contains every component, with a few thousand weights.
    pub fn tiny() -> Self {
        Self {
            patch: 2,
            widths: vec![8, 8, 8],
            attention_levels: vec![false, false, true],
            head_width: 4,
            norm_groups: 4,
            motion: Some(MotionConfig { heads: 2, norm_groups: 4, attentions: 1, ..MotionConfig::default() }),
            pose: Some(PoseModulationConfig {
                trunk_widths: vec![4, 4, 4, 8],
                out_channels: 8,
                depth: Some(DepthModulationConfig { heads: 2, ..DepthModulationConfig::default() }),
            }),
            clip_frames: 4,
            size: 32,
        }
    }

    /// Checks that the settings fit together. Call it on everything that comes from a file.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that does not fit.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self { widths, attention_levels, head_width, norm_groups, .. } = self;
        let groups_fit =
            *norm_groups > 0 && widths.iter().all(|width| *width > 0 && width.is_multiple_of(*norm_groups));
        let heads_fit = *head_width > 0
            && widths
                .iter()
                .zip(attention_levels)
                .all(|(width, attends)| !attends || width.is_multiple_of(*head_width));
        let motion_fits = self.motion.as_ref().is_none_or(|motion| {
            let attending =
                || widths.iter().zip(attention_levels).filter(|(_, attends)| **attends).map(|(width, _)| width);
            motion.heads > 0
                && motion.norm_groups > 0
                && motion.width_divisor > 0
                && attending().all(|w| w.is_multiple_of(motion.heads) && w.is_multiple_of(motion.norm_groups))
        });
        let longest = self.motion.as_ref().filter(|motion| motion.positions).map(|motion| motion.max_frames);
        let patch_fits = self.patch.is_power_of_two() && self.patch <= POSE_DIVISOR;
        let patch = if patch_fits { self.patch } else { 1 };
        let pose_level = (POSE_DIVISOR / patch).ilog2() as usize;
        let into_pose_level = widths.get(pose_level.saturating_sub(1)).copied();
        let pose_fits = self.pose.as_ref().is_none_or(|pose| {
            widths.len() > pose_level && pose.trunk_widths.len() == 4 && Some(pose.out_channels) == into_pose_level
        });
        let cell = patch << widths.len().saturating_sub(1).min(16);
        let rules = [
            ("patch", patch_fits, self.patch.to_string(), "1, 2, 4 or 8"),
            (
                "widths",
                !widths.is_empty() && widths.len() < 10 && groups_fit,
                format!("{widths:?}"),
                "1 to 9 multiples of `norm_groups`",
            ),
            (
                "attention_levels",
                attention_levels.len() == widths.len(),
                format!("{attention_levels:?}"),
                "one entry per level",
            ),
            ("head_width", heads_fit, head_width.to_string(), "a divisor of each width with attention"),
            (
                "motion",
                motion_fits,
                format!("{:?}", self.motion),
                "heads and groups that divide each width with attention",
            ),
            (
                "pose",
                pose_fits,
                format!("{:?}", self.pose),
                "four trunk widths, and the number of channels of the level before the one at 1/8 of the size",
            ),
            (
                "clip_frames",
                self.clip_frames > 0 && longest.is_none_or(|n| self.clip_frames <= n),
                self.clip_frames.to_string(),
                "1 to `motion.max_frames`",
            ),
            (
                "size",
                self.size > 0 && self.size.is_multiple_of(cell),
                self.size.to_string(),
                "a multiple of the side of the coarsest cell",
            ),
        ];
        match rules.into_iter().find(|(_, fits, _, _)| !fits) {
            Some((setting, _, found, expected)) => Err(ConfigError { setting, found, expected: expected.into() }),
            None => Ok(()),
        }
    }
}

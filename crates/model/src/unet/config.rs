//! Defines the configuration of a UNet, which determines the sizes of every network of the method.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::conditioning::blending::BlendingConfig;
use crate::unet::motion::MotionConfig;
use crate::unet::time_embedding::Sinusoids;

/// Attention heads of the spatial transformers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heads {
    /// This many at every level. SD 1.5 configs call it `attention_head_dim`, although it is a number of heads.
    Count(usize),
    /// As many heads of this width as the channels allow.
    Width(usize),
    /// This many at each level, finest first.
    PerLevel(Vec<usize>),
}

impl Heads {
    /// Number of heads at a level with these channels.
    pub fn at(&self, level: usize, channels: usize) -> usize {
        match self {
            Self::Count(count) => *count,
            Self::Width(width) => channels / width,
            Self::PerLevel(counts) => counts[level],
        }
    }
}

/// Sizes of a UNet, plain or inflated to video. The default is the UNet of Stable Diffusion 1.5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnetConfig {
    /// Channels of the noise latent.
    pub in_channels: usize,
    /// Further input channels, after the noise, for the environment latent (paper 3.2). Their weights are
    /// zero-initialized.
    pub environment_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Channels of each level, finest first.
    pub block_out_channels: Vec<usize>,
    /// Resnets per down block. Up blocks have one more.
    pub layers_per_block: usize,
    /// Down blocks with spatial transformers, finest first. The mid block always has one.
    pub attention_levels: Vec<bool>,
    /// Up blocks with spatial transformers, also finest first, if different from the down blocks.
    pub decoder_attention_levels: Option<Vec<bool>>,
    /// Heads of the spatial transformers.
    pub heads: Heads,
    /// Width of the context tokens; `None` for no cross-attention.
    pub cross_attention_width: Option<usize>,
    /// Groups of every norm except those of the temporal modules.
    pub norm_groups: usize,
    /// Epsilon of the resnet norms and the output norm.
    pub norm_epsilon: f64,
    /// Sinusoidal embedding of the timestep.
    pub time: Sinusoids,
    /// Temporal modules; `None` for none.
    pub motion: Option<MotionConfig>,
    /// Whether resnet norms and the output norm compute statistics per frame instead of per clip.
    pub inflated_group_norm: bool,
    /// Spatial blending of objects (paper 3.3) in the mid and up blocks; `None` for none.
    pub blending: Option<BlendingConfig>,
}

impl Default for UnetConfig {
    fn default() -> Self {
        Self {
            in_channels: 4,
            environment_channels: 0,
            out_channels: 4,
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: 2,
            attention_levels: vec![true, true, true, false],
            decoder_attention_levels: None,
            heads: Heads::Count(8),
            cross_attention_width: Some(768),
            norm_groups: 32,
            norm_epsilon: 1e-5,
            time: Sinusoids::default(),
            motion: None,
            inflated_group_norm: true,
            blending: None,
        }
    }
}

/// A setting from which no network can be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("network setting `{setting}` is {found}, expected {expected}")]
pub struct ConfigError {
    /// Name of the setting.
    pub setting: &'static str,
    /// Its value.
    pub found: String,
    /// The values that would fit.
    pub expected: String,
}

impl ConfigError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "model.config"
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        "correct the setting, or remove it to use the preset's value"
    }
}

impl UnetConfig {
    /// For tests: two levels with attention at both and no cross-attention.
    pub fn tiny() -> Self {
        Self {
            block_out_channels: vec![8, 16],
            layers_per_block: 1,
            attention_levels: vec![true, true],
            heads: Heads::Width(4),
            cross_attention_width: None,
            norm_groups: 4,
            ..Self::default()
        }
    }

    /// Number of levels.
    pub fn levels(&self) -> usize {
        self.block_out_channels.len()
    }

    /// Width of the time embedding.
    pub fn time_width(&self) -> usize {
        4 * self.block_out_channels[0]
    }

    /// Whether the up blocks of this level, finest first, have spatial transformers.
    pub fn decoder_attention(&self, level: usize) -> bool {
        self.decoder_attention_levels.as_ref().unwrap_or(&self.attention_levels)[level]
    }

    /// Checks that the sizes fit together. Call it on everything that comes from a file.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that does not fit.
    pub fn check(&self) -> Result<(), ConfigError> {
        let error =
            |setting, found: String, expected: &str| Err(ConfigError { setting, found, expected: expected.into() });
        let levels = self.levels();
        if levels == 0 || self.block_out_channels.contains(&0) {
            return error(
                "block_out_channels",
                format!("{:?}", self.block_out_channels),
                "one positive width per level",
            );
        }
        for (setting, count) in [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("norm_groups", self.norm_groups),
        ] {
            if count == 0 {
                return error(setting, "0".into(), "at least 1");
            }
        }
        let per_level = [
            ("attention_levels", Some(self.attention_levels.len())),
            ("decoder_attention_levels", self.decoder_attention_levels.as_ref().map(Vec::len)),
            ("motion.down_levels", self.motion.as_ref().and_then(|motion| motion.down_levels.as_ref().map(Vec::len))),
            ("motion.up_levels", self.motion.as_ref().and_then(|motion| motion.up_levels.as_ref().map(Vec::len))),
        ];
        for (setting, length) in per_level {
            if let Some(length) = length.filter(|length| *length != levels) {
                return error(setting, format!("a list of length {length}"), &format!("length {levels}"));
            }
        }
        let zero_heads = match &self.heads {
            Heads::Count(count) | Heads::Width(count) => *count == 0,
            Heads::PerLevel(counts) => counts.len() != levels || counts.contains(&0),
        };
        if zero_heads {
            return error("heads", format!("{:?}", self.heads), "a positive number, or one positive number per level");
        }
        for (level, channels) in self.block_out_channels.iter().enumerate() {
            if channels % self.norm_groups != 0 {
                return error("block_out_channels", channels.to_string(), "multiples of `norm_groups`");
            }
            let heads = self.heads.at(level, *channels);
            if heads == 0 || heads > *channels {
                return error("heads", format!("{:?}", self.heads), &format!("1 to {channels} heads"));
            }
        }
        self.check_motion()
    }

    fn check_motion(&self) -> Result<(), ConfigError> {
        let Some(motion) = &self.motion else { return Ok(()) };
        for channels in &self.block_out_channels {
            if motion.norm_groups == 0 || channels % motion.norm_groups != 0 {
                return Err(ConfigError {
                    setting: "motion.norm_groups",
                    found: motion.norm_groups.to_string(),
                    expected: format!("a divisor of {channels}"),
                });
            }
            if motion.heads == 0 || motion.width_divisor == 0 || channels / motion.heads / motion.width_divisor == 0 {
                return Err(ConfigError {
                    setting: "motion.heads",
                    found: format!("{} with width divisor {}", motion.heads, motion.width_divisor),
                    expected: format!("heads of positive width in {channels} channels"),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sound() {
        UnetConfig::default().check().unwrap();
        UnetConfig::tiny().check().unwrap();
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let check = |change: &dyn Fn(&mut UnetConfig), expected: &str| {
            let mut config = UnetConfig { motion: Some(MotionConfig::default()), ..UnetConfig::default() };
            change(&mut config);
            assert_eq!(config.check().unwrap_err().setting, expected);
        };
        check(&|config| config.block_out_channels.clear(), "block_out_channels");
        check(&|config| config.block_out_channels[1] = 33, "block_out_channels");
        check(&|config| config.layers_per_block = 0, "layers_per_block");
        check(&|config| config.attention_levels.truncate(3), "attention_levels");
        check(&|config| config.decoder_attention_levels = Some(vec![]), "decoder_attention_levels");
        check(&|config| config.heads = Heads::Width(1000), "heads");
        check(&|config| config.heads = Heads::PerLevel(vec![1]), "heads");
        check(
            &|config| config.motion = Some(MotionConfig { norm_groups: 7, ..Default::default() }),
            "motion.norm_groups",
        );
        check(&|config| config.motion = Some(MotionConfig { heads: 0, ..Default::default() }), "motion.heads");
        check(
            &|config| config.motion = Some(MotionConfig { up_levels: Some(vec![true]), ..Default::default() }),
            "motion.up_levels",
        );
    }

    #[test]
    fn unknown_settings_are_refused_and_missing_ones_are_those_of_sd15() {
        let config: UnetConfig = serde_json::from_str(r#"{"in_channels": 9, "heads": {"width": 32}}"#).unwrap();
        assert_eq!(config, UnetConfig { in_channels: 9, heads: Heads::Width(32), ..Default::default() });
        assert!(serde_json::from_str::<UnetConfig>(r#"{"inchannels": 9}"#).is_err());
    }
}

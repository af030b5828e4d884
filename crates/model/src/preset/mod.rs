//! Provides the configurations shipped with this project.

mod config;

pub use config::{EnvironmentUse, NetworksConfig, ObjectUse};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::autoencoder::AutoencoderConfig;
use crate::autoencoder::vae::AutoencoderKlConfig;
use crate::conditioning::blending::BlendingConfig;
use crate::conditioning::clip_vision::ClipVisionConfig;
use crate::conditioning::pose_modulation::{DepthModulationConfig, PoseModulationConfig};
use crate::sampling::ddim::DdimConfig;
use crate::sampling::denoiser_output::DenoiserOutput;
use crate::small::autoencoder::SmallAutoencoderConfig;
use crate::small::reference_copy::ReferenceCopyConfig;
use crate::small::reference_tokens::ReferenceTokensConfig;
use crate::unet::motion::MotionConfig;
use crate::unet::reference_net::FusionBlocks;
use crate::unet::{ConfigError, Heads, UnetConfig};

/// A named configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Small (18 million weights including the autoencoder), trained by this project, for CPUs.
    #[default]
    Bundled,
    /// The size of the paper. Loads public weights of the Stable Diffusion 1.5 family.
    Sd15,
    /// Animate Anyone, the predecessor of this method, as published by Moore Threads: skeletons and a reference
    /// picture, without environment and objects. Loads those weights.
    Moore,
    /// MIMO as published: Animate Anyone's networks, and a denoiser that sees the scene without the person; takes those weights.
    Mimo,
    /// For tests: contains every component, with a few thousand weights each.
    Tiny,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 5] = [Self::Bundled, Self::Sd15, Self::Moore, Self::Mimo, Self::Tiny];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::Sd15 => "sd15",
            Self::Moore => "moore",
            Self::Mimo => "mimo",
            Self::Tiny => "tiny",
        }
    }

    /// The preset's configuration.
    pub fn config(self) -> NetworksConfig {
        match self {
            Self::Bundled => bundled(),
            Self::Sd15 => sd15(),
            Self::Moore => moore(),
            Self::Mimo => mimo(),
            Self::Tiny => tiny(),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| ConfigError {
            setting: "preset",
            found: format!("`{name}`"),
            expected: "`bundled`, `sd15`, `moore`, `mimo` or `tiny`".into(),
        })
    }
}

fn bundled() -> NetworksConfig {
    let autoencoder = SmallAutoencoderConfig::default();
    NetworksConfig {
        unet: UnetConfig {
            in_channels: autoencoder.latent_channels,
            out_channels: autoencoder.latent_channels,
            block_out_channels: vec![64, 128, 128],
            layers_per_block: 1,
            attention_levels: vec![false, true, true],
            heads: Heads::Width(32),
            cross_attention_width: Some(128),
            norm_groups: 8,
            motion: Some(MotionConfig { heads: 4, norm_groups: 8, ..MotionConfig::default() }),
            ..UnetConfig::default()
        },
        autoencoder: AutoencoderConfig::Small(autoencoder),
        fusion: FusionBlocks::MidUp,
        pose: PoseModulationConfig {
            trunk_widths: vec![8, 16, 32, 64],
            out_channels: 64,
            depth: Some(DepthModulationConfig { heads: 2, ..DepthModulationConfig::default() }),
        },
        environment: EnvironmentUse::Concatenated,
        objects: ObjectUse::Blended,
        blending: BlendingConfig::default(),
        image_encoder: None,
        reference_tokens: Some(ReferenceTokensConfig { grid: 4, width: 128 }),
        reference_copy: Some(ReferenceCopyConfig { width: 32 }),
        denoiser_output: DenoiserOutput::Change,
        schedule: DdimConfig::default(),
        clip_frames: 16,
        size: 128,
    }
}

fn sd15() -> NetworksConfig {
    NetworksConfig {
        autoencoder: AutoencoderConfig::Kl(AutoencoderKlConfig::default()),
        unet: UnetConfig { motion: Some(MotionConfig::default()), ..UnetConfig::default() },
        fusion: FusionBlocks::MidUp,
        pose: PoseModulationConfig::default(),
        environment: EnvironmentUse::Concatenated,
        objects: ObjectUse::Blended,
        blending: BlendingConfig::default(),
        image_encoder: Some(ClipVisionConfig::default()),
        reference_tokens: None,
        reference_copy: None,
        denoiser_output: DenoiserOutput::Velocity,
        schedule: DdimConfig::default(),
        clip_frames: 16,
        size: 512,
    }
}

fn moore() -> NetworksConfig {
    NetworksConfig {
        fusion: FusionBlocks::Full,
        pose: PoseModulationConfig { depth: None, ..PoseModulationConfig::default() },
        environment: EnvironmentUse::Absent,
        objects: ObjectUse::Absent,
        schedule: DdimConfig::animate_anyone(),
        clip_frames: 24,
        ..sd15()
    }
}

fn mimo() -> NetworksConfig {
    NetworksConfig { environment: EnvironmentUse::CleanPlate, schedule: DdimConfig::default(), ..moore() }
}

fn tiny() -> NetworksConfig {
    NetworksConfig {
        autoencoder: AutoencoderConfig::Small(SmallAutoencoderConfig::tiny()),
        unet: UnetConfig {
            motion: Some(MotionConfig { heads: 2, norm_groups: 4, ..MotionConfig::default() }),
            cross_attention_width: Some(8),
            ..UnetConfig::tiny()
        },
        fusion: FusionBlocks::MidUp,
        pose: PoseModulationConfig {
            trunk_widths: vec![4, 4, 4, 8],
            out_channels: 8,
            depth: Some(DepthModulationConfig { heads: 2, ..DepthModulationConfig::default() }),
        },
        environment: EnvironmentUse::Concatenated,
        objects: ObjectUse::Blended,
        blending: BlendingConfig::default(),
        image_encoder: None,
        reference_tokens: Some(ReferenceTokensConfig { grid: 2, width: 8 }),
        reference_copy: Some(ReferenceCopyConfig { width: 4 }),
        denoiser_output: DenoiserOutput::Change,
        schedule: DdimConfig::default(),
        clip_frames: 4,
        size: 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sound_and_travel_as_text() {
        for preset in Preset::ALL {
            let config = preset.config();
            config.check().unwrap();
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<NetworksConfig>(&text).unwrap(), config);
            assert_eq!(preset.to_string().parse(), Ok(preset));
        }
        assert_eq!("huge".parse::<Preset>().unwrap_err().setting, "preset");
    }

    #[test]
    fn a_part_that_does_not_fit_is_named() {
        let check = |change: &dyn Fn(&mut NetworksConfig), setting: &str| {
            let mut config = Preset::Tiny.config();
            change(&mut config);
            assert_eq!(config.check().unwrap_err().setting, setting);
        };
        check(&|config| config.unet.in_channels = 3, "unet.in_channels");
        check(&|config| config.unet.out_channels = 8, "unet.out_channels");
        check(&|config| config.pose.out_channels = 4, "pose.out_channels");
        check(&|config| config.pose.trunk_widths.truncate(3), "pose");
        check(&|config| config.unet.cross_attention_width = Some(768), "unet.cross_attention_width");
        check(&|config| config.reference_tokens = None, "unet.cross_attention_width");
        check(
            &|config| config.reference_tokens = Some(ReferenceTokensConfig { grid: 0, width: 8 }),
            "reference_tokens",
        );
        check(&|config| config.denoiser_output = DenoiserOutput::Velocity, "reference_copy");
        check(&|config| config.environment = EnvironmentUse::Absent, "environment");
        check(&|config| config.clip_frames = 33, "clip_frames");
        check(&|config| config.size = 100, "size");
        check(&|config| config.schedule.num_train_timesteps = 0, "schedule.num_train_timesteps");
        check(&|config| config.unet.norm_groups = 3, "block_out_channels");
    }

    #[test]
    fn objects_decide_the_denoisers_input() {
        let denoiser = |objects| NetworksConfig { objects, ..Preset::Bundled.config() }.denoiser();
        assert_eq!(denoiser(ObjectUse::Blended).environment_channels, 16);
        assert_eq!(denoiser(ObjectUse::Concatenated).environment_channels, 32);
        assert_eq!(Preset::Moore.config().denoiser().environment_channels, 0);
        assert_eq!(Preset::Mimo.config().denoiser().environment_channels, 4);
        assert!(denoiser(ObjectUse::Concatenated).blending.is_none() && denoiser(ObjectUse::Absent).blending.is_none());
    }
}

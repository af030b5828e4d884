//! The configurations that this project ships, and everything that a configuration holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::autoencoder::AutoencoderConfig;
use crate::blending::BlendingConfig;
use crate::clip_vision::ClipVisionConfig;
use crate::ddim::DdimConfig;
use crate::denoiser_output::DenoiserOutput;
use crate::motion::MotionConfig;
use crate::pose_modulation::{DepthModulationConfig, PoseModulationConfig};
use crate::reference_copy::ReferenceCopyConfig;
use crate::reference_net::FusionBlocks;
use crate::reference_tokens::ReferenceTokensConfig;
use crate::small_autoencoder::SmallAutoencoderConfig;
use crate::unet::{ConfigError, Heads, UnetConfig};
use crate::vae::AutoencoderKlConfig;

/// How objects reach the denoiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectUse {
    /// Object guider and spatial blending (paper 3.3).
    Blended,
    /// Their latents are concatenated to the noise's, after the environment: the ablation "w/o spatial blending".
    Concatenated,
    /// Not at all.
    Absent,
}

/// Whether the denoiser sees the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentUse {
    /// Its latents are concatenated to the noise's (paper 3.2).
    #[default]
    Concatenated,
    /// Not at all: Animate Anyone, whose background is that of the reference picture.
    Absent,
}

impl EnvironmentUse {
    /// Whether it is the default, which files do not mention.
    pub fn is_concatenated(&self) -> bool {
        *self == Self::Concatenated
    }
}

/// Everything that shapes a set of networks; travels with its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworksConfig {
    /// Pictures to latents.
    pub autoencoder: AutoencoderConfig,
    /// The denoiser; the reference network has the same sizes. Input channels for the environment, and blending, follow
    /// from the fields below through [`NetworksConfig::denoiser`].
    pub unet: UnetConfig,
    /// Which blocks see the reference.
    pub fusion: FusionBlocks,
    /// Skeleton and depth to pose features.
    pub pose: PoseModulationConfig,
    /// Whether the denoiser sees the environment.
    #[serde(default, skip_serializing_if = "EnvironmentUse::is_concatenated")]
    pub environment: EnvironmentUse,
    /// How objects reach the denoiser.
    pub objects: ObjectUse,
    /// The mixing weight of blended objects.
    pub blending: BlendingConfig,
    /// The image tower whose embedding is the context of cross-attention.
    pub image_encoder: Option<ClipVisionConfig>,
    /// What makes that context of the reference's latent where there is no image tower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_tokens: Option<ReferenceTokensConfig>,
    /// A short way from the reference's latent to the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_copy: Option<ReferenceCopyConfig>,
    /// What the denoiser's output means.
    #[serde(default, skip_serializing_if = "DenoiserOutput::is_velocity")]
    pub denoiser_output: DenoiserOutput,
    /// The noise schedule that the denoiser was trained with.
    pub schedule: DdimConfig,
    /// Frames of a clip, `N`.
    pub clip_frames: usize,
    /// Side in pixels of the square window that the networks were made for.
    pub size: usize,
}

impl NetworksConfig {
    /// The denoiser's configuration with its environment channels, blending, and all channels that it gives.
    pub fn denoiser(&self) -> UnetConfig {
        let latent = self.autoencoder.latent_channels();
        let environment = match self.environment {
            EnvironmentUse::Concatenated => latent,
            EnvironmentUse::Absent => 0,
        };
        let (environment_channels, blending) = match self.objects {
            ObjectUse::Blended => (environment, Some(self.blending)),
            ObjectUse::Concatenated => (environment + latent, None),
            ObjectUse::Absent => (environment, None),
        };
        let asked = self.reference_copy.as_ref().map_or(0, ReferenceCopyConfig::channels);
        UnetConfig { environment_channels, blending, out_channels: self.unet.out_channels + asked, ..self.unet.clone() }
    }

    /// Checks that the parts fit together; call it on anything that comes from a file.
    ///
    /// # Errors
    /// [`ConfigError`] with the first setting that does not fit.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.denoiser().check()?;
        let latent = self.autoencoder.latent_channels();
        let first = self.unet.block_out_channels[0];
        let embedding = self.image_encoder.as_ref().map(|encoder| encoder.projection_dim);
        let tokens = self.reference_tokens.as_ref().map(|tokens| tokens.width);
        let context = embedding.or(tokens);
        let trunk = &self.pose.trunk_widths;
        let trunk_fits = trunk.len() == 4
            && !trunk.contains(&0)
            && self.pose.depth.as_ref().is_none_or(|depth| {
                depth.heads > 0 && trunk[3].is_multiple_of(depth.heads) && depth.kernel.iter().all(|side| side % 2 == 1)
            });
        let longest = self.unet.motion.as_ref().filter(|motion| motion.positions).map(|motion| motion.max_frames);
        let cells = self.autoencoder.pixels_per_cell();
        let rules = [
            (
                "autoencoder",
                latent > 0 && cells == 8,
                format!("{latent} channels, {cells} pixels a cell"),
                "8 pixels a cell".into(),
            ),
            (
                "unet.in_channels",
                self.unet.in_channels == latent,
                self.unet.in_channels.to_string(),
                latent.to_string(),
            ),
            (
                "unet.out_channels",
                self.unet.out_channels == latent,
                self.unet.out_channels.to_string(),
                latent.to_string(),
            ),
            (
                "pose.out_channels",
                self.pose.out_channels == first,
                self.pose.out_channels.to_string(),
                first.to_string(),
            ),
            (
                "pose",
                trunk_fits,
                format!("{:?}", self.pose),
                "four widths, the last a multiple of the heads, an odd kernel".into(),
            ),
            (
                "unet.cross_attention_width",
                self.unet.cross_attention_width == context,
                format!("{:?}", self.unet.cross_attention_width),
                format!("the {context:?} of the image encoder or the reference tokens"),
            ),
            (
                "reference_tokens",
                self.reference_tokens
                    .as_ref()
                    .is_none_or(|tokens| embedding.is_none() && tokens.grid > 0 && tokens.width > 0),
                format!("{:?}", self.reference_tokens),
                "sizes above zero, and no image encoder beside them".into(),
            ),
            (
                "reference_copy",
                self.reference_copy
                    .as_ref()
                    .is_none_or(|copy| copy.width > 0 && self.denoiser_output == DenoiserOutput::Change),
                format!("{:?} with {:?}", self.reference_copy, self.denoiser_output),
                "a width above zero, and a denoiser that predicts changes".into(),
            ),
            (
                "environment",
                self.environment == EnvironmentUse::Concatenated
                    || (self.objects != ObjectUse::Concatenated && self.denoiser_output.is_velocity()),
                format!("{:?}", self.environment),
                "the environment, where objects are concatenated or changes predicted".into(),
            ),
            (
                "clip_frames",
                self.clip_frames > 0 && longest.is_none_or(|longest| self.clip_frames <= longest),
                self.clip_frames.to_string(),
                format!("1 to {}", longest.map_or("any number".into(), |longest| longest.to_string())),
            ),
            ("size", self.size > 0 && self.size.is_multiple_of(8), self.size.to_string(), "a multiple of 8".into()),
            (
                "schedule.num_train_timesteps",
                self.schedule.num_train_timesteps > 0,
                self.schedule.num_train_timesteps.to_string(),
                "at least 1".into(),
            ),
        ];
        match rules.into_iter().find(|(_, fits, _, _)| !fits) {
            Some((setting, _, found, expected)) => Err(ConfigError { setting, found, expected }),
            None => Ok(()),
        }
    }
}

/// A named configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Small (18 million weights, autoencoder included), trained by this project, made for processors.
    Bundled,
    /// The paper's size; takes public weights of the Stable Diffusion 1.5 family.
    Sd15,
    /// Animate Anyone, the method before this one, as published by Moore Threads: skeletons and a reference picture, no
    /// environment, no objects; takes those weights.
    Moore,
    /// For tests: every part, a few thousand weights each.
    Tiny,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bundled, Self::Sd15, Self::Moore, Self::Tiny];

    /// The name that users type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::Sd15 => "sd15",
            Self::Moore => "moore",
            Self::Tiny => "tiny",
        }
    }

    /// The preset's configuration.
    pub fn config(self) -> NetworksConfig {
        match self {
            Self::Bundled => bundled(),
            Self::Sd15 => sd15(),
            Self::Moore => moore(),
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
            expected: "`bundled`, `sd15`, `moore` or `tiny`".into(),
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
        assert!(denoiser(ObjectUse::Concatenated).blending.is_none() && denoiser(ObjectUse::Absent).blending.is_none());
    }
}

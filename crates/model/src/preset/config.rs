//! Defines all settings of a configuration.

use serde::{Deserialize, Serialize};

use crate::autoencoder::AutoencoderConfig;
use crate::conditioning::blending::BlendingConfig;
use crate::conditioning::clip_vision::ClipVisionConfig;
use crate::conditioning::pose_modulation::PoseModulationConfig;
use crate::sampling::ddim::DdimConfig;
use crate::sampling::denoiser_output::DenoiserOutput;
use crate::small::reference_copy::ReferenceCopyConfig;
use crate::small::reference_tokens::ReferenceTokensConfig;
use crate::unet::reference_net::FusionBlocks;
use crate::unet::{ConfigError, UnetConfig};

/// How objects are fed to the denoiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectUse {
    /// Object guider and spatial blending (paper 3.3).
    Blended,
    /// Object latents are concatenated with the noise, after the environment (the paper's ablation "w/o spatial
    /// blending").
    Concatenated,
    /// No objects.
    Absent,
}

/// What the denoiser sees of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentUse {
    /// Environment latents are concatenated with the noise (paper 3.2).
    #[default]
    Concatenated,
    /// The latents of the clean plate, the scene without the person, are concatenated to the noise's (MIMO).
    CleanPlate,
    /// No environment, as in Animate Anyone: the background is that of the reference picture.
    Absent,
}

impl EnvironmentUse {
    /// True if the denoiser sees latents of the environment.
    pub fn is_seen(self) -> bool {
        match self {
            Self::Concatenated | Self::CleanPlate => true,
            Self::Absent => false,
        }
    }

    /// Whether this is the default, which files omit.
    pub fn is_concatenated(&self) -> bool {
        *self == Self::Concatenated
    }
}

/// Everything that determines the shapes of a set of networks. It is stored with their weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworksConfig {
    /// The autoencoder.
    pub autoencoder: AutoencoderConfig,
    /// The denoiser; the reference network has the same sizes. [`NetworksConfig::denoiser`] adds blending and the input
    /// channels for the environment, according to the fields below.
    pub unet: UnetConfig,
    /// The blocks with reference attention.
    pub fusion: FusionBlocks,
    /// The network that computes pose features from skeleton and depth.
    pub pose: PoseModulationConfig,
    /// What the denoiser sees of the environment.
    #[serde(default, skip_serializing_if = "EnvironmentUse::is_concatenated")]
    pub environment: EnvironmentUse,
    /// How objects are fed to the denoiser.
    pub objects: ObjectUse,
    /// The blending weight of blended objects.
    pub blending: BlendingConfig,
    /// The image encoder whose embedding is the context of cross-attention.
    pub image_encoder: Option<ClipVisionConfig>,
    /// The network that computes this context from the reference latent, if there is no image encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_tokens: Option<ReferenceTokensConfig>,
    /// A shortcut that copies from the reference latent to the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_copy: Option<ReferenceCopyConfig>,
    /// The meaning of the denoiser's output.
    #[serde(default, skip_serializing_if = "DenoiserOutput::is_velocity")]
    pub denoiser_output: DenoiserOutput,
    /// The noise schedule that the denoiser was trained with.
    pub schedule: DdimConfig,
    /// Frames per clip, `N`.
    pub clip_frames: usize,
    /// Side in pixels of the square window that the networks were trained for.
    pub size: usize,
}

impl NetworksConfig {
    /// The denoiser's configuration with environment channels, blending and all output channels.
    pub fn denoiser(&self) -> UnetConfig {
        let latent = self.autoencoder.latent_channels();
        let environment = if self.environment.is_seen() { latent } else { 0 };
        let (environment_channels, blending) = match self.objects {
            ObjectUse::Blended => (environment, Some(self.blending)),
            ObjectUse::Concatenated => (environment + latent, None),
            ObjectUse::Absent => (environment, None),
        };
        let asked = self.reference_copy.as_ref().map_or(0, ReferenceCopyConfig::channels);
        UnetConfig { environment_channels, blending, out_channels: self.unet.out_channels + asked, ..self.unet.clone() }
    }

    /// Checks that the settings fit together. Call it on everything that comes from a file.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that does not fit.
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
        let smallest = cells << (self.unet.block_out_channels.len() - 1); // Every level but the last halves the latent.
        let rules = [
            (
                "autoencoder",
                latent > 0 && cells == 8,
                format!("{latent} channels and {cells} pixels per cell"),
                "8 pixels per cell".into(),
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
                "four widths, the last one divisible by the number of heads, and an odd kernel".into(),
            ),
            (
                "unet.cross_attention_width",
                self.unet.cross_attention_width == context,
                format!("{:?}", self.unet.cross_attention_width),
                format!("the width of the image encoder or the reference tokens, {context:?}"),
            ),
            (
                "reference_tokens",
                self.reference_tokens
                    .as_ref()
                    .is_none_or(|tokens| embedding.is_none() && tokens.grid > 0 && tokens.width > 0),
                format!("{:?}", self.reference_tokens),
                "sizes greater than zero, and no image encoder".into(),
            ),
            (
                "reference_copy",
                self.reference_copy
                    .as_ref()
                    .is_none_or(|copy| copy.width > 0 && self.denoiser_output == DenoiserOutput::Change),
                format!("{:?} with {:?}", self.reference_copy, self.denoiser_output),
                "a width greater than zero, and a denoiser that predicts changes".into(),
            ),
            (
                "environment",
                self.environment.is_seen()
                    || (self.objects != ObjectUse::Concatenated && self.denoiser_output.is_velocity()),
                format!("{:?}", self.environment),
                "an environment, because objects are concatenated or changes are predicted".into(),
            ),
            (
                "clip_frames",
                self.clip_frames > 0 && longest.is_none_or(|longest| self.clip_frames <= longest),
                self.clip_frames.to_string(),
                format!("1 to {}", longest.map_or("any number".into(), |longest| longest.to_string())),
            ),
            (
                "size",
                self.size > 0 && self.size.is_multiple_of(smallest),
                self.size.to_string(),
                format!("a multiple of {smallest}"),
            ),
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

//! Reads weight files of other projects, with their own tensor names.
//!
//! | file | from | becomes |
//! |---|---|---|
//! | `reference_unet`, `denoising_unet`, `pose_guider`, `motion_module` | Animate Anyone by Moore Threads, MIMO, Champ | same networks |
//! | `unet` | Stable Diffusion 1.5 (diffusers), also inpainting | either UNet |
//! | motion modules | AnimateDiff, with and without a leading `module.`; diffusers' `MotionAdapter` | the denoiser's temporal modules |
//! | `vae` | diffusers, attention under old names and new ones | the autoencoder |
//! | `image_encoder` | CLIP image encoder with projection, alone or in a complete CLIP | the image encoder |
//! | `controlnet_openpose` | ControlNet (diffusers) | its conditioning convolutions initialize a pose guider |

use super::{LoadReport, WeightError, WeightSource, Weights};
use crate::preset::NetworksConfig;
use crate::unet::motion;
use crate::weights::pack_folder::PackFolder;

use std::path::Path;
use std::sync::Arc;

/// The network that a published file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// Encodes pictures to latents and decodes them.
    Autoencoder,
    /// Encodes the reference picture to the context of cross-attention.
    ImageEncoder,
    /// The reference network.
    ReferenceUnet,
    /// The denoiser, with or without its temporal modules.
    DenoisingUnet,
    /// The denoiser's temporal modules.
    MotionModules,
    /// Computes pose features from skeleton pictures.
    PoseGuider,
}

impl Component {
    /// All components.
    pub const ALL: [Self; 6] = [
        Self::Autoencoder,
        Self::ImageEncoder,
        Self::ReferenceUnet,
        Self::DenoisingUnet,
        Self::MotionModules,
        Self::PoseGuider,
    ];

    /// The published name of its file or folder, without the extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Autoencoder => "vae",
            Self::ImageEncoder => "image_encoder",
            Self::ReferenceUnet => "reference_unet",
            Self::DenoisingUnet => "denoising_unet",
            Self::MotionModules => "motion_module",
            Self::PoseGuider => "pose_guider",
        }
    }

    /// Prefix of its tensors in [`crate::networks::Networks`].
    fn prefix(self) -> &'static str {
        match self {
            Self::Autoencoder => "autoencoder.",
            Self::ImageEncoder => "image_encoder.",
            Self::ReferenceUnet => "reference_unet.",
            Self::DenoisingUnet | Self::MotionModules => "denoising_unet.",
            Self::PoseGuider => "pose_modulation.skeleton.",
        }
    }
}

/// The first convolution of the denoiser. In some networks it has more inputs than the noise.
const CONV_IN: &str = "denoising_unet.conv_in.weight";
/// Names of the autoencoder's mid-block attention before diffusers 0.17, and since.
const OLD_ATTENTION: [(&str, &str); 4] =
    [("query.", "to_q."), ("key.", "to_k."), ("value.", "to_v."), ("proj_attn.", "to_out.0.")];
/// Names in a temporal block of diffusers' `MotionAdapter`, and in AnimateDiff.
const MOTION_ADAPTER: [(&str, &str); 5] = [
    ("attn1.", "attention_blocks.0."),
    ("attn2.", "attention_blocks.1."),
    ("norm1.", "norms.0."),
    ("norm2.", "norms.1."),
    ("norm3.", "ff_norm."),
];
/// Tables determined by their sizes: sinusoidal position embeddings.
const POSITIONS: [&str; 2] = ["pos_encoder.pe", "pos_embed.pe"];
/// Another such table: the numbers 0 to 256.
const PATCH_NUMBERS: &str = "embeddings.position_ids";
/// Tolerance between stored positions and sinusoids: slightly more than half of the last bit of a 16-bit float below 1.
const POSITION_TOLERANCE: f32 = 1e-3;
/// Layers of the reference network after its last site.
const OUTPUT_LAYERS: [&str; 2] = ["conv_norm_out.", "conv_out."];
/// The text encoder of a complete CLIP.
const TEXT_TOWER: [&str; 3] = ["text_model.", "text_projection.", "logit_scale"];
/// Components of a CLIP image encoder without the prefix `vision_model.`.
const BARE_VISION_TOWER: [&str; 4] = ["embeddings.", "encoder.", "pre_layrnorm.", "post_layernorm."];
/// The convolutions of a ControlNet that form a pose guider.
const CONTROL_NET: &str = "controlnet_cond_embedding.";

/// The tensor's name below the prefix of the component; `None` if it is not used here.
fn our_name(component: Component, theirs: &str) -> Option<String> {
    let name = theirs.strip_prefix("module.").unwrap_or(theirs);
    if is_positions(name) || name.ends_with(PATCH_NUMBERS) {
        return None;
    }
    let starts_with_any = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    match component {
        Component::Autoencoder => match name.split_once("mid_block.attentions.0.") {
            Some((before, after)) => Some(format!("{before}mid_block.attentions.0.{}", renamed(after, &OLD_ATTENTION))),
            None => Some(name.into()),
        },
        Component::ImageEncoder if starts_with_any(&TEXT_TOWER) => None,
        Component::ImageEncoder if starts_with_any(&BARE_VISION_TOWER) => Some(format!("vision_model.{name}")),
        Component::ReferenceUnet if starts_with_any(&OUTPUT_LAYERS) => None,
        Component::DenoisingUnet | Component::MotionModules => Some(motion_name(name).unwrap_or_else(|| name.into())),
        Component::PoseGuider => Some(name.strip_prefix(CONTROL_NET).unwrap_or(name).into()),
        Component::ImageEncoder | Component::ReferenceUnet => Some(name.into()),
    }
}

fn is_positions(name: &str) -> bool {
    POSITIONS.iter().any(|table| name.ends_with(table))
}

fn renamed(name: &str, table: &[(&str, &str)]) -> String {
    let found = table.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", name.strip_prefix(theirs)?)));
    found.unwrap_or_else(|| name.into())
}

/// AnimateDiff's name for a tensor of a temporal module.
fn motion_name(name: &str) -> Option<String> {
    let (block, module) = name.split_once(".motion_modules.")?;
    let (index, layer) = module.split_once('.')?;
    let layer = layer.strip_prefix("temporal_transformer.").unwrap_or(layer);
    let layer = match layer.strip_prefix("transformer_blocks.").and_then(|rest| rest.split_once('.')) {
        Some((place, piece)) => format!("transformer_blocks.{place}.{}", renamed(piece, &MOTION_ADAPTER)),
        None => layer.into(),
    };
    Some(format!("{block}.motion_modules.{index}.temporal_transformer.{layer}"))
}

/// Whether the method adds this tensor to published networks (paper 3.3 and 3.4).
fn starts_afresh(name: &str) -> bool {
    name.starts_with("object_guider.") || name.starts_with("pose_modulation.depth.") || name.contains(".blend_modules.")
}

/// Files of other projects, combined under this project's tensor names.
#[derive(Debug, Default)]
pub struct PublishedWeights {
    weights: Weights,
    left_out: Vec<String>,
    /// Position tables, which networks compute themselves.
    positions: Vec<WeightSource>,
    /// Ranges of tensors that no file contains.
    extended: Vec<String>,
}

impl PublishedWeights {
    /// Adds the file or shards of a component. Add temporal modules after the denoiser.
    ///
    /// # Errors
    /// [`WeightError::Duplicate`] when two files have the same tensor.
    pub fn add(&mut self, component: Component, file: Weights) -> Result<(), WeightError> {
        let is_control_net =
            component == Component::PoseGuider && file.names().any(|name| name.starts_with(CONTROL_NET));
        self.weights.shards.extend(file.shards);
        for (theirs, source) in file.tensors {
            let is_of_use = !is_control_net || theirs.starts_with(CONTROL_NET);
            match our_name(component, &theirs).filter(|_| is_of_use) {
                Some(name) => {
                    let name = format!("{}{name}", component.prefix());
                    // A denoiser's own temporal modules take precedence over a separate file, as in the public
                    // pipeline.
                    if component == Component::MotionModules && self.weights.tensors.contains_key(&name) {
                        self.left_out.push(name);
                        continue;
                    }
                    self.weights.insert(source.named(&name), Path::new(component.name()))?;
                }
                None => {
                    let name = format!("{}{theirs}", component.prefix());
                    if is_positions(&theirs) {
                        self.positions.push(source.named(&name));
                    }
                    self.left_out.push(name);
                }
            }
        }
        Ok(())
    }

    /// The fingerprint that identifies these weights. Computing it reads all files.
    ///
    /// # Errors
    /// [`WeightError::Io`].
    pub fn fingerprint(&self) -> Result<super::Fingerprint, WeightError> {
        self.weights.fingerprint()
    }

    /// Uses a [weight cache](Weights::kept_in).
    pub fn kept_in(self, packs: Arc<PackFolder>) -> Self {
        Self { weights: self.weights.kept_in(packs), ..self }
    }

    /// Adapts the first convolution to a denoiser with environment input. Channels missing in the file are zero. The
    /// mask channel of an inpainting network is dropped.
    ///
    /// # Errors
    /// [`WeightError::Io`], [`WeightError::DataType`], [`WeightError::NonFinite`].
    pub(crate) fn fit_input(mut self, config: &NetworksConfig) -> Result<Self, WeightError> {
        let denoiser = config.denoiser();
        let (noise, environment) = (denoiser.in_channels, denoiser.environment_channels);
        let Some(source) = self.weights.tensors.get(CONV_IN) else { return Ok(self) };
        let Some(found) = source.shape().get(1).copied() else { return Ok(self) };
        let channels: Vec<Option<usize>> = if environment > 0 && found == noise {
            self.extended.push(format!("{CONV_IN}[:, {noise}..{}]", noise + environment));
            (0..noise).map(Some).chain((0..environment).map(|_| None)).collect()
        } else if environment == noise && found == 2 * noise + 1 {
            self.left_out.push(format!("{CONV_IN}[:, {noise}]"));
            (0..noise).chain(noise + 1..found).map(Some).collect()
        } else {
            return Ok(self);
        };
        let fitted = with_inputs(source, &channels)?;
        self.weights.tensors.insert(CONV_IN.into(), fitted);
        Ok(self)
    }

    /// Compares position tables with those that the networks compute. Other positions would change every clip.
    ///
    /// # Errors
    /// [`WeightError::Positions`], and those of reading.
    pub(crate) fn check_positions(&self) -> Result<(), WeightError> {
        for source in &self.positions {
            let values = source.values()?;
            let is_sines = match source.shape() {
                [1, _, width] => values.iter().enumerate().all(|(at, value)| {
                    (value - motion::position(at / width, at % width, *width)).abs() < POSITION_TOLERANCE
                }),
                _ => false,
            };
            if !is_sines {
                return Err(WeightError::Positions { name: source.name().into() });
            }
        }
        Ok(())
    }

    /// Reports how each tensor is used in the networks of a configuration, after [`fit_input`](Self::fit_input).
    pub(crate) fn report<B: burn::tensor::backend::Backend, M: burn::module::Module<B>>(
        &self,
        module: &M,
    ) -> LoadReport {
        let mut report = LoadReport::new(module, &self.weights.tensors, starts_afresh);
        report.initialised.extend(self.extended.iter().cloned());
        report.left_out.clone_from(&self.left_out);
        report.left_out.sort();
        report
    }

    /// The tensors under this project's names.
    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }
}

/// The convolution `[C_out, C_in, k, k]` with the given input channels; `None` gives zeros.
fn with_inputs(source: &WeightSource, channels: &[Option<usize>]) -> Result<WeightSource, WeightError> {
    let mut shape = source.shape().to_vec();
    let values = source.values()?;
    let cells: usize = shape[2..].iter().product();
    let zeros = vec![0.0; cells];
    let mut chosen = Vec::with_capacity(shape[0] * channels.len() * cells);
    for output in values.chunks(shape[1] * cells) {
        for channel in channels {
            chosen.extend_from_slice(channel.map_or(&zeros[..], |channel| &output[channel * cells..][..cells]));
        }
    }
    shape[1] = channels.len();
    Ok(WeightSource::in_memory(source.name(), &shape, &chosen))
}

#[cfg(test)]
mod tests;

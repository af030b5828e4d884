//! Converts settings of the reference implementations into this project's settings. Unknown names and unsupported
//! values are errors.

use anyhow::{Result, ensure};
use model::autoencoder::vae::AutoencoderKlConfig;
use model::conditioning::pose_guider::PoseGuiderConfig;
use model::unet::attention::AttentionConfig;
use model::unet::motion::MotionConfig;
use model::unet::time_embedding::Sinusoids;
use model::unet::{Heads, UnetConfig};
use serde::Deserialize;

/// Empty settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `feed_forward_geglu`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedForwardSettings {
    /// Width.
    pub dim: usize,
    /// Inner width divided by width.
    pub mult: usize,
}

/// `basic_transformer_block`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerSettings {
    dim: usize,
    heads: usize,
    dim_head: usize,
    /// Width of the context.
    pub cross_attention_dim: Option<usize>,
}

impl TransformerSettings {
    /// Widths of the block's attentions.
    pub fn attention(&self) -> AttentionConfig {
        AttentionConfig { width: self.dim, context_width: self.dim, heads: self.heads, head_width: self.dim_head }
    }
}

/// One number of heads, or one for each level.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum HeadCounts {
    One(usize),
    PerLevel(Vec<usize>),
}

/// A 2D or 3D UNet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnetSettings {
    in_channels: usize,
    out_channels: usize,
    down_block_types: Option<Vec<String>>,
    up_block_types: Option<Vec<String>>,
    block_out_channels: Vec<usize>,
    layers_per_block: usize,
    cross_attention_dim: usize,
    attention_head_dim: HeadCounts,
    norm_num_groups: usize,
    norm_eps: f64,
    act_fn: String,
    downsample_padding: usize,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    use_inflated_groupnorm: Option<bool>,
    use_motion_module: Option<bool>,
    motion_module_resolutions: Option<Vec<usize>>,
    motion_module_mid_block: Option<bool>,
    motion_module_decoder_only: Option<bool>,
    motion_module_type: Option<String>,
    motion_module_kwargs: Option<MotionSettings>,
    unet_use_cross_frame_attention: Option<bool>,
    unet_use_temporal_attention: Option<bool>,
}

impl Default for UnetSettings {
    fn default() -> Self {
        Self {
            in_channels: 4,
            out_channels: 4,
            down_block_types: None,
            up_block_types: None,
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: 2,
            cross_attention_dim: 1280,
            attention_head_dim: HeadCounts::One(8),
            norm_num_groups: 32,
            norm_eps: 1e-5,
            act_fn: "silu".into(),
            downsample_padding: 1,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            use_inflated_groupnorm: None,
            use_motion_module: None,
            motion_module_resolutions: None,
            motion_module_mid_block: None,
            motion_module_decoder_only: None,
            motion_module_type: None,
            motion_module_kwargs: None,
            unet_use_cross_frame_attention: None,
            unet_use_temporal_attention: None,
        }
    }
}

impl UnetSettings {
    /// The settings of a plain 2D network.
    pub fn spatial(&self) -> Result<UnetConfig> {
        let Self { use_inflated_groupnorm, use_motion_module, motion_module_kwargs, .. } = self;
        let flags = [
            use_inflated_groupnorm,
            use_motion_module,
            &self.motion_module_mid_block,
            &self.motion_module_decoder_only,
            &self.unet_use_cross_frame_attention,
            &self.unet_use_temporal_attention,
        ];
        let video = flags.iter().any(|flag| flag.is_some())
            || motion_module_kwargs.is_some()
            || self.motion_module_type.is_some()
            || self.motion_module_resolutions.is_some();
        ensure!(!video, "a 2D network with settings of a 3D one");
        self.shape("2D")
    }

    /// The settings of a network inflated to video.
    pub fn video(&self) -> Result<UnetConfig> {
        let crossing = self.unet_use_cross_frame_attention.unwrap_or(false);
        ensure!(!crossing, "`unet_use_cross_frame_attention` is true, which is not built");
        let temporal = self.unet_use_temporal_attention.unwrap_or(false);
        ensure!(!temporal, "`unet_use_temporal_attention` is true, which is not built");
        let mut config = self.shape("3D")?;
        config.inflated_group_norm = self.use_inflated_groupnorm.unwrap_or(false);
        if self.use_motion_module.unwrap_or(false) {
            let kind = self.motion_module_type.as_deref();
            ensure!(kind == Some("Vanilla"), "`motion_module_type` is {kind:?}, expected `Vanilla`");
            let resolutions = self.motion_module_resolutions.clone().unwrap_or_else(|| vec![1, 2, 4, 8]);
            let decoder_only = self.motion_module_decoder_only.unwrap_or(false);
            // The reference counts an up block's resolution down from 8, for any number of levels.
            let up = |block: usize| 3_usize.checked_sub(block).is_some_and(|power| resolutions.contains(&(1 << power)));
            let levels = config.levels();
            config.motion = Some(MotionConfig {
                mid: self.motion_module_mid_block.unwrap_or(false),
                down_levels: Some(
                    (0..levels).map(|level| !decoder_only && resolutions.contains(&(1 << level))).collect(),
                ),
                up_levels: Some((0..levels).map(up).collect()),
                ..self.motion_module_kwargs.clone().unwrap_or_default().motion()?
            });
        }
        config.check()?;
        Ok(config)
    }

    fn shape(&self, kind: &str) -> Result<UnetConfig> {
        ensure!(matches!(self.act_fn.as_str(), "silu" | "swish"), "`act_fn` is `{}`, expected `silu`", self.act_fn);
        let padding = self.downsample_padding;
        ensure!(padding == 1, "`downsample_padding` is {padding}, expected 1");
        let levels = self.block_out_channels.len();
        let plain = |types: &Option<Vec<String>>, side: &str, plain_at: usize| -> Result<Vec<bool>> {
            let names = types.clone().unwrap_or_else(|| {
                let name = |at| format!("{}{side}Block{kind}", if at == plain_at { "" } else { "CrossAttn" });
                (0..4).map(name).collect()
            });
            ensure!(names.len() == levels, "{} {side} blocks for {levels} levels", names.len());
            names.iter().map(|name| has_attention(name, side, kind)).collect()
        };
        let attention_levels = plain(&self.down_block_types, "Down", 3)?;
        let mut decoder = plain(&self.up_block_types, "Up", 0)?;
        decoder.reverse();
        let config = UnetConfig {
            in_channels: self.in_channels,
            environment_channels: 0,
            out_channels: self.out_channels,
            block_out_channels: self.block_out_channels.clone(),
            layers_per_block: self.layers_per_block,
            decoder_attention_levels: (decoder != attention_levels).then_some(decoder),
            attention_levels,
            heads: match &self.attention_head_dim {
                HeadCounts::One(count) => Heads::Count(*count),
                HeadCounts::PerLevel(counts) => Heads::PerLevel(counts.clone()),
            },
            cross_attention_width: Some(self.cross_attention_dim),
            norm_groups: self.norm_num_groups,
            norm_epsilon: self.norm_eps,
            time: Sinusoids { frequency_shift: self.freq_shift, cosine_first: self.flip_sin_to_cos },
            motion: None,
            inflated_group_norm: true,
            blending: None,
        };
        config.check()?;
        Ok(config)
    }
}

fn has_attention(name: &str, side: &str, kind: &str) -> Result<bool> {
    let plain = format!("{side}Block{kind}");
    ensure!(name == plain || name == format!("CrossAttn{plain}"), "block type `{name}` is not built");
    Ok(name != plain)
}

/// A temporal module. `in_channels` is given only if it is used alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MotionSettings {
    /// Channels of a module that is used alone.
    pub in_channels: Option<usize>,
    num_attention_heads: usize,
    num_transformer_block: usize,
    attention_block_types: Vec<String>,
    temporal_position_encoding: bool,
    temporal_position_encoding_max_len: usize,
    temporal_attention_dim_div: usize,
    zero_initialize: bool,
}

impl Default for MotionSettings {
    fn default() -> Self {
        Self {
            in_channels: None,
            num_attention_heads: 8,
            num_transformer_block: 2,
            attention_block_types: vec!["Temporal_Self".into(); 2],
            temporal_position_encoding: false,
            temporal_position_encoding_max_len: 24,
            temporal_attention_dim_div: 1,
            zero_initialize: true,
        }
    }
}

impl MotionSettings {
    /// Our settings of one module.
    pub fn motion(&self) -> Result<MotionConfig> {
        for kind in &self.attention_block_types {
            ensure!(kind == "Temporal_Self", "`attention_block_types` has `{kind}`, which is not built");
        }
        Ok(MotionConfig {
            heads: self.num_attention_heads,
            width_divisor: self.temporal_attention_dim_div,
            blocks: self.num_transformer_block,
            attentions: self.attention_block_types.len(),
            positions: self.temporal_position_encoding,
            max_frames: self.temporal_position_encoding_max_len,
            ..MotionConfig::default()
        })
    }
}

/// A pose guider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseGuiderSettings {
    conditioning_embedding_channels: usize,
    #[serde(default = "three")]
    conditioning_channels: usize,
    #[serde(default = "class_default")]
    block_out_channels: Vec<usize>,
}

fn three() -> usize {
    3
}

fn class_default() -> Vec<usize> {
    vec![16, 32, 64, 128]
}

impl From<PoseGuiderSettings> for PoseGuiderConfig {
    fn from(settings: PoseGuiderSettings) -> Self {
        Self {
            in_channels: settings.conditioning_channels,
            block_out_channels: settings.block_out_channels,
            out_channels: settings.conditioning_embedding_channels,
        }
    }
}

/// `AutoencoderKL`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoencoderSettings {
    in_channels: usize,
    out_channels: usize,
    latent_channels: usize,
    block_out_channels: Vec<usize>,
    layers_per_block: usize,
    norm_num_groups: usize,
    act_fn: String,
    scaling_factor: f64,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
}

impl Default for AutoencoderSettings {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            latent_channels: 4,
            block_out_channels: vec![64],
            layers_per_block: 1,
            norm_num_groups: 32,
            act_fn: "silu".into(),
            scaling_factor: 0.18215,
            down_block_types: vec!["DownEncoderBlock2D".into()],
            up_block_types: vec!["UpDecoderBlock2D".into()],
        }
    }
}

impl AutoencoderSettings {
    /// Our settings.
    pub fn autoencoder(self) -> Result<AutoencoderKlConfig> {
        ensure!(matches!(self.act_fn.as_str(), "silu" | "swish"), "`act_fn` is `{}`, expected `silu`", self.act_fn);
        let levels = self.block_out_channels.len();
        for (types, expected) in
            [(&self.down_block_types, "DownEncoderBlock2D"), (&self.up_block_types, "UpDecoderBlock2D")]
        {
            ensure!(types.len() == levels, "{} blocks for {levels} levels", types.len());
            let other = types.iter().find(|name| *name != expected);
            ensure!(other.is_none(), "block type {other:?} is not built, expected `{expected}`");
        }
        Ok(AutoencoderKlConfig {
            in_channels: self.in_channels,
            out_channels: self.out_channels,
            latent_channels: self.latent_channels,
            block_out_channels: self.block_out_channels,
            layers_per_block: self.layers_per_block,
            norm_num_groups: self.norm_num_groups,
            scaling_factor: self.scaling_factor,
        })
    }
}

//! Combines all networks of the method. The networks are initialized from a configuration and a seed, or loaded from
//! weights. Field names are the prefixes of checkpoint keys.
//!
//! | field | from | to |
//! |---|---|---|
//! | `autoencoder` | pictures `[M, 3, H, W]` in [-1, 1] | latents `[M, C, h, w]` |
//! | `image_encoder` | reference picture `[B, 3, S, S]` | context `[B, 1, D]` |
//! | `reference_tokens` | reference latent `[B, C, h, w]` | context `[B, G*G, D]`, if there is no image encoder |
//! | `reference_copy` | reference latent `[B, C, h, w]` | [`ReferenceCells`](crate::small::reference_copy::ReferenceCells) |
//! | `reference_unet` | reference latent `[B, C, h, w]` | [`ReferenceFeatures`](crate::unet::ReferenceFeatures) |
//! | `pose_modulation` | skeleton `[B, 3, N, H, W]`, depth `[B, 1, N, H, W]` in [0, 1] | `[B, C_0, N, h, w]` |
//! | `object_guider` | object latents `[B, C, N, h, w]` | one map per level |
//! | `denoising_unet` | noise and environment latents `[B, 2C, N, h, w]` and the outputs above | `[B, C, N, h, w]`, and queries for the copy |

mod conditions;
mod precision;
mod prediction;
mod published;
#[cfg(test)]
pub(crate) mod tests;

pub use conditions::{ClipConditions, ClipFeatures, ReferenceState, SeenReference, StoredReference, TrainedReference};
pub use precision::ComputePrecision;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, backend::Backend};
use thiserror::Error;

use crate::autoencoder::Autoencoder;
use crate::conditioning::clip_vision::ClipVision;
use crate::conditioning::object_guider::ObjectGuider;
use crate::conditioning::pose_modulation::PoseModulation;
use crate::ops::ModelBackend;
use crate::preset::{NetworksConfig, ObjectUse};
use crate::sampling::ddim::Ddim;
use crate::small::reference_copy::ReferenceCopy;
use crate::small::reference_tokens::ReferenceTokens;
use crate::unet::ConfigError;
use crate::unet::cache::CacheOptions;
use crate::unet::denoising_net::DenoisingNet;
use crate::unet::reference_net::ReferenceNet;
use crate::weights::pack_folder::PackFolder;
use crate::weights::{Extra, StoredPrecision, WeightError, WeightSource, Weights, collect, is_layer, to_bytes};

/// Key of the configuration in the header of a weight file.
pub const CONFIG_KEY: &str = "stuntdouble.config";

/// Why networks cannot be created from a weight file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworksError {
    /// The tensors do not fit.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The settings of the configuration do not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The header has no configuration, or an unreadable one.
    #[error("the header of the weight file has no valid `{CONFIG_KEY}`: {reason}")]
    Header {
        /// The problem.
        reason: String,
    },
}

impl NetworksError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Weights(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::Header { .. } => "weights.no_config",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Weights(error) => error.help(),
            Self::Config(error) => error.help(),
            Self::Header { .. } => {
                "use a weight file that this program saved, or choose the preset that the file was made for"
            }
        }
    }
}

/// A component that is idle some of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The networks that encode the reference picture, as large as the denoiser. Idle after
    /// [`reference_state`](Networks::reference_state).
    Reference,
    /// The autoencoder. Idle while a clip is denoised.
    Autoencoder,
    /// Pose modulation and object guider. Idle after [`clip_features`](Networks::clip_features).
    Conditions,
    /// The denoiser. Idle while frames are decoded, but needed again for the next clip. Only weights that are mapped
    /// from the [weight cache](crate::weights::pack_folder) are evicted.
    Denoiser,
}

/// All networks.
#[derive(Module, Debug)]
pub struct Networks<B: Backend> {
    /// Encodes pictures to latents and decodes them.
    pub autoencoder: Autoencoder<B>,
    /// Encodes the reference picture to the context of cross-attention.
    pub image_encoder: Option<ClipVision<B>>,
    /// Encodes the reference latent to the context of cross-attention, if there is no image encoder.
    pub reference_tokens: Option<ReferenceTokens<B>>,
    /// Encodes the reference latent to cells that the denoiser can copy.
    pub reference_copy: Option<ReferenceCopy<B>>,
    /// Encodes the reference latent to tokens for the denoiser's self-attention layers.
    pub reference_unet: ReferenceNet<B>,
    /// Computes pose features from skeleton and depth.
    pub pose_modulation: PoseModulation<B>,
    /// Computes features for every level from object latents.
    pub object_guider: Option<ObjectGuider<B>>,
    /// The denoiser.
    pub denoising_unet: DenoisingNet<B>,
    #[module(skip)]
    config: NetworksConfig,
    #[module(skip)]
    schedule: Ddim,
    #[module(skip)]
    precision: ComputePrecision,
    #[module(skip)]
    cache_options: CacheOptions,
    /// Whether the parameters hold their values.
    #[module(skip)]
    readable: bool,
}

impl<B: ModelBackend> Networks<B> {
    /// Newly initialized networks. They are the same for the same seed and backend.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not fit together.
    pub fn init(config: &NetworksConfig, seed: u64, device: &B::Device) -> Result<Self, ConfigError> {
        config.check()?;
        B::seed(device, seed);
        let networks = Self::build(config, device);
        // Parameters are drawn lazily. Draw them now, in a fixed order.
        networks.visit(&mut DrawNow);
        Ok(networks)
    }

    /// Networks whose weights are not drawn yet.
    fn build(config: &NetworksConfig, device: &B::Device) -> Self {
        let denoiser = config.denoiser();
        let latent_channels = config.autoencoder.latent_channels();
        Self {
            autoencoder: config.autoencoder.init(device),
            image_encoder: config.image_encoder.as_ref().map(|encoder| encoder.init(device)),
            reference_tokens: config.reference_tokens.as_ref().map(|tokens| tokens.init(latent_channels, device)),
            reference_copy: config.reference_copy.as_ref().map(|copy| copy.init(latent_channels, device)),
            reference_unet: ReferenceNet::init(&denoiser, device),
            pose_modulation: config.pose.init(device),
            object_guider: (config.objects == ObjectUse::Blended)
                .then(|| ObjectGuider::init(latent_channels, &denoiser.block_out_channels, device)),
            denoising_unet: DenoisingNet::init(&denoiser, device),
            config: config.clone(),
            schedule: Ddim::new(config.schedule.clone()),
            precision: ComputePrecision::default(),
            cache_options: CacheOptions::default(),
            readable: true,
        }
    }

    /// Loads networks, weights and configuration, from a file that [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    /// [`NetworksError`].
    pub fn load(weights: &Weights, device: &B::Device) -> Result<Self, NetworksError> {
        let config = Self::config_of(weights)?;
        config.check()?;
        Ok(weights.load(Self::build(&config, device), "", Extra::Refused)?)
    }

    /// Loads networks for inference only. They cannot be trained or saved. Their weights are [read on
    /// demand](Weights::load_for_inference). `config` is for files without one in their header. The file must contain
    /// exactly the expected tensors.
    ///
    /// # Errors
    /// [`NetworksError`].
    pub fn load_to_run(
        weights: &Weights,
        config: Option<NetworksConfig>,
        device: &B::Device,
    ) -> Result<Self, NetworksError> {
        let config = config.map_or_else(|| Self::config_of(weights), Ok)?;
        config.check()?;
        let networks = weights.load_for_inference(Self::build(&config, device), "", Extra::Refused)?;
        Ok(Self { readable: false, ..networks })
    }

    /// Networks with random weights, otherwise as from [`load_to_run`](Self::load_to_run), for measuring time and
    /// memory. Their prepacked weights are stored in the weight cache `packs`.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings do not fit together.
    pub fn draw_to_run(
        config: &NetworksConfig,
        seed: u64,
        packs: Option<Arc<PackFolder>>,
        device: &B::Device,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        B::seed(device, seed);
        let networks = Self::build(config, device).map(&mut DrawOnDemand { seed, packs, layer: false });
        Ok(Self { readable: false, ..networks })
    }

    fn config_of(weights: &Weights) -> Result<NetworksConfig, NetworksError> {
        let header = |reason: String| NetworksError::Header { reason };
        let text = weights.metadata(CONFIG_KEY).ok_or_else(|| header("it is missing".into()))?;
        serde_json::from_str(text).map_err(|error| header(error.to_string()))
    }

    /// Frees the memory of a component of networks [loaded for inference](Self::load_to_run) that is idle for a while.
    /// When it runs again, its weights are read or mapped again.
    pub fn offload(&self, component: Component) {
        let mut evictor = Evictor { only_mapped: component == Component::Denoiser };
        match component {
            Component::Reference => {
                self.reference_unet.visit(&mut evictor);
                self.image_encoder.visit(&mut evictor);
            }
            Component::Autoencoder => self.autoencoder.visit(&mut evictor),
            Component::Conditions => {
                self.pose_modulation.visit(&mut evictor);
                self.object_guider.visit(&mut evictor);
            }
            Component::Denoiser => self.denoising_unet.visit(&mut evictor),
        }
        B::release_buffer_pool();
    }

    /// Sets the cache options.
    pub fn with_cache_options(mut self, cache_options: CacheOptions) -> Self {
        self.cache_options = cache_options;
        self
    }

    /// The same networks for square pictures of another size.
    ///
    /// # Errors
    /// [`ConfigError`] when the levels of the UNet cannot halve that size.
    pub fn with_size(mut self, size: usize) -> Result<Self, ConfigError> {
        self.config.size = size;
        self.config.check()?;
        Ok(self)
    }

    /// Sets the compute precision.
    pub fn with_precision(mut self, precision: ComputePrecision) -> Self {
        self.precision = precision;
        self
    }

    /// The configuration.
    pub fn config(&self) -> &NetworksConfig {
        &self.config
    }

    /// Every tensor as key, shape and values.
    ///
    /// # Panics
    /// When the networks were loaded for inference only.
    pub fn to_tensors(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        assert!(self.readable, "networks that were loaded to be run only have no readable weights");
        collect(self, "")
    }

    /// The bytes of a weight file. Its header holds the configuration and the entries of `header`.
    ///
    /// # Errors
    /// [`WeightError::Malformed`] when the header is too large.
    pub fn to_bytes(
        &self,
        precision: StoredPrecision,
        mut header: BTreeMap<String, String>,
    ) -> Result<Vec<u8>, WeightError> {
        let config = serde_json::to_string(&self.config)
            .map_err(|error| WeightError::Malformed { path: PathBuf::new(), reason: error.to_string() })?;
        header.insert(CONFIG_KEY.into(), config);
        to_bytes(&self.to_tensors(), precision, header)
    }

    /// Number of weights of each network.
    pub fn parameter_counts(&self) -> BTreeMap<&'static str, usize> {
        BTreeMap::from([
            ("autoencoder", self.autoencoder.num_params()),
            ("image_encoder", self.image_encoder.num_params()),
            ("reference_tokens", self.reference_tokens.num_params()),
            ("reference_copy", self.reference_copy.num_params()),
            ("reference_unet", self.reference_unet.num_params()),
            ("pose_modulation", self.pose_modulation.num_params()),
            ("object_guider", self.object_guider.num_params()),
            ("denoising_unet", self.denoising_unet.num_params()),
        ])
    }
}

/// Draws every weight.
struct DrawNow;

impl<B: Backend> ModuleVisitor<B> for DrawNow {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        drop(param.val());
    }
}

/// Makes every weight of a layer lazy: it is drawn when it is needed, from the uniform distribution that layers are
/// initialized with. No weight is zero-initialized.
struct DrawOnDemand {
    seed: u64,
    packs: Option<Arc<PackFolder>>,
    layer: bool,
}

impl<B: ModelBackend> ModuleMapper<B> for DrawOnDemand {
    fn enter_module(&mut self, _name: &str, container: &str) {
        self.layer = is_layer(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let shape = param.lazy_shape().to_vec();
        if !self.layer || D < 2 {
            return param;
        }
        self.seed += 1;
        let fan_in: usize = shape[1..].iter().product();
        let bound = (fan_in.max(1) as f32).sqrt().recip();
        let source = WeightSource::drawn(&shape, self.seed, bound).kept_in(self.packs.clone());
        match B::lazy_weight(&source) {
            Some(weight) => {
                let id = param.id;
                param.transform_for_load(weight, id)
            }
            None => param,
        }
    }
}

/// Evicts packed forms of weights.
struct Evictor {
    only_mapped: bool,
}

impl<B: ModelBackend> ModuleVisitor<B> for Evictor {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        B::evict(param.val(), self.only_mapped);
    }
}

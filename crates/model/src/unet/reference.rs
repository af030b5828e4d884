//! Defines the output of the reference network for the denoiser: the normalised tokens of the reference picture at each
//! site.
//!
//! The denoiser's self-attention computes keys and values from its own tokens and from the reference tokens, with its
//! own linear layers. The keys and values of the reference tokens are therefore the same in every step and frame;
//! [`ProjectedReference`] caches them.
//!
//! | tensor | shape |
//! |---|---|
//! | features at a site | `[B, h*w, C]` |
//! | keys, values at a site | `[B, h*w, C]` |

use std::collections::BTreeMap;

use burn::tensor::{Tensor, backend::Backend};

use super::Site;
use crate::ops::ModelBackend;
use crate::unet::attention::KeysValues;
use crate::unet::transformer::BasicTransformerBlock;

/// The outputs of `norm1` in a reference network's transformer blocks.
#[derive(Debug, Clone)]
pub struct ReferenceFeatures<B: Backend> {
    /// `[B, h*w, C]` at each participating site.
    pub sites: BTreeMap<Site, Tensor<B, 3>>,
}

impl<B: Backend> ReferenceFeatures<B> {
    /// Applies `change` to the tokens of every site.
    pub fn map(self, mut change: impl FnMut(Tensor<B, 3>) -> Tensor<B, 3>) -> Self {
        Self { sites: self.sites.into_iter().map(|(site, tokens)| (site, change(tokens))).collect() }
    }
}

/// Keys and values of the reference for each self-attention of a denoiser.
#[derive(Debug, Clone)]
pub struct ProjectedReference<B: Backend> {
    pub(crate) sites: BTreeMap<Site, KeysValues<B>>,
}

/// The reference in either form; both give the same result.
#[derive(Debug)]
pub enum Reference<'a, B: Backend> {
    /// As output by the reference network.
    Features(&'a ReferenceFeatures<B>),
    /// Projected once by [`crate::unet::denoising_net::DenoisingNet::project_reference`].
    Projected(&'a ProjectedReference<B>),
}

impl<B: Backend> Clone for Reference<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for Reference<'_, B> {}

impl<'a, B: Backend> From<&'a ReferenceFeatures<B>> for Reference<'a, B> {
    fn from(features: &'a ReferenceFeatures<B>) -> Self {
        Self::Features(features)
    }
}

impl<'a, B: Backend> From<&'a ProjectedReference<B>> for Reference<'a, B> {
    fn from(projected: &'a ProjectedReference<B>) -> Self {
        Self::Projected(projected)
    }
}

impl<B: ModelBackend> Reference<'_, B> {
    /// Keys and values for one block; `None` where the reference does not participate.
    pub(crate) fn keys_values(&self, site: Site, block: &BasicTransformerBlock<B>) -> Option<KeysValues<B>> {
        match self {
            Self::Features(features) => {
                features.sites.get(&site).map(|tokens| block.reference_keys_values(tokens.clone()))
            }
            Self::Projected(projected) => projected.sites.get(&site).cloned(),
        }
    }

    pub(crate) fn sites(&self) -> Vec<Site> {
        match self {
            Self::Features(features) => features.sites.keys().copied().collect(),
            Self::Projected(projected) => projected.sites.keys().copied().collect(),
        }
    }
}

//! Implements the UNet of Stable Diffusion 1.5, plain or inflated to video. Both [`crate::unet::denoising_net`] and
//! [`crate::unet::reference_net`] use this UNet.
//!
//! Inside the UNet, a clip is a batch of frames `[B*N, C, h, w]`. Only the temporal modules mix values along `N`.

pub mod attention;
mod blocks;
pub mod cache;
mod config;
pub mod denoising_net;
pub mod feed_forward;
pub mod motion;
mod pass;
mod reference;
pub mod reference_net;
pub mod resnet;
mod site;
pub mod time_embedding;
pub mod transformer;

pub use blocks::{DownBlock, MidBlock, UpBlock};
pub(crate) use blocks::{Walk, is_unconditional};
pub use config::{ConfigError, Heads, UnetConfig};
pub(crate) use pass::{Pass, Role, Writer};
pub use reference::{ProjectedReference, Reference, ReferenceFeatures};
pub use site::{NotASite, Site, Stage};

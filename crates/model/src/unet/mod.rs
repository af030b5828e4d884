//! The UNet of Stable Diffusion 1.5, plain or inflated to video: what [`crate::denoising_net`] and
//! [`crate::reference_net`] share.
//!
//! Inside, a clip is a stack of frames `[B*N, C, h, w]`; only the temporal modules look along `N`.

mod blocks;
mod config;
mod pass;
mod reference;
mod site;

pub use blocks::{DownBlock, MidBlock, UpBlock};
pub(crate) use blocks::{Walk, is_unconditional};
pub use config::{ConfigError, Heads, UnetConfig};
pub(crate) use pass::{Pass, Role, Writer};
pub use reference::{ProjectedReference, Reference, ReferenceFeatures};
pub use site::{NotASite, Site, Stage};

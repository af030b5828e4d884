//! Implements the metrics for pictures and clips that papers on character animation report. The published numbers come
//! from scripts that deviate from the metrics' definitions. Each deviating form has its own name in this crate, next to
//! the correct metric, so that numbers of different forms are never compared.
//!
//! | metric | unit | better | origin | file |
//! |---|---|---|---|---|
//! | `psnr` | dB, at most 100 | higher | correct | `psnr` |
//! | `psnr_disco_u8` | dB, 100 = equal | higher | DisCo's first script: 8-bit wrap-around | `psnr` |
//! | `ssim_grey` | 1 = equal | higher | DisCo: scikit-image's defaults on 8-bit grey | `ssim` |
//! | `ssim_colour` | 1 = equal | higher | scikit-image's defaults on each channel | `ssim` |
//! | `ssim_gaussian` | 1 = equal | higher | the window of the SSIM paper (2004) | `ssim` |
//! | `l1` | levels of 255 | lower | correct | `l1` |
//! | `l1_disco` | levels of 255, divided by the number of pixels | lower | DisCo | `l1` |
//! | `lpips` | 0 = equal | lower | correct: input in [-1, 1] | `lpips` |
//! | `lpips_raw01` | 0 = equal | lower | DisCo: input in [0, 1] | `lpips` |
//! | `frechet_distance` | 0 = equal | lower | exact | `frechet` |
//! | `frechet_distance_offset` | 0 = equal | lower | pytorch-fid's branch for singular products | `frechet` |
//!
//! The crate also contains the [`windows`] of frames for FVD, [intervals of a mean](bootstrap), the detection of
//! [`faults`] that make every metric meaningless, and the [paper's published numbers](published).
//!
//! The networks for FID and FVD are not part of this crate; [`frechet`] takes features from any source.
//!
//! Both pictures of a pair must have the same size; otherwise the functions panic and name both sizes. DisCo's script
//! first scales the result to the size of the ground truth; callers of this crate must do that themselves.

pub mod bootstrap;
mod error;
pub mod faults;
pub mod frechet;
pub mod grey;
pub mod l1;
pub mod lpips;
pub mod psnr;
pub mod published;
pub mod ssim;
pub mod windows;

pub use bootstrap::{BootstrapConfig, Interval, mean_interval};
pub use error::MetricError;
pub use faults::{ClipPair, Fault, Warning, find_faults};
pub use frechet::{FeatureMoments, frechet_distance, frechet_distance_offset};
pub use l1::{l1, l1_disco};
pub use lpips::{Backbone, InputRange, Lpips, LpipsDistance};
pub use psnr::{mean_squared_error, psnr, psnr_disco_u8};
pub use ssim::{ssim_colour, ssim_gaussian, ssim_grey};
pub use windows::clip_windows;

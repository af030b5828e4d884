//! Loads networks from the files of other projects.

use burn::module::Module;

use super::{DrawNow, Networks, NetworksError};
use crate::ops::ModelBackend;
use crate::preset::NetworksConfig;
use crate::weights::LoadReport;
use crate::weights::published::PublishedWeights;

impl<B: ModelBackend> Networks<B> {
    /// Loads networks of the given configuration for inference from published files, and reports what happened to every
    /// tensor. Components that this method adds to published networks (blending, object guider, depth in the pose
    /// features, environment channels) are newly initialized from `seed`. Any other missing tensor and any extra tensor
    /// is an error.
    ///
    /// # Errors
    /// [`NetworksError`].
    pub fn load_published(
        published: PublishedWeights,
        config: &NetworksConfig,
        seed: u64,
        device: &B::Device,
    ) -> Result<(Self, LoadReport), NetworksError> {
        config.check()?;
        let published = published.fit_input(config)?;
        B::seed(device, seed);
        let networks = Self::build(config, device);
        let report = published.report(&networks);
        report.check()?;
        published.check_positions()?;
        let networks = published.weights().load_for_inference_except(networks, &report.initialised)?;
        networks.visit(&mut DrawNow);
        Ok((Self { readable: false, ..networks }, report))
    }

    /// Reports how [`load_published`](Self::load_published) would use the files. Reads only their headers and the first
    /// convolution.
    ///
    /// # Errors
    /// [`NetworksError`], except for tensors that do not fit: those are in the report.
    pub fn report_published(
        published: PublishedWeights,
        config: &NetworksConfig,
        device: &B::Device,
    ) -> Result<LoadReport, NetworksError> {
        config.check()?;
        Ok(published.fit_input(config)?.report(&Self::build(config, device)))
    }
}

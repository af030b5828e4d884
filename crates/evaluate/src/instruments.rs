//! Holds the networks that metrics need. Each network is optional. If the weights of a network are missing, its metrics
//! are omitted, and no other metric replaces these.

use metrics::{Backbone, Lpips};

use crate::metric::vgg::VggNetwork;

/// A network that a metric uses, with the hash of its weights.
#[derive(Debug)]
pub struct Instrument<N> {
    /// The network.
    pub network: N,
    /// SHA-256 of its weights in hexadecimal digits; for several files, the hashes are joined by `+`.
    pub hash: String,
}

/// The networks of a run.
#[derive(Debug, Default)]
pub struct Instruments {
    /// VGG-HED.
    pub vgg_hed: Option<Instrument<VggNetwork>>,
    /// LPIPS, at most one network per backbone.
    pub lpips: Vec<(Backbone, Instrument<Lpips>)>,
}

impl Instruments {
    /// The name and hash of each network, as they are stored with measurements.
    pub fn names(&self) -> Vec<String> {
        let vgg = self.vgg_hed.iter().map(|vgg| format!("vgg-hed {}", vgg.hash));
        let lpips =
            self.lpips.iter().map(|(backbone, lpips)| format!("lpips {backbone:?} {}", lpips.hash).to_lowercase());
        vgg.chain(lpips).collect()
    }

    pub(crate) fn vgg(&self) -> Option<&VggNetwork> {
        self.vgg_hed.as_ref().map(|vgg| &vgg.network)
    }
}

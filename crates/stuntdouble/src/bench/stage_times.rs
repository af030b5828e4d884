//! Times each phase of a clip and measures its peak memory.

use burn::tensor::Tensor;
use model::networks::{ClipConditions, Component, Networks, SeenReference};
use model::preset::ObjectUse;

use super::{Measured, StageTime, random};
use crate::networks::Cpu;

pub(super) fn measure(networks: Networks<Cpu>, measured: &Measured) -> Vec<StageTime> {
    let Measured { size, frames, .. } = *measured;
    let (config, device) = (networks.config().clone(), Default::default());
    let (cells, c) = (size / 8, config.autoencoder.latent_channels());
    let width = config.image_encoder.as_ref().and(config.unet.cross_attention_width);
    let embedding = width.map(|width| random::<3>([1, 1, width]));
    let (picture, latent) = (random::<4>([1, 3, size, size]), random::<4>([1, c, cells, cells]));
    let mut stages = vec![];
    let mut stage = |name, work: &mut dyn FnMut()| {
        memory::reset();
        let [first_milliseconds, milliseconds] = measured.first_and_median(work);
        stages.push(StageTime { name, first_milliseconds, milliseconds, peak_mib: memory::peak_mib() });
    };
    stage("encode a frame", &mut || drop(networks.autoencoder.encode(picture.clone())));
    stage("reference", &mut || drop(networks.reference_state(latent.clone(), embedding.clone())));
    let reference = networks.reference_state(latent.clone(), embedding.clone());
    // The pipeline does the same.
    networks.offload(Component::Reference);
    networks.offload(Component::Autoencoder);
    let video = || random([1, c, frames, cells, cells]);
    let conditions = ClipConditions {
        environment: config.environment.is_seen().then(video),
        skeleton: random([1, 3, frames, size, size]),
        depth: random([1, 1, frames, size, size]),
        objects: (config.objects != ObjectUse::Absent).then(video),
    };
    stage("features of a clip", &mut || drop(networks.clip_features(&conditions)));
    let features = networks.clip_features(&conditions);
    networks.offload(Component::Conditions);
    let (noise, timestep) = (video(), Tensor::from_floats([500.0], &device));
    stage("guided step of a clip", &mut || {
        let reference = SeenReference::from(&reference).at_step(500);
        drop(networks.predict_both(noise.clone(), timestep.clone(), &features, reference));
    });
    networks.offload(Component::Denoiser);
    stage("decode a frame", &mut || drop(networks.decode(latent.clone())));
    stages
}

/// Resets the process's peak memory, where the system supports that.
mod memory {
    pub(super) fn reset() {
        // Where this fails, the peak is that of all phases so far.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }

    pub(super) fn peak_mib() -> Option<f64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes / 1024.0)
    }
}

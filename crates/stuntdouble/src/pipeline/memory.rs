//! Predicts the peak memory of the networks before they run, and refuses jobs that do not fit into this machine's memory.
//!
//! | phase | weights in memory | feature maps |
//! |---|---|---|
//! | reference | reference network, image encoder, autoencoder, conditions | one picture through the autoencoder |
//! | denoising | denoiser | all frames of a window, twice with guidance, and the pose features of the clip |
//! | decoding | denoiser unless its weights are cached, autoencoder | one picture through the autoencoder |
//!
//! Prepacked weights are counted exactly. Feature maps are estimated as multiples of the largest map. `docs/weights.md`
//! compares predictions with measured peaks.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor};
use model::networks::{ComputePrecision, Networks};
use model::ops::packed_bytes;

use super::level::LevelPath;
use crate::error::Error;
use crate::networks::{Cpu, LoadedNetworks};
use crate::settings::Settings;

/// Memory of the program without networks, in bytes: pictures, pose networks, buffers.
const PROGRAM: u64 = 350 << 20;
/// Largest maps of the denoiser that exist at the same time: skip connections, and the inside of a feed-forward block.
const DENOISER_MAPS: f64 = 20.0;
/// Largest maps of the autoencoder that exist at the same time.
const AUTOENCODER_MAPS: f64 = 5.0;

/// What decides the memory of a clip.
#[derive(Debug, Clone, Copy)]
struct Clip {
    size: usize,
    /// Frames of the whole clip.
    frames: usize,
    /// Frames that the denoiser sees at once.
    window: usize,
    is_guided: bool,
    /// Weights are mapped from the weight cache, so idle ones are evicted.
    is_cached: bool,
}

/// The predicted peak memory of a job in bytes.
pub(super) fn predicted(loaded: &LoadedNetworks, settings: &Settings, frames: usize) -> u64 {
    at_size(loaded, settings, frames, loaded.config().size)
}

/// Refuses a job whose networks need more memory than is available.
///
/// # Errors
/// [`Error::Memory`].
pub(super) fn check(loaded: &LoadedNetworks, settings: &Settings, frames: usize) -> Result<(), Error> {
    let Some(available) = available() else { return Ok(()) };
    let needed = predicted(loaded, settings, frames);
    if needed <= available {
        return Ok(());
    }
    let step = 8 << (loaded.config().unet.block_out_channels.len() - 1);
    let smaller = (1..).map(|index| loaded.config().size.saturating_sub(index * step));
    let fitting =
        smaller.take_while(|size| *size > 0).find(|size| at_size(loaded, settings, frames, *size) <= available);
    Err(Error::Memory { needed, available, fitting })
}

fn at_size(loaded: &LoadedNetworks, settings: &Settings, frames: usize, size: usize) -> u64 {
    let longest = loaded.plan(frames).iter().map(|clip| clip.frames.len()).max().unwrap_or(1);
    let window = loaded.windows().map_or(longest, |windows| windows.size.min(longest));
    let (is_guided, is_cached) = (settings.guidance > 1.0, loaded.packs.is_some());
    peak(&loaded.networks, settings.precision, Clip { size, frames: longest, window, is_guided, is_cached })
}

fn peak(networks: &Networks<Cpu>, precision: ComputePrecision, clip: Clip) -> u64 {
    let config = networks.config();
    let cells = (clip.size / 8).pow(2);
    let dtype = precision.dtype();
    let element = dtype.size() as u64;
    let levels = config.unet.block_out_channels.len();
    let weights = |module: &dyn Fn(&mut PackedWeights), cells: usize, dtype: DType, only: &'static str| {
        let mut packed = PackedWeights { path: LevelPath::new(levels), cells, dtype, only, bytes: 0 };
        module(&mut packed);
        packed.bytes
    };
    let branches = if clip.is_guided { 2 } else { 1 };
    let seen = branches * clip.window;
    let denoiser = weights(&|packed| networks.denoising_unet.visit(packed), seen * cells, dtype, "");
    // The image encoder and the encoder of the autoencoder compute in f32 always.
    let reference = weights(&|packed| networks.reference_unet.visit(packed), cells, dtype, "")
        + weights(&|packed| networks.image_encoder.visit(packed), cells, DType::F32, "");
    let pixels = clip.size.pow(2);
    let encoder = weights(&|packed| networks.autoencoder.visit(packed), pixels, DType::F32, "encoder");
    let decoder = weights(&|packed| networks.autoencoder.visit(packed), pixels, dtype, "decoder");
    let map = |maps: f64, elements: usize| (maps * elements as f64) as u64;
    let first = config.unet.block_out_channels[0];
    let pose = (clip.frames * cells * first) as u64 * element;
    let conditions = 4 * (clip.frames * pixels) as u64 * 4;
    let picture = map(AUTOENCODER_MAPS, pixels * 128);
    let denoising = denoiser + pose + map(DENOISER_MAPS, seen * cells * first) * element;
    let kept = if clip.is_cached { 0 } else { denoiser };
    let phases = [reference + encoder + picture * 4, denoising, kept + pose + decoder + picture * element];
    PROGRAM + conditions + phases.into_iter().max().unwrap_or(0)
}

/// Adds up the prepacked weights of a component.
struct PackedWeights {
    path: LevelPath,
    /// Cells of all frames at the finest level.
    cells: usize,
    dtype: DType,
    /// Counts only modules whose path contains this name.
    only: &'static str,
    bytes: u64,
}

impl ModuleVisitor<Cpu> for PackedWeights {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Cpu, D>>) {
        let shape = param.lazy_shape().to_vec();
        let cells = self.cells >> (2 * self.path.level());
        if !self.path.contains(self.only) {
            return;
        }
        self.bytes += packed_bytes(&shape, cells, self.dtype, self.path.contains("downsamplers"));
    }
}

/// Memory that can be used without swapping, in bytes; none where the system does not say.
fn available() -> Option<u64> {
    let kibibytes = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|number| number << 10)
    };
    kibibytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

#[cfg(test)]
mod tests {
    use model::preset::Preset;

    use super::*;

    #[test]
    fn prepacked_weights_by_hand() {
        assert_eq!(packed_bytes(&[10, 20], 4096, DType::BF16, false), 400);
        assert_eq!(packed_bytes(&[32, 32, 3, 3], 4096, DType::F32, false), 4 * 9 * 1024);
        // Winograd packing holds 36 values for the 9 of a kernel. It does not pay with a stride or on few cells.
        assert_eq!(packed_bytes(&[64, 64, 3, 3], 4096, DType::F32, false), 4 * 36 * 4096);
        assert_eq!(packed_bytes(&[64, 64, 3, 3], 4096, DType::F32, true), 4 * 9 * 4096);
        assert_eq!(packed_bytes(&[64, 64, 3, 3], 1000, DType::F32, false), 4 * 9 * 4096);
    }

    #[test]
    fn more_of_anything_needs_more_memory() {
        let networks = Networks::<Cpu>::init(&Preset::Tiny.config(), 1, &Default::default()).unwrap();
        let clip = Clip { size: 64, frames: 8, window: 8, is_guided: false, is_cached: false };
        let least = peak(&networks, ComputePrecision::F32, clip);
        let more = [
            Clip { size: 128, ..clip },
            Clip { frames: 80, ..clip },
            Clip { frames: 80, window: 80, is_guided: true, ..clip },
        ];
        for more in more {
            assert!(peak(&networks, ComputePrecision::F32, more) > least, "{more:?}");
        }
        assert!(peak(&networks, ComputePrecision::Bf16, clip) < least);
        assert!(peak(&networks, ComputePrecision::F32, Clip { is_cached: true, ..clip }) <= least);
    }
}

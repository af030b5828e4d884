//! Holds a batch on the device, runs the network on it, and computes the loss.

use burn::tensor::{DType, Int, Tensor, TensorData};
use finish::planes::CHARACTER_PLANES;
use model::ModelBackend;
use model::finisher::{CHANNELS, Finisher, Retouch, Retouched, editable};
use model::ops::{in_order, swap_dims};

use super::feed::Batch;
use super::loss::Judged;
use super::sample::FRAME_PLANES;

/// A batch on the device.
pub(super) struct TrainingExample<B: ModelBackend> {
    /// `[B*N, 17, H, W]`.
    known: Tensor<B, 4>,
    /// `[B*N, 3, H, W]`.
    pub(super) truth: Tensor<B, 4>,
    /// `[B*N, 1, H, W]`: where the draft may be changed, or the true person is.
    region: Tensor<B, 4>,
    /// `[B*N, 1, H, W]`: coverage by the true person.
    person: Tensor<B, 4>,
    /// `[B, 7, H, W]`.
    pub(super) character: Tensor<B, 4>,
}

impl<B: ModelBackend> TrainingExample<B> {
    pub(super) fn new(batch: Batch, frames: usize, side: usize, device: &B::Device) -> Self {
        let upload = |bytes: Vec<u8>, shape: [usize; 4]| {
            let data = TensorData::new(bytes, shape);
            let bytes = Tensor::<B, 4, Int>::from_data(data, (device, DType::U8));
            bytes.float().cast(DType::F32) / 255.0
        };
        let count = batch.count * frames;
        let planes = upload(batch.frames, [count, FRAME_PLANES, side, side]);
        let character = upload(batch.characters, [batch.count, CHARACTER_PLANES, side, side]);
        let part = |first: usize, channels: usize| in_order(planes.clone().narrow(1, first, channels));
        let known = part(0, CHANNELS.count);
        let person = part(CHANNELS.count + 3, 1);
        Self {
            region: editable(&known).max_pair(person.clone()),
            known,
            truth: part(CHANNELS.count, 3),
            person,
            character,
        }
    }

    /// The network's retouches, and the finished frames.
    pub(super) fn finish(&self, network: &Finisher<B>) -> (Retouch<B>, Retouched<B>) {
        let character = network.character(std::slice::from_ref(&self.character));
        let [m, channels, height, width] = self.known.dims();
        let batch = self.character.dims()[0];
        let video = self.known.clone().reshape([batch, m / batch, channels, height, width]);
        let retouch = network.forward(swap_dims(video, 1, 2), &character);
        let finished = retouch.apply(&self.known);
        (retouch, finished)
    }

    /// The unchanged draft.
    pub(super) fn draft(&self) -> Retouched<B> {
        let part = |first: usize, count: usize| self.known.clone().narrow(1, first, count);
        let seen = part(CHANNELS.front, 1) * -1.0 + 1.0;
        Retouched { picture: part(CHANNELS.draft, 3), coverage: part(CHANNELS.alpha, 1) * seen }
    }

    pub(super) fn judge(&self, finished: Retouched<B>) -> Judged<B> {
        Judged {
            finished: finished.picture,
            coverage: finished.coverage,
            truth: self.truth.clone(),
            person: self.person.clone(),
            region: self.region.clone(),
            batch: self.character.dims()[0],
        }
    }
}

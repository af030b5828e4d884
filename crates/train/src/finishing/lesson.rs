//! A batch on the device, finished and judged.

use burn::tensor::{DType, Int, Tensor, TensorData};
use finish::finishing::editable;
use finish::planes::CHARACTER_PLANES;
use model::ModelBackend;
use model::finisher::{CHANNELS, Finisher};
use model::video::frames_from_video;

use super::feed::Batch;
use super::loss::Judged;
use super::sample::FRAME_PLANES;

/// A batch on the device.
pub(super) struct Lesson<B: ModelBackend> {
    /// `[B, 14, N, H, W]`.
    known: Tensor<B, 5>,
    /// `[B, 3, N, H, W]`.
    pub(super) truth: Tensor<B, 5>,
    /// `[B*N, 1, H, W]`: where the draft may be changed.
    editable: Tensor<B, 4>,
    /// `[B*N, 1, H, W]`: that or the true person.
    region: Tensor<B, 4>,
    /// `[B, 7, H, W]`.
    pub(super) character: Tensor<B, 4>,
}

impl<B: ModelBackend> Lesson<B> {
    pub(super) fn new(batch: Batch, frames: usize, side: usize, device: &B::Device) -> Self {
        let upload = |bytes: Vec<u8>, shape: [usize; 5]| {
            let data = TensorData::new(bytes, shape);
            let bytes = Tensor::<B, 5, Int>::from_data(data, (device, DType::U8));
            bytes.float().cast(DType::F32) / 255.0
        };
        let planes = upload(batch.frames, [batch.count, frames, FRAME_PLANES, side, side]).swap_dims(1, 2);
        let character = upload(batch.characters, [batch.count, CHARACTER_PLANES, 1, side, side]);
        let part = |first: usize, count: usize| planes.clone().narrow(1, first, count);
        let of_frames = |channel: usize| frames_from_video(part(channel, 1));
        let editable = editable(of_frames(CHANNELS.hole), of_frames(CHANNELS.alpha));
        Self {
            known: part(0, CHANNELS.count),
            truth: part(CHANNELS.count, 3),
            region: editable.clone().max_pair(of_frames(CHANNELS.count + 3)),
            editable,
            character: character.squeeze_dim(2),
        }
    }

    /// The finished frames, `[B*N, 3, H, W]`: changed where that is allowed.
    pub(super) fn finish(&self, network: &Finisher<B>) -> Tensor<B, 4> {
        let character = network.character(std::slice::from_ref(&self.character));
        let finished = frames_from_video(network.forward(self.known.clone(), &character));
        let draft = self.draft();
        draft.clone() + (finished - draft) * self.editable.clone()
    }

    pub(super) fn draft(&self) -> Tensor<B, 4> {
        frames_from_video(self.known.clone().narrow(1, CHANNELS.draft, 3))
    }

    pub(super) fn judge(&self, finished: Tensor<B, 4>) -> Judged<B> {
        let batch = self.known.dims()[0];
        Judged { finished, truth: frames_from_video(self.truth.clone()), region: self.region.clone(), batch }
    }
}

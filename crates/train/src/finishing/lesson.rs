//! A batch on the device, finished and judged.

use burn::tensor::{DType, Int, Tensor, TensorData};
use finish::planes::CHARACTER_PLANES;
use model::ModelBackend;
use model::finisher::{CHANNELS, Finisher, Retouch, Retouched, editable};
use model::video::frames_from_video;

use super::feed::Batch;
use super::loss::Judged;
use super::sample::FRAME_PLANES;

/// A batch on the device.
pub(super) struct Lesson<B: ModelBackend> {
    /// `[B, 17, N, H, W]`.
    known: Tensor<B, 5>,
    /// `[B, 3, N, H, W]`.
    pub(super) truth: Tensor<B, 5>,
    /// `[B*N, 1, H, W]`: where the draft may be changed, or the true person is.
    region: Tensor<B, 4>,
    /// `[B*N, 1, H, W]`: coverage by the true person.
    person: Tensor<B, 4>,
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
        let person = of_frames(CHANNELS.count + 3);
        Self {
            known: part(0, CHANNELS.count),
            truth: part(CHANNELS.count, 3),
            region: editable.max_pair(person.clone()),
            person,
            character: character.squeeze_dim(2),
        }
    }

    /// What the network asks for, and the finished frames.
    pub(super) fn finish(&self, network: &Finisher<B>) -> (Retouch<B>, Retouched<B>) {
        let character = network.character(std::slice::from_ref(&self.character));
        let retouch = network.forward(self.known.clone(), &character);
        let finished = retouch.apply(&frames_from_video(self.known.clone()));
        (retouch, finished)
    }

    /// The draft as it is.
    pub(super) fn draft(&self) -> Retouched<B> {
        let part = |first: usize, count: usize| frames_from_video(self.known.clone().narrow(1, first, count));
        let seen = part(CHANNELS.front, 1) * -1.0 + 1.0;
        Retouched { picture: part(CHANNELS.draft, 3), coverage: part(CHANNELS.alpha, 1) * seen }
    }

    pub(super) fn judge(&self, finished: Retouched<B>) -> Judged<B> {
        Judged {
            finished: finished.picture,
            coverage: finished.coverage,
            truth: frames_from_video(self.truth.clone()),
            person: self.person.clone(),
            region: self.region.clone(),
            batch: self.known.dims()[0],
        }
    }
}

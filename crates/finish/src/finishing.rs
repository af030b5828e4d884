//! Finishes the frames of a video in their order: windows of a few frames go through the network, neighbours overlap, and what two
//! windows ask of the same frame is mixed. No window reaches over a cut.

use std::collections::VecDeque;

use burn::tensor::module::max_pool2d;
use burn::tensor::{Tensor, TensorData};
use draft::drafter::Draft;
use media::picture::{Mask, Picture};
use model::ModelBackend;
use model::finisher::{CHANNELS, CharacterTokens, Finisher, FinisherConfig};
use model::video::frames_from_video;
use perception::pose::Pose;
use perception::region::Region;

use crate::change::Change;
use crate::planes::{CHARACTER_PLANES, DraftedFrame, character_planes, known_planes};

/// Frames that neighbouring windows share.
const OVERLAP: usize = 2;
/// A changed place may lie this many cells outside of hole and warp.
pub const REACH: usize = 4;

/// A picture of the character.
#[derive(Debug, Clone, Copy)]
pub struct CharacterPicture<'a> {
    /// The picture.
    pub picture: &'a Picture,
    /// Coverage by the character.
    pub mask: &'a Mask,
    /// Its pose.
    pub pose: Option<&'a Pose>,
}

/// A frame that waits for its window to be full.
#[derive(Debug, Clone)]
pub struct WaitingFrame {
    /// The draft.
    pub draft: Draft,
    /// The frame without the person.
    pub plate: Picture,
    /// What was removed from the source.
    pub hole: Mask,
    /// Coverage by each object in use.
    pub objects: Vec<Mask>,
    /// The pose that the character takes.
    pub pose: Option<Pose>,
    /// Where the network looks.
    pub region: Region,
    /// True at the first frame of a shot.
    pub starts_shot: bool,
}

/// A frame that is done.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedFrame {
    /// The picture.
    pub picture: Picture,
    /// 255 where it may differ from the source.
    pub edited: Mask,
}

/// The network with a character, and the frames that wait.
#[derive(Debug)]
pub struct Finishing<B: ModelBackend> {
    network: Finisher<B>,
    config: FinisherConfig,
    character: CharacterTokens<B>,
    device: B::Device,
    waiting: Vec<WaitingFrame>,
    /// What the last window asked of the first of the waiting frames.
    asked: VecDeque<Change>,
}

impl<B: ModelBackend> Finishing<B> {
    /// For a character known from pictures.
    ///
    /// # Panics
    /// When there is no picture.
    pub fn new(
        network: Finisher<B>,
        config: FinisherConfig,
        pictures: &[CharacterPicture<'_>],
        device: &B::Device,
    ) -> Self {
        let side = config.size;
        let pictures: Vec<Tensor<B, 4>> = pictures
            .iter()
            .map(|CharacterPicture { picture, mask, pose }| {
                let planes = character_planes(picture, mask, *pose, side as u32);
                unit_range(&planes, device).reshape([1, CHARACTER_PLANES, side, side])
            })
            .collect();
        let character = network.character(&pictures);
        Self { network, config, character, device: device.clone(), waiting: vec![], asked: VecDeque::new() }
    }

    /// Takes the next frame; gives those that are finished, in their order.
    pub fn push(&mut self, frame: WaitingFrame) -> Vec<FinishedFrame> {
        let mut finished = if frame.starts_shot { self.end() } else { vec![] };
        self.waiting.push(frame);
        let length = self.config.clip_frames;
        if self.waiting.len() == length {
            finished.extend(self.run(length - OVERLAP.min(length - 1)));
        }
        finished
    }

    /// The frames that still wait; afterwards another shot may begin.
    pub fn end(&mut self) -> Vec<FinishedFrame> {
        let count = self.waiting.len();
        if count == self.asked.len() {
            // Nothing came after the last window.
            let frames = self.waiting.drain(..).zip(self.asked.drain(..));
            return frames.map(|(frame, change)| laid_on(frame, &change)).collect();
        }
        let finished = self.run(count);
        self.asked.clear();
        finished
    }

    /// Runs a window over all that waits and hands on its first `count` frames.
    fn run(&mut self, count: usize) -> Vec<FinishedFrame> {
        let mut changes = self.changes();
        let shared = self.asked.len();
        for (index, before) in self.asked.drain(..).enumerate() {
            // The later the frame, the more the new window has to say.
            let share = (index + 1) as f32 / (shared + 1) as f32;
            changes[index] = changes[index].clone().mixed(&before, share);
        }
        self.asked = changes.split_off(count).into();
        self.waiting.drain(..count).zip(changes).map(|(frame, change)| laid_on(frame, &change)).collect()
    }

    /// What the network asks of the waiting frames.
    fn changes(&self) -> Vec<Change> {
        let side = self.config.size;
        let frames: Vec<DraftedFrame<'_>> = self.waiting.iter().map(WaitingFrame::drafted).collect();
        let regions: Vec<Region> = self.waiting.iter().map(|frame| frame.region).collect();
        let planes = known_planes(&frames, &regions, side as u32).concat();
        let n = frames.len();
        let known = unit_range(&planes, &self.device).reshape([1, n, CHANNELS.count, side, side]).swap_dims(1, 2);
        let part = |first: usize, count: usize| frames_from_video(known.clone().narrow(1, first, count));
        let editable = editable(part(CHANNELS.hole, 1), part(CHANNELS.alpha, 1));
        let draft = part(CHANNELS.draft, 3);
        let finished = frames_from_video(self.network.forward(known.clone(), &self.character));
        let change = (finished - draft) * editable * 255.0;
        let values = change.permute([0, 2, 3, 1]).into_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
        assert_eq!(values.len(), n * side * side * 3, "finishing: values of {n} frames");
        let cells = values.as_chunks::<3>().0.chunks_exact(side * side);
        cells.zip(regions).map(|(cells, region)| Change::new(region, side, cells.to_vec())).collect()
    }
}

impl WaitingFrame {
    fn drafted(&self) -> DraftedFrame<'_> {
        DraftedFrame {
            draft: &self.draft.picture,
            plate: &self.plate,
            warp: self.draft.warp.as_ref(),
            hole: &self.hole,
            objects: &self.objects,
            pose: self.pose.as_ref(),
        }
    }
}

/// Where a draft may be changed, `[M, 1, H, W]` in [0, 1]: hole and warp, [`REACH`] cells wider.
pub fn editable<B: ModelBackend>(hole: Tensor<B, 4>, alpha: Tensor<B, 4>) -> Tensor<B, 4> {
    max_pool2d(hole.max_pair(alpha), [2 * REACH + 1; 2], [1, 1], [REACH; 2], [1, 1], false)
}

fn laid_on(frame: WaitingFrame, change: &Change) -> FinishedFrame {
    let Draft { mut picture, mut edited, .. } = frame.draft;
    change.lay_on(&mut picture, &mut edited);
    FinishedFrame { picture, edited }
}

/// Bytes to [0, 1].
fn unit_range<B: ModelBackend>(bytes: &[u8], device: &B::Device) -> Tensor<B, 1> {
    let values: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use media::geometry::Rect;

    use super::*;

    fn waiting(index: u8, starts_shot: bool) -> WaitingFrame {
        let picture = Picture::filled(32, 32, [index; 3]);
        WaitingFrame {
            draft: Draft { picture: picture.clone(), edited: Mask::filled(32, 32, 0), warp: None },
            plate: picture,
            hole: Mask::from_fn(32, 32, |x, _| if x < 8 { 255 } else { 0 }),
            objects: vec![],
            pose: None,
            region: Region { square: Rect::new(0, 0, 32, 32) },
            starts_shot,
        }
    }

    fn finishing(network: Finisher<Flex>) -> Finishing<Flex> {
        let (picture, mask) = (Picture::filled(16, 16, [9; 3]), Mask::filled(16, 16, 255));
        let character = CharacterPicture { picture: &picture, mask: &mask, pose: None };
        Finishing::new(network, FinisherConfig::tiny(), &[character], &Default::default())
    }

    /// Windows of 4 frames that share 2, shots of 1 to 9 frames.
    #[test]
    fn every_frame_comes_out_once_in_its_order() {
        let mut finishing = finishing(FinisherConfig::tiny().init(&Default::default()));
        let mut found = vec![];
        let mut index = 0;
        for length in 1..10 {
            for place in 0..length {
                found.extend(finishing.push(waiting(index, place == 0)));
                index += 1;
            }
        }
        found.extend(finishing.end());
        assert!(finishing.end().is_empty());
        let levels: Vec<u8> = found.iter().map(|frame| frame.picture.get(20, 20)[0]).collect();
        assert_eq!(levels, (0..index).collect::<Vec<u8>>());
        assert!(found.iter().all(|frame| frame.edited.cells().iter().all(|cell| *cell == 0)), "nothing was changed");
    }

    #[test]
    fn changes_stay_near_the_hole() {
        let network: Finisher<Flex> = FinisherConfig::tiny().init(&Default::default());
        let bytes = network.to_bytes(&FinisherConfig::tiny(), model::weights::Precision::F32).unwrap();
        let weights = model::weights::Weights::from_bytes(&[&bytes], "test").unwrap();
        let mut tensors: Vec<_> =
            weights.names().map(|name| (name.to_owned(), weights.values(name).unwrap())).collect();
        for (name, (_, values)) in &mut tensors {
            if name == "conv_out.bias" {
                values.fill(0.2);
            }
        }
        let tensors: Vec<_> = tensors.into_iter().map(|(name, (shape, values))| (name, shape, values)).collect();
        let bytes = model::weights::to_bytes(&tensors, model::weights::Precision::F32, Default::default()).unwrap();
        let weights = model::weights::Weights::from_bytes(&[&bytes], "test").unwrap();
        let mut finishing = finishing(FinisherConfig::tiny().load(&weights, &Default::default()).unwrap());
        assert!(finishing.push(waiting(100, true)).is_empty());
        let finished = finishing.end().swap_remove(0);
        for x in 0..32 {
            let is_near = x < 8 + REACH;
            assert_eq!(finished.picture.get(x, 16), if is_near { [151; 3] } else { [100; 3] }, "column {x}");
            assert_eq!(finished.edited.get(x, 16) == 255, is_near, "column {x}");
        }
    }
}

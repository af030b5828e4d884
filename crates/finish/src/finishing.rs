//! Finishes the frames of a video in order. The network processes windows of a few frames. Neighbouring windows
//! overlap, and the results for shared frames are blended. No window crosses a scene cut.

use std::collections::VecDeque;

use burn::tensor::{Tensor, TensorData};
use draft::drafter::Draft;
use media::picture::{Mask, Picture};
use model::ModelBackend;
use model::finisher::{CHANNELS, CharacterTokens, Finisher, FinisherConfig, Retouch};
use perception::pose::Pose;
use perception::region::Region;

use crate::planes::{CHARACTER_PLANES, DraftedFrame, character_planes, known_planes};
use crate::retouch::{CellRetouch, FrameRetouch, VALUES};

/// Number of frames that neighbouring windows share.
const OVERLAP: usize = 2;

/// A picture of the character.
#[derive(Debug, Clone, Copy)]
pub struct CharacterPicture<'a> {
    /// The picture.
    pub picture: &'a Picture,
    /// Coverage of the character.
    pub mask: &'a Mask,
    /// Its pose.
    pub pose: Option<&'a Pose>,
}

/// A frame that waits until its window is full.
#[derive(Debug, Clone)]
pub struct WaitingFrame {
    /// The draft.
    pub draft: Draft,
    /// The region removed from the source.
    pub hole: Mask,
    /// The character's pose in this frame.
    pub pose: Option<Pose>,
    /// The region that the network sees.
    pub region: Region,
    /// True at the first frame of a shot.
    pub starts_shot: bool,
}

/// A finished frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedFrame {
    /// The picture.
    pub picture: Picture,
    /// 255 where the picture can differ from the source.
    pub edited: Mask,
}

/// The network, the character, and the waiting frames.
#[derive(Debug)]
pub struct Finishing<B: ModelBackend> {
    network: Finisher<B>,
    config: FinisherConfig,
    character: CharacterTokens<B>,
    device: B::Device,
    waiting: Vec<WaitingFrame>,
    /// The retouches that the last window gave for the first waiting frames.
    asked: VecDeque<FrameRetouch>,
}

impl<B: ModelBackend> Finishing<B> {
    /// Creates a finisher for a character with the given pictures.
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

    /// Takes the next frame. Returns the frames that are now finished, in order.
    pub fn push(&mut self, frame: WaitingFrame) -> Vec<FinishedFrame> {
        let mut finished = if frame.starts_shot { self.end() } else { vec![] };
        self.waiting.push(frame);
        let length = self.config.clip_frames;
        if self.waiting.len() == length {
            finished.extend(self.run(length - OVERLAP.min(length - 1)));
        }
        finished
    }

    /// Returns the frames that are still waiting. Another shot can follow.
    pub fn end(&mut self) -> Vec<FinishedFrame> {
        let count = self.waiting.len();
        if count == self.asked.len() {
            // Nothing came after the last window.
            let frames = self.waiting.drain(..).zip(self.asked.drain(..));
            return frames.map(|(frame, retouch)| retouched(frame, &retouch)).collect();
        }
        let finished = self.run(count);
        self.asked.clear();
        finished
    }

    /// Runs a window over all waiting frames and outputs its first `count` frames.
    fn run(&mut self, count: usize) -> Vec<FinishedFrame> {
        let mut retouches = self.retouches();
        let shared = self.asked.len();
        for (index, before) in self.asked.drain(..).enumerate() {
            // Later frames take more from the new window.
            let share = (index + 1) as f32 / (shared + 1) as f32;
            retouches[index] = retouches[index].clone().mixed(&before, share);
        }
        self.asked = retouches.split_off(count).into();
        let frames = self.waiting.drain(..count).zip(retouches);
        frames.map(|(frame, retouch)| retouched(frame, &retouch)).collect()
    }

    /// The network's retouches for the waiting frames.
    fn retouches(&self) -> Vec<FrameRetouch> {
        let side = self.config.size;
        let frames: Vec<DraftedFrame<'_>> = self.waiting.iter().map(WaitingFrame::drafted).collect();
        let regions: Vec<Region> = self.waiting.iter().map(|frame| frame.region).collect();
        let planes = known_planes(&frames, &regions, side as u32).concat();
        let n = frames.len();
        let known = unit_range(&planes, &self.device).reshape([1, n, CHANNELS.count, side, side]).swap_dims(1, 2);
        let retouch = self.network.forward(known, &self.character);
        let Retouch { shift, cut, erasure, light, paint, editable } = retouch;
        let maps = Tensor::cat(vec![shift, cut, erasure, light, paint, editable], 1);
        let values = maps.permute([0, 2, 3, 1]).into_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
        assert_eq!(values.len(), n * side * side * VALUES, "finishing: values of {n} frames");
        let frames = values.as_chunks::<VALUES>().0.chunks_exact(side * side).zip(regions);
        frames
            .map(|(cells, region)| {
                let cells = cells.iter().map(|values| CellRetouch::of(*values)).collect();
                FrameRetouch::new(region, side, cells)
            })
            .collect()
    }
}

impl WaitingFrame {
    fn drafted(&self) -> DraftedFrame<'_> {
        DraftedFrame { draft: &self.draft, hole: &self.hole, pose: self.pose.as_ref() }
    }
}

fn retouched(frame: WaitingFrame, retouch: &FrameRetouch) -> FinishedFrame {
    let WaitingFrame { mut draft, .. } = frame;
    retouch.lay_on(&mut draft);
    FinishedFrame { picture: draft.picture, edited: draft.edited }
}

/// Converts bytes to [0, 1].
fn unit_range<B: ModelBackend>(bytes: &[u8], device: &B::Device) -> Tensor<B, 1> {
    let values: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use draft::warp::Warp;
    use media::geometry::Rect;
    use media::picture::Plane;

    use super::*;

    /// A grey frame with a lighter layer in some columns.
    fn waiting(index: u8, starts_shot: bool) -> WaitingFrame {
        let under = Picture::filled(32, 32, [index; 3]);
        let warp = Warp {
            area: Rect::new(8, 4, 8, 24),
            colour: Picture::filled(8, 24, [index + 50; 3]),
            alpha: Mask::filled(8, 24, 255),
            depth: Plane::filled(8, 24, 0.0),
            guess: Mask::filled(8, 24, 0),
        };
        let mut picture = under.clone();
        warp.lay_over(&mut picture);
        let (edited, front) = (Mask::filled(32, 32, 0), Mask::filled(32, 32, 0));
        WaitingFrame {
            draft: Draft { picture, edited, warp: Some(warp), under, front },
            hole: Mask::filled(32, 32, 0),
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

    /// Windows of 4 frames that share 2; shots of 1 to 9 frames.
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

    /// The frame's own formula agrees with the formula on tensors that training uses.
    #[test]
    fn training_and_inference_make_the_same_frame() {
        let network: Finisher<Flex> = FinisherConfig::tiny().init(&Default::default());
        let bytes = network.to_bytes(&FinisherConfig::tiny(), model::weights::StoredPrecision::F32).unwrap();
        let weights = model::weights::Weights::from_bytes(&[&bytes], "test").unwrap();
        let mut tensors: Vec<_> =
            weights.names().map(|name| (name.to_owned(), weights.values(name).unwrap())).collect();
        for (name, (_, values)) in &mut tensors {
            // Shift and light, and one patch each of cut, erasure and paint.
            if name == "conv_out.bias" {
                for (index, value) in values.iter_mut().enumerate() {
                    *value = [0.15, -0.05, 0.4, -0.3, 0.35, 0.0][index % 6];
                }
            }
        }
        let tensors: Vec<_> = tensors.into_iter().map(|(name, (shape, values))| (name, shape, values)).collect();
        let bytes =
            model::weights::to_bytes(&tensors, model::weights::StoredPrecision::F32, Default::default()).unwrap();
        let weights = model::weights::Weights::from_bytes(&[&bytes], "test").unwrap();
        let network: Finisher<Flex> = FinisherConfig::tiny().load(&weights, &Default::default()).unwrap();
        let mut finishing = finishing(network);
        let frame = waiting(100, true);
        let planes = known_planes(&[frame.drafted()], &[frame.region], 32).concat();
        let known = unit_range::<Flex>(&planes, &Default::default()).reshape([1, CHANNELS.count, 32, 32]);
        let retouch = finishing.network.forward(known.clone().unsqueeze_dim(2), &finishing.character);
        let expected = (retouch.apply(&known).picture * 255.0).into_data().into_vec::<f32>().unwrap();
        let before = frame.draft.picture.clone();
        finishing.push(frame);
        let finished = finishing.end().swap_remove(0);
        assert_ne!(finished.picture, before);
        for (index, pixel) in finished.picture.cells().iter().enumerate() {
            for channel in 0..3 {
                let expected = expected[channel * 32 * 32 + index];
                assert!((f32::from(pixel[channel]) - expected).abs() < 1.5, "{index}: {pixel:?} for {expected}");
            }
        }
    }
}

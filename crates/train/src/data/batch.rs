//! Converts encoded clips to the tensors of one training step.
//!
//! | tensor | shape |
//! |---|---|
//! | target, environment, objects | `[B, C, N, h, w]` |
//! | skeleton, depth | `[B, 3, N, H, W]`, `[B, 1, N, H, W]` in [0, 1] |
//! | loss mask | `[B, 1, N, h, w]` in [0, 1] |
//! | reference | `[B, C, h, w]` |

use burn::tensor::{DType, Tensor, TensorData, backend::Backend, f16};
use model::networks::ClipConditions;

use crate::data::records::EncodedClip;

/// Frames `first..first + frames` of a clip with one of its references.
#[derive(Debug, Clone, Copy)]
pub struct Excerpt<'a> {
    /// The clip.
    pub clip: &'a EncodedClip,
    /// First frame.
    pub first: usize,
    /// Index of the reference.
    pub reference: usize,
}

/// The tensors of one step.
#[derive(Debug, Clone)]
pub struct Batch<B: Backend> {
    /// The target output of the networks.
    pub target: Tensor<B, 5>,
    /// The input of the networks.
    pub conditions: ClipConditions<B>,
    /// The loss mask, which gives a larger weight to some cells.
    pub loss_mask: Tensor<B, 5>,
    /// Reference latents.
    pub reference: Tensor<B, 4>,
}

impl<B: Backend> Batch<B> {
    /// Collects excerpts of `frames` frames. With `with_objects`, includes objects (black where a clip has none).
    ///
    /// # Panics
    /// When there is no excerpt, the clips have different shapes, or an excerpt extends beyond its clip.
    pub fn gather(excerpts: &[Excerpt<'_>], frames: usize, with_objects: bool, device: &B::Device) -> Self {
        let clip = excerpts[0].clip;
        let ([_, c, h, w], [height, width]) = (clip.shape, clip.map);
        for excerpt in excerpts {
            assert_eq!(excerpt.clip.shape[1..], [c, h, w], "clips of different shapes");
            assert!(excerpt.first + frames <= excerpt.clip.shape[0], "{frames} frames from {}", excerpt.first);
        }
        let batch = excerpts.len();
        let latents = |of: &dyn Fn(&EncodedClip) -> Option<Vec<f32>>| -> Tensor<B, 5> {
            let mut values = vec![];
            for excerpt in excerpts {
                let all = of(excerpt.clip).unwrap_or_else(|| vec![0.0; excerpt.clip.target.len()]);
                let range = excerpt.first * c * h * w..(excerpt.first + frames) * c * h * w;
                values.extend_from_slice(&all[range]);
            }
            video(values, [batch, frames, c, h, w], device)
        };
        let bytes = |of: &dyn Fn(&EncodedClip) -> &[u8], [c, h, w]: [usize; 3]| -> Tensor<B, 5> {
            let mut values = Vec::with_capacity(batch * frames * c * h * w);
            for excerpt in excerpts {
                let range = excerpt.first * c * h * w..(excerpt.first + frames) * c * h * w;
                values.extend(of(excerpt.clip)[range].iter().map(|value| f32::from(*value) / 255.0));
            }
            video(values, [batch, frames, c, h, w], device)
        };
        let floats = |values: &[f16]| values.iter().map(|value| value.to_f32()).collect::<Vec<_>>();
        let mut references = vec![];
        for excerpt in excerpts {
            let range = excerpt.reference * c * h * w..(excerpt.reference + 1) * c * h * w;
            references.extend(floats(&excerpt.clip.references[range]));
        }
        Self {
            target: latents(&|clip| Some(floats(&clip.target))),
            conditions: ClipConditions {
                environment: Some(latents(&|clip| Some(floats(&clip.environment)))),
                skeleton: bytes(&|clip| &clip.skeleton, [3, height, width]),
                depth: bytes(&|clip| &clip.depth, [1, height, width]),
                objects: with_objects.then(|| latents(&|clip| clip.objects.as_deref().map(floats))),
            },
            loss_mask: bytes(&|clip| &clip.loss_mask, [1, h, w]),
            reference: Tensor::from_data(TensorData::new(references, [batch, c, h, w]), (device, DType::F32)),
        }
    }
}

/// `[B, N, C, h, w]` values to a `[B, C, N, h, w]` tensor.
fn video<B: Backend>(values: Vec<f32>, shape: [usize; 5], device: &B::Device) -> Tensor<B, 5> {
    Tensor::<B, 5>::from_data(TensorData::new(values, shape), (device, DType::F32)).swap_dims(1, 2)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn every_value_has_its_place() {
        let count = |n: usize, base: f32| (0..n).map(|i| f16::from_f32(base + i as f32)).collect::<Vec<_>>();
        let clip = EncodedClip {
            shape: [3, 2, 1, 2],
            map: [8, 16],
            target: count(12, 0.0),
            environment: count(12, 100.0),
            objects: None,
            skeleton: (0..3 * 3 * 128).map(|i| (i / 128) as u8).collect(),
            depth: (0..3 * 128).map(|i| (i / 128) as u8 * 51).collect(),
            loss_mask: vec![0, 51, 102, 153, 204, 255],
            references: count(8, 200.0),
        };
        let excerpts =
            [Excerpt { clip: &clip, first: 1, reference: 1 }, Excerpt { clip: &clip, first: 0, reference: 0 }];
        let batch = Batch::<Flex>::gather(&excerpts, 2, true, &Default::default());
        let list = |tensor: Tensor<Flex, 5>| tensor.into_data().into_vec::<f32>().unwrap();
        // [B, C, N, h, w]: channel 0 of frames 1 and 2, then channel 1; then the second excerpt.
        let target = vec![4., 5., 8., 9., 6., 7., 10., 11., 0., 1., 4., 5., 2., 3., 6., 7.];
        assert_eq!(list(batch.target), target);
        assert_eq!(list(batch.conditions.environment.unwrap())[0], 104.0);
        assert_eq!(list(batch.conditions.objects.unwrap()), vec![0.0; 16]);
        let skeleton = batch.conditions.skeleton;
        assert_eq!(skeleton.dims(), [2, 3, 2, 8, 16]);
        let channel = list(skeleton.slice([0..1, 2..3, 1..2, 0..1, 0..1]))[0] * 255.0;
        assert!((channel - 8.0).abs() < 1e-4, "frame 2, channel 2 is plane 8, found {channel}");
        assert!((list(batch.conditions.depth)[128] - 0.4).abs() < 1e-6);
        for (found, expected) in list(batch.loss_mask).into_iter().zip([0.4, 0.6, 0.8, 1.0, 0.0, 0.2, 0.4, 0.6]) {
            assert!((found - expected).abs() < 1e-6);
        }
        assert_eq!(
            batch.reference.into_data().into_vec::<f32>().unwrap(),
            [204., 205., 206., 207., 200., 201., 202., 203.]
        );
    }
}

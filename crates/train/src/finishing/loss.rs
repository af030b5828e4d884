//! Computes the loss of a finished clip. Where the network may change the draft, the loss compares the clip with the
//! ground truth: colours at three sizes, edges, features, the character's outline, and the change from frame to frame.
//! The loss also measures how smooth the shift field is.

use burn::tensor::Tensor;
use burn::tensor::module::avg_pool2d;
use model::ModelBackend;
use model::ops::in_order;
use serde::{Deserialize, Serialize};

use super::perceptual::PerceptualNetwork;

/// Weight outside the editable region, so that unchanged parts do not get worse.
const OUTSIDE: f64 = 0.02;

/// Weights of the loss terms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Weight of the absolute difference of colours in [0, 1], at full, half and quarter size.
    pub colour: f64,
    /// Weight of the absolute error of the differences between neighbouring pixels.
    pub edges: f64,
    /// Weight of the absolute difference of the character's coverage.
    pub outline: f64,
    /// Weight of the absolute difference between the shifts of neighbouring cells, in cells.
    pub unevenness: f64,
    /// Weight of the VGG-HED distance.
    pub perceptual: f64,
    /// Weight of the absolute difference of the changes from frame to frame.
    pub change: f64,
    /// Number of blocks of the perceptual network, 1 to 4.
    pub perceptual_blocks: usize,
    /// The features of every n-th frame are compared.
    pub perceptual_every: usize,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            colour: 1.0,
            edges: 0.2,
            outline: 0.3,
            unevenness: 0.01,
            perceptual: 0.15,
            change: 0.2,
            perceptual_blocks: 3,
            perceptual_every: 2,
        }
    }
}

/// A finished clip and its ground truth.
#[derive(Debug, Clone)]
pub struct Judged<B: ModelBackend> {
    /// The finished frames, `[M, 3, H, W]`, `M = B*N`.
    pub finished: Tensor<B, 4>,
    /// The ground truth, `[M, 3, H, W]`.
    pub truth: Tensor<B, 4>,
    /// Coverage by the character, `[M, 1, H, W]`.
    pub coverage: Tensor<B, 4>,
    /// Coverage by the ground-truth person.
    pub person: Tensor<B, 4>,
    /// `[M, 1, H, W]`: 1 where the network may change the draft, and on the ground-truth person.
    pub region: Tensor<B, 4>,
    /// Number of samples `B`.
    pub batch: usize,
}

impl<B: ModelBackend> Judged<B> {
    /// The loss terms with their names, unweighted. The features of every `every`-th frame are compared.
    pub fn parts(&self, network: Option<&PerceptualNetwork<B>>, every: usize) -> Vec<(&'static str, Tensor<B, 1>)> {
        let weights = self.region.clone() + OUTSIDE;
        let outline = mean((self.coverage.clone() - self.person.clone()).abs(), &weights);
        let mut parts = vec![("colour", self.colour(&weights)), ("edges", self.edges(&weights)), ("outline", outline)];
        if let Some(network) = network {
            let some = |frames: &Tensor<B, 4>| {
                let [m, channels, height, width] = frames.dims();
                let every = if m.is_multiple_of(every.max(1)) { every.max(1) } else { 1 };
                let grouped = frames.clone().reshape([m / every, every * channels, height, width]);
                grouped.narrow(1, 0, channels)
            };
            let features = [&self.finished, &self.truth].map(|frames| network.features(some(frames)));
            parts.push(("perceptual", network.distance(&features[0], &features[1], &some(&weights))));
        }
        if self.finished.dims()[0] > self.batch {
            parts.push(("change", self.change(&weights)));
        }
        parts
    }

    fn colour(&self, weights: &Tensor<B, 4>) -> Tensor<B, 1> {
        let half = |x: Tensor<B, 4>| avg_pool2d(x, [2, 2], [2, 2], [0, 0], true, false);
        let (mut difference, mut weights) = (self.finished.clone() - self.truth.clone(), weights.clone());
        let mut sum = mean(difference.clone().abs(), &weights);
        for _ in 0..2 {
            (difference, weights) = (half(difference), half(weights));
            sum = sum + mean(difference.clone().abs(), &weights);
        }
        sum / 3.0
    }

    fn edges(&self, weights: &Tensor<B, 4>) -> Tensor<B, 1> {
        let difference = self.finished.clone() - self.truth.clone();
        let [_, _, height, width] = difference.dims();
        let along = |axis: usize, length: usize| {
            mean(steps(&difference, axis, length).abs(), &in_order(weights.clone().narrow(axis, 1, length - 1)))
        };
        along(2, height) + along(3, width)
    }

    fn change(&self, weights: &Tensor<B, 4>) -> Tensor<B, 1> {
        let [m, channels, height, width] = self.finished.dims();
        let n = m / self.batch;
        // One axis for a clip's frames, and one for all values of a frame.
        let clips = |x: Tensor<B, 4>, channels: usize| x.reshape([1, self.batch, n, channels * height * width]);
        let step = steps(&clips(self.finished.clone() - self.truth.clone(), channels), 2, n);
        let shape = |channels: usize| [self.batch * (n - 1), channels, height, width];
        let weights = in_order(clips(weights.clone(), 1).narrow(2, 1, n - 1)).reshape(shape(1));
        mean(step.reshape(shape(channels)).abs(), &weights)
    }
}

/// The differences of neighbours along an axis with this many cells.
fn steps<B: ModelBackend>(x: &Tensor<B, 4>, axis: usize, length: usize) -> Tensor<B, 4> {
    let part = |first: usize| in_order(x.clone().narrow(axis, first, length - 1));
    part(1) - part(0)
}

/// The mean difference between the shifts `[M, 2, H, W]` of neighbours.
pub(super) fn unevenness<B: ModelBackend>(shift: &Tensor<B, 4>) -> Tensor<B, 1> {
    let [_, _, height, width] = shift.dims();
    let along = |axis: usize, length: usize| steps(shift, axis, length).abs().mean();
    along(2, height) + along(3, width)
}

/// The mean of values `[M, C, H, W]`, weighted by `[M, 1, H, W]`.
fn mean<B: ModelBackend>(values: Tensor<B, 4>, weights: &Tensor<B, 4>) -> Tensor<B, 1> {
    let channels = values.dims()[1];
    let repeated = Tensor::cat(vec![weights.clone(); channels], 1);
    (values * repeated).sum() / (weights.clone().sum() * channels as f64 + 1e-6)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Int;

    use super::*;

    #[test]
    fn only_the_region_counts_and_each_part_has_its_value() {
        let device = Default::default();
        let zeros = Tensor::<Flex, 4>::zeros([2, 3, 16, 16], &device);
        // In the second frame, the left half is too bright by 0.5.
        let row = Tensor::<Flex, 1>::from_floats([[1.0; 8], [0.0; 8]].concat().as_slice(), &device);
        let left = row.reshape([1, 1, 1, 16]).expand([1, 1, 16, 16]);
        let bright = Tensor::cat(vec![left.clone().zeros_like(), left.clone() * 0.5], 0).expand([2, 3, 16, 16]);
        let judged = |region: Tensor<Flex, 4>| Judged {
            finished: bright.clone(),
            truth: zeros.clone(),
            coverage: left.clone().expand([2, 1, 16, 16]),
            person: zeros.clone().narrow(1, 0, 1),
            region,
            batch: 1,
        };
        let values = |judged: Judged<Flex>| {
            let parts = judged.parts(None, 1).into_iter();
            parts.map(|(name, value)| (name, value.into_scalar())).collect::<std::collections::BTreeMap<_, _>>()
        };
        let whole = values(judged(zeros.clone().narrow(1, 0, 1) + 1.0));
        let near = |found: f32, expected: f32| assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
        near(whole["colour"], 0.125); // half of one of two frames, by 0.5, at every size
        near(whole["edges"], 0.5 / 15.0 / 2.0); // one of fifteen steps along a row, in one of two frames
        near(whole["change"], 0.25);
        near(whole["outline"], 0.5); // the left half of both frames
        let slope =
            Tensor::<Flex, 1, Int>::arange(0..16, &device).float().reshape([1, 1, 1, 16]).expand([2, 2, 16, 16]) * 0.5;
        near(unevenness(&slope).into_scalar(), 0.5);
        let right = (left.clone() - 1.0).abs().expand([2, 1, 16, 16]);
        assert!(values(judged(right))["colour"] < 0.01);
    }
}

//! Defines the corrections that a finisher makes to a draft, and computes the resulting frame.
//!
//! A draft is a layer (the warped character) over a background. The network can move the layer, change its outline,
//! change its light, and paint where the layer is guessed or missing. To paint elsewhere, it must first erase the
//! pixels that come from the picture of the character. Pixels that are not erased stay as sharp as that picture.
//!
//! With shift `s`, cut `c`, erasure `e`, light `l` and paint `p` at a cell `x`:
//!
//! ```text
//! moved    = layer(x + s)                                  colour, coverage and guess
//! coverage = clamp(moved.coverage + strong(c))             strong(c) = 4 (c - clamp(c, -1/4, 1/4))
//! erased   = clamp(strong(e))
//! unknown  = max(erased, clamp(1 - moved.coverage + moved.guess))
//! colour   = clamp((1 - erased) * moved.colour * exp(l) + unknown * p)
//! picture  = draft + (1 - front) * editable * (coverage * (colour - under) - the same without retouch)
//! ```
//!
//! Weak cuts and erasures are ignored, because the character would otherwise become semi-transparent where the network
//! is unsure.
//!
//! | tensor | shape | unit |
//! |---|---|---|
//! | shift | `[M, 2, H, W]` | cells, x and y |
//! | cut, erasure | `[M, 1, H, W]` | see `strong` |
//! | light | `[M, 3, H, W]` | natural logarithm of the gain |
//! | paint | `[M, 3, H, W]` | colour, in [0, 1] |
//! | editable | `[M, 1, H, W]` | share, in [0, 1] |
//!
//! `M = B*N`. There are no deviations, because this component is our addition to the paper.

use burn::tensor::module::max_pool2d;
use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::CHANNELS;
use crate::ops::{ModelBackend, in_order};

/// Cells may change up to this distance from hole, layer and skeleton.
const REACH: usize = 6;

/// The corrections of a finisher to some frames.
#[derive(Debug, Clone)]
pub struct Retouch<B: Backend> {
    /// Position that each cell's layer is taken from, relative to the cell.
    pub shift: Tensor<B, 4>,
    /// Change of the coverage, before [`strong_cut`].
    pub cut: Tensor<B, 4>,
    /// Share of the layer's colour to erase, before [`strong_cut`].
    pub erasure: Tensor<B, 4>,
    /// Natural logarithm of the gain.
    pub light: Tensor<B, 4>,
    /// Colour added where the layer is unknown.
    pub paint: Tensor<B, 4>,
    /// Where the draft may be changed ([`editable`]).
    pub editable: Tensor<B, 4>,
}

/// Finished frames.
#[derive(Debug, Clone)]
pub struct Retouched<B: Backend> {
    /// `[M, 3, H, W]`.
    pub picture: Tensor<B, 4>,
    /// Coverage by the character, without hidden parts, `[M, 1, H, W]`.
    pub coverage: Tensor<B, 4>,
}

impl<B: ModelBackend> Retouch<B> {
    /// Applies the corrections to frames, given their inputs `[M, 17, H, W]` ([`CHANNELS`]).
    ///
    /// # Panics
    /// When shapes do not match.
    pub fn apply(&self, known: &Tensor<B, 4>) -> Retouched<B> {
        let [m, channels, height, width] = known.dims();
        assert_eq!(channels, CHANNELS.count, "retouch: known {:?}", known.dims());
        assert_eq!(self.shift.dims(), [m, 2, height, width], "retouch: shift of {:?}", known.dims());
        let part = |first: usize, count: usize| in_order(known.clone().narrow(1, first, count));
        let (under, alpha, guess) = (part(CHANNELS.under, 3), part(CHANNELS.alpha, 1), part(CHANNELS.guess, 1));
        let layer = part(CHANNELS.layer, 3);
        let before = repeated(alpha.clone(), 3) * (layer.clone() - under.clone());
        // 1. Move the layer.
        let moved = shifted(Tensor::cat(vec![layer, alpha, guess], 1), self.shift.clone());
        let part_of_moved = |first: usize, count: usize| in_order(moved.clone().narrow(1, first, count));
        let (colour, alpha, guess) = (part_of_moved(0, 3), part_of_moved(3, 1), part_of_moved(4, 1));
        // 2. Cut, erase, light, paint.
        let coverage = clamped(alpha.clone() + strong(self.cut.clone()));
        let erased = clamped(strong(self.erasure.clone()));
        let unknown = (guess - alpha + 1.0).clamp(0.0, 1.0).max_pair(erased.clone());
        let kept = colour * self.light.clone().exp() * repeated(erased * -1.0 + 1.0, 3);
        let colour = clamped(kept + repeated(unknown, 3) * self.paint.clone());
        // 3. Composite, behind what is in front.
        let changeable = (part(CHANNELS.front, 1) * -1.0 + 1.0) * self.editable.clone();
        let after = repeated(coverage.clone(), 3) * (colour - under);
        let picture = part(CHANNELS.draft, 3) + (after - before) * repeated(changeable.clone(), 3);
        Retouched { picture, coverage: coverage * changeable }
    }
}

/// Where the draft may be changed, `[M, 1, H, W]` in [0, 1], for frames `[M, 17, H, W]`: in hole, layer and skeleton,
/// and up to 6 cells away from them.
pub fn editable<B: ModelBackend>(known: &Tensor<B, 4>) -> Tensor<B, 4> {
    let part = |first: usize| in_order(known.clone().narrow(1, first, 1));
    let skeleton = (0..3).map(|channel| part(CHANNELS.skeleton + channel));
    let near = skeleton.fold(part(CHANNELS.hole).max_pair(part(CHANNELS.alpha)), Tensor::max_pair);
    // Max pooling is separable: first along columns, then along rows.
    let along = |x, [down, across]: [usize; 2]| {
        max_pool2d(x, [2 * down + 1, 2 * across + 1], [1, 1], [down, across], [1, 1], false)
    };
    along(along(near, [REACH, 0]), [0, REACH])
}

/// Repeats one channel. Multiplying by a repeated tensor is faster than broadcasting in the multiplication.
fn repeated<B: ModelBackend>(x: Tensor<B, 4>, channels: usize) -> Tensor<B, 4> {
    Tensor::cat(vec![x; channels], 1)
}

/// Smaller cuts and erasures are ignored.
const WEAK: f32 = 0.25;

/// The effect of a cut on the coverage, or of an erasure on the colour.
pub fn strong_cut(cut: f32) -> f32 {
    (cut - cut.clamp(-WEAK, WEAK)) / WEAK
}

/// [`strong_cut`] with the gradient of the identity, so that weak cuts still get a gradient.
fn strong<B: ModelBackend>(cut: Tensor<B, 4>) -> Tensor<B, 4> {
    let known = cut.clone().detach();
    let strong = (known.clone() - known.clone().clamp(-WEAK, WEAK)) / WEAK;
    cut + (strong - known)
}

/// Clamps to [0, 1] with the gradient of the identity, so that clamped values can return into the range.
fn clamped<B: ModelBackend>(values: Tensor<B, 4>) -> Tensor<B, 4> {
    let excess = values.clone().detach() - values.clone().detach().clamp(0.0, 1.0);
    values - excess
}

/// Samples `values` `[M, C, H, W]` at `x + shift` bilinearly; outside, the border is repeated. Gradients flow to the
/// shift only.
fn shifted<B: ModelBackend>(values: Tensor<B, 4>, shift: Tensor<B, 4>) -> Tensor<B, 4> {
    let [m, channels, height, width] = values.dims();
    let device = values.device();
    let along = |axis: usize, length: usize, place_of: &dyn Fn(usize) -> usize| {
        let places: Vec<f32> = (0..m * height * width).map(|cell| place_of(cell) as f32).collect();
        let places = Tensor::<B, 4>::from_data(TensorData::new(places, [m, 1, height, width]), &device);
        (in_order(shift.clone().narrow(1, axis, 1)) + places).clamp(0.0, length as f32 - 1.0)
    };
    let x = along(0, width, &|cell| cell % width);
    let y = along(1, height, &|cell| cell / width % height);
    // The cell before each sampling position, at most the second to last, so that the cell after it exists. The last
    // cell is reached with share 1.
    let cell =
        |place: &Tensor<B, 4>, length: usize| place.clone().detach().floor().clamp(0.0, (length.max(2) - 2) as f32);
    let (left, top) = (cell(&x, width), cell(&y, height));
    let right_share = repeated(x - left.clone(), channels);
    let bottom_share = repeated(y - top.clone(), channels);
    let flat = values.detach().reshape([m, channels, height * width]);
    let first = (top * width as f32 + left).reshape([m, 1, height * width]).int();
    let at = |offset: usize| {
        let places = (first.clone() + offset as i64).expand([m, channels, height * width]);
        flat.clone().gather(2, places).reshape([m, channels, height, width])
    };
    let (step_x, step_y) = (usize::from(width > 1), width * usize::from(height > 1));
    let between = |a: Tensor<B, 4>, b: Tensor<B, 4>, share: Tensor<B, 4>| a.clone() + (b - a) * share;
    let upper = between(at(0), at(step_x), right_share.clone());
    let lower = between(at(step_y), at(step_y + step_x), right_share);
    between(upper, lower, bottom_share)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    fn tensor(values: &[f32], shape: [usize; 4]) -> Tensor<Flex, 4> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Default::default())
    }

    fn values(tensor: Tensor<Flex, 4>) -> Vec<f32> {
        tensor.into_data().into_vec().unwrap()
    }

    #[test]
    fn a_place_between_cells_is_their_mean_and_the_border_goes_on() {
        let picture = tensor(&[0.0, 1.0, 2.0, 10.0, 11.0, 12.0], [1, 1, 2, 3]);
        let shift = |x: f32, y: f32| tensor(&[[x; 6], [y; 6]].concat(), [1, 2, 2, 3]);
        assert_eq!(values(shifted(picture.clone(), shift(0.0, 0.0))), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
        assert_eq!(values(shifted(picture.clone(), shift(0.5, 0.0))), [0.5, 1.5, 2.0, 10.5, 11.5, 12.0]);
        assert_eq!(values(shifted(picture.clone(), shift(0.0, 0.25))), [2.5, 3.5, 4.5, 10.0, 11.0, 12.0]);
        assert_eq!(values(shifted(picture, shift(-9.0, 9.0))), [10.0; 6]);
    }

    #[test]
    fn cells_near_hole_layer_or_skeleton_may_change() {
        let mut cells = vec![0.0; 17 * 20 * 20];
        let mut mark = |channel: usize, x: usize, y: usize| cells[(channel * 20 + y) * 20 + x] = 1.0;
        mark(CHANNELS.skeleton + 2, 0, 0);
        mark(CHANNELS.hole, 19, 10);
        mark(CHANNELS.front, 10, 19);
        let found = values(editable(&tensor(&cells, [1, 17, 20, 20])));
        let at = |x: usize, y: usize| found[y * 20 + x];
        assert_eq!([at(6, 6), at(7, 0), at(13, 16), at(12, 10), at(10, 19)], [1.0, 0.0, 1.0, 0.0, 0.0]);
    }

    /// One cell: a layer of 0.8 that covers half of a ground of 0.2. `front` covers both.
    fn known(guess: f32, front: f32) -> Tensor<Flex, 4> {
        let mut cell = [0.0; 17];
        cell[CHANNELS.hole] = 1.0;
        cell[CHANNELS.draft..][..3].fill(0.5);
        cell[CHANNELS.under..][..3].fill(0.2);
        cell[CHANNELS.layer..][..3].fill(0.8);
        (cell[CHANNELS.alpha], cell[CHANNELS.guess], cell[CHANNELS.front]) = (0.5, guess, front);
        tensor(&cell, [1, 17, 1, 1])
    }

    fn retouched(known: &Tensor<Flex, 4>, [cut, erasure]: [f32; 2], light: f32, paint: f32) -> f32 {
        let one = |value: f32, channels: usize| tensor(&vec![value; channels], [1, channels, 1, 1]);
        let retouch = Retouch {
            shift: one(0.0, 2),
            cut: one(cut, 1),
            erasure: one(erasure, 1),
            light: one(light, 3),
            paint: one(paint, 3),
            editable: editable(known),
        };
        values(retouch.apply(known).picture.narrow(1, 0, 1))[0]
    }

    #[test]
    fn cut_erasure_light_and_paint_do_what_they_say_behind_what_is_in_front() {
        let near = |found: f32, expected: f32| assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        near(retouched(&known(0.0, 0.0), [0.0, 0.0], 0.0, 0.0), 0.5);
        near(retouched(&known(0.0, 0.0), [0.2, 0.0], 0.0, 0.0), 0.5);
        near(retouched(&known(0.0, 0.0), [0.375, 0.0], 0.0, 0.0), 0.8);
        near(retouched(&known(0.0, 0.0), [-2.0, 0.0], 0.0, 0.0), 0.2);
        near(retouched(&known(0.0, 0.0), [0.5, 0.0], 0.5_f32.ln(), 0.0), 0.4);
        near(retouched(&known(0.0, 0.0), [0.5, 0.0], 0.0, -0.4), 0.6); // half covered, so half of the paint
        near(retouched(&known(1.0, 0.0), [0.5, 0.0], 0.0, -0.4), 0.4); // entirely a guess, so all of the paint
        near(retouched(&known(0.0, 0.0), [0.5, 0.2], 0.0, -0.4), 0.6); // too weak an erasure
        near(retouched(&known(0.0, 0.0), [0.5, 0.3125], 0.0, 0.4), 0.8 * 0.75 + 0.5 * 0.4); // a quarter erased, half unknown
        near(retouched(&known(0.0, 0.0), [0.5, 1.0], 0.5, 0.4), 0.4);
        near(retouched(&known(1.0, 1.0), [0.5, 0.0], 1.0, -0.4), 0.5);
    }
}

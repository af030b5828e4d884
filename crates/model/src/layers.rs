//! Defines the layers that have weights. The layers' parameter names and layouts are those of PyTorch, so the path of a
//! parameter is its checkpoint key.
//!
//! | layer | `weight` | `bias` |
//! |---|---|---|
//! | [`Linear`] | `[D_out, D_in]` | `[D_out]` |
//! | [`Conv2d`] | `[C_out, C_in, k, k]` | `[C_out]` |
//! | [`Conv3d`] | `[C_out, C_in, k_n, k_h, k_w]` | `[C_out]` |
//! | [`GroupNorm`], [`LayerNorm`] | `[C]` | `[C]` |

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Tensor, backend::Backend};

use crate::ops::{self, Activation, Convolution, LinearEpilogue, ModelBackend, Normalisation};

/// The mean of `silu(x)^2` for standard normal `x`.
const SILU_MEAN_SQUARE: f64 = 0.3558;

/// How the weights of a layer are initialized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LayerInitializer {
    /// Uniform in `+-1/sqrt(fan in)`, PyTorch's default.
    Uniform,
    /// Uniform without bias, with variance chosen so that features after SiLU keep their mean square through the next
    /// layer. For stacks of convolutions without norms, where PyTorch's default loses two thirds of the signal per
    /// layer.
    Preserving,
    /// All zeros. The layer has no effect until it is trained.
    Zero,
    /// Zero weights, with this bias.
    ZeroWithBias(f64),
}

fn initial_weight<B: Backend, const R: usize>(
    initializer: LayerInitializer,
    shape: [usize; R],
    fan_in: usize,
    device: &B::Device,
) -> Param<Tensor<B, R>> {
    match initializer {
        LayerInitializer::Uniform => {
            let bound = 1.0 / (fan_in as f64).sqrt();
            Initializer::Uniform { min: -bound, max: bound }.init(shape, device)
        }
        LayerInitializer::Preserving => {
            let bound = (3.0 / (SILU_MEAN_SQUARE * fan_in as f64)).sqrt();
            Initializer::Uniform { min: -bound, max: bound }.init(shape, device)
        }
        LayerInitializer::Zero | LayerInitializer::ZeroWithBias(_) => Initializer::Zeros.init(shape, device),
    }
}

fn initial_bias<B: Backend>(
    initializer: LayerInitializer,
    width: usize,
    fan_in: usize,
    device: &B::Device,
) -> Param<Tensor<B, 1>> {
    match initializer {
        LayerInitializer::Uniform | LayerInitializer::Zero => initial_weight(initializer, [width], fan_in, device),
        LayerInitializer::Preserving => Initializer::Zeros.init([width], device),
        LayerInitializer::ZeroWithBias(value) => Initializer::Constant { value }.init([width], device),
    }
}

/// A linear layer over the last axis.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[D_out, D_in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[D_out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
}

impl<B: ModelBackend> Linear<B> {
    /// A layer from `d_in` to `d_out`, with or without a bias.
    pub fn init(d_in: usize, d_out: usize, bias: bool, initializer: LayerInitializer, device: &B::Device) -> Self {
        Self {
            weight: initial_weight(initializer, [d_out, d_in], d_in, device),
            bias: bias.then(|| initial_bias(initializer, d_out, d_in, device)),
        }
    }

    /// `[.., D_in]` to `[.., D_out]`.
    pub fn forward<const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        self.forward_added(x, None, None)
    }

    /// [`forward`](Self::forward) plus `shift`, `[G, D_out]`. The rows of the result are split into `G` equal runs; row
    /// `g` of `shift` is added to run `g`.
    pub fn forward_shifted<const R: usize>(&self, x: Tensor<B, R>, shift: Tensor<B, 2>) -> Tensor<B, R> {
        self.forward_added(x, Some(shift), None)
    }

    /// [`forward`](Self::forward) plus `residual`, `[.., D_out]`.
    pub fn forward_onto<const R: usize>(&self, residual: Tensor<B, R>, x: Tensor<B, R>) -> Tensor<B, R> {
        self.forward_added(x, None, Some(residual))
    }

    /// [`forward`](Self::forward) plus `shift`, as in [`forward_shifted`](Self::forward_shifted), and `residual`,
    /// `[.., D_out]`.
    pub fn forward_added<const R: usize>(
        &self,
        x: Tensor<B, R>,
        shift: Option<Tensor<B, 2>>,
        residual: Option<Tensor<B, R>>,
    ) -> Tensor<B, R> {
        let bias = self.bias.as_ref().map(Param::val);
        ops::linear(x, self.weight.val(), LinearEpilogue { bias, shift, residual })
    }

    /// The layer followed by GEGLU: `[.., D_in]` to `[.., D_out / 2]`.
    pub fn forward_geglu<const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        ops::linear_geglu(x, self.weight.val(), self.bias.as_ref().map(Param::val))
    }
}

/// A 2D convolution with a square kernel.
#[derive(Module, Debug)]
pub struct Conv2d<B: Backend> {
    /// `[C_out, C_in, k, k]`.
    pub weight: Param<Tensor<B, 4>>,
    /// `[C_out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
    stride: usize,
    /// Zero padding: above and to the left; below and to the right.
    padding: [usize; 2],
}

impl<B: ModelBackend> Conv2d<B> {
    /// A `kernel` x `kernel` convolution with bias, padded by `kernel / 2`.
    pub fn init(
        c_in: usize,
        c_out: usize,
        kernel: usize,
        stride: usize,
        initializer: LayerInitializer,
        device: &B::Device,
    ) -> Self {
        let fan_in = c_in * kernel * kernel;
        Self {
            weight: initial_weight(initializer, [c_out, c_in, kernel, kernel], fan_in, device),
            bias: Some(initial_bias(initializer, c_out, fan_in, device)),
            stride,
            padding: [kernel / 2; 2],
        }
    }

    /// Sets the zero padding: above and to the left; below and to the right.
    pub fn with_padding(mut self, padding: [usize; 2]) -> Self {
        self.padding = padding;
        self
    }

    /// `[B, C_in, H, W]` to `[B, C_out, H', W']`.
    pub fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        ops::conv2d(x, self.weight.val(), self.convolution())
    }

    /// [`forward`](Self::forward), then SiLU.
    pub fn forward_silu(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        ops::conv2d(x, self.weight.val(), Convolution { activation: Activation::Silu, ..self.convolution() })
    }

    /// [`forward`](Self::forward) plus `shift`, `[B, C_out]`, for all frames of each clip.
    pub fn forward_shifted(&self, x: Tensor<B, 4>, shift: Tensor<B, 2>) -> Tensor<B, 4> {
        ops::conv2d(x, self.weight.val(), Convolution { shift: Some(shift), ..self.convolution() })
    }

    /// [`forward`](Self::forward) plus `residual`, `[B, C_out, H', W']`.
    pub fn forward_onto(&self, residual: Tensor<B, 4>, x: Tensor<B, 4>) -> Tensor<B, 4> {
        ops::conv2d(x, self.weight.val(), Convolution { residual: Some(residual), ..self.convolution() })
    }

    /// Nearest upsampling by two, then this convolution (3x3 at stride 1): `[B, C_in, H, W]` to `[B, C_out, 2H, 2W]`.
    pub fn forward_upsampled(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        assert_eq!((self.stride, self.padding), (1, [1; 2]), "a convolution after an enlargement keeps the size");
        ops::upsample_conv2d(x, self.weight.val(), self.bias.as_ref().map(Param::val))
    }

    /// Uses this layer's weights in [`ops::blend`]: blends two maps `[M, C_in / 2, h, w]` into one.
    pub fn forward_blending(&self, maps: [Tensor<B, 4>; 2]) -> Tensor<B, 4> {
        let Some(bias) = &self.bias else { panic!("a mixing weight has a bias") };
        ops::blend(maps, self.weight.val(), bias.val())
    }

    fn convolution(&self) -> Convolution<B> {
        let bias = self.bias.as_ref().map(Param::val);
        let Self { stride, padding, .. } = *self;
        Convolution { bias, stride, padding, shift: None, residual: None, activation: Activation::None }
    }
}

/// A 3D convolution over frames and space with stride 1. It keeps the size.
#[derive(Module, Debug)]
pub struct Conv3d<B: Backend> {
    /// `[C_out, C_in, k_n, k_h, k_w]`.
    pub weight: Param<Tensor<B, 5>>,
    /// `[C_out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
}

impl<B: ModelBackend> Conv3d<B> {
    /// A convolution with odd `kernel` sizes `[k_n, k_h, k_w]`.
    pub fn init(
        c_in: usize,
        c_out: usize,
        kernel: [usize; 3],
        initializer: LayerInitializer,
        device: &B::Device,
    ) -> Self {
        let fan_in = c_in * kernel.iter().product::<usize>();
        let [k_n, k_h, k_w] = kernel;
        Self {
            weight: initial_weight(initializer, [c_out, c_in, k_n, k_h, k_w], fan_in, device),
            bias: Some(initial_bias(initializer, c_out, fan_in, device)),
        }
    }

    /// `[B, C_in, N, h, w]` to `[B, C_out, N, h, w]`.
    pub fn forward(&self, x: Tensor<B, 5>) -> Tensor<B, 5> {
        let weight = self.weight.val();
        let [_, _, k_n, k_h, k_w] = weight.dims();
        ops::conv3d(x, weight, self.bias.as_ref().map(Param::val), [k_n / 2, k_h / 2, k_w / 2])
    }
}

/// Group norm.
#[derive(Module, Debug)]
pub struct GroupNorm<B: Backend> {
    /// `[C]`.
    pub weight: Param<Tensor<B, 1>>,
    /// `[C]`.
    pub bias: Param<Tensor<B, 1>>,
    groups: usize,
    epsilon: f64,
}

impl<B: ModelBackend> GroupNorm<B> {
    /// A norm with weight 1 and bias 0.
    ///
    /// # Panics
    /// When `channels` is not a multiple of `groups`.
    pub fn init(groups: usize, channels: usize, epsilon: f64, device: &B::Device) -> Self {
        assert!(channels.is_multiple_of(groups), "{channels} channels in {groups} groups");
        Self {
            weight: Initializer::Ones.init([channels], device),
            bias: Initializer::Zeros.init([channels], device),
            groups,
            epsilon,
        }
    }

    /// Normalises `[B, C, ..]`. Statistics cover the channels of a group and all axes after `C`.
    pub fn forward<const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        self.forward_with(x, Activation::None)
    }

    /// Normalises and applies SiLU.
    pub fn forward_silu<const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        self.forward_with(x, Activation::Silu)
    }

    fn forward_with<const R: usize>(&self, x: Tensor<B, R>, activation: Activation) -> Tensor<B, R> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        ops::group_norm(x, Normalisation { groups: self.groups, weight, bias, epsilon: self.epsilon, activation })
    }
}

/// Layer norm over the last axis.
#[derive(Module, Debug)]
pub struct LayerNorm<B: Backend> {
    /// `[D]`.
    pub weight: Param<Tensor<B, 1>>,
    /// `[D]`.
    pub bias: Param<Tensor<B, 1>>,
    epsilon: f64,
}

impl<B: ModelBackend> LayerNorm<B> {
    /// A norm with weight 1 and bias 0.
    pub fn init(width: usize, epsilon: f64, device: &B::Device) -> Self {
        Self {
            weight: Initializer::Ones.init([width], device),
            bias: Initializer::Zeros.init([width], device),
            epsilon,
        }
    }

    /// Normalises `[.., D]`.
    pub fn forward<const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        ops::layer_norm(x, self.weight.val(), self.bias.val(), self.epsilon)
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Distribution;
    use burn::tensor::activation::silu;

    use super::*;

    #[test]
    fn a_preserving_start_keeps_the_signal_through_a_stack() {
        let device = Default::default();
        let x = Tensor::<Flex, 4>::random([1, 16, 24, 24], Distribution::Normal(0.0, 1.0), &device);
        let after = |initializer| {
            let stack: Vec<Conv2d<Flex>> = (0..6).map(|_| Conv2d::init(16, 16, 3, 1, initializer, &device)).collect();
            let y = stack.iter().fold(x.clone(), |y, conv| conv.forward(silu(y)));
            // The same input with twice the amplitude. The difference of the outputs is signal, not bias.
            let z = stack.iter().fold(x.clone() * 2.0, |z, conv| conv.forward(silu(z)));
            (z - y).square().mean().into_scalar()
        };
        let (kept, lost) = (after(LayerInitializer::Preserving), after(LayerInitializer::Uniform));
        assert!(kept > 0.1, "{kept}");
        assert!(lost < 0.01, "{lost}");
    }
}

//! Provides the operations as functions of flat tensors.

use burn::tensor::Tensor;

use crate::ops::{self, Activation, Convolution, KeysValues, LinearEpilogue, ModelBackend, Normalisation, composed};

/// An operation, or several, on flat operands, for any backend.
pub(super) trait Op {
    /// The number of values of each operand.
    fn lengths(&self) -> Vec<usize>;

    /// Runs our operations if `own`, and the composed ones otherwise. The result is flat.
    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1>;
}

fn flat<B: ModelBackend, const R: usize>(y: Tensor<B, R>) -> Tensor<B, 1> {
    let length = y.dims().iter().product::<usize>();
    y.reshape([length])
}

pub(super) struct Linear {
    pub(super) groups: usize,
    pub(super) rows: usize,
    pub(super) d_in: usize,
    pub(super) half: usize,
    pub(super) geglu: bool,
}

impl Op for Linear {
    fn lengths(&self) -> Vec<usize> {
        let (rows, d_out) = (self.groups * self.rows, 2 * self.half);
        let all = vec![rows * self.d_in, d_out * self.d_in, d_out, self.groups * d_out, rows * d_out];
        all[..if self.geglu { 3 } else { 5 }].to_vec()
    }

    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1> {
        let (rows, d_in, d_out) = (self.groups * self.rows, self.d_in, 2 * self.half);
        let (x, weight, bias) =
            (of[0].clone().reshape([rows, d_in]), of[1].clone().reshape([d_out, d_in]), of[2].clone());
        if self.geglu {
            let op = if own { ops::linear_geglu } else { composed::linear_geglu };
            return flat(op(x, weight, Some(bias)));
        }
        let added = LinearEpilogue {
            bias: Some(bias),
            shift: Some(of[3].clone().reshape([self.groups, d_out])),
            residual: Some(of[4].clone().reshape([rows, d_out])),
        };
        let op = if own { ops::linear } else { composed::linear };
        flat(op(x, weight, added))
    }
}

pub(super) struct Convolutions {
    pub(super) clips: usize,
    pub(super) frames: usize,
    pub(super) channels: [usize; 2],
    pub(super) size: [usize; 2],
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: [usize; 2],
    pub(super) active: bool,
    /// The input is channels-last in memory.
    pub(super) turned: bool,
}

impl Convolutions {
    fn result(&self) -> [usize; 4] {
        let side = |length: usize| (length + self.padding[0] + self.padding[1] - self.kernel) / self.stride + 1;
        [self.clips * self.frames, self.channels[1], side(self.size[0]), side(self.size[1])]
    }
}

impl Op for Convolutions {
    fn lengths(&self) -> Vec<usize> {
        let [c_in, c_out] = self.channels;
        let map = self.clips * self.frames * c_in * self.size[0] * self.size[1];
        let weight = c_out * c_in * self.kernel * self.kernel;
        vec![map, weight, c_out, self.clips * c_out, self.result().iter().product()]
    }

    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1> {
        let ([c_in, c_out], [h, w], m, k) = (self.channels, self.size, self.clips * self.frames, self.kernel);
        let x = of[0].clone();
        let x = if self.turned { x.reshape([m, h, w, c_in]).permute([0, 3, 1, 2]) } else { x.reshape([m, c_in, h, w]) };
        let convolution = Convolution {
            bias: Some(of[2].clone()),
            stride: self.stride,
            padding: self.padding,
            shift: Some(of[3].clone().reshape([self.clips, c_out])),
            residual: Some(of[4].clone().reshape(self.result())),
            activation: if self.active { Activation::Silu } else { Activation::None },
        };
        let op = if own { ops::conv2d } else { composed::conv2d };
        flat(op(x, of[1].clone().reshape([c_out, c_in, k, k]), convolution))
    }
}

pub(super) struct Upsampling(pub(super) [usize; 5]);

impl Op for Upsampling {
    fn lengths(&self) -> Vec<usize> {
        let [m, c_in, c_out, h, w] = self.0;
        vec![m * c_in * h * w, 9 * c_out * c_in, c_out]
    }

    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1> {
        let [m, c_in, c_out, h, w] = self.0;
        let (x, weight) = (of[0].clone().reshape([m, c_in, h, w]), of[1].clone().reshape([c_out, c_in, 3, 3]));
        let op = if own { ops::upsample_conv2d } else { composed::upsample_conv2d };
        flat(op(x, weight, Some(of[2].clone())))
    }
}

/// A 3D convolution: `[b, c_in, c_out, n, h, w]` and the kernel's sides `[k_n, k_h, k_w]`.
pub(super) struct InTime(pub(super) [usize; 6], pub(super) [usize; 3]);

impl Op for InTime {
    fn lengths(&self) -> Vec<usize> {
        let ([b, c_in, c_out, n, h, w], [k_n, k_h, k_w]) = (self.0, self.1);
        vec![b * c_in * n * h * w, c_out * c_in * k_n * k_h * k_w, c_out]
    }

    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1> {
        let ([b, c_in, c_out, n, h, w], [k_n, k_h, k_w]) = (self.0, self.1);
        let x = of[0].clone().reshape([b, c_in, n, h, w]);
        let weight = of[1].clone().reshape([c_out, c_in, k_n, k_h, k_w]);
        let op = if own { ops::conv3d } else { composed::conv3d };
        flat(op(x, weight, Some(of[2].clone()), [k_n / 2, k_h / 2, k_w / 2]))
    }
}

/// Normalisations and SiLU: `[b, groups, channels per group, n, h, w]`, and whether group normalisation applies SiLU.
pub(super) struct Norms(pub(super) [usize; 6], pub(super) bool);

impl Op for Norms {
    fn lengths(&self) -> Vec<usize> {
        let ([b, groups, width, n, h, w], c) = (self.0, self.0[1] * self.0[2]);
        vec![b * groups * width * n * h * w, c, c]
    }

    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1> {
        let ([b, groups, width, n, h, w], active) = (self.0, self.1);
        let c = groups * width;
        let activation = if active { Activation::Silu } else { Activation::None };
        let norm = || Normalisation { groups, weight: of[1].clone(), bias: of[2].clone(), epsilon: 1e-2, activation };
        let op = if own { ops::group_norm } else { composed::group_norm };
        let video = op(of[0].clone().reshape([b, c, n, h, w]), norm());
        let op = if own { ops::group_norm } else { composed::group_norm };
        let map = op(of[0].clone().reshape([b, c, n * h, w]), norm());
        let op = if own { ops::layer_norm } else { composed::layer_norm };
        let rows = op(of[0].clone().reshape([b * n * h * w, c]), of[1].clone(), of[2].clone(), 1e-2);
        let rows = if own { ops::silu(rows) } else { burn::tensor::activation::silu(rows) };
        Tensor::cat(vec![flat(video), flat(map), flat(rows)], 0)
    }
}

pub(super) struct Attentions {
    pub(super) clips: usize,
    pub(super) frames: usize,
    pub(super) heads: usize,
    pub(super) width: usize,
    pub(super) l: usize,
    /// Number of tokens of a second source with one image per clip; 0 for none.
    pub(super) shared: usize,
    pub(super) in_time: bool,
}

impl Op for Attentions {
    fn lengths(&self) -> Vec<usize> {
        let c = self.heads * self.width;
        let (own, shared) = (self.clips * self.frames * self.l * c, self.clips * self.shared * c);
        if self.in_time || shared == 0 { vec![own; 3] } else { vec![own, own, own, shared, shared] }
    }

    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1> {
        let (m, c) = (self.clips * self.frames, self.heads * self.width);
        if self.in_time {
            let [query, keys, values] =
                [0, 1, 2].map(|at| of[at].clone().reshape([self.clips, self.frames, self.l, c]));
            let op = if own { ops::temporal_attention } else { composed::temporal_attention };
            return flat(op(query, KeysValues { keys, values }, self.heads));
        }
        let tokens = |at: usize, batch: usize, l: usize| of[at].clone().reshape([batch, l, c]);
        let mut sources = vec![KeysValues { keys: tokens(1, m, self.l), values: tokens(2, m, self.l) }];
        if self.shared > 0 {
            let (keys, values) = (tokens(3, self.clips, self.shared), tokens(4, self.clips, self.shared));
            sources.push(KeysValues { keys, values });
        }
        let op = if own { ops::attention } else { composed::attention };
        flat(op(tokens(0, m, self.l), &sources.iter().collect::<Vec<_>>(), self.heads))
    }
}

/// A block with residual connections, conversion from map to tokens and back, and a blend: `[m, c, side]`.
pub(super) struct Block(pub(super) [usize; 3]);

impl Op for Block {
    fn lengths(&self) -> Vec<usize> {
        let [m, c, side] = self.0;
        vec![m * c * side * side, c, c, 9 * c * c, c * c, c, 2 * c]
    }

    fn run<B: ModelBackend>(&self, of: &[Tensor<B, 1>], own: bool) -> Tensor<B, 1> {
        let [m, c, side] = self.0;
        let x = of[0].clone().reshape([m, c, side, side]) * 0.5;
        let (weight, bias) = (of[1].clone(), of[2].clone());
        let norm = Normalisation { groups: 1, weight, bias, epsilon: 1e-1, activation: Activation::Silu };
        let norm_op = if own { ops::group_norm } else { composed::group_norm };
        let convolution_op = if own { ops::conv2d } else { composed::conv2d };
        let linear_op = if own { ops::linear } else { composed::linear };
        let blend_op = if own { ops::blend } else { composed::blend };
        let convolution = Convolution { residual: Some(x.clone()), ..Convolution::same(3, 1, None) };
        let y = convolution_op(norm_op(x.clone(), norm), of[3].clone().reshape([c, c, 3, 3]), convolution);
        let rows = ops::tokens_from_map(y.clone()).reshape([m * side * side, c]);
        // The rows have several uses, so their gradient is a sum of several gradients.
        let added = LinearEpilogue { bias: Some(of[5].clone()), shift: None, residual: Some(rows.clone()) };
        let tokens = linear_op(rows.clone(), of[4].clone().reshape([c, c]), added) + rows.clone();
        let added = LinearEpilogue { bias: None, shift: None, residual: Some(tokens) };
        let tokens = linear_op(rows, of[4].clone().reshape([c, c]), added).reshape([m, side * side, c]);
        let z = ops::map_from_tokens(tokens, [side, side]);
        let z = ops::add(ops::add(z, y.clone()), x);
        flat(blend_op([z, y], of[6].clone().reshape([1, 2 * c, 1, 1]), Tensor::zeros([1], &of[0].device())))
    }
}

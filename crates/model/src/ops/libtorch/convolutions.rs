//! Implements convolutions, and backward passes that do not run the forward pass again.

use burn::backend::LibTorch;
use burn::tensor::Tensor;

use super::gradients::{backward, leaves, remembered};
use super::{Native, native, owned, sizes};
use crate::ops::{Activation, Convolution, ConvolutionGradients};

pub(super) fn conv2d(
    x: Tensor<LibTorch, 4>,
    weight: Tensor<LibTorch, 4>,
    convolution: Convolution<LibTorch>,
) -> Tensor<LibTorch, 4> {
    let Convolution { bias, stride, padding, shift, residual, activation } = convolution;
    let (x, padding) = padded(native(x), padding);
    let mut y = x.conv2d(&native(weight), bias.map(native), [stride as i64; 2], [padding; 2], [1, 1], 1);
    if let Some(shift) = shift {
        let ([b, c], size) = (sizes(shift.dims()), y.size());
        let clips = y.reshape([b, size[0] / b, c, size[2] * size[3]]);
        y = (clips + native(shift).reshape([b, 1, c, 1])).reshape(size);
    }
    if activation == Activation::Silu {
        y = y.silu();
    }
    owned(match residual {
        Some(residual) => y + native(residual),
        None => y,
    })
}

pub(super) fn upsample_conv2d(
    x: Tensor<LibTorch, 4>,
    weight: Tensor<LibTorch, 4>,
    bias: Option<Tensor<LibTorch, 1>>,
) -> Tensor<LibTorch, 4> {
    owned(enlarged(&native(x)).conv2d(&native(weight), bias.map(native), [1, 1], [1, 1], [1, 1], 1))
}

/// The map, and the symmetric padding that the convolution still has to add. Asymmetric padding is added to the map here.
fn padded(x: Native, [before, after]: [usize; 2]) -> (Native, i64) {
    if before == after {
        return (x, before as i64);
    }
    let [before, after] = sizes([before, after]);
    (x.constant_pad_nd([before, after, before, after]), 0)
}

/// 2x nearest upsampling: `[M, C, h, w]` to `[M, C, 2h, 2w]`.
fn enlarged(x: &Native) -> Native {
    let size = x.size();
    x.upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)
}

/// The gradients of a convolution's input and weight, where wanted. `transposed` maps the weight to the input's gradient: the
/// transposed convolution of the result's gradient.
///
/// With the result's gradient `g`, the weight's gradient is the derivative of `<g, conv(x, weight)>` by the weight. This inner
/// product equals `<transposed(weight), x>`. So the weight's gradient is also the gradient of `transposed` by the weight, with `x`
/// as the gradient of its result. No forward pass has to run again.
fn both(
    x: &Native,
    weight: &Native,
    transposed: impl Fn(&Native) -> Native,
    [of_x, of_weight]: [bool; 2],
) -> [Option<Native>; 2] {
    if !of_weight {
        return [of_x.then(|| transposed(weight)), None];
    }
    let leaf = leaves(&[weight]);
    let found = remembered(|| transposed(&leaf[0]));
    let of_weight = backward(&found, x, &leaf).pop();
    [of_x.then(|| found.detach()), of_weight]
}

pub(super) fn gradients(known: ConvolutionGradients<LibTorch>, wanted: [bool; 2]) -> [Option<Tensor<LibTorch, 4>>; 2] {
    let ConvolutionGradients { x, weight, gradient, stride, padding, enlarged: is_enlarged } = known;
    let [m, c, h, w] = sizes(x.dims());
    let k = weight.dims()[2] as i64;
    let (x, weight, gradient) = (native(x), native(weight), native(gradient));
    let x = if is_enlarged { enlarged(&x) } else { x };
    let (x, zeros) = padded(x, padding);
    let (size, results, stride) = (x.size(), gradient.size(), stride as i64);
    // The numbers of rows at the lower edge and columns at the right edge that no window covers: `output_padding` below.
    let unseen = [2, 3].map(|axis| size[axis] - ((results[axis] - 1) * stride + k - 2 * zeros));
    let transposed =
        |weight: &Native| gradient.conv_transpose2d(weight, None::<Native>, [stride; 2], [zeros; 2], unseen, 1, [1, 1]);
    let [of_x, of_weight] = both(&x, &weight, transposed, wanted);
    let of_x = of_x.map(|found| {
        if is_enlarged {
            Native::upsample_nearest2d_backward(&found, [2 * h, 2 * w], [m, c, h, w], None, None)
        } else if size[2..] != [h, w] {
            let before = padding[0] as i64;
            found.narrow(2, before, h).narrow(3, before, w).contiguous()
        } else {
            found
        }
    });
    [of_x.map(owned), of_weight.map(owned)]
}

pub(super) fn gradients_in_time(
    operands: [Tensor<LibTorch, 5>; 2],
    gradient: Tensor<LibTorch, 5>,
    padding: [usize; 3],
    wanted: [bool; 2],
) -> [Option<Tensor<LibTorch, 5>>; 2] {
    let [x, weight] = operands.map(native);
    let gradient = native(gradient);
    let transposed =
        |weight: &Native| gradient.conv_transpose3d(weight, None::<Native>, [1; 3], sizes(padding), [0; 3], 1, [1; 3]);
    both(&x, &weight, transposed, wanted).map(|found| found.map(owned))
}

//! Group and layer normalisation with the biased variance, as in every public checkpoint.

use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use super::ModelBackend;

/// What follows a normalisation in the same pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `x * sigmoid(x)`.
    Silu,
}

/// Group normalisation of `[B, C, ..]` with statistics over each group's channels and all the other axes.
///
/// # Panics
/// When `C` is not a multiple of `groups` or the affine parameters have another width.
pub fn group_norm<B: ModelBackend, const R: usize>(
    x: Tensor<B, R>,
    groups: usize,
    weight: Tensor<B, 1>,
    bias: Tensor<B, 1>,
    epsilon: f64,
    activation: Activation,
) -> Tensor<B, R> {
    let dims = x.dims();
    let (b, c) = (dims[0], dims[1]);
    assert!(
        c % groups == 0 && weight.dims() == [c],
        "group_norm: {dims:?}, {groups} groups, weight {:?}",
        weight.dims()
    );
    let cells = dims[2..].iter().product::<usize>();
    let rows = x.reshape([b * groups, c / groups * cells]);
    let centred = rows.clone() - rows.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    let normal = centred * variance.add_scalar(epsilon).sqrt().recip();
    let y = normal.reshape([b, c, cells]) * weight.reshape([1, c, 1]) + bias.reshape([1, c, 1]);
    let y = match activation {
        Activation::None => y,
        Activation::Silu => silu(y),
    };
    y.reshape(dims)
}

/// Layer normalisation over the last axis.
///
/// # Panics
/// When the affine parameters have another width.
pub fn layer_norm<B: ModelBackend, const R: usize>(
    x: Tensor<B, R>,
    weight: Tensor<B, 1>,
    bias: Tensor<B, 1>,
    epsilon: f64,
) -> Tensor<B, R> {
    assert_eq!(x.dims()[R - 1], weight.dims()[0], "layer_norm: {:?}, weight {:?}", x.dims(), weight.dims());
    // `x` is held until the difference exists: libtorch (burn-tch 0.21) believes that a transposed view owns its memory, and
    // would subtract in place from whatever tensor the view was taken of.
    let mean = x.clone().mean_dim(R - 1);
    let centred = x.clone() - mean;
    drop(x);
    let variance = centred.clone().square().mean_dim(R - 1);
    centred * variance.add_scalar(epsilon).sqrt().recip() * weight.unsqueeze() + bias.unsqueeze()
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Tolerance;

    use super::*;

    #[test]
    fn norms_by_hand() {
        let device = Default::default();
        let (weight, bias) =
            (Tensor::<Flex, 1>::from_floats([2.0, 1.0], &device), Tensor::from_floats([0.5, 0.0], &device));
        // One group over both channels: values 1, 3, 5, 7 have mean 4 and biased variance 5.
        let x = Tensor::<Flex, 3>::from_floats([[[1.0, 3.0], [5.0, 7.0]]], &device);
        let s = 5.0_f32.sqrt();
        let expected =
            Tensor::<Flex, 3>::from_floats([[[-6.0 / s + 0.5, -2.0 / s + 0.5], [1.0 / s, 3.0 / s]]], &device);
        group_norm(x, 1, weight.clone(), bias.clone(), 0.0, Activation::None)
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
        let row = Tensor::<Flex, 2>::from_floats([[2.0, 4.0]], &device);
        let expected = Tensor::<Flex, 2>::from_floats([[-1.5, 1.0]], &device);
        layer_norm(row, weight, bias, 0.0)
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }
}

//! Computes means over square blocks of cells.

use burn::tensor::Tensor;
use model::ModelBackend;

/// Means over blocks of `side x side` cells: `[M, C, h, w]` to `[M, C, h/side, w/side]`.
pub(crate) fn block_means<B: ModelBackend>(x: Tensor<B, 4>, side: usize) -> Tensor<B, 4> {
    let [m, c, height, width] = x.dims();
    let (h, w) = (height / side, width / side);
    x.reshape([m, c, h, side, w, side]).mean_dim(5).mean_dim(3).reshape([m, c, h, w])
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn by_hand() {
        let x = Tensor::<Flex, 1, burn::tensor::Int>::arange(0..8, &Default::default()).float().reshape([1, 1, 2, 4]);
        // Rows 0 1 2 3 and 4 5 6 7.
        let means = block_means(x, 2).into_data().into_vec::<f32>().unwrap();
        assert_eq!(means, [2.5, 4.5]);
    }
}

//! Scaled dot-product attention and its head layout.

use burn::tensor::Tensor;

use super::ModelBackend;

/// `softmax(Q K^T / sqrt(d)) V` per head: query `[B, heads, L_q, d]`, key and value `[B, heads, L_k, d]`.
///
/// # Panics
/// When batch, heads or head width differ.
pub fn attention<B: ModelBackend>(query: Tensor<B, 4>, key: Tensor<B, 4>, value: Tensor<B, 4>) -> Tensor<B, 4> {
    let ([b, heads, _, d], [kb, k_heads, l_k, kd]) = (query.dims(), key.dims());
    assert!(
        (b, heads, d) == (kb, k_heads, kd) && value.dims()[2] == l_k,
        "attention: query {:?}, key {:?}, value {:?}",
        query.dims(),
        key.dims(),
        value.dims()
    );
    B::scaled_dot_product(query, key, value)
}

/// `[B, L, heads*d]` to `[B, heads, L, d]`.
///
/// # Panics
/// When the width is not a multiple of `heads`.
pub fn split_heads<B: ModelBackend>(x: Tensor<B, 3>, heads: usize) -> Tensor<B, 4> {
    let [b, l, width] = x.dims();
    assert!(width % heads == 0, "split_heads: width {width} over {heads} heads");
    x.reshape([b, l, heads, width / heads]).swap_dims(1, 2)
}

/// `[B, heads, L, d]` to `[B, L, heads*d]`.
pub fn merge_heads<B: ModelBackend>(x: Tensor<B, 4>) -> Tensor<B, 3> {
    let [b, heads, l, d] = x.dims();
    x.swap_dims(1, 2).reshape([b, l, heads * d])
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Tolerance;

    use super::*;

    #[test]
    fn two_tokens_by_hand() {
        let device = Default::default();
        // One head of width 1: q = 0 gives equal weights, q = ln 3 on keys (1, 0) gives weights 3/4 and 1/4.
        let query = Tensor::<Flex, 4>::from_data([[[[0.0_f32], [3.0_f32.ln()]]]], &device);
        let key = Tensor::<Flex, 4>::from_data([[[[1.0_f32], [0.0]]]], &device);
        let value = Tensor::<Flex, 4>::from_data([[[[8.0_f32], [4.0]]]], &device);
        let expected = Tensor::<Flex, 4>::from_data([[[[6.0_f32], [7.0]]]], &device);
        attention(query, key, value)
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }

    #[test]
    fn heads_split_and_merge_back() {
        let x = Tensor::<Flex, 1, burn::tensor::Int>::arange(0..24, &Default::default()).float().reshape([2, 3, 4]);
        merge_heads(split_heads(x.clone(), 2)).into_data().assert_eq(&x.into_data(), true);
    }
}

//! Implements attention. The backward pass recomputes the attention probabilities.

use burn::backend::LibTorch;
use burn::tensor::Tensor;

use super::gradients::native_gradients;
use super::{Native, native, owned, sizes};
use crate::ops::{AttentionGradients, KeysValues};

/// The largest batch of one call. libtorch's kernels put the batch on a grid axis that CUDA limits to this length.
const MOST_PICTURES: i64 = 65_535;

pub(super) fn attention(
    query: Tensor<LibTorch, 3>,
    sources: &[&KeysValues<LibTorch>],
    heads: usize,
) -> Tensor<LibTorch, 3> {
    let mut operands = vec![native(query)];
    for source in sources {
        operands.extend([&source.keys, &source.values].map(|tensor| native(tensor.clone())));
    }
    owned(attend(&operands, heads).contiguous())
}

pub(super) fn gradients(known: AttentionGradients<LibTorch>) -> (Tensor<LibTorch, 3>, Vec<KeysValues<LibTorch>>) {
    let AttentionGradients { query, sources, heads, gradient, .. } = known;
    let mut operands = vec![native(query)];
    for KeysValues { keys, values } in sources {
        operands.extend([native(keys), native(values)]);
    }
    let operands: Vec<_> = operands.iter().collect();
    let mut found = native_gradients(&operands, &native(gradient), |of| attend(of, heads)).into_iter().map(owned);
    let mut next = || found.next().unwrap_or_else(|| unreachable!("a gradient of each operand"));
    let of_query = next();
    (of_query, (1..operands.len()).step_by(2).map(|_| KeysValues { keys: next(), values: next() }).collect())
}

pub(super) fn temporal(query: Tensor<LibTorch, 4>, own: KeysValues<LibTorch, 4>, heads: usize) -> Tensor<LibTorch, 4> {
    owned(attend_in_time(&[query, own.keys, own.values].map(native), heads).contiguous())
}

pub(super) fn temporal_gradients(
    query: Tensor<LibTorch, 4>,
    own: KeysValues<LibTorch, 4>,
    heads: usize,
    gradient: Tensor<LibTorch, 4>,
) -> [Tensor<LibTorch, 4>; 3] {
    let [query, keys, values] = [query, own.keys, own.values].map(native);
    let found = native_gradients(&[&query, &keys, &values], &native(gradient), |of| attend_in_time(of, heads));
    let mut found = found.into_iter().map(owned);
    [(); 3].map(|()| found.next().unwrap_or_else(|| unreachable!("a gradient of each operand")))
}

/// Attention of a query `[M, L, heads*d]` to sources. `operands` holds the query, then the keys and values `[B_s, L_s, heads*d]` of
/// each source.
fn attend(operands: &[Native], heads: usize) -> Native {
    let (query, sources) = (&operands[0], &operands[1..]);
    let size = query.size();
    let all = |first: usize| {
        let mut parts: Vec<_> = sources.iter().skip(first).step_by(2).map(|of| for_frames(of, size[0])).collect();
        let joined = if parts.len() == 1 { parts.swap_remove(0) } else { Native::cat(&parts, 1) };
        split_heads(&joined, heads)
    };
    scaled_products(&split_heads(query, heads), &all(0), &all(1)).transpose(1, 2).reshape(size)
}

/// Attention along the frames, separately for each cell. `operands` holds query, keys and values, `[B, N, cells, heads*d]`.
fn attend_in_time(operands: &[Native], heads: usize) -> Native {
    let size = operands[0].size();
    let &[b, n, cells, c] = size.as_slice() else { unreachable!("four axes: {size:?}") };
    let tracks: Vec<_> = operands.iter().map(|of| of.transpose(1, 2).reshape([b * cells, n, c])).collect();
    attend(&tracks, heads).reshape([b, cells, n, c]).transpose(1, 2)
}

/// `[M, L, heads*d]` to `[M, heads, L, d]`.
fn split_heads(x: &Native, heads: usize) -> Native {
    let (size, [heads]) = (x.size(), sizes([heads]));
    x.reshape([size[0], size[1], heads, size[2] / heads]).transpose(1, 2)
}

/// Repeats the tokens of each clip for all of its frames: `[B, L, C]` to `[M, L, C]`.
fn for_frames(x: &Native, m: i64) -> Native {
    let size = x.size();
    let &[b, l, c] = size.as_slice() else { unreachable!("three axes: {size:?}") };
    if m == b {
        return x.shallow_clone();
    }
    x.reshape([b, 1, l, c]).expand([b, m / b, l, c], false).reshape([m, l, c])
}

/// `softmax(Q K^T / sqrt(d)) V`. Query and result are `[M, heads, L, d]`, keys and values `[M, heads, L_s, d]`.
fn scaled_products(query: &Native, keys: &Native, values: &Native) -> Native {
    let products = |query: &Native, keys: &Native, values: &Native| {
        Native::scaled_dot_product_attention(query, keys, values, None::<Native>, 0.0, false, None, false)
    };
    let m = query.size()[0];
    if m <= MOST_PICTURES {
        return products(query, keys, values);
    }
    let parts: Vec<_> = (0..m)
        .step_by(MOST_PICTURES as usize)
        .map(|start| {
            let part = |x: &Native| x.narrow(0, start, MOST_PICTURES.min(m - start));
            products(&part(query), &part(keys), &part(values))
        })
        .collect();
    Native::cat(&parts, 0)
}

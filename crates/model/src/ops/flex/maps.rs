//! Adds, concatenates and blends maps. Maps are channels-last in memory.

use burn::backend::Flex;
use burn::tensor::Tensor;
use kernels::Cpu;

use super::convolutions::{MAP, cells};
use super::packs::Number;
use super::space::Space;
use super::storage::{floats, slice};

pub(super) fn add<T: Number>(a: Tensor<Flex, 4>, b: Tensor<Flex, 4>) -> Tensor<Flex, 4> {
    let [m, c, h, w] = a.dims();
    let [a, b] = [a, b].map(cells::<T>);
    let mut result = Space::<T>::of(m * c * h * w);
    kernels::add(Cpu::detect(), [slice(&a), slice(&b)], result.values());
    result.stored([m, h, w, c], MAP)
}

pub(super) fn concat_channels<T: Number>(maps: Vec<Tensor<Flex, 4>>) -> Tensor<Flex, 4> {
    let [m, _, h, w] = maps[0].dims();
    let stored: Vec<_> = maps.into_iter().map(|map| (map.dims()[1], cells::<T>(map))).collect();
    let parts: Vec<_> = stored.iter().map(|(channels, map)| (slice::<T>(map), *channels)).collect();
    let channels: usize = parts.iter().map(|(_, channels)| channels).sum();
    let mut result = Space::<T>::of(m * h * w * channels);
    kernels::concat_columns(&parts, m * h * w, result.values());
    result.stored([m, h, w, channels], MAP)
}

/// [`blend`](crate::ops::blend) for a weight `[1, 2C, 1, 1]`.
pub(super) fn blend<T: Number>(
    maps: [Tensor<Flex, 4>; 2],
    weight: Tensor<Flex, 4>,
    bias: Tensor<Flex, 1>,
) -> Tensor<Flex, 4> {
    let [m, c, h, w] = maps[0].dims();
    let ([x, y], weight, bias) = (maps.map(cells::<T>), floats(weight), floats(bias)[0]);
    let mut result = Space::<T>::of(m * c * h * w);
    kernels::blend(Cpu::detect(), [slice(&x), slice(&y)], &weight, bias, result.values());
    result.stored([m, h, w, c], MAP)
}

//! Caches of a run: what need not be computed in each step. Each can be disabled, to measure its effect and to prove that it
//! changes no result.
//!
//! | cache | computed once | difference |
//! |---|---|---|
//! | reference | keys and values of the reference, for all steps and frames | none |
//! | context | cross-attention to one token: one vector for all queries | rounding |
//! | branches | what the conditional and the unconditional branch of guidance have in common, for a step | none |
//! | steps | the time embedding and its projections, for a timestep; projections of positions in time, for a length | none |
//!
//! Results differ at most by the rounding of sums taken in another order. Tests compare each cache with the full computation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::module::ParamId;
use burn::tensor::{Tensor, backend::Backend};

/// Which caches are used; all of them by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheOptions {
    /// Keys and values of the reference are made once.
    pub reference: bool,
    /// Cross-attention to one token is folded to a vector.
    pub context: bool,
    /// The branches of guidance share what is equal.
    pub branches: bool,
    /// What depends on a timestep or a length alone is cached.
    pub steps: bool,
}

impl CacheOptions {
    /// Everything is computed each time.
    pub const NONE: Self = Self { reference: false, context: false, branches: false, steps: false };
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { reference: true, context: true, branches: true, steps: true }
    }
}

/// What a cached result depends on, besides its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum When {
    /// A timestep, for as many clips.
    Step { timestep: i64, batch: usize },
    /// Positions of as many frames, for as many clips.
    Positions { frames: usize, batch: usize },
}

/// Small results `[B, D]` that depend on weights and a timestep or a length alone. A cache belongs to one set of weights, so
/// training has none.
#[derive(Debug, Clone, Default)]
pub struct Cache<B: Backend>(Arc<Mutex<Results<B>>>);

type Results<B> = HashMap<(ParamId, When), Tensor<B, 2>>;

impl<B: Backend> Cache<B> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    fn get(&self, weight: ParamId, when: When, make: impl FnOnce() -> Tensor<B, 2>) -> Tensor<B, 2> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(&(weight, when)) {
            return found.clone();
        }
        let made = make();
        lock().insert((weight, when), made.clone());
        made
    }
}

/// The denoising step that a forward pass belongs to, and the cache of its results.
#[derive(Debug)]
pub struct StepContext<'a, B: Backend> {
    pub(crate) cache: &'a Cache<B>,
    pub(crate) timestep: i64,
}

impl<B: Backend> Clone for StepContext<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for StepContext<'_, B> {}

/// What follows from `weight` and `batch` clips at this step; made each time without one.
pub(crate) fn at<B: Backend>(
    step: Option<StepContext<'_, B>>,
    weight: ParamId,
    batch: usize,
    make: impl FnOnce() -> Tensor<B, 2>,
) -> Tensor<B, 2> {
    match step {
        Some(StepContext { cache, timestep }) => cache.get(weight, When::Step { timestep, batch }, make),
        None => make(),
    }
}

/// The result for `weight` and the positions of `frames` frames of `batch` clips, which is the same in all steps.
pub(crate) fn for_positions<B: Backend>(
    step: Option<StepContext<'_, B>>,
    weight: ParamId,
    [batch, frames]: [usize; 2],
    make: impl FnOnce() -> Tensor<B, 2>,
) -> Tensor<B, 2> {
    match step {
        Some(StepContext { cache, .. }) => cache.get(weight, When::Positions { frames, batch }, make),
        None => make(),
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn a_result_is_computed_once_for_each_weight_and_step() {
        let (cache, weights) = (Cache::<Flex>::new(), [ParamId::new(), ParamId::new()]);
        let mut made = 0;
        let mut ask = |weight: usize, timestep: i64, batch: usize| {
            let step = Some(StepContext { cache: &cache, timestep });
            at(step, weights[weight], batch, || {
                made += 1;
                Tensor::full([batch, 1], made as f32, &Default::default())
            })
            .into_data()
            .to_vec::<f32>()
            .unwrap()
        };
        let found = [ask(0, 5, 1), ask(1, 5, 1), ask(0, 6, 1), ask(0, 5, 2), ask(0, 5, 1)];
        assert_eq!(found, [vec![1.0], vec![2.0], vec![3.0], vec![4.0, 4.0], vec![1.0]]);
        let step = |timestep| Some(StepContext { cache: &cache, timestep });
        let positions = |timestep| {
            for_positions(step(timestep), weights[0], [1, 4], || {
                Tensor::full([4, 1], timestep as f32, &Default::default())
            })
        };
        assert_eq!(positions(7).into_data(), positions(8).into_data());
    }
}

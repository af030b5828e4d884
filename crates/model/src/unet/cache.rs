//! Implements the caches of a sampling run, which avoid repeated work in each step. Each cache can be disabled, to
//! measure its effect and to check that it does not change the result.
//!
//! | cache | computed once | difference |
//! |---|---|---|
//! | reference | keys and values of the reference, for all steps and frames | none |
//! | context | cross-attention to one token: one vector for all queries | rounding |
//! | branches | the shared computation of the conditional and unconditional branches, once per step | none |
//! | steps | time embedding and its projections, per timestep; projections of temporal positions, per length | none |
//!
//! Results differ at most in rounding, because sums are computed in another order. Tests compare each cache with the
//! full computation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::module::ParamId;
use burn::tensor::{Tensor, backend::Backend};

/// Which caches are used; all of them by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheOptions {
    /// Compute keys and values of the reference once.
    pub reference: bool,
    /// Fold cross-attention to one token into a vector.
    pub context: bool,
    /// Share equal computations of the branches of guidance.
    pub branches: bool,
    /// Cache values that depend only on a timestep or a length.
    pub steps: bool,
}

impl CacheOptions {
    /// No caches.
    pub const NONE: Self = Self { reference: false, context: false, branches: false, steps: false };
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { reference: true, context: true, branches: true, steps: true }
    }
}

/// What a cached result depends on besides its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum When {
    /// A timestep, for `batch` clips.
    Step { timestep: i64, batch: usize },
    /// The positions of `frames` frames, for `batch` clips.
    Positions { frames: usize, batch: usize },
}

/// Small results `[B, D]` that depend only on weights and on a timestep or a length. A cache belongs to one set of
/// weights, so training does not use one.
#[derive(Debug, Clone, Default)]
pub struct Cache<B: Backend>(Arc<Mutex<Results<B>>>);

type Results<B> = HashMap<(ParamId, When), Tensor<B, 2>>;

impl<B: Backend> Cache<B> {
    /// An empty cache.
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

/// The result for `weight` and `batch` clips at this step. Without a step it is computed every time.
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

/// The result for `weight` and the positions of `frames` frames of `batch` clips. It is the same in all steps.
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

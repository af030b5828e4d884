//! Work that a run need not do twice. Each saving can be switched off, to measure it and to prove that it changes nothing.
//!
//! | saving | what is done once | difference |
//! |---|---|---|
//! | reference | keys and values of the reference, in all steps and frames | none |
//! | context | cross-attention to one token is one vector for all queries | rounding |
//! | halves | what both halves of guidance have in common, in a step | none |
//! | steps | time embedding and its maps, for a timestep; maps of positions in time, for a length | none |
//!
//! Equal up to the rounding of sums taken in another order; tests compare each with the whole work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::module::ParamId;
use burn::tensor::{Tensor, backend::Backend};

/// Which savings are on; all of them by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Savings {
    /// Keys and values of the reference are made once.
    pub reference: bool,
    /// Cross-attention to one token is folded to a vector.
    pub context: bool,
    /// The halves of guidance share what is equal.
    pub halves: bool,
    /// What follows from a timestep or a length alone is kept.
    pub steps: bool,
}

impl Savings {
    /// All work is done each time.
    pub const NONE: Self = Self { reference: false, context: false, halves: false, steps: false };
}

impl Default for Savings {
    fn default() -> Self {
        Self { reference: true, context: true, halves: true, steps: true }
    }
}

/// What a kept result depends on beside the weight that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum When {
    /// A timestep, for as many clips.
    Step { timestep: i64, batch: usize },
    /// Positions of as many frames, for as many clips.
    Positions { frames: usize, batch: usize },
}

/// Small results `[B, D]` that come from weights and a timestep or a length alone. They belong to one set of weights: who
/// trains has none.
#[derive(Debug, Clone, Default)]
pub struct Kept<B: Backend>(Arc<Mutex<Results<B>>>);

type Results<B> = HashMap<(ParamId, When), Tensor<B, 2>>;

impl<B: Backend> Kept<B> {
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

/// The step that a forward pass belongs to, and what is kept for it.
#[derive(Debug)]
pub struct Moment<'a, B: Backend> {
    pub(crate) kept: &'a Kept<B>,
    pub(crate) timestep: i64,
}

impl<B: Backend> Clone for Moment<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for Moment<'_, B> {}

/// What follows from `weight` and `batch` clips at this moment; made each time without one.
pub(crate) fn at<B: Backend>(
    moment: Option<Moment<'_, B>>,
    weight: ParamId,
    batch: usize,
    make: impl FnOnce() -> Tensor<B, 2>,
) -> Tensor<B, 2> {
    match moment {
        Some(Moment { kept, timestep }) => kept.get(weight, When::Step { timestep, batch }, make),
        None => make(),
    }
}

/// What follows from `weight` and the positions of `frames` frames of `batch` clips, whatever the timestep.
pub(crate) fn for_positions<B: Backend>(
    moment: Option<Moment<'_, B>>,
    weight: ParamId,
    [batch, frames]: [usize; 2],
    make: impl FnOnce() -> Tensor<B, 2>,
) -> Tensor<B, 2> {
    match moment {
        Some(Moment { kept, .. }) => kept.get(weight, When::Positions { frames, batch }, make),
        None => make(),
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn a_result_is_made_once_for_each_weight_and_moment() {
        let (kept, weights) = (Kept::<Flex>::new(), [ParamId::new(), ParamId::new()]);
        let mut made = 0;
        let mut ask = |weight: usize, timestep: i64, batch: usize| {
            let moment = Some(Moment { kept: &kept, timestep });
            at(moment, weights[weight], batch, || {
                made += 1;
                Tensor::full([batch, 1], made as f32, &Default::default())
            })
            .into_data()
            .to_vec::<f32>()
            .unwrap()
        };
        let found = [ask(0, 5, 1), ask(1, 5, 1), ask(0, 6, 1), ask(0, 5, 2), ask(0, 5, 1)];
        assert_eq!(found, [vec![1.0], vec![2.0], vec![3.0], vec![4.0, 4.0], vec![1.0]]);
        let moment = |timestep| Some(Moment { kept: &kept, timestep });
        let positions = |timestep| {
            for_positions(moment(timestep), weights[0], [1, 4], || {
                Tensor::full([4, 1], timestep as f32, &Default::default())
            })
        };
        assert_eq!(positions(7).into_data(), positions(8).into_data());
    }
}

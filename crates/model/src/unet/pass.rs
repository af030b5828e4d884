//! Holds the state that all blocks share in one forward pass.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, backend::Backend};

use super::{Reference, Site, Stage};
use crate::ops::ModelBackend;
use crate::trace::Trace;
use crate::unet::cache::StepContext;
use crate::unet::transformer::SpatialTransformer;
use crate::video::video_from_frames;

/// The role of a network in reference attention.
pub(crate) enum Role<'a, B: Backend> {
    /// Self-attention covers only the network's own tokens.
    Alone,
    /// Self-attention also covers the tokens of the reference.
    Read(Reference<'a, B>),
    /// The outputs of `norm1` are collected, up to the last requested site.
    Write(Writer<B>),
}

pub(crate) struct Writer<B: Backend> {
    pub(crate) wanted: Vec<Site>,
    pub(crate) written: BTreeMap<Site, Tensor<B, 3>>,
}

impl<B: Backend> Writer<B> {
    fn is_finished(&self) -> bool {
        self.written.len() == self.wanted.len()
    }
}

pub(crate) struct Pass<'a, B: Backend> {
    /// Number of clips `B`.
    pub(crate) batch: usize,
    /// The time embedding after SiLU, `[B, D]`.
    pub(crate) time: Tensor<B, 2>,
    /// `[B, L, D]`.
    pub(crate) context: Option<Tensor<B, 3>>,
    pub(crate) role: Role<'a, B>,
    /// Object features `[B*N, C, h, w]` of each level, finest first.
    pub(crate) objects: Option<Vec<Tensor<B, 4>>>,
    pub(crate) trace: Option<&'a mut Trace>,
    /// Whether cross-attention to one token is folded into a vector.
    pub(crate) folded: bool,
    pub(crate) step: Option<StepContext<'a, B>>,
}

impl<B: ModelBackend> Pass<'_, B> {
    /// Runs a spatial transformer according to the role.
    pub(crate) fn attend(&mut self, transformer: &SpatialTransformer<B>, x: Tensor<B, 4>, site: Site) -> Tensor<B, 4> {
        let block = transformer.block();
        let tokens = transformer.tokens(x.clone());
        let normalised = block.normalised(tokens.clone());
        let reference = match &mut self.role {
            Role::Alone => None,
            Role::Read(reference) => reference.keys_values(site, block),
            Role::Write(writer) => {
                if writer.wanted.contains(&site) {
                    writer.written.insert(site, normalised.clone());
                }
                if writer.is_finished() {
                    return x;
                }
                None
            }
        };
        let tokens = block.forward(tokens, normalised, self.context.as_ref(), reference.as_ref(), self.folded);
        transformer.finish(x, tokens)
    }

    /// Whether later computation has no effect on the result.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(&self.role, Role::Write(writer) if writer.is_finished())
    }

    /// Records a copy of a block's output in the trace, if there is one.
    pub(crate) fn record(&mut self, stage: Stage, x: &Tensor<B, 4>) {
        self.record_named(stage.to_string(), x);
    }

    pub(crate) fn record_named(&mut self, name: impl Into<String>, x: &Tensor<B, 4>) {
        if let Some(trace) = &mut self.trace {
            trace.record(name, video_from_frames(x.clone(), self.batch));
        }
    }
}

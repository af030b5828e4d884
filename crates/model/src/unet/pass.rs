//! What all blocks of one forward pass see.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, backend::Backend};

use super::{Reference, Site, Stage};
use crate::ops::ModelBackend;
use crate::trace::Trace;
use crate::unet::cache::StepContext;
use crate::unet::transformer::SpatialTransformer;
use crate::video::video_from_frames;

/// A network's part in the exchange of reference features.
pub(crate) enum Role<'a, B: Backend> {
    /// Self-attention sees its own tokens only.
    Alone,
    /// Self-attention also sees the reference's.
    Read(Reference<'a, B>),
    /// The outputs of `norm1` are kept, up to the last wanted one.
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
    /// SiLU of the time embedding, `[B, D]`.
    pub(crate) time: Tensor<B, 2>,
    /// `[B, L, D]`.
    pub(crate) context: Option<Tensor<B, 3>>,
    pub(crate) role: Role<'a, B>,
    /// `[B*N, C, h, w]` of each level, finest first.
    pub(crate) objects: Option<Vec<Tensor<B, 4>>>,
    pub(crate) trace: Option<&'a mut Trace>,
    /// Cross-attention to one token is a vector.
    pub(crate) folded: bool,
    pub(crate) step: Option<StepContext<'a, B>>,
}

impl<B: ModelBackend> Pass<'_, B> {
    /// Runs a spatial transformer in the pass's role.
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

    /// Nothing after this point has an influence on the result.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(&self.role, Role::Write(writer) if writer.is_finished())
    }

    /// Keeps a copy of a block's output if one is asked for.
    pub(crate) fn record(&mut self, stage: Stage, x: &Tensor<B, 4>) {
        self.record_named(stage.to_string(), x);
    }

    pub(crate) fn record_named(&mut self, name: impl Into<String>, x: &Tensor<B, 4>) {
        if let Some(trace) = &mut self.trace {
            trace.record(name, video_from_frames(x.clone(), self.batch));
        }
    }
}

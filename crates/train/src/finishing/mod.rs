//! Training of the network that finishes drafts ([`model::finisher`]).
//!
//! Samples are rendered while the run goes on ([`feed`]); weights, moments and averages stay on the device
//! ([`flat_optimizer`]); the host reads numbers only every `log_every` steps. The learning rate falls along a cosine over the
//! steps or, with `minutes`, over the time, whichever is further.
//!
//! ```text
//! RUN/log.jsonl             one event a line
//! RUN/events.out.tfevents.* its numbers for TensorBoard
//! RUN/weights.safetensors   the averaged weights, f16
//! RUN/state.safetensors     weights, moments and average, f32: where the run goes on
//! RUN/sheets/STEP.png       held-out samples: character, draft, finished, truth
//! ```

mod config;
pub mod feed;
mod filmed;
pub mod flat_optimizer;
mod lesson;
pub mod loss;
pub mod mixed;
mod noise;
pub mod perceptual;
mod run;
pub mod sample;
mod state;
mod sums;

pub use config::FinishingTraining;
pub use flat_optimizer::Halved;
pub use run::run;

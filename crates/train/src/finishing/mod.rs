//! Trains the finisher, which is the network that finishes drafts ([`model::finisher`]).
//!
//! Samples are rendered during the run ([`feed`]). Weights, moments and averages stay on the device
//! ([`flat_optimizer`]). The host reads loss values only every `log_every` steps. The learning rate follows a cosine
//! over the steps. With `minutes`, the learning rate follows the steps or the time, whichever has progressed further.
//!
//! ```text
//! RUN/log.jsonl             one event a line
//! RUN/events.out.tfevents.* its numbers for TensorBoard
//! RUN/weights.safetensors   the averaged weights, f16
//! RUN/state.safetensors     weights, moments and average, f32, from which a run is resumed
//! RUN/sheets/STEP.png       held-out samples: character, draft, finished, truth
//! ```

mod config;
pub mod feed;
mod filmed;
pub mod flat_optimizer;
pub mod loss;
pub mod mixed;
mod noise;
pub mod perceptual;
mod run;
pub mod sample;
mod state;
mod sums;
mod training_example;

pub use config::FinishingTraining;
pub use flat_optimizer::Halved;
pub use run::run;

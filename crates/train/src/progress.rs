//! What a training tells while it runs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::Serialize;

/// Steps in a row without a finite loss after which a run stops.
pub(crate) const MOST_SKIPPED: u32 = 10;

/// Something to tell the user.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run starts or goes on.
    Started {
        /// Steps done before.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Trained values.
        parameters: usize,
    },
    /// Data was prepared.
    Prepared {
        /// Clips or pictures ready.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// A log line.
    Step {
        /// Steps done.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Loss, parts and gradient length: means since the last line.
        means: BTreeMap<String, f64>,
        /// Learning rate.
        rate: f64,
        /// Steps a second since the last line.
        speed: f64,
        /// Seconds of training in all.
        seconds: f64,
    },
    /// Measured on data that is not trained on.
    Evaluated {
        /// Steps done.
        step: u64,
        /// Named numbers.
        measures: BTreeMap<String, f64>,
    },
    /// A checkpoint was written.
    Saved {
        /// Steps done.
        step: u64,
        /// Its folder.
        folder: PathBuf,
    },
    /// Something was passed over.
    Warning {
        /// Stable code.
        code: String,
        /// What.
        message: String,
    },
}

/// Receives events; `Break` ends the run after a checkpoint.
pub type Progress<'a> = dyn FnMut(&Event) -> ControlFlow<()> + 'a;

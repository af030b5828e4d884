//! Defines the progress reports of a training run.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::Serialize;

/// After this many steps in a row without a finite loss, a run stops.
pub(crate) const MOST_SKIPPED: u32 = 10;

/// A progress report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run starts or resumes.
    Started {
        /// Steps done before.
        step: u64,
        /// Total number of steps.
        steps: u64,
        /// Number of trained parameters.
        parameters: usize,
    },
    /// Data was prepared.
    Prepared {
        /// Number of clips or pictures that are ready.
        done: usize,
        /// Total number.
        of: usize,
    },
    /// A log line.
    Step {
        /// Steps done.
        step: u64,
        /// Total number of steps.
        steps: u64,
        /// Loss, terms and gradient norm: means since the last line.
        means: BTreeMap<String, f64>,
        /// Learning rate.
        rate: f64,
        /// Steps a second since the last line.
        speed: f64,
        /// Total seconds of training.
        seconds: f64,
    },
    /// Measurements on held-out data.
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
    /// Something was skipped.
    Warning {
        /// Stable code.
        code: String,
        /// A description.
        message: String,
    },
}

/// Receives events. `Break` ends the run after a checkpoint.
pub type Progress<'a> = dyn FnMut(&Event) -> ControlFlow<()> + 'a;

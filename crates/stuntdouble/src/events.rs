//! Defines the progress reports of a job: a stream of events, which is also logged in the run folder.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::error::{Error, io};

/// The steps of a job, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Downloading weights and tools.
    Fetch,
    /// Finding pose and masks in the frames.
    Perceive,
    /// Following the objects that the user pointed at.
    Objects,
    /// Composing drafts.
    Draft,
    /// Generating frames; counted in denoising steps.
    Generate,
    /// Compositing and encoding frames.
    Export,
    /// Rendering clips.
    Render,
    /// Measuring clips.
    Evaluate,
}

impl Step {
    /// The name of the step while it runs.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fetch => "fetching",
            Self::Perceive => "perceiving",
            Self::Objects => "following objects",
            Self::Draft => "drafting",
            Self::Generate => "generating",
            Self::Export => "exporting",
            Self::Render => "rendering",
            Self::Evaluate => "evaluating",
        }
    }
}

/// A warning. The job continued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Stable code.
    pub code: &'static str,
    /// What happened.
    pub message: String,
}

/// An event.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A step advanced.
    Progress {
        /// Which.
        step: Step,
        /// Units done.
        done: u64,
        /// Total units; 0 when unknown.
        total: u64,
    },
    /// A warning; the job continues.
    Warning {
        /// Stable code.
        code: &'static str,
        /// What happened.
        message: String,
    },
    /// A line of information.
    Note {
        /// The line.
        message: String,
    },
    /// The job succeeded.
    Done {
        /// The path of the result.
        output: String,
    },
    /// The job failed.
    Error {
        /// Stable code.
        code: &'static str,
        /// What went wrong.
        message: String,
        /// What to do.
        help: String,
    },
}

/// Receives events one by one.
type Listener = Box<dyn FnMut(&Event) + Send>;

/// The receiver of events. It is cheap to clone, and can be shared between threads.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Mutex<Inner>>,
    cancelled: Arc<AtomicBool>,
}

struct Inner {
    listener: Option<Listener>,
    log: Option<File>,
    warnings: Vec<Warning>,
}

impl Events {
    /// Events without a listener. Warnings are still kept.
    pub fn silent() -> Self {
        Self::with(None)
    }

    /// Events that go to `listener` as they happen, from any thread.
    pub fn listened(listener: impl FnMut(&Event) + Send + 'static) -> Self {
        Self::with(Some(Box::new(listener)))
    }

    fn with(listener: Option<Listener>) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { listener, log: None, warnings: vec![] })), cancelled: Arc::default() }
    }

    /// Also appends every event to `events.jsonl` in the run folder.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn log_to(&self, path: &Path) -> Result<(), Error> {
        let file = File::options().create(true).append(true).open(path).map_err(io("open", path))?;
        self.lock().log = Some(file);
        Ok(())
    }

    /// The flag that stops the job. A signal handler sets it.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// Returns an error if the user asked to stop.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Reports the progress of a step.
    pub fn progress(&self, step: Step, done: u64, total: u64) {
        self.send(Event::Progress { step, done, total });
    }

    /// Sends a warning, which is also kept for the report.
    pub fn warn(&self, code: &'static str, message: impl Into<String>) {
        let message = message.into();
        self.lock().warnings.push(Warning { code, message: message.clone() });
        self.send(Event::Warning { code, message });
    }

    /// Sends a note.
    pub fn note(&self, message: impl Into<String>) {
        self.send(Event::Note { message: message.into() });
    }

    /// All warnings so far.
    pub fn warnings(&self) -> Vec<Warning> {
        self.lock().warnings.clone()
    }

    /// Sends an event to the listener and to the log.
    pub fn send(&self, event: Event) {
        let mut inner = self.lock();
        if let Some(log) = &mut inner.log {
            let json = serde_json::to_string(&event).unwrap_or_default();
            // A full disk must not end a job because of its log. The job's own files will report the problem.
            let _ = writeln!(log, "{json}");
        }
        if let Some(listener) = &mut inner.listener {
            listener(&event);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_json_object_a_line_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let events = Events::silent();
        events.log_to(&path).unwrap();
        events.progress(Step::Generate, 3, 20);
        events.warn("perception.no_person", "frame 4: no person was found");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"event":"progress","step":"generate","done":3,"total":20}"#);
        assert_eq!(
            lines[1],
            r#"{"event":"warning","code":"perception.no_person","message":"frame 4: no person was found"}"#
        );
        assert_eq!(events.warnings().len(), 1);
    }
}

//! One stream of events with three views: a progress bar, plain lines, and one JSON object a line.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::{Error, io};

/// The steps of a job, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Weights and tools are fetched.
    Fetch,
    /// Pose and masks are read from the frames.
    Perceive,
    /// Objects that the user pointed at are followed.
    Objects,
    /// Drafts of frames are composed.
    Draft,
    /// Frames are generated; counted in denoising steps.
    Generate,
    /// Frames are composited and encoded.
    Export,
    /// The renderer makes clips.
    Render,
    /// Clips are measured.
    Evaluate,
}

impl Step {
    fn title(self) -> &'static str {
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

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A step moved on.
    Progress {
        /// Which.
        step: Step,
        /// Units done.
        done: u64,
        /// Units in all; 0 when unknown.
        total: u64,
    },
    /// Something the user should know; the job goes on.
    Warning {
        /// Stable code.
        code: &'static str,
        /// What it is about.
        message: String,
    },
    /// A line of information.
    Note {
        /// The line.
        message: String,
    },
    /// The job is done.
    Done {
        /// The result.
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

/// How events reach the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A progress bar on a terminal, plain lines elsewhere; on standard error.
    Human,
    /// One JSON object a line on standard output.
    Json,
    /// Nothing; for use as a library.
    Silent,
}

/// Where events go. Cheap to clone; safe to share between threads.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Mutex<Inner>>,
    cancelled: Arc<AtomicBool>,
}

struct Inner {
    view: View,
    bar: Option<(Step, ProgressBar)>,
    last_percent: Option<(Step, u64)>,
    log: Option<File>,
    warnings: Vec<(&'static str, String)>,
}

impl Events {
    /// A stream with the given view and no log file yet.
    pub fn new(view: View) -> Self {
        let inner = Inner { view, bar: None, last_percent: None, log: None, warnings: vec![] };
        Self { inner: Arc::new(Mutex::new(inner)), cancelled: Arc::default() }
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

    /// The flag that stops the job; a signal handler sets it.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// An error when the user asked to stop.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Tells how far a step is.
    pub fn progress(&self, step: Step, done: u64, total: u64) {
        self.send(Event::Progress { step, done, total });
    }

    /// Warns; the warning is also kept for the report.
    pub fn warn(&self, code: &'static str, message: impl Into<String>) {
        let message = message.into();
        self.lock().warnings.push((code, message.clone()));
        self.send(Event::Warning { code, message });
    }

    /// Says something.
    pub fn note(&self, message: impl Into<String>) {
        self.send(Event::Note { message: message.into() });
    }

    /// All warnings so far.
    pub fn warnings(&self) -> Vec<(&'static str, String)> {
        self.lock().warnings.clone()
    }

    /// Sends an event to the view and the log.
    pub fn send(&self, event: Event) {
        let mut inner = self.lock();
        let json = serde_json::to_string(&event).unwrap_or_default();
        if let Some(log) = &mut inner.log {
            // A full disk must not end a job because of its log; the job's own files will report it.
            let _ = writeln!(log, "{json}");
        }
        match inner.view {
            View::Silent => {}
            View::Json => line(&json, &mut std::io::stdout()),
            View::Human => inner.show(&event),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(text: &str, out: &mut dyn Write) {
    // The reader of our output may be gone; the job's files matter more.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

impl Inner {
    fn show(&mut self, event: &Event) {
        let mut out = std::io::stderr();
        match event {
            Event::Progress { step, done, total } if out.is_terminal() => self.show_bar(*step, *done, *total),
            Event::Progress { step, done, total } => {
                let percent = if *total == 0 { *done / 100 * 10 } else { done * 100 / total / 10 * 10 };
                if self.last_percent.replace((*step, percent)) != Some((*step, percent)) {
                    line(&format!("{}: {done} of {total}", step.title()), &mut out);
                }
            }
            Event::Warning { code, message } => self.print(&format!("warning[{code}]: {message}")),
            Event::Note { message } => self.print(message),
            Event::Done { output } => {
                self.clear();
                line(&format!("done: {output}"), &mut out);
            }
            Event::Error { code, message, help } => {
                self.clear();
                line(&format!("error[{code}]: {message}\nhelp: {help}"), &mut out);
            }
        }
    }

    fn show_bar(&mut self, step: Step, done: u64, total: u64) {
        if self.bar.as_ref().is_none_or(|(current, _)| *current != step) {
            self.clear();
            let style = ProgressStyle::with_template("{msg:12} {wide_bar} {pos}/{len} {eta}");
            let bar = ProgressBar::new(total).with_message(step.title());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.bar = Some((step, bar));
        }
        if let Some((_, bar)) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some((_, bar)) => bar.suspend(|| line(text, &mut std::io::stderr())),
            None => line(text, &mut std::io::stderr()),
        }
    }

    fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_json_object_a_line_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let events = Events::new(View::Silent);
        events.log_to(&path).unwrap();
        events.progress(Step::Generate, 3, 20);
        events.warn("perception.no_person", "frame 4");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"event":"progress","step":"generate","done":3,"total":20}"#);
        assert_eq!(lines[1], r#"{"event":"warning","code":"perception.no_person","message":"frame 4"}"#);
        assert_eq!(events.warnings().len(), 1);
    }
}

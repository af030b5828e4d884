//! What a job may use of the machine it runs on.

use std::path::PathBuf;

use fetch::{Options, Store};

use crate::error::Error;
use crate::events::Events;
use crate::pipeline::{self, Job, PerceiveJob, Report};
use crate::tools::Tools;

/// The machine: a folder for fetched files, and programs. The library reads no environment variables, so whoever embeds it says
/// where its files may lie.
#[derive(Debug, Clone)]
pub struct Host {
    /// Fetched networks, and ffmpeg where the machine has none.
    pub store: Store,
    /// Programs.
    pub tools: Tools,
}

impl Host {
    /// A machine whose fetched files lie in `cache`. Missing files are fetched once, by pinned hash; what runs offline says so in
    /// [`fetch::Options`].
    ///
    /// ```no_run
    /// use stuntdouble::{Events, Host, Job};
    ///
    /// let events = Events::listened(|event| eprintln!("{event:?}"));
    /// let report = Job::replace("hero.png", "take.mp4", "out.mp4").run(&Host::with_cache("cache"), &events)?;
    /// println!("{} frames", report.frames);
    /// # Ok::<(), stuntdouble::Error>(())
    /// ```
    pub fn with_cache(cache: impl Into<PathBuf>) -> Self {
        Self { store: Store::new(cache, Options::default()), tools: Tools::default() }
    }
}

impl Job {
    /// Runs the job from start to end, or from where it stopped.
    ///
    /// # Errors
    /// Every [`Error`]. What was finished stays in the run folder, and no partial output is left.
    pub fn run(&self, host: &Host, events: &Events) -> Result<Report, Error> {
        pipeline::run(self, &host.store, &host.tools, events)
    }
}

impl PerceiveJob {
    /// Writes signals and a contact sheet.
    ///
    /// # Errors
    /// Every [`Error`] of the inputs; [`Error::OtherRun`] when the folder holds signals.
    pub fn run(&self, host: &Host, events: &Events) -> Result<Report, Error> {
        pipeline::perceive_only(self, &host.store, &host.tools, events)
    }
}

//! Defines the resources of the machine that a job may use: the folder for downloads, and external programs.

use std::path::PathBuf;

use fetch::{Options, Store};

use crate::error::Error;
use crate::events::Events;
use crate::pipeline::{self, Job, PerceiveJob, Report};
use crate::tools::Tools;

/// The machine: a folder for downloaded files, and programs. The library reads no environment variables, so the
/// embedding program decides where files are stored.
#[derive(Debug, Clone)]
pub struct Host {
    /// The folder of downloaded networks, and of ffmpeg if the machine has none.
    pub store: Store,
    /// Programs.
    pub tools: Tools,
}

impl Host {
    /// A machine whose downloaded files are in `cache`. Missing files are downloaded once, by pinned hash. To forbid
    /// downloads, set `offline` in [`fetch::Options`].
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
    /// Every [`Error`]. Finished steps stay in the run folder, and no partial output is left.
    pub fn run(&self, host: &Host, events: &Events) -> Result<Report, Error> {
        pipeline::run(self, &host.store, &host.tools, events)
    }
}

impl PerceiveJob {
    /// Writes signals and a contact sheet.
    ///
    /// # Errors
    /// Every [`Error`] of the inputs; [`Error::OtherRun`] when the folder already contains signals.
    pub fn run(&self, host: &Host, events: &Events) -> Result<Report, Error> {
        pipeline::perceive_only(self, &host.store, &host.tools, events)
    }
}

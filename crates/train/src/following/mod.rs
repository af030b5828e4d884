//! Writes two files for monitoring a run, namely `log.jsonl` with one event per line, and a TensorBoard event file with
//! the same numbers.
//!
//! A resumed run appends to the log and starts its own event file.

mod chart;
mod crc32c;
mod event_file;
mod plot;

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use event_file::EventFile;

use crate::error::{Result, TrainError};
use crate::progress::{Event, Progress};

pub use plot::plot;

/// The log of a run.
pub(crate) const LOG: &str = "log.jsonl";

/// Both files of a run.
pub(crate) struct RunLog {
    folder: PathBuf,
    /// Created with the first event that has numbers for it.
    events: Option<EventFile>,
}

impl RunLog {
    /// Opens the files in a run's folder. Completes a line that a killed process left unfinished.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(LOG);
        if path.exists() {
            end_last_line(&path).map_err(TrainError::io(&path))?;
        }
        Ok(Self { folder: folder.into(), events: None })
    }

    /// Writes an event and reports it.
    pub(crate) fn tell(&mut self, event: &Event, progress: &mut Progress<'_>) -> Result<ControlFlow<()>> {
        let path = self.folder.join(LOG);
        let line = serde_json::to_string(event)
            .map_err(|error| TrainError::Io { path: path.clone(), source: error.into() })?;
        let append = || writeln!(OpenOptions::new().create(true).append(true).open(&path)?, "{line}");
        append().map_err(TrainError::io(&path))?;
        self.write_event(event).map_err(TrainError::io(&self.folder))?;
        Ok(progress(event))
    }

    fn write_event(&mut self, event: &Event) -> std::io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        match event {
            Event::Started { step, .. } => self.events(now)?.start(now, *step),
            Event::Step { step, means, rate, speed, .. } => {
                let means = means.iter().map(|(name, value)| (format!("train/{name}"), *value));
                let others = [("train/rate".into(), *rate), ("train/steps_a_second".into(), *speed)];
                let numbers: Vec<(String, f64)> = means.chain(others).collect();
                self.events(now)?.scalars(now, *step, &numbers)
            }
            Event::Evaluated { step, measures } => {
                let numbers: Vec<(String, f64)> =
                    measures.iter().map(|(name, value)| (format!("held_out/{name}"), *value)).collect();
                self.events(now)?.scalars(now, *step, &numbers)
            }
            Event::Prepared { .. } | Event::Saved { .. } | Event::Warning { .. } => Ok(()),
        }
    }

    fn events(&mut self, now: f64) -> std::io::Result<&mut EventFile> {
        match &mut self.events {
            Some(events) => Ok(events),
            none => Ok(none.insert(EventFile::create(&self.folder, now)?)),
        }
    }
}

fn end_last_line(path: &Path) -> std::io::Result<()> {
    let mut file = File::options().read(true).append(true).open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn step(step: u64) -> Event {
        let means = BTreeMap::from([("loss".to_owned(), 0.5 / step as f64)]);
        Event::Step { step, steps: 9, means, rate: 1e-3, speed: 2.0, seconds: 1.0 }
    }

    #[test]
    fn a_run_that_goes_on_has_one_log_and_another_event_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut quiet = |_: &Event| ControlFlow::Continue(());
        let _ = RunLog::open(folder.path()).unwrap().tell(&step(1), &mut quiet).unwrap();
        let log = folder.path().join(LOG);
        std::fs::write(&log, [std::fs::read(&log).unwrap(), b"{\"event\":\"st".to_vec()].concat()).unwrap();
        let mut second = RunLog::open(folder.path()).unwrap();
        let _ = second.tell(&step(2), &mut quiet).unwrap();
        let _ = second.tell(&step(3), &mut quiet).unwrap();
        let text = std::fs::read_to_string(&log).unwrap();
        let whole = text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        assert_eq!((text.lines().count(), whole.count()), (4, 3));
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.filter(|name| name.to_string_lossy().contains("tfevents")).count(), 2);
    }
}

//! A run: measures every row on every trial, stores the results clip by clip, and then writes tables and sheets.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use media::file::write_atomic;
use serde::Serialize;

use crate::error::EvaluateError;
use crate::measure::Yardstick;
use crate::metric::vgg::VggNetwork;
use crate::report::record::{Given, Record, RecordFolder, RecordKey};
use crate::report::summary::{RowSummary, summarise};
use crate::report::{sheets, table};
use crate::rows::Row;
use crate::suite::{Suite, SuiteFingerprint};

/// The results of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Means for each row.
    pub rows: Vec<RowSummary>,
    /// The same as Markdown tables.
    pub tables: String,
    /// Mean seconds that each row needed for a clip's frames, in the order of the rows.
    pub seconds: Vec<f64>,
    /// The sheets.
    pub sheets: Vec<PathBuf>,
    /// Number of clips that this run measured, completely or in part.
    pub measured: usize,
}

/// The content of `summary.json`.
#[derive(Serialize)]
struct SummaryFile<'a> {
    suite: &'a SuiteFingerprint,
    clips: u64,
    rows: &'a [RowSummary],
}

/// Measures `rows` on the first `clips` trials of a suite. Writes `clips/`, `summary.json`, `table.md`, `timing.json`
/// and `sheet-NN.png` into `out`. Keeps earlier measurements with the same settings and row versions. `progress` gets
/// the number of finished clips after each one, and may stop the run.
///
/// # Errors
/// Every [`EvaluateError`]; [`EvaluateError::Stopped`] when `progress` said so.
pub fn run(
    suite: &Suite,
    clips: u64,
    rows: &[Row],
    network: Option<&VggNetwork>,
    out: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Outcome, EvaluateError> {
    let setting = |setting, expected| EvaluateError::Setting { setting, found: "0".into(), expected };
    if clips == 0 {
        return Err(setting("clips", "1 or more"));
    }
    if rows.is_empty() {
        return Err(setting("number of rows", "1 or more"));
    }
    let folder = RecordFolder::new(out);
    let fingerprint = suite.fingerprint();
    // 1. Measure clip by clip.
    let mut measured = 0;
    let mut lists: Vec<(String, Vec<Record>)> = rows.iter().map(|row| (row.name().to_owned(), Vec::new())).collect();
    for clip in 0..clips {
        let keys = rows.iter().map(|row| RecordKey::new(&fingerprint, clip, row, network.is_some()));
        let known: Vec<(RecordKey, Option<Record>)> = keys.map(|key| (key.clone(), folder.load(&key))).collect();
        measured += usize::from(known.iter().any(|(_, record)| record.is_none()));
        let records = measure_clip(suite, rows, known, network, &folder)?;
        lists.iter_mut().zip(records).for_each(|((_, list), record)| list.push(record));
        if progress(clip + 1).is_break() {
            return Err(EvaluateError::Stopped);
        }
    }
    // 2. Summarise all clips.
    let summary = summarise(&lists);
    let heading = format!("{}, {} signals, {clips} clips", fingerprint.suite, fingerprint.signals);
    let tables = table::tables(&heading, &summary);
    let seconds: Vec<f64> =
        lists.iter().map(|(_, list)| list.iter().map(|record| record.seconds).sum::<f64>() / clips as f64).collect();
    write_atomic(&out.join("table.md"), tables.as_bytes())?;
    write_json(&out.join("summary.json"), &SummaryFile { suite: &fingerprint, clips, rows: &summary })?;
    let timing: serde_json::Map<String, serde_json::Value> =
        lists.iter().zip(&seconds).map(|((row, _), seconds)| (row.clone(), (*seconds).into())).collect();
    write_json(&out.join("timing.json"), &timing)?;
    let sheets = sheets::draw(out, &folder, &heading, &lists)?;
    Ok(Outcome { rows: summary, tables, seconds, sheets, measured })
}

/// The records of one clip. Missing ones are measured. A clip with all records is not even rendered.
fn measure_clip(
    suite: &Suite,
    rows: &[Row],
    known: Vec<(RecordKey, Option<Record>)>,
    network: Option<&VggNetwork>,
    folder: &RecordFolder,
) -> Result<Vec<Record>, EvaluateError> {
    let Some(clip) = known.iter().find(|(_, record)| record.is_none()).map(|(key, _)| key.clip) else {
        return Ok(known.into_iter().filter_map(|(_, record)| record).collect());
    };
    let trial = suite.trial(clip)?;
    let yardstick = Yardstick::new(&trial, network);
    folder.begin(clip)?;
    folder.save_given(clip, Given::Reference, &trial.case.references[0].picture)?;
    folder.save_given(clip, Given::Frame, &yardstick.cut(&trial.case.frames[0]))?;
    folder.save_given(clip, Given::Truth, &yardstick.cut(&trial.truth.frames[0]))?;
    let mut records = Vec::new();
    for (row, (key, record)) in rows.iter().zip(known) {
        if let Some(record) = record {
            records.push(record);
            continue;
        }
        let start = Instant::now();
        let pictures = row.make(&trial)?;
        let seconds = start.elapsed().as_secs_f64();
        let measures = yardstick.measure(&pictures);
        let record = Record { key, name: trial.case.name.clone(), seconds, measures };
        records.push(folder.save(&record, &yardstick.cut(&pictures[0]))?);
    }
    Ok(records)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), EvaluateError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|reason| EvaluateError::Malformed { path: path.into(), reason: reason.to_string() })?;
    Ok(write_atomic(path, text.as_bytes())?)
}

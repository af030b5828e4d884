//! Runs every row on every trial, stores the results clip by clip, and then writes tables, sheets and a page.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use media::file::write_atomic;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::EvaluateError;
use crate::instruments::Instruments;
use crate::measuring::Measuring;
use crate::report::comparison::{self, ComparisonWarning};
use crate::report::grid::grids;
use crate::report::record::{Record, RecordFolder};
use crate::report::summary::{RowSummary, summarise};
use crate::report::text::Report;
use crate::report::{page, sheets};
use crate::rows::Row;
use crate::suite::{SignalsKind, Suite, SuiteDefinition, SuiteFingerprint};

/// Memory for clips that are measured beside one another, in bytes.
const MEMORY: usize = 3 << 30;

/// The settings of a run, and its provenance.
#[derive(Debug, Default)]
pub struct RunSettings {
    /// Number of clips measured in parallel. The default depends on the number of processors, and on the memory at a
    /// few gigabytes per clip.
    pub jobs: Option<usize>,
    /// The origin of the results, one line each: program, commit, hashes of weights.
    pub provenance: Vec<String>,
}

/// The results of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Means for each row.
    pub rows: Vec<RowSummary>,
    /// The same means as Markdown tables, with the warnings about comparisons.
    pub tables: String,
    /// Comparisons that were set up wrongly.
    pub warnings: Vec<ComparisonWarning>,
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
    definition: &'a SuiteDefinition,
    clips: u64,
    protocol: &'a [String],
    warnings: &'a [ComparisonWarning],
    rows: &'a [RowSummary],
    published: Vec<PublishedFigures>,
}

/// A row of the paper.
#[derive(Serialize)]
struct PublishedFigures {
    table: u8,
    method: &'static str,
    with_other_videos: bool,
    ssim: f64,
    psnr: f64,
    lpips: f64,
    fvd: f64,
}

/// What `timing.json` holds.
#[derive(Serialize)]
struct TimingFile {
    /// Clips measured beside one another: times of rows are longer then.
    jobs: usize,
    /// Of this run, with what was kept from before.
    wall_seconds: f64,
    clips_measured: usize,
    /// Mean seconds a clip.
    rows: serde_json::Map<String, serde_json::Value>,
}

/// Measures `rows` on the trials of a suite and writes `clips/`, `summary.json`, `table.md`, `table.tex`, `table.csv`,
/// `timing.json`, `sheet-NN.png` and `page.html` into `out`. Earlier measurements with the same settings, row versions
/// and networks are reused. After each clip, `progress` receives the number of finished clips; it can stop the run.
///
/// # Errors
/// Every [`EvaluateError`]; [`EvaluateError::Stopped`] when `progress` stopped the run.
pub fn run(
    suite: &Suite,
    rows: &[Row],
    instruments: &Instruments,
    settings: &RunSettings,
    out: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Outcome, EvaluateError> {
    let setting = |setting, expected| EvaluateError::Setting { setting, found: "0".into(), expected };
    if rows.is_empty() {
        return Err(setting("rows", "1 or more"));
    }
    let jobs = match settings.jobs {
        Some(0) => return Err(setting("jobs", "1 or more")),
        Some(jobs) => jobs,
        None => (MEMORY / suite.bytes_of_a_trial().max(1)).clamp(1, rayon::current_num_threads()),
    };
    // 1. Some clips beside one another, then the next ones.
    let start = Instant::now();
    let folder = RecordFolder::new(out);
    let (measured, lists) = measure(&Measuring { suite, rows, instruments, folder: &folder }, jobs, progress)?;
    // 2. Summarise all clips.
    let definition = suite.definition();
    let summary = summarise(&lists);
    let warnings = comparison::find(&folder, &lists)?;
    let clips = definition.clips;
    let heading = format!("{}, {} signals, {clips} clips", definition.name, signals_name(definition));
    let protocol = protocol(suite, instruments, settings);
    let grids = grids(&summary, definition.paper_table);
    let report = Report { heading: &heading, protocol: &protocol, grids: &grids, warnings: &warnings };
    let tables = report.markdown();
    write_atomic(&out.join("table.md"), tables.as_bytes())?;
    write_atomic(&out.join("table.tex"), report.latex().as_bytes())?;
    write_atomic(&out.join("table.csv"), report.csv().as_bytes())?;
    let summary_file = SummaryFile {
        suite: &suite.fingerprint(),
        definition,
        clips,
        protocol: &protocol,
        warnings: &warnings,
        rows: &summary,
        published: published(definition),
    };
    write_json(&out.join("summary.json"), &summary_file)?;
    let sheets = sheets::draw(out, &folder, &heading, &lists)?;
    page::write(&out.join("page.html"), &folder, &report, &lists, &definition.rivals)?;
    let seconds: Vec<f64> =
        lists.iter().map(|(_, list)| list.iter().map(|record| record.seconds).sum::<f64>() / clips as f64).collect();
    let rows = lists.iter().zip(&seconds).map(|((row, _), seconds)| (row.clone(), (*seconds).into())).collect();
    let wall_seconds = start.elapsed().as_secs_f64();
    write_json(&out.join("timing.json"), &TimingFile { jobs, wall_seconds, clips_measured: measured, rows })?;
    Ok(Outcome { rows: summary, tables, warnings, seconds, sheets, measured })
}

/// The records of each row, and how many clips were not known before.
type Measured = (usize, Vec<(String, Vec<Record>)>);

fn measure(
    measuring: &Measuring<'_>,
    jobs: usize,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Measured, EvaluateError> {
    let rows = measuring.rows;
    let mut lists: Vec<(String, Vec<Record>)> = rows.iter().map(|row| (row.name().to_owned(), Vec::new())).collect();
    let clips: Vec<u64> = (0..measuring.suite.definition().clips).collect();
    let mut measured = 0;
    for group in clips.chunks(jobs) {
        let known: Vec<_> = group.iter().map(|clip| (*clip, measuring.known(*clip))).collect();
        measured += known.iter().filter(|(_, known)| known.iter().any(|(_, record)| record.is_none())).count();
        let records: Vec<Result<Vec<Record>, EvaluateError>> =
            known.into_par_iter().map(|(clip, known)| measuring.clip(clip, known)).collect();
        for (clip, records) in group.iter().zip(records) {
            lists.iter_mut().zip(records?).for_each(|((_, list), record)| list.push(record));
            if progress(clip + 1).is_break() {
                return Err(EvaluateError::Stopped);
            }
        }
    }
    Ok((measured, lists))
}

fn signals_name(definition: &SuiteDefinition) -> &'static str {
    match definition.signals {
        SignalsKind::Exact => "exact",
        SignalsKind::Perceived => "perceived",
    }
}

/// How everything was measured, a line each.
fn protocol(suite: &Suite, instruments: &Instruments, settings: &RunSettings) -> Vec<String> {
    let definition = suite.definition();
    let mut lines = vec![definition.title.clone()];
    lines.extend(suite.protocol());
    lines.push(match definition.signals {
        SignalsKind::Exact => "poses and masks: as rendered or labelled".into(),
        SignalsKind::Perceived => "poses and masks: as the pose networks see them".into(),
    });
    if definition.paper_table.is_some() {
        lines.push(
            "frames are compared whole, all but the reference; each figure is the mean over frames, then over videos"
                .into(),
        );
    }
    lines.extend(definition.notes.iter().cloned());
    let names = instruments.names();
    lines.push(if names.is_empty() {
        "no networks measured".into()
    } else {
        format!("networks that measured: {}", names.join(", "))
    });
    lines.extend(settings.provenance.iter().cloned());
    lines
}

fn published(definition: &SuiteDefinition) -> Vec<PublishedFigures> {
    let rows = definition.paper_table.into_iter().flat_map(metrics::published::table);
    rows.map(|row| PublishedFigures {
        table: row.table,
        method: row.method,
        with_other_videos: row.with_other_videos,
        ssim: row.ssim,
        psnr: row.psnr,
        lpips: row.lpips,
        fvd: row.fvd,
    })
    .collect()
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), EvaluateError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|reason| EvaluateError::Malformed { path: path.into(), reason: reason.to_string() })?;
    Ok(write_atomic(path, text.as_bytes())?)
}

//! Finds faults in comparisons: compares each row's frames with the ground truth over all clips together, so that
//! exchanged clips are also detected.

use metrics::{ClipPair, Fault, find_faults};
use rayon::prelude::*;
use serde::Serialize;

use super::record::{Record, RecordFolder};
use crate::error::EvaluateError;

/// A comparison that was set up wrongly, so that its metrics are meaningless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparisonWarning {
    /// Name of the fault.
    pub fault: &'static str,
    /// The row.
    pub row: String,
    /// The clip.
    pub clip: String,
    /// The text of the warning.
    pub text: String,
}

/// Looks at every row; clips lie in the same order in each.
pub(crate) fn find(
    folder: &RecordFolder,
    rows: &[(String, Vec<Record>)],
) -> Result<Vec<ComparisonWarning>, EvaluateError> {
    let Some((_, first)) = rows.first() else { return Ok(Vec::new()) };
    let truths: Vec<_> =
        first.par_iter().map(|record| folder.small_truth(record.key.clip)).collect::<Result<_, _>>()?;
    let of_rows: Vec<Vec<ComparisonWarning>> = rows
        .par_iter()
        .map(|(row, records)| {
            let made: Vec<_> = records
                .iter()
                .map(|record| folder.small_frames(record.key.clip, row))
                .collect::<Result<_, EvaluateError>>()?;
            let pairs: Vec<ClipPair<'_>> =
                made.iter().zip(&truths).map(|(made, truth)| ClipPair { made, truth }).collect();
            let seen = find_faults(&pairs);
            let warnings = records.iter().enumerate().flat_map(|(clip, record)| {
                let seen = seen.iter().filter(move |warning| warning.clip == clip).map(|warning| warning.fault);
                record.faults.iter().copied().chain(seen).map(|fault| warning(fault, row, record, records))
            });
            Ok(warnings.collect())
        })
        .collect::<Result<_, EvaluateError>>()?;
    Ok(of_rows.into_iter().flatten().collect())
}

fn warning(fault: Fault, row: &str, record: &Record, records: &[Record]) -> ComparisonWarning {
    let text = match fault {
        Fault::SwappedPair { with } => format!("the frames match the ground truth of {} better", records[with].name),
        fault => fault.to_string(),
    };
    ComparisonWarning { fault: fault.name(), row: row.into(), clip: record.name.clone(), text }
}

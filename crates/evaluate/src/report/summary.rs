//! Means over clips for each row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::metric_name::Metric;

/// The mean of a metric over clips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Average {
    /// The mean.
    pub mean: f64,
    /// Standard error of the mean; `None` for one clip.
    pub standard_error: Option<f64>,
    /// Number of clips that have the metric.
    pub clips: usize,
}

/// The metrics of a row over all clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowSummary {
    /// The row's name.
    pub row: String,
    /// Number of clips measured.
    pub clips: usize,
    /// Each metric.
    pub averages: BTreeMap<Metric, Average>,
    /// Each metric minus that of the first row of the table, computed clip by clip. The standard errors of two rows
    /// would hide this.
    pub over_first_row: BTreeMap<Metric, Average>,
}

/// Averages records: a list for each row, with the clips in the same order.
pub(crate) fn summarise(rows: &[(String, Vec<Record>)]) -> Vec<RowSummary> {
    let Some((_, first)) = rows.first() else { return Vec::new() };
    let summary = |(row, records): &(String, Vec<Record>)| {
        let values = |metric: Metric| records.iter().map(move |record| record.measures.get(&metric).copied());
        let averages = Metric::all()
            .filter_map(|metric| Some((metric, average(&values(metric).flatten().collect::<Vec<f64>>())?)));
        let over_first_row = Metric::all().filter_map(|metric| {
            let pairs = values(metric).zip(first.iter().map(|record| record.measures.get(&metric).copied()));
            let differences: Vec<f64> = pairs.filter_map(|(own, first)| Some(own? - first?)).collect();
            Some((metric, average(&differences)?))
        });
        RowSummary {
            row: row.clone(),
            clips: records.len(),
            averages: averages.collect(),
            over_first_row: over_first_row.collect(),
        }
    };
    rows.iter().map(summary).collect()
}

fn average(values: &[f64]) -> Option<Average> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let standard_error = (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
    (!values.is_empty()).then_some(Average { mean, standard_error, clips: values.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_standard_errors() {
        // Deviations -2, 0, 2: variance 4, standard error 2 / sqrt(3).
        let found = average(&[1.0, 3.0, 5.0]).unwrap();
        assert_eq!((found.mean, found.clips), (3.0, 3));
        assert!((found.standard_error.unwrap() - 2.0 / 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(average(&[7.0]).unwrap(), Average { mean: 7.0, standard_error: None, clips: 1 });
        assert_eq!(average(&[]), None);
    }
}

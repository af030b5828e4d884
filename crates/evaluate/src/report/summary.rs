//! Computes means over clips for each row, with bootstrap intervals.

use std::collections::BTreeMap;

use metrics::{BootstrapConfig, mean_interval};
use rayon::prelude::*;
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
    /// Lower and upper end of the 95 % bootstrap interval over clips; `None` for one clip.
    pub interval: Option<[f64; 2]>,
    /// Number of clips for which the metric was measured.
    pub clips: usize,
}

/// The metrics of a row over all clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowSummary {
    /// The row's name.
    pub row: String,
    /// Number of clips measured.
    pub clips: usize,
    /// The mean of each metric.
    pub averages: BTreeMap<Metric, Average>,
    /// Each metric minus that of the table's first row, clip by clip. These differences show what the separate
    /// intervals of two rows hide.
    pub over_first_row: BTreeMap<Metric, Average>,
}

/// Averages records: a list for each row, with the clips in the same order.
pub(crate) fn summarise(rows: &[(String, Vec<Record>)]) -> Vec<RowSummary> {
    let Some((_, first)) = rows.first() else { return Vec::new() };
    let metrics: Vec<Metric> = Metric::all().collect();
    let summary = |(row, records): &(String, Vec<Record>)| {
        let values = |metric: Metric| records.iter().map(move |record| record.measures.get(&metric).copied());
        let averages = metrics.par_iter().filter_map(|&metric| {
            let values: Vec<f64> = values(metric).flatten().collect();
            Some((metric, average(&values)?))
        });
        let over_first_row = metrics.par_iter().filter_map(|&metric| {
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
    let interval = match values.len() {
        // One value says nothing about its spread.
        ..=1 => None,
        _ => mean_interval(values, &BootstrapConfig::default()).map(|interval| [interval.low, interval.high]),
    };
    (!values.is_empty()).then_some(Average { mean, standard_error, interval, clips: values.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_standard_errors_and_intervals() {
        // Deviations -2, 0, 2: variance 4, standard error 2 / sqrt(3). The mean of three draws is 1 or 5 in 1 of 27 draws each,
        // more than the 2.5 % on each side.
        let found = average(&[1.0, 3.0, 5.0]).unwrap();
        assert_eq!((found.mean, found.clips), (3.0, 3));
        assert!((found.standard_error.unwrap() - 2.0 / 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(found.interval, Some([1.0, 5.0]));
        let one = Average { mean: 7.0, standard_error: None, interval: None, clips: 1 };
        assert_eq!(average(&[7.0]).unwrap(), one);
        assert_eq!(average(&[]), None);
    }
}

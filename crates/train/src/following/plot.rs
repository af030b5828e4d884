//! Draws a run's log as charts: losses, gradient norm, learning rate, and measurements on held-out data.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::LOG;
use super::chart::{Chart, Line, svg};
use crate::error::{Result, TrainError};

/// Numbers of log lines that are not losses.
const NO_LOSSES: [&str; 4] = ["gradient", "waiting", "clips", "skipped"];
/// Pairs of "before" and "after", which share a chart.
const PAIR: [&str; 2] = ["draft_", "finished_"];

type Lines = BTreeMap<String, Vec<(f64, f64)>>;

/// Reads the log of a run and returns the charts as SVG.
///
/// # Errors
/// [`TrainError::Io`]; [`TrainError::NoData`] when no step was logged yet.
pub fn plot(run: &Path) -> Result<String> {
    let path = run.join(LOG);
    let text = std::fs::read_to_string(&path).map_err(TrainError::io(&path))?;
    let numbers = Numbers::of_log(&text);
    if numbers.means.is_empty() {
        return Err(TrainError::NoData { what: "logged steps", path });
    }
    Ok(svg(&run.display().to_string(), &numbers.charts()))
}

/// The content of a log, by name.
#[derive(Debug, Default, PartialEq)]
struct Numbers {
    means: Lines,
    rate: Vec<(f64, f64)>,
    measures: Lines,
}

impl Numbers {
    /// Lines that are not events are ignored. If a step was repeated, its last values count.
    fn of_log(text: &str) -> Self {
        let mut numbers = Self::default();
        for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let Some(step) = event["step"].as_f64() else { continue };
            // JSON cannot express numbers that are not finite, so they are `null`.
            let value = |value: &Value| (step, value.as_f64().unwrap_or(f64::NAN));
            let add = |lines: &mut Lines, named: &Value| {
                for (name, number) in named.as_object().into_iter().flatten() {
                    lines.entry(name.clone()).or_default().push(value(number));
                }
            };
            match event["event"].as_str() {
                Some("started") => numbers.forget_after(step),
                Some("step") => {
                    add(&mut numbers.means, &event["means"]);
                    numbers.rate.push(value(&event["rate"]));
                }
                Some("evaluated") => add(&mut numbers.measures, &event["measures"]),
                _ => {}
            }
        }
        numbers
    }

    fn forget_after(&mut self, step: f64) {
        let lines = self.means.values_mut().chain(self.measures.values_mut());
        for line in lines.chain(std::iter::once(&mut self.rate)) {
            line.retain(|point| point.0 <= step);
        }
    }

    fn charts(self) -> Vec<Chart> {
        let line = |(name, points): (&String, &Vec<(f64, f64)>)| Line { name: name.clone(), points: points.clone() };
        let losses: Vec<Line> =
            self.means.iter().filter(|(name, _)| !NO_LOSSES.contains(&name.as_str())).map(line).collect();
        let mut charts = vec![Chart { title: "losses in training".into(), is_linear: false, lines: losses }];
        let chart = |title: &str, lines| Chart { title: title.into(), is_linear: false, lines };
        if let Some(gradient) = self.means.get_key_value("gradient") {
            charts.push(chart("length of the gradient", vec![line(gradient)]));
        }
        let rate = Line { name: "rate".into(), points: self.rate.clone() };
        charts.push(Chart { title: "learning rate".into(), is_linear: true, lines: vec![rate] });
        let mut groups: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
        for (name, points) in &self.measures {
            let base = PAIR.iter().find_map(|first| name.strip_prefix(first)).unwrap_or(name);
            groups.entry(base).or_default().push(line((name, points)));
        }
        charts.extend(groups.into_iter().map(|(base, lines)| chart(&format!("held out: {base}"), lines)));
        charts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG_OF_TWO: &str = r#"{"event":"started","step":0,"steps":9,"parameters":5}
{"event":"step","step":2,"means":{"loss":0.5,"gradient":3.0},"rate":0.1}
{"event":"step","step":4,"means":{"loss":9.0,"gradient":3.0},"rate":0.1}
{"event":"evaluated","step":4,"measures":{"draft_colour":0.2,"finished_colour":0.1}}
{"event":"st
{"event":"started","step":2,"steps":9,"parameters":5}
{"event":"step","step":4,"means":{"loss":null,"gradient":2.0},"rate":0.05}
{"event":"evaluated","step":4,"measures":{"draft_colour":0.2,"finished_colour":0.15}}
"#;

    #[test]
    fn steps_that_were_taken_again_count_as_taken_last() {
        let numbers = Numbers::of_log(LOG_OF_TWO);
        assert_eq!(numbers.rate, [(2.0, 0.1), (4.0, 0.05)]);
        assert_eq!(numbers.measures["finished_colour"], [(4.0, 0.15)]);
        assert!(numbers.means["loss"][1].1.is_nan());
        let titles: Vec<String> = numbers.charts().into_iter().map(|chart| chart.title).collect();
        assert_eq!(titles, ["losses in training", "length of the gradient", "learning rate", "held out: colour"]);
    }

    #[test]
    fn a_run_is_drawn_and_one_without_steps_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(plot(folder.path()).unwrap_err().code(), "train.io");
        let log = folder.path().join(LOG);
        std::fs::write(&log, LOG_OF_TWO.lines().next().unwrap()).unwrap();
        assert_eq!(plot(folder.path()).unwrap_err().code(), "train.no_data");
        std::fs::write(&log, LOG_OF_TWO).unwrap();
        let drawn = plot(folder.path()).unwrap();
        assert!(drawn.starts_with("<svg") && drawn.contains("finished_colour"), "{drawn}");
    }
}

//! Draws line charts as SVG: axes with round numbers, a legend, and several charts side by side.

use std::fmt::Write;

/// Size of a chart with its margins, in SVG units.
const SIZE: (f64, f64) = (560.0, 280.0);
/// Left, top, right, bottom.
const MARGINS: [f64; 4] = [64.0, 34.0, 130.0, 36.0];
/// Number of charts in a row.
const COLUMNS: usize = 2;
/// Largest number of points in a line. If there are more, means of neighbours are drawn.
const PLACES: usize = 400;
/// Lines with at most this many points have markers.
const FEW: usize = 30;
/// From this ratio of largest to smallest value on, the axis is logarithmic.
const LOGARITHMIC: f64 = 20.0;
/// Colours that can also be distinguished by colour-blind readers (Okabe and Ito).
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000"];

/// One line.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) name: String,
    /// Steps and values. Values that are not finite are gaps.
    pub(super) points: Vec<(f64, f64)>,
}

/// Lines over the same steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Chart {
    pub(super) title: String,
    /// Linear axis, whatever the values.
    pub(super) is_linear: bool,
    pub(super) lines: Vec<Line>,
}

/// All charts on one sheet.
pub(super) fn svg(title: &str, charts: &[Chart]) -> String {
    let rows = charts.len().div_ceil(COLUMNS);
    let (width, height) = (SIZE.0 * COLUMNS.min(charts.len().max(1)) as f64, 40.0 + SIZE.1 * rows as f64);
    let mut out = format!(
        concat!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" ",
            "height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n",
            "<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n",
            "<text x=\"12\" y=\"26\" font-size=\"16\">{title}</text>\n"
        ),
        width = width,
        height = height,
        title = escaped(title)
    );
    for (index, chart) in charts.iter().enumerate() {
        let place = (SIZE.0 * (index % COLUMNS) as f64, 40.0 + SIZE.1 * (index / COLUMNS) as f64);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "<g transform=\"translate({} {})\">", place.0, place.1);
        draw(chart, &mut out);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// Maps values to positions along an axis.
struct Axis {
    low: f64,
    high: f64,
    is_logarithmic: bool,
    /// The positions of `low` and `high` in the picture.
    from: f64,
    to: f64,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64> + Clone, may_be_logarithmic: bool, from: f64, to: f64) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let is_logarithmic = may_be_logarithmic && low > 0.0 && high / low > LOGARITHMIC;
        let (low, high) = match (low <= high, low < high) {
            (false, _) => (0.0, 1.0),
            (_, false) => (low - 0.5 * low.abs().max(1e-9), high + 0.5 * high.abs().max(1e-9)),
            _ => (low, high),
        };
        Self { low, high, is_logarithmic, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let share = match self.is_logarithmic {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        self.from + share * (self.to - self.from)
    }

    /// Round numbers: about five in equal steps, or 1, 2 and 5 of each power of ten.
    fn ticks(&self) -> Vec<f64> {
        let all: Vec<f64> = if self.is_logarithmic {
            let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
            let digits: &[f64] = if self.high / self.low > 1e3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
            powers.flat_map(|power| digits.iter().map(move |digit| digit * 10_f64.powi(power))).collect()
        } else {
            let step = round_step((self.high - self.low) / 5.0);
            let first = (self.low / step).ceil() as i64;
            (first..=(self.high / step).floor() as i64).map(|index| index as f64 * step).collect()
        };
        all.into_iter().filter(|value| (self.low..=self.high).contains(value)).collect()
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

fn draw(chart: &Chart, out: &mut String) {
    let [left, top, right, bottom] = MARGINS;
    let (width, height) = (SIZE.0 - right, SIZE.1 - bottom);
    let lines: Vec<Line> = chart.lines.iter().map(thinned).collect();
    let points = lines.iter().flat_map(|line| &line.points).filter(|point| point.1.is_finite());
    let across = Axis::new(points.clone().map(|point| point.0), false, left, width);
    let up = Axis::new(points.map(|point| point.1), !chart.is_linear, height, top);
    let unit = if up.is_logarithmic { " (logarithmic)" } else { "" };
    let _ = writeln!(out, "<text x=\"{left}\" y=\"20\" font-size=\"13\">{}{unit}</text>", escaped(&chart.title));
    for value in up.ticks() {
        let (y, label) = (up.place(value), number(value));
        let _ = writeln!(
            out,
            "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{width}\" y2=\"{y:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 6.0,
            y + 4.0
        );
    }
    for value in across.ticks() {
        let (x, label) = (across.place(value), number(value));
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{height}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#444\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            height + 4.0,
            height + 17.0
        );
    }
    let _ = writeln!(
        out,
        "<path d=\"M{left} {top}V{height}H{width}\" fill=\"none\" stroke=\"#444\"/><text x=\"{width}\" y=\"{:.1}\" text-anchor=\"end\">steps</text>",
        height + 31.0
    );
    for (index, line) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let dashes = if index < COLOURS.len() { "" } else { " stroke-dasharray=\"4 3\"" };
        let _ = writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dashes}/>",
            path(line, &across, &up)
        );
        for point in line.points.iter().filter(|point| line.points.len() <= FEW && point.1.is_finite()) {
            let (x, y) = (across.place(point.0), up.place(point.1));
            let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
        }
        let (x, y) = (width + 12.0, top + 8.0 + 16.0 * index as f64);
        let _ = writeln!(
            out,
            "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/><text x=\"{}\" y=\"{}\">{}</text>",
            x + 14.0,
            x + 19.0,
            y + 4.0,
            escaped(&line.name)
        );
    }
}

/// A line's path.
fn path(line: &Line, across: &Axis, up: &Axis) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for (step, value) in &line.points {
        if !value.is_finite() {
            is_down = false;
            continue;
        }
        let (x, y) = (across.place(*step), up.place(*value));
        let _ = if is_down { write!(path, "L{x:.1} {y:.1}") } else { write!(path, "M{x:.1} {y:.1}") };
        is_down = true;
    }
    path
}

/// The line, with means of neighbours if it has too many points.
fn thinned(line: &Line) -> Line {
    let group = line.points.len().div_ceil(PLACES).max(1);
    let mean = |points: &[(f64, f64)]| {
        let finite: Vec<_> = points.iter().filter(|point| point.1.is_finite()).collect();
        let count = finite.len().max(1) as f64;
        let value = finite.iter().map(|point| point.1).sum::<f64>() / count;
        (points[points.len() - 1].0, if finite.is_empty() { f64::NAN } else { value })
    };
    Line { name: line.name.clone(), points: line.points.chunks(group).map(mean).collect() }
}

fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.0e}"),
        _ => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(values: &[f64], logarithmic: bool) -> Axis {
        Axis::new(values.iter().copied(), logarithmic, 0.0, 100.0)
    }

    #[test]
    fn ticks_are_round_and_lie_on_the_axis() {
        assert_eq!(axis(&[0.0, 1000.0], false).ticks(), [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]);
        assert_eq!(axis(&[3.0, 47.0], false).ticks(), [10.0, 20.0, 30.0, 40.0]);
        assert_eq!(axis(&[0.004, 0.3], true).ticks(), [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]);
        assert_eq!(axis(&[2.0, 2.0], true).ticks().len(), 5);
        assert_eq!(axis(&[], true).ticks().len(), 6);
        let logarithmic = axis(&[0.1, 10.0], true);
        assert!((logarithmic.place(1.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_short() {
        let found = [0.0, 0.25, 1000.0, 2e-5, 3e7, -0.5].map(number);
        assert_eq!(found, ["0", "0.25", "1000", "2e-5", "3e7", "-0.5"]);
    }

    #[test]
    fn gaps_stay_gaps_and_many_points_become_means() {
        let line = Line { name: "a<b".into(), points: vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (3.0, 2.0)] };
        let chart = Chart { title: "t".into(), is_linear: true, lines: vec![line.clone()] };
        let drawn = svg("r", &[chart]);
        assert!(drawn.contains("a&lt;b") && !drawn.contains("NaN"), "{drawn}");
        let path = drawn.lines().find(|line| line.contains("stroke-width=\"1.5\"")).unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1));
        assert_eq!(drawn.matches("<circle").count(), 3);
        let many = Line { points: (0..1000).map(|index| (f64::from(index), f64::from(index % 2))).collect(), ..line };
        let thin = thinned(&many);
        assert!(thin.points.len() <= PLACES && thin.points[0].0 == 2.0);
    }
}

//! Writes a run's report as Markdown for readers, as LaTeX for papers, and as CSV for other programs.

use std::fmt::Write;

use super::comparison::ComparisonWarning;
use super::grid::{Cell, Column, Grid};

/// What is told of a run.
pub(crate) struct Report<'a> {
    /// Suite, signals, clips.
    pub(crate) heading: &'a str,
    /// How it was measured, with what; a line each.
    pub(crate) protocol: &'a [String],
    pub(crate) grids: &'a [Grid],
    pub(crate) warnings: &'a [ComparisonWarning],
}

const LEGEND: &str = "Behind a mean: its 95 % bootstrap interval over clips. \"As published\": the paper's own figure, not measured here. PSNR in dB \
    (equal pictures: 100); region, person, head, object: in a square of 128x128 pixels around both persons; their SSIM: Gaussian \
    window 11x11 on luma; VGG-HED: a distance of edge features, not LPIPS; Lab: mean of the pixels' colour distances; mean \
    colour: distance of the mean colours; flicker in steps of 1/255 a frame; error outside: levels of 255 away from the source where \
    nothing is made anew; drift: Lab distance that the person's colour has gone, less the truth's way.";

impl Report<'_> {
    /// For people.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n", self.heading);
        for line in self.protocol {
            put(&mut text, format_args!("- {line}"));
        }
        text.push('\n');
        if !self.warnings.is_empty() {
            text.push_str("## Warnings: the results of these comparisons are not valid\n");
            for ComparisonWarning { fault, row, clip, text: told } in self.warnings {
                put(&mut text, format_args!("- `{fault}`: row `{row}`, {clip}: {told}"));
            }
            text.push('\n');
        }
        for grid in self.grids {
            let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
            let titles = grid.columns.iter().map(|column| column.title.clone());
            put(
                &mut text,
                format_args!("{}", line(["row".into(), "clips".into()].into_iter().chain(titles).collect())),
            );
            let rules = std::iter::once("---".to_owned()).chain((0..=grid.columns.len()).map(|_| "---:".to_owned()));
            put(&mut text, format_args!("{}", line(rules.collect())));
            for row in &grid.rows {
                let clips = row.clips.map_or("-".into(), |clips| clips.to_string());
                let cells = grid.columns.iter().zip(&row.cells).map(|(column, cell)| shown(column, *cell));
                put(&mut text, format_args!("{}", line([row.name.clone(), clips].into_iter().chain(cells).collect())));
            }
            text.push('\n');
        }
        text.push_str(LEGEND);
        text.push('\n');
        text
    }

    /// A `tabular` for each table, with the package `booktabs`.
    pub(crate) fn latex(&self) -> String {
        let mut text = format!("% {}\n", self.heading);
        for line in self.protocol {
            put(&mut text, format_args!("% {line}"));
        }
        for ComparisonWarning { fault, row, clip, .. } in self.warnings {
            put(&mut text, format_args!("% WARNING {fault}: row {row}, {clip}"));
        }
        for grid in self.grids {
            put(&mut text, format_args!("\\begin{{tabular}}{{l{}}}\n\\toprule", "r".repeat(grid.columns.len())));
            let titles: Vec<String> = grid.columns.iter().map(|column| escaped(&column.title)).collect();
            put(&mut text, format_args!("Method & {} \\\\\n\\midrule", titles.join(" & ")));
            for (index, row) in grid.rows.iter().enumerate() {
                let starts_published = row.clips.is_none() && index > 0 && grid.rows[index - 1].clips.is_some();
                if starts_published {
                    text.push_str("\\midrule\n");
                }
                let cells: Vec<String> = grid
                    .columns
                    .iter()
                    .zip(&row.cells)
                    .map(|(column, cell)| cell.map_or("--".into(), |cell| number(column, cell.mean)))
                    .collect();
                put(&mut text, format_args!("{} & {} \\\\", escaped(&row.name), cells.join(" & ")));
            }
            text.push_str("\\bottomrule\n\\end{tabular}\n\n");
        }
        text
    }

    /// A line for each figure, all digits.
    pub(crate) fn csv(&self) -> String {
        let mut text = String::from("row,figure,mean,low,high,clips,origin\n");
        for grid in self.grids {
            for row in &grid.rows {
                for (column, cell) in grid.columns.iter().zip(&row.cells) {
                    let Some(Cell { mean, interval }) = cell else { continue };
                    let [low, high] =
                        interval.map_or([String::new(), String::new()], |ends| ends.map(|end| end.to_string()));
                    let (clips, origin) = match row.clips {
                        Some(clips) => (clips.to_string(), "measured"),
                        None => (String::new(), "published"),
                    };
                    let (name, title) = (quoted(&row.name), quoted(&column.title));
                    put(&mut text, format_args!("{name},{title},{mean},{low},{high},{clips},{origin}"));
                }
            }
        }
        text
    }
}

/// Adds a line. Writing to a string cannot fail.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}

fn number(column: &Column, value: f64) -> String {
    format!("{value:.*}", column.digits)
}

fn shown(column: &Column, cell: Option<Cell>) -> String {
    match cell {
        None => "-".into(),
        Some(Cell { mean, interval: None }) => number(column, mean),
        Some(Cell { mean, interval: Some([low, high]) }) => {
            format!("{} [{}, {}]", number(column, mean), number(column, low), number(column, high))
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if matches!(letter, '_' | '&' | '%' | '#' | '$' | '{' | '}') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::grid::GridRow;

    fn report(check: impl Fn(Report<'_>)) {
        let column = |title: &str, digits| Column { title: title.into(), digits };
        let cell = |mean, interval| Some(Cell { mean, interval });
        let grids = [Grid {
            columns: vec![column("PSNR", 2), column("SSIM, grey", 3)],
            rows: vec![
                GridRow { name: "draft_a".into(), clips: Some(2), cells: vec![cell(12.345, Some([12.0, 13.5])), None] },
                GridRow {
                    name: "Ours*, as published".into(),
                    clips: None,
                    cells: vec![cell(30.0, None), cell(0.5, None)],
                },
            ],
        }];
        let warnings = [ComparisonWarning {
            fault: "bgr_for_rgb",
            row: "draft_a".into(),
            clip: "table1 001".into(),
            text: "the red and blue channels seem to be swapped".into(),
        }];
        check(Report { heading: "table1", protocol: &["2 videos".into()], grids: &grids, warnings: &warnings });
    }

    #[test]
    fn markdown_has_protocol_warnings_and_rows() {
        report(|report| {
            let text = report.markdown();
            for line in [
                "# table1",
                "- 2 videos",
                "- `bgr_for_rgb`: row `draft_a`, table1 001: the red and blue channels seem to be swapped",
                "| row | clips | PSNR | SSIM, grey |",
                "| --- | ---: | ---: | ---: |",
                "| draft_a | 2 | 12.35 [12.00, 13.50] | - |",
                "| Ours*, as published | - | 30.00 | 0.500 |",
            ] {
                assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
            }
        });
    }

    #[test]
    fn latex_escapes_and_parts_what_is_published() {
        report(|report| {
            let text = report.latex();
            assert!(
                text.contains("draft\\_a & 12.35 & -- \\\\\n\\midrule\nOurs*, as published & 30.00 & 0.500 \\\\"),
                "{text}"
            );
            assert!(text.contains("% WARNING bgr_for_rgb: row draft_a, table1 001"), "{text}");
        });
    }

    #[test]
    fn csv_has_all_digits_and_quotes_commas() {
        report(|report| {
            let expected = "row,figure,mean,low,high,clips,origin\ndraft_a,PSNR,12.345,12,13.5,2,measured\n\
                            \"Ours*, as published\",PSNR,30,,,,published\n\
                            \"Ours*, as published\",\"SSIM, grey\",0.5,,,,published\n";
            assert_eq!(report.csv(), expected);
        });
    }
}

//! Tables in Markdown.

use std::fmt::Write;

use super::summary::RowSummary;
use crate::limb::Limb;
use crate::metric_name::{Area, Metric, limb_name};

/// A column: its title, its metric, and its number of decimals.
type Column = (String, Metric, usize);

/// The tables of a run. `heading` says what was measured.
pub(crate) fn tables(heading: &str, rows: &[RowSummary]) -> String {
    let named = |area: &str, metric: fn(Area) -> Metric, area_of: Area, what: &str, digits| -> Column {
        (format!("{area} {what}"), metric(area_of), digits)
    };
    let areas = [("region", Area::Region), ("person", Area::Person), ("head", Area::Head), ("object", Area::Object)];
    let pictures: Vec<Column> = areas
        .iter()
        .flat_map(|(name, area)| {
            [
                named(name, Metric::Psnr, *area, "PSNR", 2),
                named(name, Metric::Ssim, *area, "SSIM", 3),
                named(name, Metric::VggHed, *area, "VGG-HED", 3),
                named(name, Metric::Lab, *area, "Lab", 1),
            ]
        })
        .collect();
    let limbs: Vec<Column> = Limb::ALL
        .into_iter()
        .flat_map(|limb| {
            let name = limb_name(limb).replace('-', " ");
            [
                (format!("{name} Lab"), Metric::LimbLab(limb), 1),
                (format!("{name} mean colour"), Metric::LimbMeanColour(limb), 1),
            ]
        })
        .collect();
    let flicker: Vec<Column> = vec![
        ("background flicker".into(), Metric::BackgroundFlicker, 2),
        ("person flicker over truth".into(), Metric::PersonFlickerExcess, 2),
        ("region mean colour".into(), Metric::MeanColour(Area::Region), 1),
        ("person mean colour".into(), Metric::MeanColour(Area::Person), 1),
    ];
    let mut text = format!("# {heading}\n\n");
    for columns in [pictures, limbs, flicker] {
        write_table(&mut text, &columns, rows);
        text.push('\n');
    }
    text.push_str(
        "PSNR in dB (equal pictures: 100); SSIM: Gaussian window 11x11 on luma; VGG-HED: see `metric::vgg`, not LPIPS; Lab: mean \
         of the pixels' colour distances; mean colour: distance of the mean colours; flicker in steps of 1/255 a frame. \
         Behind ±: standard error of the mean over clips.\n",
    );
    text
}

/// Columns that no row has are left out.
fn write_table(text: &mut String, columns: &[Column], rows: &[RowSummary]) {
    let known = |metric: &Metric| rows.iter().any(|row| row.averages.contains_key(metric));
    let columns: Vec<&Column> = columns.iter().filter(|(_, metric, _)| known(metric)).collect();
    if columns.is_empty() {
        return;
    }
    let mut line = |cells: Vec<String>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    let titles = columns.iter().map(|(title, ..)| title.clone());
    line([String::from("row"), String::from("clips")].into_iter().chain(titles).collect());
    line(std::iter::once("---".to_owned()).chain((0..=columns.len()).map(|_| "---:".to_owned())).collect());
    for row in rows {
        let cells = columns.iter().map(|(_, metric, digits)| match row.averages.get(metric) {
            None => "-".to_owned(),
            Some(average) => match average.standard_error {
                Some(error) => format!("{:.digits$} ±{error:.digits$}", average.mean),
                None => format!("{:.digits$}", average.mean),
            },
        });
        line([row.row.clone(), row.clips.to_string()].into_iter().chain(cells).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::Average;

    #[test]
    fn figures_stand_in_their_columns_and_empty_columns_are_left_out() {
        let row = |name: &str, mean: f64, standard_error: Option<f64>| RowSummary {
            row: name.into(),
            clips: 2,
            averages: [(Metric::Psnr(Area::Region), Average { mean, standard_error, clips: 2 })].into(),
            over_first_row: Default::default(),
        };
        let text = tables("stage-cross", &[row("plate", 12.345, Some(0.5)), row("truth", 100.0, None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "# stage-cross");
        assert_eq!(lines[2], "| row | clips | region PSNR |");
        assert_eq!(lines[4..6], ["| plate | 2 | 12.35 ±0.50 |", "| truth | 2 | 100.00 |"]);
    }
}

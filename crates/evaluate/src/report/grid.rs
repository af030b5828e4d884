//! Holds the tables of a run before they are written: the methods' rows, the paper's published rows, and one column per
//! metric.

use metrics::published;

use super::summary::RowSummary;
use crate::limb::Limb;
use crate::metric_name::{Area, DRIFT_SECONDS, FrameFigure, Metric, limb_name};

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<GridRow>,
}

/// A column: its title, and its digits behind the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) title: String,
    pub(crate) digits: usize,
}

/// A row, with one cell a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GridRow {
    pub(crate) name: String,
    /// Clips measured; none of a published row.
    pub(crate) clips: Option<usize>,
    pub(crate) cells: Vec<Option<Cell>>,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) mean: f64,
    /// 95 % bootstrap interval.
    pub(crate) interval: Option<[f64; 2]>,
}

/// What stands in a column: a figure of ours, and perhaps one of the paper's. FVD has only the latter.
struct Source {
    title: String,
    digits: usize,
    metric: Option<Metric>,
    published: Option<fn(&published::PublishedRow) -> f64>,
}

fn ours(title: impl Into<String>, metric: Metric, digits: usize) -> Source {
    Source { title: title.into(), digits, metric: Some(metric), published: None }
}

/// The tables of a run: whole frames with the paper's rows, areas, limbs, and the rest. Columns and tables that no row has a
/// figure for are left out.
pub(crate) fn grids(rows: &[RowSummary], paper_table: Option<u8>) -> Vec<Grid> {
    let published: Vec<&published::PublishedRow> = paper_table.into_iter().flat_map(published::table).collect();
    let grids = [
        grid(frames(), rows, &published),
        grid(areas(), rows, &[]),
        grid(limbs(), rows, &[]),
        grid(others(), rows, &[]),
    ];
    grids.into_iter().filter(|grid| !grid.columns.is_empty()).collect()
}

fn frames() -> Vec<Source> {
    let frame = |title: &str, figure, digits| ours(title, Metric::Frame(figure), digits);
    let also = |source: Source, published: fn(&published::PublishedRow) -> f64| Source {
        published: Some(published),
        ..source
    };
    vec![
        also(frame("SSIM (grey)", FrameFigure::SsimGrey, 3), |row| row.ssim),
        also(frame("PSNR (8-bit overflow)", FrameFigure::PsnrDiscoU8, 2), |row| row.psnr),
        also(frame("LPIPS (VGG, input 0..1)", FrameFigure::LpipsVggRaw01, 3), |row| row.lpips),
        Source { title: "FVD".into(), digits: 2, metric: None, published: Some(|row| row.fvd) },
        frame("PSNR", FrameFigure::Psnr, 2),
        frame("SSIM (colour)", FrameFigure::SsimColour, 3),
        frame("LPIPS (VGG)", FrameFigure::LpipsVgg, 3),
        frame("LPIPS (Alex)", FrameFigure::LpipsAlex, 3),
        frame("LPIPS (Alex, input 0..1)", FrameFigure::LpipsAlexRaw01, 3),
        frame("L1", FrameFigure::L1, 2),
        frame("L1 (over pixels)", FrameFigure::L1Disco, 6),
    ]
}

fn areas() -> Vec<Source> {
    let areas = [("region", Area::Region), ("person", Area::Person), ("head", Area::Head), ("object", Area::Object)];
    let of_area = |(name, area): (&str, Area)| {
        [
            ours(format!("{name} PSNR"), Metric::Psnr(area), 2),
            ours(format!("{name} SSIM"), Metric::Ssim(area), 3),
            ours(format!("{name} VGG-HED"), Metric::VggHed(area), 3),
            ours(format!("{name} Lab"), Metric::Lab(area), 1),
        ]
    };
    areas.into_iter().flat_map(of_area).collect()
}

fn limbs() -> Vec<Source> {
    let of_limb = |limb: Limb| {
        let name = limb_name(limb).replace('-', " ");
        [
            ours(format!("{name} Lab"), Metric::LimbLab(limb), 1),
            ours(format!("{name} mean colour"), Metric::LimbMeanColour(limb), 1),
        ]
    };
    Limb::ALL.into_iter().flat_map(of_limb).collect()
}

fn others() -> Vec<Source> {
    let drift = DRIFT_SECONDS.map(|seconds| ours(format!("drift after {seconds} s"), Metric::Drift(seconds), 2));
    let others = [
        ours("background flicker", Metric::BackgroundFlicker, 2),
        ours("person flicker over truth", Metric::PersonFlickerExcess, 2),
        ours("region mean colour", Metric::MeanColour(Area::Region), 1),
        ours("person mean colour", Metric::MeanColour(Area::Person), 1),
        ours("error outside", Metric::OutsideError, 3),
        ours("largest error outside", Metric::OutsideLargest, 0),
    ];
    others.into_iter().chain(drift).collect()
}

fn grid(sources: Vec<Source>, rows: &[RowSummary], published: &[&published::PublishedRow]) -> Grid {
    let has_ours =
        |source: &Source| source.metric.is_some_and(|metric| rows.iter().any(|row| row.averages.contains_key(&metric)));
    let is_known = |source: &Source| has_ours(source) || (source.published.is_some() && !published.is_empty());
    // A table of which nothing was measured has nothing to stand beside.
    let is_measured = sources.iter().any(has_ours);
    let sources: Vec<Source> = sources.into_iter().filter(|source| is_measured && is_known(source)).collect();
    let measured = rows.iter().map(|row| GridRow {
        name: row.row.clone(),
        clips: Some(row.clips),
        cells: sources
            .iter()
            .map(|source| {
                let average = row.averages.get(&source.metric?)?;
                Some(Cell { mean: average.mean, interval: average.interval })
            })
            .collect(),
    });
    let printed = published.iter().map(|row| GridRow {
        name: format!("{}{}, as published", row.method, if row.with_other_videos { "*" } else { "" }),
        clips: None,
        cells: sources
            .iter()
            .map(|source| source.published.map(|figure| Cell { mean: figure(row), interval: None }))
            .collect(),
    });
    let rows = measured.chain(printed).collect();
    Grid { rows, columns: sources.into_iter().map(|Source { title, digits, .. }| Column { title, digits }).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::Average;

    fn row(name: &str, figures: &[(Metric, f64)]) -> RowSummary {
        let average = |mean| Average { mean, standard_error: None, interval: None, clips: 2 };
        let averages = figures.iter().map(|(metric, mean)| (*metric, average(*mean))).collect();
        RowSummary { row: name.into(), clips: 2, averages, over_first_row: Default::default() }
    }

    fn titles(grid: &Grid) -> Vec<&str> {
        grid.columns.iter().map(|column| column.title.as_str()).collect()
    }

    #[test]
    fn columns_without_figures_are_left_out() {
        let grids = grids(&[row("plate", &[(Metric::Psnr(Area::Region), 12.0)]), row("truth", &[])], None);
        assert_eq!(grids.len(), 1);
        assert_eq!(titles(&grids[0]), ["region PSNR"]);
        assert_eq!(grids[0].rows[1].cells, [None]);
    }

    #[test]
    fn published_rows_stand_beside_ours_in_the_columns_of_their_kind() {
        let figures = [(Metric::Frame(FrameFigure::SsimGrey), 0.5), (Metric::Frame(FrameFigure::Psnr), 20.0)];
        let grids = grids(&[row("draft", &figures)], Some(3));
        let grid = &grids[0];
        let expected = ["SSIM (grey)", "PSNR (8-bit overflow)", "LPIPS (VGG, input 0..1)", "FVD", "PSNR"];
        assert_eq!(titles(grid), expected);
        let names: Vec<&str> = grid.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["draft", "Baseline, as published", "Ours, as published"]);
        let means = |row: usize| grid.rows[row].cells.iter().map(|cell| cell.map(|cell| cell.mean)).collect::<Vec<_>>();
        assert_eq!(means(0), [Some(0.5), None, None, None, Some(20.0)]);
        assert_eq!(means(2), [Some(0.794), Some(28.83), Some(0.276), Some(186.17), None]);
        // Nothing of ours: no table.
        assert_eq!(super::grids(&[row("draft", &[])], Some(3)), []);
    }
}

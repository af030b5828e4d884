//! Draws contact sheets with one line per clip, which shows the reference, the source, each row, and the ground truth.

use std::path::{Path, PathBuf};

use media::image_file::{load_picture, save_picture};
use media::sheet::Sheet;

use super::record::{Given, Record, RecordFolder};
use crate::error::EvaluateError;
use crate::measure::SIDE;
use crate::metric_name::{Area, Metric};

/// Number of clips on a sheet.
pub(crate) const CLIPS: usize = 12;

/// Draws the sheets into `out`. Returns their files.
pub(crate) fn draw(
    out: &Path,
    folder: &RecordFolder,
    heading: &str,
    rows: &[(String, Vec<Record>)],
) -> Result<Vec<PathBuf>, EvaluateError> {
    let clips: Vec<u64> = rows.first().map_or(Vec::new(), |(_, list)| list.iter().map(|r| r.key.clip).collect());
    let mut files = Vec::new();
    for (number, group) in clips.chunks(CLIPS).enumerate() {
        let side = SIDE as usize;
        let title = format!("{heading}; below each row: PSNR and VGG-HED distance of the region");
        // The rows `source` and `truth` would repeat the pictures that are shown anyway.
        let has = |name: &str| rows.iter().any(|(row, _)| row == name);
        let (with_frame, with_truth) = (!has("source"), !has("truth"));
        let columns = 1 + rows.len() + usize::from(with_frame) + usize::from(with_truth);
        let mut sheet = Sheet::new(columns, side, side).titled(title);
        for (place, clip) in group.iter().enumerate() {
            sheet.push(&load_picture(&folder.given_picture(*clip, Given::Reference))?, format!("{clip} reference"));
            if with_frame {
                sheet.push(&load_picture(&folder.given_picture(*clip, Given::Frame))?, "source");
            }
            for (row, records) in rows {
                let record = &records[number * CLIPS + place];
                sheet.push(&load_picture(&folder.row_picture(*clip, row))?, label(row, record));
            }
            if with_truth {
                sheet.push(&load_picture(&folder.given_picture(*clip, Given::Truth))?, "truth");
            }
            sheet.end_row();
        }
        let path = out.join(format!("sheet-{:02}.png", number + 1));
        save_picture(&path, &sheet.render())?;
        files.push(path);
    }
    Ok(files)
}

fn label(row: &str, record: &Record) -> String {
    let figure = |metric| record.measures.get(&metric);
    let psnr = figure(Metric::Psnr(Area::Region)).map_or(String::new(), |value| format!(" {value:.1}"));
    let vgg = figure(Metric::VggHed(Area::Region)).map_or(String::new(), |value| format!(" {value:.1}"));
    format!("{row}{psnr}{vgg}")
}

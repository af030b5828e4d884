//! Lists the numbers of the paper's four tables (Animate Anyone 2, 2025), row by row as printed.
//!
//! | table | content |
//! |---|---|
//! | 1 | TikTok benchmark; the reference's background is the environment |
//! | 2 | 100 videos of the authors with a uniform background |
//! | 3 | the same videos in their environments, compared with animation composited onto an inpainted background |
//! | 4 | the same videos with components of the method removed |
//!
//! Only 8-bit wrap-around can explain the PSNR values in the paper's tables, so they were computed with
//! [`psnr_disco_u8`](crate::psnr_disco_u8) and not with [`psnr`](crate::psnr()). The paper's LPIPS is most likely
//! [`lpips_raw01`](crate::Lpips::distance_raw01) with VGG. In the paper's table, the LPIPS of MRAA equals its SSIM;
//! other papers report an LPIPS of 0.296.

/// One row of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedRow {
    /// Number of the table, 1..=4.
    pub table: u8,
    /// The method as named in the table, without its reference.
    pub method: &'static str,
    /// True if the method was pretrained on other video data, which the table marks with `*`.
    pub with_other_videos: bool,
    /// Structural similarity, higher is better.
    pub ssim: f64,
    /// Peak signal-to-noise ratio in dB, higher is better.
    pub psnr: f64,
    /// LPIPS, lower is better.
    pub lpips: f64,
    /// Fréchet video distance, lower is better.
    pub fvd: f64,
}

const fn row(table: u8, method: &'static str, figures: [f64; 4]) -> PublishedRow {
    let [ssim, psnr, lpips, fvd] = figures;
    PublishedRow { table, method, with_other_videos: false, ssim, psnr, lpips, fvd }
}

const fn with_other_videos(row: PublishedRow) -> PublishedRow {
    PublishedRow { with_other_videos: true, ..row }
}

/// Every row, in the paper's order.
pub const ROWS: [PublishedRow; 17] = [
    row(1, "MRAA", [0.672, 29.39, 0.672, 284.82]),
    row(1, "DisCo", [0.668, 29.03, 0.292, 292.80]),
    row(1, "MagicAnimate", [0.714, 29.16, 0.239, 179.07]),
    row(1, "Animate Anyone", [0.718, 29.56, 0.285, 171.90]),
    with_other_videos(row(1, "Champ", [0.802, 29.91, 0.234, 160.82])),
    with_other_videos(row(1, "UniAnimate", [0.811, 30.77, 0.231, 148.06])),
    row(1, "Ours", [0.778, 29.82, 0.248, 158.97]),
    with_other_videos(row(1, "Ours", [0.812, 30.82, 0.223, 144.65])),
    row(2, "Animate Anyone", [0.761, 28.41, 0.324, 228.53]),
    row(2, "Champ", [0.771, 28.69, 0.294, 205.79]),
    row(2, "MimicMotion", [0.767, 28.52, 0.307, 212.48]),
    row(2, "Ours", [0.809, 29.24, 0.259, 172.54]),
    row(3, "Baseline", [0.785, 28.71, 0.291, 195.45]),
    row(3, "Ours", [0.794, 28.83, 0.276, 186.17]),
    row(4, "w/o Spatial Blending", [0.789, 28.74, 0.283, 191.23]),
    row(4, "w/o Pose Modulation", [0.769, 28.56, 0.301, 211.15]),
    row(4, "Ours", [0.794, 28.83, 0.276, 186.17]),
];

/// The rows of one table.
pub fn table(number: u8) -> impl Iterator<Item = &'static PublishedRow> {
    ROWS.iter().filter(move |row| row.table == number)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Rows of the tables from the paper's text: fields separated by tabs, with the caption after the rows.
    fn rows_of(text: &str) -> Vec<(u8, String, bool, [f64; 4])> {
        let mut rows = Vec::new();
        let mut open: Vec<(String, bool, [f64; 4])> = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let figures: Vec<f64> = fields.iter().skip(1).filter_map(|field| field.trim().parse().ok()).collect();
            if let (5, [ssim, psnr, lpips, fvd]) = (fields.len(), &figures[..]) {
                let name = fields[0].split('[').next().unwrap().trim();
                let (name, starred) = (name.trim_end_matches('*').trim(), name.ends_with('*'));
                open.push((name.into(), starred, [*ssim, *psnr, *lpips, *fvd]));
            }
            let number = line.strip_prefix("Table ").and_then(|rest| rest.split('.').next()?.parse().ok());
            if let Some(number) = number {
                rows.extend(open.drain(..).map(|(name, starred, figures)| (number, name, starred, figures)));
            }
        }
        rows
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that did not run says so")]
    fn every_figure_is_the_paper_s() {
        let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED").map(PathBuf::from) else {
            eprintln!("STUNTDOUBLE_SHARED is not set: the paper's text was not read");
            return;
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(shared.join("paper")).unwrap() {
            found.extend(rows_of(&std::fs::read_to_string(entry.unwrap().path()).unwrap()));
        }
        let ours: Vec<_> = ROWS
            .iter()
            .map(|row| (row.table, row.method.into(), row.with_other_videos, [row.ssim, row.psnr, row.lpips, row.fvd]))
            .collect();
        assert_eq!(found, ours);
    }

    #[test]
    fn rows_are_read_from_text() {
        let text = "Method\tSSIM\tPSNR\tLPIPS\tFVD\nChamp* [60]\t0.5\t20\t0.25\t100.5\n\nTable 3. Text.\n";
        assert_eq!(rows_of(text), [(3, "Champ".to_owned(), true, [0.5, 20.0, 0.25, 100.5])]);
    }

    #[test]
    fn tables_hold_their_rows() {
        assert_eq!([1, 2, 3, 4, 5].map(|number| table(number).count()), [8, 4, 2, 3, 0]);
        // The full method is the same in tables 3 and 4.
        let ours = |number| table(number).find(|row| row.method == "Ours").copied();
        assert_eq!(ours(3).map(|row| PublishedRow { table: 4, ..row }), ours(4));
    }
}

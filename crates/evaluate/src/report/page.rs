//! Writes one self-contained HTML file: films of all methods that play synchronously, a slider between two methods, and
//! a blind comparison whose votes are stored. The final criterion is the preference of people.

use std::collections::BTreeMap;
use std::path::Path;

use media::file::write_atomic;
use media::image_file::load_picture;
use serde::Serialize;

use super::comparison::ComparisonWarning;
use super::film::FRAMES;
use super::record::{Given, Record, RecordFolder};
use super::text::Report;
use crate::error::EvaluateError;

/// The most clips on a page, whose size grows with them.
const CLIPS: usize = 24;
/// Frames a second.
const RATE: u32 = 15;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

#[derive(Serialize)]
struct PageData<'a> {
    heading: &'a str,
    protocol: &'a [String],
    warnings: Vec<String>,
    rows: Vec<&'a str>,
    /// Rows that are worth a person's judgement.
    contenders: Vec<&'a str>,
    rate: u32,
    clips: Vec<PageClip<'a>>,
}

#[derive(Serialize)]
struct PageClip<'a> {
    name: &'a str,
    /// Size of a frame in its film.
    width: usize,
    height: usize,
    frames: usize,
    /// Films by row, as `data:` addresses.
    films: BTreeMap<&'a str, String>,
}

/// Writes `page.html`. `rivals` are rows that nobody needs to judge.
pub(crate) fn write(
    path: &Path,
    folder: &RecordFolder,
    report: &Report<'_>,
    rows: &[(String, Vec<Record>)],
    rivals: &[String],
) -> Result<(), EvaluateError> {
    let Some((_, first)) = rows.first() else { return Ok(()) };
    let names: Vec<&str> = rows.iter().map(|(row, _)| row.as_str()).collect();
    let judged = |row: &&str| *row != "truth" && !rivals.iter().any(|rival| rival == row);
    let mut contenders: Vec<&str> = names.iter().copied().filter(judged).collect();
    if contenders.len() < 2 {
        contenders = names.iter().copied().filter(|row| *row != "truth").collect();
    }
    let clips: Vec<PageClip<'_>> = first
        .iter()
        .take(CLIPS)
        .map(|record| {
            let clip = record.key.clip;
            let mut films: BTreeMap<&str, String> = BTreeMap::new();
            films.insert("given-reference", address(&folder.given_film(clip, Given::Reference))?);
            films.insert("given-frame", address(&folder.given_film(clip, Given::Frame))?);
            for row in &names {
                films.insert(row, address(&folder.film(clip, row))?);
            }
            let frames = folder.small_truth(clip)?.len().min(FRAMES);
            let (width, height) = load_picture(&folder.film(clip, &record.key.row))?.size();
            Ok(PageClip { name: &record.name, width, height: height / frames.max(1), frames, films })
        })
        .collect::<Result<_, EvaluateError>>()?;
    let warnings = report
        .warnings
        .iter()
        .map(|ComparisonWarning { fault, row, clip, text }| format!("{fault}: row {row}, {clip}: {text}"));
    let data = PageData {
        heading: report.heading,
        protocol: report.protocol,
        warnings: warnings.collect(),
        rows: names,
        contenders,
        rate: RATE,
        clips,
    };
    let data = serde_json::to_string(&data)
        .map_err(|reason| EvaluateError::Malformed { path: path.into(), reason: reason.to_string() })?;
    Ok(write_atomic(path, page(&data).as_bytes())?)
}

/// The page with its parts put in. The data are last, so that nothing in them is taken for a place.
fn page(data: &str) -> String {
    // No name may end the element that holds the data.
    let data = data.replace('<', "\\u003c");
    PAGE.replacen("/*STYLE*/", STYLE, 1).replacen("/*SCRIPT*/", SCRIPT, 1).replacen("/*DATA*/", &data, 1)
}

/// A file as an address that holds its bytes.
fn address(path: &Path) -> Result<String, EvaluateError> {
    let bytes = std::fs::read(path).map_err(|source| EvaluateError::Unreadable { path: path.into(), source })?;
    Ok(format!("data:image/jpeg;base64,{}", base64(&bytes)))
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = char::from(LETTERS[number >> (18 - 6 * place) & 63]);
            text.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let check = |text: &str, expected: &str| assert_eq!(base64(text.as_bytes()), expected);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foobar", "Zm9vYmFy");
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn a_page_needs_no_other_file_and_no_name_ends_its_data() {
        let text = page("{\"heading\": \"</script><script>/*DATA*/\"}");
        assert!(text.contains("{\"heading\": \"\\u003c/script>\\u003cscript>/*DATA*/\"}"), "{text}");
        for outside in ["http://", "https://", "src=", "/*STYLE*/", "/*SCRIPT*/"] {
            assert!(!text.contains(outside), "{outside}");
        }
    }
}

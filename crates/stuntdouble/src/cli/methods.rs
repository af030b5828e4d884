//! Looks up the methods of `evaluate` by name: built-in rows, networks that are loaded only if a row needs them, and
//! folders with frames of other tools.

use std::path::{Path, PathBuf};

use evaluate::{FolderRow, OutsideRow, Row, holds_videos};
use fetch::{Digest, Store};
use stuntdouble::evaluation::{BUNDLED_ROWS, bundled_hash, bundled_row, finished_row};
use stuntdouble::events::Events;
use stuntdouble::pipeline::Tools;
use stuntdouble::{Error, models};

/// The beginning of a method that is a folder.
const FOLDER: &str = "folder:";
/// The row that finishes drafts.
const FINISHED: &str = "finished";

/// Where methods find what they need.
pub(super) struct Sources<'a> {
    pub(super) finisher: Option<&'a Path>,
    pub(super) store: &'a Store,
    pub(super) tools: &'a Tools,
    pub(super) events: &'a Events,
}

/// The rows of a run, and the hashes of their weights.
#[derive(Debug)]
pub(super) struct Methods {
    pub(super) rows: Vec<Row>,
    pub(super) provenance: Vec<String>,
}

/// The name of the row that a method is.
pub(super) fn row_name(method: &str, finisher: Option<&Path>) -> String {
    match (method, method.strip_prefix(FOLDER)) {
        (_, Some(folder)) => FolderRow::name_of(Path::new(folder)),
        ("paste", None) => "plate+cutout".into(),
        ("ours", None) => if finisher.is_some() { FINISHED } else { "draft" }.into(),
        (name, None) => name.into(),
    }
}

/// The rows of these names; `folders` are methods that may be among them.
pub(super) fn methods(names: &[String], folders: &[String], sources: &Sources<'_>) -> Result<Methods, Error> {
    let Sources { finisher, store, tools, events } = *sources;
    let mut others = Vec::new();
    for method in folders {
        let Some(folder) = method.strip_prefix(FOLDER).map(PathBuf::from) else { continue };
        let decoder = if holds_videos(&folder) { Some(models::ffmpeg(store, tools, events)?) } else { None };
        others.push(Row::Folder(FolderRow::open(&folder, decoder)?));
    }
    // Names are checked with placeholders first, because loading takes time.
    let stand_in =
        |name: &str| Row::Outside(OutsideRow { name: name.into(), version: 0, make: Box::new(|_| Ok(Vec::new())) });
    let networks = BUNDLED_ROWS.iter().map(|(name, _)| *name).chain([FINISHED]);
    let folder_names = others.iter().map(|row| row.name().to_owned()).collect::<Vec<_>>();
    Row::select(names, networks.chain(folder_names.iter().map(String::as_str)).map(stand_in).collect())?;
    let is_wanted = |name: &str| names.iter().any(|wanted| wanted == name);
    let mut provenance = Vec::new();
    for (name, mask) in BUNDLED_ROWS.into_iter().filter(|(name, _)| is_wanted(name)) {
        others.push(Row::Outside(bundled_row(name, mask)?));
        provenance.push(format!("weights of `{name}`: {}", bundled_hash()));
    }
    if is_wanted(FINISHED) {
        let missing =
            || Error::Setting { setting: "`--finisher`".into(), reason: "row `finished` needs a weight file".into() };
        let path = finisher.ok_or_else(missing)?;
        others.push(Row::Outside(finished_row(path)?));
        provenance.push(format!("weights of `{FINISHED}`: {}", hash(path)?));
    }
    Ok(Methods { rows: Row::select(names, others)?, provenance })
}

/// SHA-256 of a file.
pub(super) fn hash(path: &Path) -> Result<String, Error> {
    let digest = Digest::of_file(path).map_err(|source| Error::Io { action: "read", path: path.into(), source })?;
    Ok(digest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_the_names_of_their_rows() {
        let check = |method: &str, finisher: Option<&Path>, expected: &str| {
            assert_eq!(row_name(method, finisher), expected);
        };
        check("paste", None, "plate+cutout");
        check("ours", None, "draft");
        check("ours", Some(Path::new("weights")), "finished");
        check("folder:/results/DisCo/", None, "folder-disco");
        check("rigid", None, "rigid");
    }
}

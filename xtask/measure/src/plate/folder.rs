//! Reads folders of pictures.

use std::error::Error;
use std::path::{Path, PathBuf};

use media::image_file::{load_mask, load_picture};
use media::picture::{Mask, Picture};

/// The entries of a folder, sorted by name; none when it is absent.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries
}

/// The last component of a path.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

pub(crate) fn pictures(folder: &Path) -> Result<Vec<Picture>, Box<dyn Error>> {
    entries(folder).iter().map(|path| Ok(load_picture(path)?)).collect()
}

pub(crate) fn masks(folder: &Path) -> Result<Vec<Mask>, Box<dyn Error>> {
    entries(folder).iter().map(|path| Ok(load_mask(path, None)?)).collect()
}

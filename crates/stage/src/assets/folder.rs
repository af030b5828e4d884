//! Reads a folder of assets; [`crate::Assets`] describes its layout.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;

use crate::assets::collection::{Assets, Named};
use crate::assets::gltf::mesh::{character, objects};
use crate::assets::gltf::motion::motions;
use crate::assets::pack::file::is_pack;
use crate::assets::panorama::Panorama;
use crate::assets::prop::Prop;
use crate::assets::texture_file::{TextureCache, decode_texture, read_limited};
use crate::assets::video::{VIDEO_MEMORY, Video};
use crate::error::{StageError, Warning};
use crate::linear::Vec3;

/// Longest side of a kept texture, in texels.
const TEXTURE_SIDE: usize = 512;

/// File endings of persons, motions and props.
const MODELS: &[&str] = &["glb", "gltf", "vrm"];
/// File endings of pictures.
const PICTURES: &[&str] = &["jpg", "jpeg", "png", "webp"];

/// Light of one panorama, from its file.
#[derive(Deserialize)]
struct Lighting {
    brightest_dir: [f32; 3],
    sh9_rgb: [[f32; 3]; 9],
}

impl Assets {
    /// Reads a folder, or a file written by [`pack`](Self::pack). A file that cannot be used is omitted with a warning.
    ///
    /// # Errors
    /// When the folder cannot be read or contains none of the asset folders.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Warning>), StageError> {
        if is_pack(folder) {
            return Ok((Self::unpack(folder)?, Vec::new()));
        }
        let mut assets = Self::default();
        let mut warnings = Vec::new();
        let mut known = false;
        let cache = TextureCache::new(TEXTURE_SIDE);
        for entry in sorted_entries(folder)? {
            let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let is_folder = entry.is_dir();
            match name.as_str() {
                _ if !is_folder => {}
                name if name.starts_with("characters") => {
                    let read = |path: &PathBuf| {
                        let pack = character_pack(path, name);
                        let person = character(path, &pack, &cache)?;
                        Ok(vec![Named::new(&pack, &stem(path), person)])
                    };
                    assets.characters.extend(gather(files(&entry, MODELS)?, read, &mut warnings));
                    known = true;
                }
                "motions" => {
                    let read = |path: &PathBuf| {
                        let pack = stem(path);
                        let list = motions(path, &pack)?;
                        Ok(list.into_iter().map(|motion| Named::new(&pack, &motion.name.clone(), motion)).collect())
                    };
                    assets.motions.extend(gather(files(&entry, MODELS)?, read, &mut warnings));
                    known = true;
                }
                "props" => {
                    let mut list: Vec<(PathBuf, Option<String>)> =
                        files(&entry, MODELS)?.into_iter().map(|path| (path, None)).collect();
                    for pack in sorted_entries(&entry)?.into_iter().filter(|path| path.is_dir()) {
                        let name = stem_of_folder(&pack);
                        list.extend(files(&pack, MODELS)?.into_iter().map(|path| (path, Some(name.clone()))));
                    }
                    let read = |(path, pack): &(PathBuf, Option<String>)| prop_file(path, pack.as_deref(), &cache);
                    assets.props.extend(gather(list, read, &mut warnings));
                    known = true;
                }
                "panoramas" => {
                    let lighting = entry.join("lighting.json");
                    let mut light: BTreeMap<String, Lighting> = BTreeMap::new();
                    if lighting.exists() {
                        match read_lighting(&lighting) {
                            Ok(read) => light = read,
                            Err(cause) => warnings.push(Warning { cause }),
                        }
                    }
                    let read = |path: &PathBuf| {
                        let texture = decode_texture(path, &read_limited(path)?)?.limited(1024);
                        let known =
                            light.get(&stem(path)).map(|light| (light.sh9_rgb, Vec3::from(light.brightest_dir)));
                        Ok(vec![Named::new("panorama", &stem(path), Panorama::new(&texture, known))])
                    };
                    assets.panoramas.extend(gather(files(&entry, PICTURES)?, read, &mut warnings));
                    known = true;
                }
                "textures" => {
                    let read = |path: &PathBuf| {
                        let texture = decode_texture(path, &read_limited(path)?)?;
                        Ok(vec![Named::new("texture", &stem(path), texture.limited(TEXTURE_SIDE))])
                    };
                    assets.textures.extend(gather(files(&entry, PICTURES)?, read, &mut warnings));
                    known = true;
                }
                "videos" => {
                    // Sequential, so that it is always the same video that no longer fits.
                    let mut memory = VIDEO_MEMORY;
                    for video in sorted_entries(&entry)?.into_iter().filter(|path| path.is_dir()) {
                        let read = files(&video, PICTURES).and_then(|paths| Video::load(&video, &paths, memory));
                        match read {
                            Ok(read) => {
                                memory -= read.bytes();
                                assets.videos.push(Named::new("video", &stem_of_folder(&video), read));
                            }
                            Err(cause) => warnings.push(Warning { cause }),
                        }
                    }
                    known = true;
                }
                _ => {}
            }
        }
        if !known {
            return Err(StageError::NoAssets { path: folder.to_owned() });
        }
        Ok((assets, warnings))
    }
}

/// Reads files in parallel. Results are in the order of the files.
fn gather<F: Sync, T: Send + Sync>(
    files: Vec<F>,
    read: impl Fn(&F) -> Result<Vec<Named<T>>, StageError> + Sync + Send,
    warnings: &mut Vec<Warning>,
) -> Vec<Named<T>> {
    let results: Vec<_> = files.par_iter().map(read).collect();
    let mut all = Vec::new();
    for result in results {
        match result {
            Ok(list) => all.extend(list),
            Err(cause) => warnings.push(Warning { cause }),
        }
    }
    all
}

fn prop_file(path: &Path, pack: Option<&str>, cache: &TextureCache) -> Result<Vec<Named<Prop>>, StageError> {
    let objects = objects(path, cache)?;
    let Some(pack) = pack else {
        let pack = stem(path);
        let named = |(name, mesh): (String, _)| {
            let prop = Prop::new(name.clone(), pack.clone(), mesh);
            Named::new(&pack, &name, prop)
        };
        return Ok(objects.into_iter().map(named).collect());
    };
    let mut whole = crate::mesh::Mesh::default();
    objects.iter().for_each(|(_, mesh)| whole.append(mesh));
    Ok(vec![Named::new(pack, &stem(path), Prop::new(stem(path), pack.to_owned(), whole))])
}

fn read_lighting(path: &Path) -> Result<BTreeMap<String, Lighting>, StageError> {
    let malformed = |found: String| StageError::Malformed {
        path: path.to_owned(),
        found,
        expected: "`sh9_rgb` and `brightest_dir` for each panorama",
    };
    let read: BTreeMap<String, Lighting> =
        serde_json::from_slice(&read_limited(path)?).map_err(|error| malformed(error.to_string()))?;
    let finite = |light: &Lighting| light.sh9_rgb.iter().flatten().chain(&light.brightest_dir).all(|n| n.is_finite());
    if !read.values().all(finite) {
        return Err(StageError::NotFinite { path: path.to_owned(), what: "a panorama's light" });
    }
    Ok(read)
}

/// The pack of a character: the first word of its name (`mh_00_f`), or the suffix of the folder's name.
fn character_pack(path: &Path, folder: &str) -> String {
    let stem = stem(path);
    match stem.split_once('_') {
        Some((pack, _)) if !pack.is_empty() => pack.to_owned(),
        _ => folder.trim_start_matches("characters").trim_start_matches('_').to_owned(),
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn stem_of_folder(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, StageError> {
    let unreadable = |source| StageError::Unreadable { path: folder.to_owned(), source };
    let mut entries = fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    entries.sort();
    Ok(entries)
}

fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, StageError> {
    let wanted = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        path.is_file() && endings.contains(&ending.as_str())
    };
    Ok(sorted_entries(folder)?.into_iter().filter(wanted).collect())
}

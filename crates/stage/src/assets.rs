//! Everything that can appear: loaded from a folder, or made up from seeds.
//!
//! | folder | content |
//! |---|---|
//! | `characters_*` | one rigged person a `.glb` or `.gltf` |
//! | `motions` | files of animations for a person's joints |
//! | `props/PACK` | one object a file; files directly in `props` hold one object a root node |
//! | `panoramas` | equirectangular pictures; `lighting.json` with their light is optional |
//! | `textures` | pictures for grounds, floors and walls |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;

use crate::acts::act;
use crate::character::Character;
use crate::error::{StageError, Warning};
use crate::furniture::furniture;
use crate::gltf_mesh;
use crate::linear::Vec3;
use crate::mannequin::mannequin;
use crate::motion::{Motion, motions};
use crate::pack::is_pack;
use crate::panorama::Panorama;
use crate::pattern::{covering, sky};
use crate::prop::Prop;
use crate::spec::{Build, Cast};
use crate::split::Split;
use crate::texture::Texture;
use crate::texture_file::{TextureCache, decode_texture, read_limited};

/// Longest side of a kept texture, in texels.
const TEXTURE_SIDE: usize = 512;

/// An asset under its name.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// `pack/name`.
    pub id: String,
    /// The part it belongs to.
    pub split: Split,
    /// The asset.
    pub item: Arc<T>,
}

impl<T> Named<T> {
    pub(crate) fn new(pack: &str, name: &str, item: T) -> Self {
        Self { id: format!("{pack}/{name}"), split: Split::of(pack, name), item: Arc::new(item) }
    }
}

/// All assets of a folder, each list sorted by name.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    pub(crate) characters: Vec<Named<Character>>,
    pub(crate) motions: Vec<Named<Motion>>,
    pub(crate) props: Vec<Named<Prop>>,
    pub(crate) panoramas: Vec<Named<Panorama>>,
    pub(crate) textures: Vec<Named<Texture>>,
}

/// Light of one panorama as its file gives it.
#[derive(Deserialize)]
struct Lighting {
    brightest_dir: [f32; 3],
    sh9_rgb: [[f32; 3]; 9],
}

impl Assets {
    /// No files: everything that appears is made up.
    pub fn procedural() -> Self {
        Self::default()
    }

    /// Reads a folder, or a file that [`pack`](Self::pack) wrote. A file that cannot be used is left out and told as a warning.
    ///
    /// # Errors
    /// When the folder cannot be read or holds none of the asset folders.
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
                        let person = gltf_mesh::character(path, &pack, &cache)?;
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
                _ => {}
            }
        }
        if !known {
            return Err(StageError::NoAssets { path: folder.to_owned() });
        }
        Ok((assets, warnings))
    }

    /// Number of characters, motions, props, panoramas and textures.
    pub fn counts(&self) -> [usize; 5] {
        [self.characters.len(), self.motions.len(), self.props.len(), self.panoramas.len(), self.textures.len()]
    }

    /// Names of everything that is loaded, class by class.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        fn of<T>(list: &[Named<T>]) -> impl Iterator<Item = &[u8]> {
            list.iter().map(|named| named.id.as_bytes())
        }
        let lists = of(&self.characters).chain(of(&self.motions)).chain(of(&self.props));
        lists.chain(of(&self.panoramas)).chain(of(&self.textures))
    }

    /// Loaded characters.
    pub fn characters(&self) -> &[Named<Character>] {
        &self.characters
    }

    /// Loaded motions.
    pub fn motions(&self) -> &[Named<Motion>] {
        &self.motions
    }

    /// Loaded props.
    pub fn props(&self) -> &[Named<Prop>] {
        &self.props
    }

    pub(crate) fn character(&self, id: &str) -> Result<Arc<Character>, StageError> {
        match id.strip_prefix("mannequin/").and_then(|seed| seed.parse().ok()) {
            Some(seed) => mannequin(seed).map(Arc::new).map_err(|_| unknown("character", id)),
            None => find(&self.characters, "character", id),
        }
    }

    /// The character of an identity, with its proportions.
    pub(crate) fn cast(&self, cast: &Cast) -> Result<Arc<Character>, StageError> {
        let character = self.character(&cast.character)?;
        if cast.build == Build::OWN {
            return Ok(character);
        }
        let rebuilt = character.rebuilt(&cast.build);
        rebuilt
            .map(Arc::new)
            .map_err(|missing| StageError::NotHumanoid { path: cast.character.clone().into(), missing })
    }

    pub(crate) fn motion(&self, id: &str) -> Result<Arc<Motion>, StageError> {
        match id.strip_prefix("built-in/") {
            Some(name) => act(name).map(Arc::new).ok_or_else(|| unknown("motion", id)),
            None => find(&self.motions, "motion", id),
        }
    }

    pub(crate) fn prop(&self, id: &str) -> Result<Arc<Prop>, StageError> {
        if let Some(seed) = id.strip_prefix("ball/").and_then(|seed| seed.parse().ok()) {
            return Ok(Arc::new(Prop::ball(seed)));
        }
        match id.strip_prefix("furniture/").and_then(|seed| seed.parse().ok()) {
            Some(seed) => Ok(Arc::new(furniture(seed))),
            None => find(&self.props, "prop", id),
        }
    }

    pub(crate) fn panorama(&self, id: &str) -> Result<Arc<Panorama>, StageError> {
        match id.strip_prefix("sky/").and_then(|seed| seed.parse().ok()) {
            Some(seed) => Ok(Arc::new(sky(seed))),
            None => find(&self.panoramas, "panorama", id),
        }
    }

    pub(crate) fn texture(&self, id: &str) -> Result<Arc<Texture>, StageError> {
        match id.strip_prefix("pattern/").and_then(|seed| seed.parse().ok()) {
            Some(seed) => Ok(Arc::new(covering(seed))),
            None => find(&self.textures, "texture", id),
        }
    }
}

/// Endings of files with persons, motions and things.
const MODELS: &[&str] = &["glb", "gltf", "vrm"];
/// Endings of pictures.
const PICTURES: &[&str] = &["jpg", "jpeg", "png", "webp"];

fn unknown(kind: &'static str, name: &str) -> StageError {
    StageError::UnknownAsset { kind, name: name.to_owned() }
}

fn find<T>(list: &[Named<T>], kind: &'static str, id: &str) -> Result<Arc<T>, StageError> {
    let found = list.iter().find(|named| named.id == id).ok_or_else(|| unknown(kind, id))?;
    Ok(found.item.clone())
}

/// Reads files in parallel; the result is in the order of the files.
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
    let objects = gltf_mesh::objects(path, cache)?;
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

/// The pack of a character: the first word of its name (`mh_00_f`), or the folder's ending.
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

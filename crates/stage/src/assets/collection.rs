//! Holds all assets that can appear in clips. Assets are loaded from a folder or generated from seeds.
//!
//! | folder | content |
//! |---|---|
//! | `characters_*` | one rigged person in each `.glb` or `.gltf` file |
//! | `motions` | files of animations for a person's joints |
//! | `props/PACK` | each file contains one object; a file directly in `props` contains one object per root node |
//! | `panoramas` | equirectangular pictures, and optionally `lighting.json`, which describes their light |
//! | `textures` | pictures for ground, floors and walls |
//! | `videos/NAME` | frames of a moving camera, without people |

use std::sync::Arc;

use crate::assets::furniture::furniture;
use crate::assets::panorama::Panorama;
use crate::assets::pattern::{covering, sky};
use crate::assets::prop::Prop;
use crate::assets::video::Video;
use crate::body::acts::act;
use crate::body::character::Character;
use crate::body::mannequin::mannequin;
use crate::body::motion::Motion;
use crate::error::StageError;
use crate::spec::{Build, Cast};
use crate::split::Split;
use crate::texture::Texture;

/// An asset with its name.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// The asset's identifier, `pack/name`.
    pub id: String,
    /// Its split.
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
    pub(crate) videos: Vec<Named<Video>>,
}

impl Assets {
    /// A collection without files. Everything in a clip is then generated.
    pub fn procedural() -> Self {
        Self::default()
    }

    /// Number of characters, motions, props, panoramas, textures and videos.
    pub fn counts(&self) -> [usize; 6] {
        let [characters, motions, props] = [self.characters.len(), self.motions.len(), self.props.len()];
        [characters, motions, props, self.panoramas.len(), self.textures.len(), self.videos.len()]
    }

    /// Names of all loaded assets, by class.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        fn of<T>(list: &[Named<T>]) -> impl Iterator<Item = &[u8]> {
            list.iter().map(|named| named.id.as_bytes())
        }
        let lists = of(&self.characters).chain(of(&self.motions)).chain(of(&self.props));
        lists.chain(of(&self.panoramas)).chain(of(&self.textures)).chain(of(&self.videos))
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

    /// The character of an identity, with its proportions applied.
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

    pub(crate) fn video(&self, id: &str) -> Result<Arc<Video>, StageError> {
        find(&self.videos, "video", id)
    }
}

fn unknown(kind: &'static str, name: &str) -> StageError {
    StageError::UnknownAsset { kind, name: name.to_owned() }
}

fn find<T>(list: &[Named<T>], kind: &'static str, id: &str) -> Result<Arc<T>, StageError> {
    let found = list.iter().find(|named| named.id == id).ok_or_else(|| unknown(kind, id))?;
    Ok(found.item.clone())
}

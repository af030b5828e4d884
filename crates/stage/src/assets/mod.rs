//! Loads the assets that can appear in a clip from files and folders, or generates them from seeds.

pub(crate) mod collection;
pub(crate) mod folder;
pub(crate) mod furniture;
pub(crate) mod gltf;
pub(crate) mod pack;
pub(crate) mod panorama;
pub(crate) mod pattern;
pub(crate) mod prop;
pub(crate) mod seat;
pub(crate) mod texture_file;
pub(crate) mod use_class;
pub(crate) mod use_words;
pub(crate) mod video;

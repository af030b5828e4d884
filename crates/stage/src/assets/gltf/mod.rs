//! Reads meshes, characters and motions from glTF files.

pub(crate) mod file;
pub(crate) mod humanoid;
pub(crate) mod mesh;
pub(crate) mod motion;
pub(crate) mod uri;

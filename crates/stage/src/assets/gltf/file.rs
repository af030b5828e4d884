//! Opens untrusted `.glb` and `.gltf` files. Sizes are checked before memory is allocated, and every accessor is
//! checked against its bounds. Referenced files must lie in the same folder, and cycles of nodes are an error.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use gltf::accessor::{DataType, Dimensions};

use crate::assets::gltf::humanoid::humanoid_names;
use crate::assets::gltf::uri::{bytes_from_base64, without_percent};
use crate::assets::texture_file::{TextureCache, decode_texture, read_limited};
use crate::error::StageError;
use crate::linear::{Affine, Vec3};
use crate::texture::Texture;

/// Most elements in one accessor.
const COUNT_LIMIT: u64 = 8_000_000;
/// Most nodes in one file.
const NODE_LIMIT: usize = 10_000;

/// An open file with its buffers.
pub(crate) struct GltfFile {
    pub(crate) path: PathBuf,
    pub(crate) document: gltf::Document,
    buffers: Vec<Vec<u8>>,
    /// Parent of each node.
    pub(crate) parents: Vec<Option<usize>>,
    /// Names by which joints are recognised: those of the humanoid map if there is one, otherwise the nodes' own names.
    pub(crate) names: Vec<String>,
}

impl GltfFile {
    /// Reads the file and everything it refers to, except textures.
    pub(crate) fn open(path: &Path) -> Result<Self, StageError> {
        let bytes = read_limited(path)?;
        let gltf = gltf::Gltf::from_slice(&bytes).map_err(|error| StageError::Malformed {
            path: path.to_owned(),
            found: error.to_string(),
            expected: "a valid glTF 2.0 file",
        })?;
        let mut file =
            Self { path: path.to_owned(), parents: vec![], names: vec![], buffers: vec![], document: gltf.document };
        let mut blob = gltf.blob;
        for buffer in file.document.buffers() {
            let data = match buffer.source() {
                gltf::buffer::Source::Bin => blob.take().unwrap_or_default(),
                gltf::buffer::Source::Uri(uri) => file.fetch(uri)?,
            };
            if data.len() < buffer.length() {
                return Err(file.malformed(
                    format!("length of buffer {} in bytes: {}", buffer.index(), data.len()),
                    "a buffer as long as its header says",
                ));
            }
            file.buffers.push(data);
        }
        file.parents = file.tree()?;
        let humanoid = humanoid_names(&bytes);
        let own = |node: gltf::Node<'_>| match humanoid.is_empty() {
            true => node.name().unwrap_or("").to_owned(),
            false => humanoid.get(&node.index()).cloned().unwrap_or_default(),
        };
        file.names = file.document.nodes().map(own).collect();
        Ok(file)
    }

    pub(crate) fn malformed(&self, found: String, expected: &'static str) -> StageError {
        StageError::Malformed { path: self.path.clone(), found, expected }
    }

    /// The bytes behind a relative file name or a data URI.
    fn fetch(&self, uri: &str) -> Result<Vec<u8>, StageError> {
        if let Some(data) = uri.strip_prefix("data:") {
            let encoded = data.split_once(";base64,").map(|(_, encoded)| encoded);
            return encoded
                .and_then(bytes_from_base64)
                .ok_or_else(|| self.malformed("data URI without base64".into(), "base64 data in data URIs"));
        }
        read_limited(&self.neighbour(uri)?)
    }

    /// Reads a file beside this one. Nothing outside its folder is accepted.
    fn neighbour(&self, uri: &str) -> Result<PathBuf, StageError> {
        let name = PathBuf::from(without_percent(uri));
        let inside = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || uri.contains("://") {
            return Err(self.malformed(format!("reference `{uri}`"), "references inside the file's own folder"));
        }
        Ok(self.path.parent().unwrap_or(Path::new("")).join(name))
    }

    /// The parent of each node, after checking that the nodes form trees.
    fn tree(&self) -> Result<Vec<Option<usize>>, StageError> {
        let count = self.document.nodes().len();
        if count > NODE_LIMIT {
            let (path, found) = (self.path.clone(), count as u64);
            return Err(StageError::TooLarge { path, what: "number of nodes", found, limit: NODE_LIMIT as u64 });
        }
        let mut parents = vec![None; count];
        for node in self.document.nodes() {
            for child in node.children() {
                if parents[child.index()].replace(node.index()).is_some() {
                    return Err(StageError::CyclicHierarchy { path: self.path.clone(), node: child.index() });
                }
            }
        }
        // Each node has at most one parent, so a cycle is a chain upwards that is longer than the number of nodes.
        // Marking nodes known to reach a root keeps this linear.
        let mut rooted = vec![false; count];
        for start in 0..count {
            let mut chain = vec![];
            let mut at = Some(start);
            while let Some(node) = at.filter(|&node| !rooted[node]) {
                if chain.len() > count {
                    return Err(StageError::CyclicHierarchy { path: self.path.clone(), node: start });
                }
                chain.push(node);
                at = parents[node];
            }
            chain.into_iter().for_each(|node| rooted[node] = true);
        }
        Ok(parents)
    }

    /// The map from each node's space to the scene, in the file's rest pose.
    pub(crate) fn scene_from_nodes(&self) -> Result<Vec<Affine>, StageError> {
        let local: Vec<Affine> =
            self.document.nodes().map(|node| Affine::from_columns(node.transform().matrix())).collect();
        let mut world = Vec::with_capacity(local.len());
        for start in 0..local.len() {
            let mut map = local[start];
            let mut at = self.parents[start];
            while let Some(node) = at {
                map = local[node].after(&map);
                at = self.parents[node];
            }
            if !map.is_finite() {
                return Err(StageError::NotFinite { path: self.path.clone(), what: "a node's transform" });
            }
            world.push(map);
        }
        Ok(world)
    }

    /// `N` numbers for each element. Integers marked as normalised become fractions.
    pub(crate) fn numbers<const N: usize>(&self, accessor: &gltf::Accessor<'_>) -> Result<Vec<[f32; N]>, StageError> {
        let width = accessor.data_type().size();
        let scale = match (accessor.normalized(), accessor.data_type()) {
            (false, _) | (_, DataType::F32 | DataType::U32) => 1.0,
            (true, DataType::I8) => 1.0 / 127.0,
            (true, DataType::U8) => 1.0 / 255.0,
            (true, DataType::I16) => 1.0 / 32767.0,
            (true, DataType::U16) => 1.0 / 65535.0,
        };
        let number = |bytes: &[u8]| -> f32 {
            scale
                * match accessor.data_type() {
                    DataType::I8 => f32::from(bytes[0] as i8),
                    DataType::U8 => f32::from(bytes[0]),
                    DataType::I16 => f32::from(i16::from_le_bytes([bytes[0], bytes[1]])),
                    DataType::U16 => f32::from(u16::from_le_bytes([bytes[0], bytes[1]])),
                    DataType::U32 => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as f32,
                    DataType::F32 => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
                }
        };
        self.elements(accessor, N, |bytes| {
            std::array::from_fn(|part| {
                let value = number(&bytes[part * width..]);
                if accessor.normalized() { value.max(-1.0) } else { value }
            })
        })
    }

    /// `N` integers for each element.
    pub(crate) fn integers<const N: usize>(&self, accessor: &gltf::Accessor<'_>) -> Result<Vec<[u32; N]>, StageError> {
        let width = accessor.data_type().size();
        let kind = accessor.data_type();
        if !matches!(kind, DataType::U8 | DataType::U16 | DataType::U32) {
            return Err(
                self.malformed(format!("accessor {} has the type {kind:?}", accessor.index()), "unsigned integers")
            );
        }
        self.elements(accessor, N, |bytes| {
            std::array::from_fn(|part| {
                let bytes = &bytes[part * width..];
                match kind {
                    DataType::U8 => u32::from(bytes[0]),
                    DataType::U16 => u32::from(u16::from_le_bytes([bytes[0], bytes[1]])),
                    _ => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
                }
            })
        })
    }

    /// Splits an accessor into elements of `parts` components, with every bound checked.
    fn elements<T>(
        &self,
        accessor: &gltf::Accessor<'_>,
        parts: usize,
        read: impl Fn(&[u8]) -> T,
    ) -> Result<Vec<T>, StageError> {
        let found = match accessor.dimensions() {
            Dimensions::Scalar => 1,
            Dimensions::Vec2 => 2,
            Dimensions::Vec3 => 3,
            Dimensions::Vec4 | Dimensions::Mat2 => 4,
            Dimensions::Mat3 => 9,
            Dimensions::Mat4 => 16,
        };
        let index = accessor.index();
        if found < parts {
            return Err(self.malformed(
                format!("number of components of accessor {index}: {found}"),
                "the number that its use requires",
            ));
        }
        let count = accessor.count();
        if count as u64 > COUNT_LIMIT {
            let path = self.path.clone();
            return Err(StageError::TooLarge {
                path,
                what: "accessor length",
                found: count as u64,
                limit: COUNT_LIMIT,
            });
        }
        let Some(view) = accessor.view().filter(|_| accessor.sparse().is_none()) else {
            return Err(self.malformed(
                format!("sparse or empty accessor {index}"),
                "accessors that are neither sparse nor empty",
            ));
        };
        let size = found * accessor.data_type().size();
        let stride = view.stride().unwrap_or(size);
        let slice = self
            .buffers
            .get(view.buffer().index())
            .and_then(|buffer| buffer.get(view.offset()..)?.get(..view.length())?.get(accessor.offset()..));
        let needed = (count as u64).saturating_sub(1).saturating_mul(stride as u64) + size as u64;
        match slice {
            Some(slice) if stride >= size && slice.len() as u64 >= needed => {
                Ok((0..count).map(|element| read(&slice[element * stride..element * stride + size])).collect())
            }
            _ if count == 0 => Ok(Vec::new()),
            _ => Err(self.malformed(format!("accessor {index} exceeds its buffer"), "accessors inside their buffers")),
        }
    }

    /// Positions or directions, all finite.
    pub(crate) fn vectors(&self, accessor: &gltf::Accessor<'_>, what: &'static str) -> Result<Vec<Vec3>, StageError> {
        let vectors: Vec<Vec3> = self.numbers::<3>(accessor)?.into_iter().map(Vec3::from).collect();
        if vectors.iter().all(|vector| vector.is_finite()) {
            Ok(vectors)
        } else {
            Err(StageError::NotFinite { path: self.path.clone(), what })
        }
    }

    /// A texture of this file.
    pub(crate) fn texture(
        &self,
        texture: &gltf::Texture<'_>,
        cache: &TextureCache,
    ) -> Result<Arc<Texture>, StageError> {
        match texture.source().source() {
            gltf::image::Source::Uri { uri, .. } if !uri.starts_with("data:") => cache.load(&self.neighbour(uri)?),
            gltf::image::Source::Uri { uri, .. } => {
                Ok(Arc::new(decode_texture(&self.path, &self.fetch(uri)?)?.limited(cache.limit())))
            }
            gltf::image::Source::View { view, .. } => {
                let bytes = self
                    .buffers
                    .get(view.buffer().index())
                    .and_then(|buffer| buffer.get(view.offset()..)?.get(..view.length()))
                    .ok_or_else(|| self.malformed("a picture exceeds its buffer".into(), "pictures inside buffers"))?;
                Ok(Arc::new(decode_texture(&self.path, bytes)?.limited(cache.limit())))
            }
        }
    }
}

//! Reads untrusted files into memory, and decodes pictures into textures. Sizes are checked before memory is allocated.

use std::collections::HashMap;
use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::StageError;
use crate::texture::Texture;

/// Largest file read, in bytes.
const FILE_LIMIT: u64 = 256 << 20;
/// Longest side of a texture, in texels.
const TEXTURE_SIDE_LIMIT: u32 = 8192;

/// Textures that many files share are read only once.
pub(crate) struct TextureCache {
    limit: usize,
    read: Mutex<HashMap<PathBuf, Arc<Texture>>>,
}

impl TextureCache {
    /// Textures are scaled to sides of at most `limit` texels.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, read: Mutex::new(HashMap::new()) }
    }

    /// Longest side kept, in texels.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The texture in a picture file.
    pub(crate) fn load(&self, path: &Path) -> Result<Arc<Texture>, StageError> {
        if let Some(texture) = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(path) {
            return Ok(texture.clone());
        }
        let texture = Arc::new(decode_texture(path, &read_limited(path)?)?.limited(self.limit));
        self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path.to_owned(), texture.clone());
        Ok(texture)
    }
}

/// Reads a whole file that is not larger than the limit.
pub(crate) fn read_limited(path: &Path) -> Result<Vec<u8>, StageError> {
    let unreadable = |source| StageError::Unreadable { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size > FILE_LIMIT {
        let path = path.to_owned();
        return Err(StageError::TooLarge { path, what: "file size in bytes", found: size, limit: FILE_LIMIT });
    }
    let mut bytes = Vec::with_capacity(size as usize);
    BufReader::new(file).take(FILE_LIMIT).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Decodes a texture from a PNG, JPEG or WebP.
pub(crate) fn decode_texture(path: &Path, bytes: &[u8]) -> Result<Texture, StageError> {
    let picture = decode_picture(path, bytes)?;
    let (width, height) = picture.dimensions();
    Ok(Texture::new(width as usize, height as usize, picture.pixels().map(|pixel| pixel.0).collect()))
}

/// Decodes a PNG, JPEG or WebP picture whose header states an acceptable size.
pub(crate) fn decode_picture(path: &Path, bytes: &[u8]) -> Result<image::RgbaImage, StageError> {
    let malformed =
        |found: String| StageError::Malformed { path: path.to_owned(), found, expected: "a PNG, JPEG or WebP picture" };
    let reader = || image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format();
    let (width, height) = reader()
        .map_err(|error| malformed(error.to_string()))?
        .into_dimensions()
        .map_err(|error| malformed(error.to_string()))?;
    let side = width.max(height);
    if side > TEXTURE_SIDE_LIMIT {
        return Err(StageError::TooLarge {
            path: path.to_owned(),
            what: "longest side of a texture",
            found: u64::from(side),
            limit: u64::from(TEXTURE_SIDE_LIMIT),
        });
    }
    let mut reader = reader().map_err(|error| malformed(error.to_string()))?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(TEXTURE_SIDE_LIMIT);
    limits.max_image_height = Some(TEXTURE_SIDE_LIMIT);
    limits.max_alloc = Some(FILE_LIMIT * 2);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| malformed(error.to_string()))?.into_rgba8();
    if width == 0 || height == 0 {
        return Err(malformed("an empty picture".into()));
    }
    Ok(picture)
}

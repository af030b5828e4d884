//! Stores videos in asset packs, with each frame as a JPEG.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, RgbImage};

use crate::assets::collection::Named;
use crate::assets::pack::byte_stream::{Damage, Reader, Writer};
use crate::assets::pack::named::{name, names};
use crate::assets::texture_file::decode_picture;
use crate::assets::video::{VIDEO_MEMORY, VIDEO_SIDE, Video, limited};

/// Quality of the pictures, of 100.
const QUALITY: u8 = 84;

/// Writes videos with sides of at most `side` pixels.
pub(crate) fn write_videos(out: &mut Writer, videos: &[Named<Video>], side: u32) -> Result<(), String> {
    let mut failed = None;
    out.list(videos, |out, named| {
        name(out, named);
        out.list(named.item.frames(), |out, picture| match jpeg(picture, side) {
            Ok(bytes) => out.bytes(&bytes),
            Err(reason) => failed = Some(reason),
        });
    });
    failed.map_or(Ok(()), Err)
}

pub(crate) fn read_videos(from: &mut Reader<'_>, path: &Path) -> Result<Vec<Named<Video>>, Damage> {
    let mut memory = VIDEO_MEMORY;
    from.list(|from| {
        let (pack, name) = names(from)?;
        Ok(Named::new(&pack, &name, read_video(from, path, &mut memory)?))
    })
}

fn jpeg(picture: &RgbImage, side: u32) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
    limited(picture.clone(), side).write_with_encoder(encoder).map_err(|error| error.to_string())?;
    Ok(out)
}

/// Reads a video into the remaining `memory`, in bytes.
fn read_video(from: &mut Reader<'_>, path: &Path, memory: &mut usize) -> Result<Video, Damage> {
    let frames = from.list(|from| {
        let picture = decode_picture(path, from.bytes()?).map_err(|error| error.to_string())?;
        let picture = limited(DynamicImage::ImageRgba8(picture).into_rgb8(), VIDEO_SIDE);
        *memory = memory.checked_sub(picture.as_raw().len()).ok_or("its videos exceed the memory limit")?;
        Ok(picture)
    })?;
    match frames.first() {
        Some(first) if frames.iter().all(|frame| frame.dimensions() == first.dimensions()) => Ok(Video::new(frames)),
        _ => Err("a video without pictures, or with pictures of different sizes".into()),
    }
}

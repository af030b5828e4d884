//! Reads HEIF and AVIF pictures. A phone's picture is a grid of tiles, but ffmpeg alone returns only the first tile, or
//! none. This module therefore determines which coded pictures form the whole picture, and their order and orientation.
//! The program ffmpeg decodes the tiles.

mod boxes;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use image::{DynamicImage, GrayImage, RgbImage};

use crate::child::{ChildLimits, Running};
use crate::error::{Error, Result};
use crate::ffmpeg::{Ffmpeg, PATIENCE, common_arguments};
use crate::picture::Plane;
use crate::picture_format::colour_profile::{numbers_to_srgb, to_srgb};
use crate::picture_format::decode::PictureLimits;
use crate::still::Still;
use boxes::{Boxes, Cursor, Id, Property};

/// Largest number of tiles in a picture.
const MOST_TILES: usize = 4096;
/// The start code of a unit in an HEVC stream.
const START: [u8; 4] = [0, 0, 0, 1];

/// Reads a picture.
pub(crate) fn load(path: &Path, bytes: &[u8], limits: PictureLimits, ffmpeg: &Ffmpeg) -> Result<Still> {
    let file = File { path, bytes, limits, ffmpeg };
    let boxes = Boxes::read(bytes).ok_or_else(|| file.damaged("its boxes cannot be read"))?;
    let (width, height, samples) = file.decode(&boxes, boxes.primary, 3)?;
    let image = RgbImage::from_raw(width, height, samples);
    let image: DynamicImage = image.ok_or_else(|| file.damaged("samples are missing"))?.into();
    let image = turned(in_srgb(image, &boxes), &boxes, boxes.primary);
    let mut still = Still::from_image(image);
    if let Some(alpha) = boxes.alpha() {
        let (width, height, samples) = file.decode(&boxes, alpha, 1)?;
        let mask = GrayImage::from_raw(width, height, samples).ok_or_else(|| file.damaged("samples are missing"))?;
        let mask = turned(mask.into(), &boxes, boxes.primary).into_luma8();
        let mask = Plane::from_cells(mask.width() as usize, mask.height() as usize, mask.into_raw());
        if mask.size() == still.picture.size() {
            still.coverage = Some(mask);
        }
    }
    Ok(still)
}

fn in_srgb(image: DynamicImage, boxes: &Boxes) -> DynamicImage {
    let own = boxes
        .properties(boxes.primary)
        .chain(boxes.made_of(boxes.primary).first().into_iter().flat_map(|tile| boxes.properties(*tile)));
    let own: Vec<_> = own.collect();
    let icc = own.iter().find_map(|property| if let Property::Icc(icc) = property { Some(icc) } else { None });
    if let Some(icc) = icc {
        return to_srgb(image, &[], Some(icc));
    }
    let numbers = own.iter().find_map(|property| match property {
        Property::Numbers(primaries, transfer) => Some((*primaries, *transfer)),
        _ => None,
    });
    match numbers {
        Some((primaries, transfer)) => numbers_to_srgb(image, primaries, transfer),
        None => image,
    }
}

/// Applies the rotations and mirrors of an item, in their order.
fn turned(image: DynamicImage, boxes: &Boxes, item: Id) -> DynamicImage {
    boxes.properties(item).fold(image, |image, property| match property {
        Property::Turn(1) => image.rotate270(),
        Property::Turn(2) => image.rotate180(),
        Property::Turn(3) => image.rotate90(),
        Property::Mirror { top_and_bottom: true } => image.flipv(),
        Property::Mirror { top_and_bottom: false } => image.fliph(),
        _ => image,
    })
}

/// A picture file that is being read.
struct File<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    limits: PictureLimits,
    ffmpeg: &'a Ffmpeg,
}

/// The layout of the tiles of a picture.
struct Grid {
    columns: usize,
    size: (u32, u32),
    tile: (u32, u32),
    tiles: Vec<Id>,
}

impl File<'_> {
    fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::ImageDamaged { path: self.path.to_path_buf(), reason: reason.into() }
    }

    /// Columns, rows and samples of an item, `channels` a pixel.
    fn decode(&self, boxes: &Boxes, item: Id, channels: usize) -> Result<(u32, u32, Vec<u8>)> {
        let grid = self.grid(boxes, item)?;
        let (width, height) = grid.size;
        let (tile_width, tile_height) = grid.tile;
        let all = u64::from(tile_width) * u64::from(tile_height) * grid.tiles.len() as u64;
        let most = self.limits.max_pixels;
        if u64::from(width) * u64::from(height) > most || all > 4 * most {
            let (width, height) = (width.into(), height.into());
            return Err(Error::ImageTooLarge { path: self.path.to_path_buf(), width, height, limit: most });
        }
        let stream = self.stream(boxes, &grid)?;
        let tile = tile_width as usize * tile_height as usize * channels;
        let decoded = self.run(&stream, tile * grid.tiles.len(), channels)?;
        if decoded.len() != tile * grid.tiles.len() {
            let reason = format!("{} bytes were decoded, expected {}", decoded.len(), tile * grid.tiles.len());
            return Err(self.damaged(reason));
        }
        let mut samples = vec![0; width as usize * height as usize * channels];
        for (index, tile) in decoded.chunks_exact(tile).enumerate() {
            let (x, y) = (index % grid.columns * tile_width as usize, index / grid.columns * tile_height as usize);
            for (row, line) in tile.chunks_exact(tile_width as usize * channels).enumerate() {
                let (Some(columns), true) = ((width as usize).checked_sub(x), y + row < height as usize) else {
                    continue;
                };
                let length = columns.min(tile_width as usize) * channels;
                let start = ((y + row) * width as usize + x) * channels;
                samples[start..start + length].copy_from_slice(&line[..length]);
            }
        }
        Ok((width, height, samples))
    }

    /// How coded pictures form an item: one picture, or a grid of them.
    fn grid(&self, boxes: &Boxes, item: Id) -> Result<Grid> {
        let sized = |item| {
            let size = boxes.size(item).filter(|(width, height)| *width > 0 && *height > 0);
            size.ok_or_else(|| self.damaged("it contains a picture without a size"))
        };
        let size = sized(item)?;
        match boxes.kind(item).as_ref() {
            Some(b"hvc1" | b"hev1" | b"av01") => Ok(Grid { columns: 1, size, tile: size, tiles: vec![item] }),
            Some(b"grid") => {
                let tiles = boxes.made_of(item).to_vec();
                let data = boxes.data(self.bytes, item).unwrap_or_default();
                let &[_, _, rows, columns, ..] = data.as_slice() else {
                    return Err(self.damaged("its grid is incomplete"));
                };
                let (rows, columns) = (usize::from(rows) + 1, usize::from(columns) + 1);
                if tiles.len() != rows * columns || tiles.len() > MOST_TILES {
                    return Err(self.damaged(format!("found {} tiles, expected {}", tiles.len(), rows * columns)));
                }
                let tile = sized(tiles[0])?;
                let covers = |tile: u32, count: usize, all: u32| u64::from(tile) * count as u64 >= u64::from(all);
                if !covers(tile.0, columns, size.0) || !covers(tile.1, rows, size.1) {
                    return Err(self.damaged("its tiles do not cover the picture"));
                }
                Ok(Grid { columns, size, tile, tiles })
            }
            kind => {
                let kind = kind.map_or("nothing".into(), |kind| String::from_utf8_lossy(kind).into_owned());
                Err(Error::ImageUnsupported {
                    path: self.path.to_path_buf(),
                    found: format!("a HEIF picture of kind `{kind}`"),
                })
            }
        }
    }

    /// The coded pictures one after the other, as a stream that ffmpeg can read.
    fn stream(&self, boxes: &Boxes, grid: &Grid) -> Result<Stream> {
        let mut stream = Stream { demuxer: "hevc", bytes: vec![] };
        for (index, tile) in grid.tiles.iter().enumerate() {
            let data = boxes.data(self.bytes, *tile).ok_or_else(|| self.damaged("a picture in it is incomplete"))?;
            let config =
                boxes.properties(*tile).find(|property| matches!(property, Property::Hevc(_) | Property::Av1(_)));
            let added = match config {
                Some(Property::Hevc(config)) => add_hevc(&mut stream.bytes, config, &data),
                Some(Property::Av1(config)) => {
                    stream.demuxer = "ivf";
                    add_av1(&mut stream.bytes, grid.tile, index, config, &data)
                }
                _ => None,
            };
            added.ok_or_else(|| self.damaged("a picture in it cannot be parsed"))?;
        }
        Ok(stream)
    }

    /// What ffmpeg decoded.
    fn run(&self, stream: &Stream, expected: usize, channels: usize) -> Result<Vec<u8>> {
        let failed = |source: std::io::Error| Error::FfmpegFailed { reason: source.to_string() };
        let mut input = tempfile::NamedTempFile::new().map_err(failed)?;
        input.write_all(&stream.bytes).map_err(failed)?;
        let mut arguments = common_arguments("level+warning");
        let options = [
            "-protocol_whitelist",
            "file,pipe",
            "-format_whitelist",
            stream.demuxer,
            "-codec_whitelist",
            "hevc,av1,libdav1d,libaom-av1",
            "-f",
            stream.demuxer,
            "-i",
        ];
        arguments.extend(options.map(OsString::from));
        let mut name = OsString::from("file:");
        name.push(input.path());
        arguments.push(name);
        let format = if channels == 3 { "rgb24" } else { "gray" };
        arguments.extend(["-map", "0:v:0"].map(OsString::from));
        arguments.extend(self.ffmpeg.keep_times());
        arguments.extend(["-f", "rawvideo", "-pix_fmt", format, "pipe:1"].map(OsString::from));
        let limits = ChildLimits::for_frames_of(expected as u64, 16, false);
        let mut running = Running::start(self.ffmpeg.path(), &arguments, limits, (Stdio::null(), Stdio::piped()))?;
        let mut decoded = Vec::new();
        if let Some(stdout) = running.stdout.take() {
            let most = expected as u64 + 1;
            let read = running.waiting(PATIENCE, |_| { stdout }.take(most).read_to_end(&mut decoded));
            read.map_err(failed)?;
        }
        let ended = running.end(PATIENCE).map_err(failed)?;
        if decoded.is_empty() {
            return Err(self.damaged(ended.notes.reason()));
        }
        Ok(decoded)
    }
}

/// Coded pictures for ffmpeg.
struct Stream {
    demuxer: &'static str,
    bytes: Vec<u8>,
}

/// Adds a picture as units with start codes, its parameter sets first.
fn add_hevc(stream: &mut Vec<u8>, config: &[u8], data: &[u8]) -> Option<()> {
    let mut config = Cursor(config);
    let head = config.take(22)?;
    let length_bytes = usize::from(head[21] & 3) + 1;
    for _ in 0..config.number(1)? {
        config.number(1)?;
        for _ in 0..config.number(2)? {
            let length = config.number(2)? as usize;
            stream.extend_from_slice(&START);
            stream.extend_from_slice(config.take(length)?);
        }
    }
    let mut data = Cursor(data);
    while !data.0.is_empty() {
        let length = usize::try_from(data.number(length_bytes)?).ok()?;
        stream.extend_from_slice(&START);
        stream.extend_from_slice(data.take(length)?);
    }
    Some(())
}

/// Adds a picture as a frame of an IVF file.
fn add_av1(stream: &mut Vec<u8>, size: (u32, u32), index: usize, config: &[u8], data: &[u8]) -> Option<()> {
    let side = |length: u32| u16::try_from(length).ok().map(u16::to_le_bytes);
    if index == 0 {
        stream.extend_from_slice(b"DKIF\0\0\x20\0AV01");
        stream.extend(side(size.0)?.into_iter().chain(side(size.1)?));
        // 25 frames a second; the number of frames is left open.
        stream.extend([25_u32, 1, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    }
    // A temporal delimiter, the configuration's own units, the picture.
    let units = config.get(4..)?;
    let length = u32::try_from(2 + units.len() + data.len()).ok()?;
    stream.extend(length.to_le_bytes());
    stream.extend((index as u64).to_le_bytes());
    stream.extend_from_slice(&[0x12, 0]);
    stream.extend_from_slice(units);
    stream.extend_from_slice(data);
    Some(())
}

//! Loads videos that a moving camera filmed. Each frame of a clip shows one frame of the video behind the person.
//!
//! The video's camera parameters are unknown. The renderer's own camera therefore stands still, and the ground plane
//! that receives the shadow is a guess.

use std::path::{Path, PathBuf};

use image::imageops::{FilterType, crop_imm, resize};
use image::{DynamicImage, RgbImage};
use media::picture::Picture;
use rayon::prelude::*;

use crate::assets::panorama::is_open;
use crate::assets::texture_file::{decode_picture, read_limited};
use crate::error::StageError;
use crate::tone::light_from_display;

/// Longest side of a kept picture, in pixels.
pub(crate) const VIDEO_SIDE: u32 = 640;
/// Memory for the pictures of all videos, in bytes.
pub(crate) const VIDEO_MEMORY: usize = 512 << 20;
/// Error text: what a video folder should contain.
const EXPECTED: &str = "at least 2 pictures of one size in the order of their names";

/// A short film without people.
#[derive(Debug, Clone)]
pub(crate) struct Video {
    frames: Vec<RgbImage>,
    /// Mean light of the first picture.
    pub(crate) mean: [f32; 3],
    /// True if there is sky above.
    pub(crate) open: bool,
}

/// The visible part of a video's pictures. It is the same for a whole clip.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crop {
    /// Size relative to the largest part with the shape of the clip's picture, 0.05..=1.
    zoom: f32,
    /// Its position in the remaining space: 0 is left and top, 1 is right and bottom.
    place: [f32; 2],
}

impl Crop {
    pub(crate) fn new(zoom: f32, place: [f32; 2]) -> Result<Self, StageError> {
        if (0.05..=1.0).contains(&zoom) && place.iter().all(|share| (0.0..=1.0).contains(share)) {
            return Ok(Self { zoom, place });
        }
        let found = format!("zoom {zoom} at {place:?}");
        Err(StageError::BadSpec {
            what: "part of a video",
            found,
            expected: "a zoom of 0.05 to 1 at a position of 0 to 1",
        })
    }

    /// Left, top, columns and rows of the part, in a picture of `from` pixels, for a clip of `to` pixels.
    fn rectangle(self, from: (u32, u32), to: (usize, usize)) -> [u32; 4] {
        let scale = (from.0 as f32 / to.0 as f32).min(from.1 as f32 / to.1 as f32) * self.zoom;
        let side = |to: usize, from: u32| ((to as f32 * scale + 0.5) as u32).clamp(1, from);
        let (width, height) = (side(to.0, from.0), side(to.1, from.1));
        let begin = |free: u32, share: f32| ((free as f32 * share + 0.5) as u32).min(free);
        [begin(from.0 - width, self.place[0]), begin(from.1 - height, self.place[1]), width, height]
    }
}

impl Video {
    /// Reads the pictures at `paths`, up to `memory` bytes.
    ///
    /// # Errors
    /// The first unusable picture in the order of `paths`; [`StageError::TooLarge`] names the folder.
    pub(crate) fn load(folder: &Path, paths: &[PathBuf], memory: usize) -> Result<Self, StageError> {
        let malformed = |path: &Path, found: String| {
            let path = path.to_owned();
            StageError::Malformed { path, found, expected: EXPECTED }
        };
        let Some((head, rest)) = paths.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            return Err(malformed(folder, format!("number of pictures: {}", paths.len())));
        };
        let read = |path: &PathBuf| -> Result<((u32, u32), RgbImage), StageError> {
            let picture = DynamicImage::ImageRgba8(decode_picture(path, &read_limited(path)?)?).into_rgb8();
            Ok((picture.dimensions(), limited(picture, VIDEO_SIDE)))
        };
        // The first picture shows how much memory all will need, before the others are read.
        let (size, first) = read(head)?;
        let bytes = first.as_raw().len().saturating_mul(paths.len());
        if bytes > memory {
            let path = folder.to_owned();
            let what = "memory in bytes for this video in addition to the others";
            return Err(StageError::TooLarge { path, what, found: bytes as u64, limit: memory as u64 });
        }
        let same = |path: &PathBuf| match read(path)? {
            (other, _) if other != size => {
                Err(malformed(path, format!("picture of {}x{} after {}x{}", other.0, other.1, size.0, size.1)))
            }
            (_, picture) => Ok(picture),
        };
        let others: Vec<Result<RgbImage, StageError>> = rest.par_iter().map(same).collect();
        let mut frames = vec![first];
        for picture in others {
            frames.push(picture?);
        }
        Ok(Self::new(frames))
    }

    /// Creates a video from at least one picture. All have one size.
    pub(crate) fn new(frames: Vec<RgbImage>) -> Self {
        assert!(!frames.is_empty(), "a video without pictures");
        let pixels: Vec<[u8; 3]> = frames[0].pixels().map(|pixel| pixel.0).collect();
        let table = light_from_display();
        let mean = std::array::from_fn(|channel| {
            let sum: f64 = pixels.iter().map(|pixel| f64::from(table[usize::from(pixel[channel])])).sum();
            (sum / pixels.len().max(1) as f64) as f32
        });
        let open = is_open(&pixels, frames[0].width() as usize);
        Self { frames, mean, open }
    }

    /// The pictures as they are kept.
    pub(crate) fn frames(&self) -> &[RgbImage] {
        &self.frames
    }

    /// Memory that the pictures take.
    pub(crate) fn bytes(&self) -> usize {
        self.frames.iter().map(|picture| picture.as_raw().len()).sum()
    }

    /// The picture at `time`, in pictures. After the last one, the video runs backwards and then forwards again.
    fn frame(&self, time: usize) -> &RgbImage {
        let last = self.frames.len() - 1;
        let place = time % (2 * last).max(1);
        &self.frames[place.min(2 * last - place)]
    }

    /// The visible part at `time`, scaled to `size`.
    pub(crate) fn picture(&self, time: usize, crop: Crop, size: (usize, usize)) -> Picture {
        let frame = self.frame(time);
        let [left, top, width, height] = crop.rectangle(frame.dimensions(), size);
        let part = crop_imm(frame, left, top, width, height).to_image();
        let scaled = match (width as usize, height as usize) == size {
            true => part,
            false => resize(&part, size.0 as u32, size.1 as u32, FilterType::Triangle),
        };
        Picture::from_cells(size.0, size.1, scaled.pixels().map(|pixel| pixel.0).collect())
    }
}

/// Scales a picture so that no side is longer than `side`.
pub(crate) fn limited(picture: RgbImage, side: u32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let longest = width.max(height);
    if longest <= side {
        return picture;
    }
    let scaled = |length: u32| ((u64::from(length) * u64::from(side) / u64::from(longest)) as u32).max(1);
    resize(&picture, scaled(width), scaled(height), FilterType::Triangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_has_the_shape_of_the_picture_and_stays_inside() {
        let check = |from, to, zoom, place, expected: [u32; 4]| {
            assert_eq!(Crop { zoom, place }.rectangle(from, to), expected);
        };
        check((448, 256), (256, 256), 1.0, [0.0, 0.0], [0, 0, 256, 256]);
        check((448, 256), (64, 64), 1.0, [0.5, 1.0], [96, 0, 256, 256]);
        check((448, 256), (64, 64), 0.5, [1.0, 1.0], [320, 128, 128, 128]);
        check((30, 100), (60, 20), 1.0, [1.0, 0.5], [0, 45, 30, 10]);
        check((1, 1), (64, 8), 0.7, [1.0, 1.0], [0, 0, 1, 1]);
    }

    #[test]
    fn time_runs_back_after_the_last_picture() {
        let video = Video::new((0..4).map(|value| RgbImage::from_pixel(8, 8, image::Rgb([value; 3]))).collect());
        let order: Vec<u8> = (0..9).map(|time| video.frame(time).get_pixel(0, 0).0[0]).collect();
        assert_eq!(order, [0, 1, 2, 3, 2, 1, 0, 1, 2]);
        let still = Video::new(vec![RgbImage::new(8, 8)]);
        assert_eq!(still.frame(5).dimensions(), (8, 8));
    }

    #[test]
    fn large_pictures_are_kept_small() {
        assert_eq!(limited(RgbImage::new(1000, 500), 640).dimensions(), (640, 320));
        assert_eq!(limited(RgbImage::new(2000, 1), 640).dimensions(), (640, 1));
        assert_eq!(limited(RgbImage::new(640, 600), 640).dimensions(), (640, 600));
    }
}

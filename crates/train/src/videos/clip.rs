//! Reads and writes the files of a kept clip: pictures are strips of frames, one below another, and numbers are JSON.
//!
//! | file | content |
//! |---|---|
//! | `clip.json` | [`ClipNote`]: the clip's origin, times, and poses in pixels |
//! | `rgb.png`, `person.png` | the frames, and the coverage of the person |
//! | `plate.png` | the background behind the person, black elsewhere |
//! | `plate-seen.png` | 255 where at least one frame really showed the background |

use draft::hole::hole;
use draft::plate::{PlateConfig, PlateFrame, plates};
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};
use media::picture::{Mask, Picture, Plane};
use media::resize::fit_size;
use media::sheet::Sheet;
use perception::overlay::overlay_signals;
use perception::pose::Pose;
use perception::stream::SeenFrame;
use serde::{Deserialize, Serialize};

/// The suffixes of a clip's files, in order.
pub(super) const FILES: [&str; 5] = ["clip.json", "rgb.png", "person.png", "plate.png", "plate-seen.png"];
/// Number of frames on a sheet, and the largest side of a cell.
const SHEET_FRAMES: usize = 6;
const SHEET_SIDE: usize = 224;

/// The data of a clip besides its pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipNote {
    /// SHA-256 of the video.
    pub video: String,
    /// Index of the shot in the video, from 0.
    pub shot: usize,
    /// Index of the first frame in the video.
    pub first: usize,
    /// Columns and rows of a frame.
    pub size: (usize, usize),
    /// Times of the frames in microseconds.
    pub times: Vec<i64>,
    /// The person's points in pixels.
    pub poses: Vec<Pose>,
}

/// A clip with one person in every frame.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedClip {
    /// Its origin and poses.
    pub note: ClipNote,
    /// The frames.
    pub frames: Vec<Picture>,
    /// Coverage by the person.
    pub persons: Vec<Mask>,
    /// The frames without the person.
    pub plates: Vec<PlateFrame>,
}

impl PreparedClip {
    /// Fills in the background behind the person.
    pub(super) fn of_frames(video: &str, shot: usize, seen: Vec<SeenFrame>) -> Self {
        let first = seen.first().map_or(0, |frame| frame.index);
        let size = seen.first().map_or((0, 0), |frame| frame.picture.size());
        let times = seen.iter().map(|frame| frame.at.0).collect();
        let (mut frames, mut persons, mut poses) = (vec![], vec![], vec![]);
        for frame in seen {
            frames.push(frame.picture);
            persons.push(frame.signals.person);
            poses.push(frame.signals.pose.unwrap_or_default());
        }
        let plates = plates(&frames, &holes(&persons), &PlateConfig::default());
        let note = ClipNote { video: video.into(), shot, first, size, times, poses };
        Self { note, frames, persons, plates }
    }

    /// The region removed from each frame.
    pub fn holes(&self) -> Vec<Mask> {
        holes(&self.persons)
    }

    /// The contents of [`FILES`].
    pub(super) fn files(&self) -> Result<[Vec<u8>; 5], String> {
        let plates = self.plates.iter().zip(self.holes()).map(|(plate, hole)| only(&plate.picture, &hole));
        let seen: Vec<Mask> = self.plates.iter().map(|plate| plate.seen.clone()).collect();
        Ok([
            serde_json::to_vec(&self.note).map_err(|error| error.to_string())?,
            colour_strip(&self.frames)?,
            mask_strip(&self.persons)?,
            colour_strip(&plates.collect::<Vec<_>>())?,
            mask_strip(&seen)?,
        ])
    }

    /// Reads [`FILES`] back.
    pub(super) fn of_files([note, frames, persons, plates, seen]: &[Vec<u8>; 5]) -> Result<Self, String> {
        let note: ClipNote = serde_json::from_slice(note).map_err(|error| error.to_string())?;
        let count = note.poses.len();
        if count == 0 || note.times.len() != count {
            return Err(format!("{count} poses, {} times", note.times.len()));
        }
        let colour = |bytes: &[u8]| {
            let strip = decoded(bytes)?.into_rgb8();
            let size = (strip.width() as usize, strip.height() as usize);
            let cells: Vec<[u8; 3]> = strip.pixels().map(|pixel| pixel.0).collect();
            parts(&cells, size, &note)
        };
        let mask = |bytes: &[u8]| {
            let strip = decoded(bytes)?.into_luma8();
            parts(strip.as_raw(), (strip.width() as usize, strip.height() as usize), &note)
        };
        let (frames, persons): (Vec<Picture>, Vec<Mask>) = (colour(frames)?, mask(persons)?);
        let (plates, seen): (Vec<Picture>, Vec<Mask>) = (colour(plates)?, mask(seen)?);
        let whole = |(((plate, seen), frame), hole): (((Picture, Mask), &Picture), Mask)| {
            let (width, height) = frame.size();
            let pixel = |x, y| if hole.get(x, y) > 0 { plate.get(x, y) } else { frame.get(x, y) };
            PlateFrame { picture: Picture::from_fn(width, height, pixel), seen }
        };
        let plates = plates.into_iter().zip(seen).zip(&frames).zip(holes(&persons)).map(whole).collect();
        Ok(Self { note, frames, persons, plates })
    }

    /// A few frames: with the perceived signals, and without the person.
    pub(super) fn sheet(&self, title: String) -> Picture {
        let count = self.frames.len().min(SHEET_FRAMES);
        let places: Vec<usize> = (0..count).map(|index| index * (self.frames.len() - 1) / (count - 1).max(1)).collect();
        let (width, height) = fit_size(self.note.size, (SHEET_SIDE, SHEET_SIDE));
        let mut sheet = Sheet::new(count.max(1), width, height).titled(title);
        for place in &places {
            let seen = overlay_signals(&self.frames[*place], &self.persons[*place], self.note.poses.get(*place), None);
            sheet.push(&seen, format!("frame {}", self.note.first + place));
        }
        for place in &places {
            sheet.push(&self.plates[*place].picture, "plate");
        }
        sheet.render()
    }
}

fn holes(persons: &[Mask]) -> Vec<Mask> {
    persons.iter().map(|person| hole(person, &[])).collect()
}

fn only(picture: &Picture, hole: &Mask) -> Picture {
    let (width, height) = picture.size();
    Picture::from_fn(width, height, |x, y| if hole.get(x, y) > 0 { picture.get(x, y) } else { [0; 3] })
}

fn decoded(bytes: &[u8]) -> Result<DynamicImage, String> {
    image::load_from_memory_with_format(bytes, ImageFormat::Png).map_err(|error| error.to_string())
}

/// The frames of a strip.
fn parts<T: Copy>(cells: &[T], found: (usize, usize), note: &ClipNote) -> Result<Vec<Plane<T>>, String> {
    let (width, height) = note.size;
    let expected = (width, height * note.poses.len());
    if found != expected || width * height == 0 {
        return Err(format!("a strip of {}x{}, expected {}x{}", found.0, found.1, expected.0, expected.1));
    }
    Ok(cells.chunks_exact(width * height).map(|cells| Plane::from_cells(width, height, cells.to_vec())).collect())
}

fn colour_strip(pictures: &[Picture]) -> Result<Vec<u8>, String> {
    let bytes: Vec<u8> = pictures.iter().flat_map(|picture| picture.bytes()).copied().collect();
    strip(&bytes, pictures, ExtendedColorType::Rgb8)
}

fn mask_strip(masks: &[Mask]) -> Result<Vec<u8>, String> {
    let bytes: Vec<u8> = masks.iter().flat_map(Mask::cells).copied().collect();
    strip(&bytes, masks, ExtendedColorType::L8)
}

fn strip<T: Copy>(bytes: &[u8], planes: &[Plane<T>], kind: ExtendedColorType) -> Result<Vec<u8>, String> {
    let (width, height) = planes.first().map_or((0, 0), Plane::size);
    let mut out = vec![];
    PngEncoder::new(&mut out)
        .write_image(bytes, width as u32, (height * planes.len()) as u32, kind)
        .map_err(|error| error.to_string())?;
    Ok(out)
}

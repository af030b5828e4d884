//! Cuts random square crops from pictures in folders, as training data for the autoencoder.

use std::fs;
use std::path::{Path, PathBuf};

use media::crop::crop;
use media::geometry::{Frame, Rect};
use media::image_file::load_picture;
use media::picture::Picture;
use media::resize::{Filter, resize_picture};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};

/// A folder of pictures, including all sub-folders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureFolder {
    /// The folder.
    pub folder: PathBuf,
    /// Use every n-th picture of the sorted list, because neighbours in a video are similar.
    #[serde(default = "one")]
    pub every: usize,
    /// Use only files in a folder with this name, for example `frames`.
    #[serde(default)]
    pub inside: Option<String>,
    /// Names of sub-folders to exclude.
    #[serde(default)]
    pub without: Vec<String>,
    /// Probability of the folder relative to the others.
    #[serde(default = "equal")]
    pub weight: f64,
}

fn one() -> usize {
    1
}

fn equal() -> f64 {
    1.0
}

impl PictureFolder {
    /// Reads the pictures.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::NoData`], [`TrainError::Media`].
    pub fn load(&self) -> Result<Vec<Picture>> {
        let mut files = vec![];
        self.collect(&self.folder, &mut files)?;
        files.sort_unstable();
        let chosen: Vec<PathBuf> = files.into_iter().step_by(self.every.max(1)).collect();
        if chosen.is_empty() {
            return Err(TrainError::NoData { what: "pictures", path: self.folder.clone() });
        }
        chosen.par_iter().map(|path| Ok(load_picture(path)?)).collect()
    }

    fn collect(&self, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(folder).map_err(TrainError::io(folder))? {
            let path = entry.map_err(TrainError::io(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !self.without.contains(&name) {
                    self.collect(&path, files)?;
                }
                continue;
            }
            let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            let parent = folder.file_name().unwrap_or_default().to_string_lossy();
            let here = self.inside.as_ref().is_none_or(|inside| **inside == *parent);
            if here && ["png", "jpg", "jpeg"].contains(&extension.as_str()) {
                files.push(path);
            }
        }
        Ok(())
    }
}

/// The transformation of a picture to a crop.
#[derive(Debug, Clone)]
struct Cut {
    source: usize,
    rect: Rect<Frame>,
    flipped: bool,
    holes: Vec<Rect<Frame>>,
}

/// Makes `count` random crops of `size` x `size` pixels. A picture is chosen according to its weight, then a random
/// window of at least half a crop's side, which can be mirrored. One in four crops has black rectangles, because the
/// environment input has holes.
///
/// One thread makes all choices, so they do not depend on the number of threads.
pub fn random_crops(
    pictures: &[Picture],
    of: &[f64],
    count: usize,
    size: usize,
    random: &mut ChaCha8Rng,
) -> Vec<Picture> {
    let total: f64 = of.iter().sum();
    let cuts: Vec<Cut> = (0..count)
        .map(|_| {
            let mut place = random.random_range(0.0..total);
            let mut source = 0;
            while source + 1 < pictures.len() && place >= of[source] {
                place -= of[source];
                source += 1;
            }
            let (width, height) = pictures[source].size();
            let largest = width.min(height) as f64;
            let smallest = (size as f64 / 2.0).min(largest);
            let side = (smallest * (largest / smallest).powf(random.random_range(0.0..=1.0))).round() as usize;
            let (x, y) = (random.random_range(0..=width - side), random.random_range(0..=height - side));
            let holes = match random.random_bool(0.25) {
                true => (0..random.random_range(1..=3)).map(|_| hole(size, random)).collect(),
                false => vec![],
            };
            let rect = Rect::new(x as i32, y as i32, side as u32, side as u32);
            Cut { source, rect, flipped: random.random_bool(0.5), holes }
        })
        .collect();
    cuts.par_iter()
        .map(|cut| {
            let mut picture = resize_picture(&crop(&pictures[cut.source], cut.rect), size, size, Filter::Bilinear);
            if cut.flipped {
                picture = Picture::from_fn(size, size, |x, y| picture.get(size - 1 - x, y));
            }
            for hole in &cut.holes {
                for y in hole.y..hole.bottom() {
                    for x in hole.x..hole.right() {
                        picture.set(x as usize, y as usize, [0; 3]);
                    }
                }
            }
            picture
        })
        .collect()
}

fn hole(size: usize, random: &mut ChaCha8Rng) -> Rect<Frame> {
    let (width, height) = (random.random_range(size / 16..=size / 2), random.random_range(size / 16..=size / 2));
    let (x, y) = (random.random_range(0..=size - width), random.random_range(0..=size - height));
    Rect::new(x as i32, y as i32, width as u32, height as u32)
}

/// The central square of a picture at `size` x `size` pixels.
pub fn middle_crop(picture: &Picture, size: usize) -> Picture {
    let (width, height) = picture.size();
    let side = width.min(height);
    let rect = Rect::<Frame>::new(((width - side) / 2) as i32, ((height - side) / 2) as i32, side as u32, side as u32);
    resize_picture(&crop(picture, rect), size, size, Filter::Bilinear)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trainer::random_of_step;

    #[test]
    fn crops_are_a_function_of_the_seed_and_follow_the_weights() {
        let pictures = [Picture::filled(40, 20, [200, 0, 0]), Picture::filled(30, 64, [0, 200, 0])];
        let draw = |seed| random_crops(&pictures, &[0.0, 1.0], 12, 16, &mut random_of_step(seed, 0));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let colours: Vec<[u8; 3]> = draw(1).iter().flat_map(|picture| picture.cells().to_vec()).collect();
        assert!(colours.iter().all(|colour| *colour == [0; 3] || *colour == [0, 200, 0]));
        assert!(colours.contains(&[0; 3]));
    }

    #[test]
    fn folders_are_searched_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/frames/1.png", "a/frames/0.png", "a/mask/0.png", "b/frames/0.png"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            media::image_file::save_picture(&path, &Picture::filled(2, 2, [9; 3])).unwrap();
        }
        let mut wanted = PictureFolder {
            folder: folder.path().into(),
            every: 1,
            inside: Some("frames".into()),
            without: vec!["b".into()],
            weight: 1.0,
        };
        assert_eq!(wanted.load().unwrap().len(), 2);
        wanted.without.push("a".into());
        assert_eq!(wanted.load().unwrap_err().code(), "train.no_data");
    }
}

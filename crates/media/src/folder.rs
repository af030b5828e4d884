//! Reads a folder of numbered pictures as a video with a constant frame rate.

use std::path::{Path, PathBuf};

use crate::container::video_info::{DecodeOptions, VideoInfo};
use crate::error::{Error, Result};
use crate::geometry::{Pts, Rate};
use crate::image_file::load_picture;
use crate::picture::Picture;

/// The frames of a folder, in the order of their numbers.
#[derive(Debug, Clone)]
pub(crate) struct FrameFolder {
    files: Vec<PathBuf>,
    info: VideoInfo,
}

impl FrameFolder {
    /// Lists the PNG, JPEG and WebP files whose names end in a number. Ignores other files and hidden files.
    pub(crate) fn open(path: &Path, options: &DecodeOptions) -> Result<Self> {
        let entries = path.read_dir().map_err(|source| Error::reading(path, source))?;
        let mut numbered = Vec::new();
        for entry in entries {
            let file = entry.map_err(|source| Error::reading(path, source))?.path();
            if let Some(number) = frame_number(&file) {
                numbered.push((number, file));
            }
        }
        numbered.sort();
        let (Some((first, first_file)), Some((last, _))) = (numbered.first(), numbered.last()) else {
            let found = "a folder without numbered PNG, JPEG or WebP files".into();
            return Err(Error::VideoEmpty { path: path.to_path_buf(), found });
        };
        // If there is a gap, or two files share a number, the count of files differs from the span of their numbers.
        let missing = (*first..).zip(&numbered).find(|(expected, (number, _))| expected != number);
        if let Some((missing, _)) = missing.filter(|_| !options.tolerate_damage) {
            return Err(Error::FrameMissing { path: path.to_path_buf(), missing, first: *first, last: *last });
        }
        let (width, height) = load_picture(first_file)?.size();
        let (width, height) = (width as u32, height as u32);
        if u64::from(width) * u64::from(height) > options.max_pixels {
            let (width, height, limit) = (width.into(), height.into(), options.max_pixels);
            return Err(Error::VideoTooLarge { path: path.to_path_buf(), width, height, limit });
        }
        let info = VideoInfo {
            container: "Folder".into(),
            codec: "pictures".into(),
            pixel_format: "rgb24".into(),
            coded: (width, height),
            width,
            height,
            pixel_aspect: (1, 1),
            rotation: 0,
            rate: options.folder_rate,
            variable: Some(false),
            ticks_per_second: options.folder_rate.numerator,
            start: Pts(0),
            end: Some(frame_time(numbered.len() as u64, options.folder_rate)),
            frame_count: Some(numbered.len() as u64),
            transfer: None,
            interlaced: None,
            audio: Vec::new(),
        };
        Ok(Self { files: numbered.into_iter().map(|(_, file)| file).collect(), info })
    }

    pub(crate) fn info(&self) -> &VideoInfo {
        &self.info
    }

    /// Frame `index` and its time; `None` after the last one.
    pub(crate) fn frame(&self, index: u64) -> Option<Result<(Pts, Picture)>> {
        let file = self.files.get(usize::try_from(index).ok()?)?;
        Some(load_picture(file).and_then(|picture| {
            let expected = (self.info.width as usize, self.info.height as usize);
            if picture.size() != expected {
                return Err(Error::ImageWrongSize { path: file.clone(), found: picture.size(), expected });
            }
            Ok((frame_time(index, self.info.rate), picture))
        }))
    }
}

/// The time at which frame `index` begins at a constant rate, to the nearest microsecond.
pub fn frame_time(index: u64, rate: Rate) -> Pts {
    let (numerator, denominator) = (u128::from(rate.numerator.max(1)), u128::from(rate.denominator));
    Pts(((u128::from(index) * denominator * 1_000_000 + numerator / 2) / numerator) as i64)
}

/// The number at the end of a picture file's name.
fn frame_number(file: &Path) -> Option<u64> {
    let ending = file.extension()?.to_str()?.to_ascii_lowercase();
    let stem = file.file_stem()?.to_str()?;
    if !matches!(ending.as_str(), "png" | "jpg" | "jpeg" | "webp") || stem.starts_with('.') || !file.is_file() {
        return None;
    }
    let digits = stem.trim_end_matches(|character: char| character.is_ascii_digit()).len();
    stem[digits..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_file::save_picture;

    #[test]
    fn frames_come_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in [("f_9.png", 9), ("f_10.png", 10), ("f_11.png", 11)] {
            save_picture(&folder.path().join(name), &Picture::filled(4, 3, [value; 3])).unwrap();
        }
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        let options =
            DecodeOptions { folder_rate: Rate { numerator: 30_000, denominator: 1001 }, ..Default::default() };
        let frames = FrameFolder::open(folder.path(), &options).unwrap();
        let read: Vec<_> = (0..3).map(|index| frames.frame(index).unwrap().unwrap()).collect();
        assert_eq!(read.iter().map(|(_, picture)| picture.get(0, 0)[0]).collect::<Vec<_>>(), [9, 10, 11]);
        assert_eq!(read.iter().map(|(pts, _)| pts.0).collect::<Vec<_>>(), [0, 33_367, 66_733]);
        assert!(frames.frame(3).is_none());
        assert_eq!(frames.info().end, Some(Pts(100_100)));
    }

    #[test]
    fn gaps_strangers_and_empty_folders_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let open = || FrameFolder::open(folder.path(), &DecodeOptions::default());
        assert_eq!(open().unwrap_err().code(), "video.empty");
        save_picture(&folder.path().join("1.png"), &Picture::filled(4, 3, [0; 3])).unwrap();
        save_picture(&folder.path().join("3.png"), &Picture::filled(5, 3, [0; 3])).unwrap();
        let missing = open().unwrap_err();
        assert_eq!(missing.code(), "video.frame_missing");
        assert!(missing.to_string().starts_with("frame 2 is missing between frames 1 and 3"), "{missing}");
        std::fs::rename(folder.path().join("3.png"), folder.path().join("2.png")).unwrap();
        assert_eq!(open().unwrap().frame(1).unwrap().unwrap_err().code(), "image.wrong_size");
    }
}

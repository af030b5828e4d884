//! Finds the frames of clips in folders, in the layouts that data sets and other tools use.
//!
//! | a clip is | its frames |
//! |---|---|
//! | a folder with `frames/`, `images/` or `gt/` | the pictures in that folder |
//! | a folder of pictures | those pictures |
//! | a video file | its frames |
//! | pictures `NAME_NUMBER...` among those of other clips (DisCo) | the pictures whose file names start with the clip's name |
//!
//! Pictures are sorted by the numbers in their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use media::ffmpeg::Ffmpeg;
use media::image_file::load_picture;
use media::picture::Picture;
use media::probe::DecodeOptions;
use media::reader::FrameReader;

use crate::error::EvaluateError;

/// Endings of pictures and of videos.
const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
const VIDEOS: [&str; 7] = ["mp4", "mov", "mkv", "webm", "avi", "m4v", "gif"];
/// Folders of a clip that hold its frames.
const INNER: [&str; 3] = ["frames", "images", "gt"];

/// Where the frames of a clip are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClipFrames {
    /// One picture per frame.
    Pictures(Vec<PathBuf>),
    /// A video.
    File(PathBuf),
}

impl ClipFrames {
    /// The clip that a folder or file is, if it is one.
    pub(crate) fn at(path: &Path) -> Result<Option<Self>, EvaluateError> {
        if path.is_file() {
            return Ok(has_ending(path, &VIDEOS).then(|| Self::File(path.into())));
        }
        let inner = INNER.map(|name| path.join(name));
        let folder = inner.iter().find(|inner| inner.is_dir()).map_or(path, PathBuf::as_path);
        let pictures = pictures(folder)?;
        Ok((!pictures.is_empty()).then_some(Self::Pictures(pictures)))
    }

    /// The first `most` frames, all when it is 0.
    pub(crate) fn load(&self, most: usize, decoder: Option<&Ffmpeg>) -> Result<Vec<Picture>, EvaluateError> {
        match self {
            Self::Pictures(files) => {
                let count = if most == 0 { files.len() } else { most.min(files.len()) };
                Ok(files[..count].iter().map(|file| load_picture(file)).collect::<Result<_, _>>()?)
            }
            Self::File(path) => {
                let decoder = decoder.ok_or_else(|| EvaluateError::NoDecoder { path: path.clone() })?;
                let most = (most > 0).then_some(most as u64);
                let reader =
                    FrameReader::open(decoder, path, &DecodeOptions { max_frames: most, ..DecodeOptions::default() })?;
                Ok(reader.map(|frame| frame.map(|frame| frame.picture)).collect::<Result<_, _>>()?)
            }
        }
    }

    /// True for a video, which needs a decoder.
    pub(crate) fn is_video(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// The clips of a folder by name, in the order of their names.
pub(crate) fn clips_in(folder: &Path) -> Result<BTreeMap<String, ClipFrames>, EvaluateError> {
    let mut clips = BTreeMap::new();
    for path in entries(folder)? {
        if let Some(frames) = ClipFrames::at(&path)? {
            let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
            clips.insert(name.unwrap_or_default().to_string_lossy().into_owned(), frames);
        }
    }
    if clips.is_empty() {
        let mut by_name: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in pictures(folder)? {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if let Some((clip, _)) = name.rsplit_once('_').filter(|(_, number)| starts_with_number(number)) {
                by_name.entry(clip.to_owned()).or_default().push(path);
            }
        }
        clips.extend(by_name.into_iter().map(|(name, files)| (name, ClipFrames::Pictures(files))));
    }
    Ok(clips)
}

/// True when a folder holds videos that only a decoder can read.
pub fn holds_videos(folder: &Path) -> bool {
    clips_in(folder).is_ok_and(|clips| clips.values().any(ClipFrames::is_video))
}

/// The pictures right in a folder, in the order of the numbers in their names.
pub(crate) fn pictures(folder: &Path) -> Result<Vec<PathBuf>, EvaluateError> {
    let mut files: Vec<PathBuf> =
        entries(folder)?.into_iter().filter(|path| path.is_file() && has_ending(path, &PICTURES)).collect();
    files.sort_by_cached_key(|path| natural(&path.file_name().unwrap_or_default().to_string_lossy()));
    Ok(files)
}

/// What lies in a folder, without hidden files.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, EvaluateError> {
    let unreadable = |source| EvaluateError::Unreadable { path: folder.into(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn starts_with_number(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
}

/// A name as letters and numbers in turn, so that 2 comes before 10. Leading zeros count for nothing.
fn natural(name: &str) -> Vec<(String, String)> {
    let mut pieces: Vec<(String, String)> = Vec::new();
    for letter in name.chars() {
        let is_digit = letter.is_ascii_digit();
        if pieces.is_empty() || (!is_digit && pieces.last().is_some_and(|(_, number)| !number.is_empty())) {
            pieces.push(Default::default());
        }
        if let Some((letters, number)) = pieces.last_mut() {
            if is_digit { number.push(letter) } else { letters.push(letter) }
        }
    }
    // Numbers of one length are in the order of their digits.
    for (_, number) in &mut pieces {
        let digits = number.trim_start_matches('0');
        *number = format!("{:020}{digits}", digits.len());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::image_file::save_picture;

    fn save(path: &Path, level: u8) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        save_picture(path, &Picture::filled(4, 2, [level; 3])).unwrap();
    }

    #[test]
    fn numbers_are_in_order_whatever_their_zeros() {
        let mut names = ["f10.png", "f2.png", "f0001.png", "e11.png", "f2a3.png", "f2a12.png"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["e11.png", "f0001.png", "f2.png", "f2a3.png", "f2a12.png", "f10.png"]);
    }

    #[test]
    fn every_layout_gives_its_clips() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        save(&at("tree/00335/images/0001.png"), 1);
        save(&at("tree/00335/images/0002.png"), 2);
        save(&at("tree/00335/masks/0001.png"), 9);
        save(&at("tree/001/b10.jpg"), 10);
        save(&at("tree/001/b9.jpg"), 9);
        std::fs::write(at("tree/walk.mp4"), b"").unwrap();
        std::fs::write(at("tree/notes.txt"), b"").unwrap();
        let clips = clips_in(&at("tree")).unwrap();
        assert_eq!(clips.keys().collect::<Vec<_>>(), ["001", "00335", "walk"]);
        let levels = |frames: &ClipFrames, most| -> Vec<u8> {
            frames.load(most, None).unwrap().iter().map(|picture| picture.get(0, 0)[0]).collect()
        };
        assert_eq!(levels(&clips["00335"], 0), [1, 2]);
        assert_eq!(levels(&clips["001"], 1), [9]);
        assert_eq!(clips["walk"].load(0, None).unwrap_err().code(), "evaluate.no_decoder");
        assert!(holds_videos(&at("tree")) && !holds_videos(&at("nowhere")));
        // DisCo: all frames in one folder.
        save(&at("flat/TiktokDance_00337_0010png.png"), 10);
        save(&at("flat/TiktokDance_00337_0002png.png"), 2);
        save(&at("flat/TiktokDance_203_006_1x1_00348jpg.png"), 48);
        let clips = clips_in(&at("flat")).unwrap();
        assert_eq!(clips.keys().collect::<Vec<_>>(), ["TiktokDance_00337", "TiktokDance_203_006_1x1"]);
        assert_eq!(levels(&clips["TiktokDance_00337"], 0), [2, 10]);
    }
}

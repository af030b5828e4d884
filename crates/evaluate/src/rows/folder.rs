//! Implements rows `folder-NAME`, which read frames that another tool made. The folder contains one sub-folder or video
//! per clip, whose name is the clip's name or starts with it. Frames of a wrong number or size are adapted, and the
//! report says so; otherwise they are compared unchanged.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use media::ffmpeg::Ffmpeg;
use media::picture::Picture;
use media::resize::{Filter, resize_picture};
use metrics::Fault;

use crate::clip_frames::{ClipFrames, clips_in};
use crate::error::EvaluateError;

/// A tool's frames.
#[derive(Debug)]
pub struct FolderRow {
    name: String,
    folder: PathBuf,
    decoder: Option<Ffmpeg>,
}

impl FolderRow {
    /// Opens the row of a folder, which must exist. The decoder is needed only for video files.
    ///
    /// # Errors
    /// [`EvaluateError::NotAFolder`].
    pub fn open(folder: &Path, decoder: Option<Ffmpeg>) -> Result<Self, EvaluateError> {
        if !folder.is_dir() {
            return Err(EvaluateError::NotAFolder { path: folder.into() });
        }
        Ok(Self { name: Self::name_of(folder), folder: folder.into(), decoder })
    }

    /// The row's name: `folder-` and the folder's own name in lower-case letters, digits and `-`.
    pub fn name_of(folder: &Path) -> String {
        let own = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let plain = own.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
        format!("folder-{}", plain.collect::<String>())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A number that changes when the files of a clip do.
    pub(crate) fn version(&self, clip: &str) -> u32 {
        let files = match self.clip(clip) {
            Ok(Some(ClipFrames::Pictures(files))) => files,
            Ok(Some(ClipFrames::File(file))) => vec![file],
            Ok(None) | Err(_) => Vec::new(),
        };
        // FNV-1a over names, lengths and times.
        let mut hash = 0x811c_9dc5_u32;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        };
        for file in files {
            add(file.as_os_str().as_encoded_bytes());
            if let Ok(known) = file.metadata() {
                add(&known.len().to_le_bytes());
                let time = known.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                add(&time.map_or(0, |time| time.as_nanos()).to_le_bytes());
            }
        }
        hash
    }

    /// The first `most` frames of a clip, all when it is 0.
    pub(crate) fn frames(&self, clip: &str, told: &str, most: usize) -> Result<Vec<Picture>, EvaluateError> {
        let missing =
            || EvaluateError::FramesMissing { clip: told.into(), name: clip.into(), path: self.folder.clone() };
        let frames = self.clip(clip)?.ok_or_else(missing)?.load(most, self.decoder.as_ref())?;
        if frames.is_empty() { Err(missing()) } else { Ok(frames) }
    }

    fn clip(&self, clip: &str) -> Result<Option<ClipFrames>, EvaluateError> {
        let mut clips = clips_in(&self.folder)?;
        let longer = || clips.keys().find(|name| name.starts_with(clip)).cloned();
        let name = if clips.contains_key(clip) { Some(clip.to_owned()) } else { longer() };
        Ok(name.and_then(|name| clips.remove(&name)))
    }
}

/// Frames as many and as large as the truth, with what had to be done: missing ones repeat the last one, others are left out,
/// and sizes are changed bilinearly, as DisCo's script does.
///
/// # Panics
/// When there is no frame.
pub(crate) fn fitted(mut frames: Vec<Picture>, count: usize, size: (usize, usize)) -> (Vec<Picture>, Vec<Fault>) {
    let mut faults = Vec::new();
    if frames.len() != count {
        faults.push(Fault::FrameCount { made: frames.len(), truth: count });
        let last = frames[frames.len() - 1].clone();
        frames.resize(count, last);
    }
    if let Some(frame) = frames.iter().position(|frame| frame.size() != size) {
        faults.push(Fault::WrongSize { frame, made: frames[frame].size(), truth: size });
        for frame in frames.iter_mut().filter(|frame| frame.size() != size) {
            *frame = resize_picture(frame, size.0, size.1, Filter::Bilinear);
        }
    }
    (frames, faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::image_file::save_picture;

    #[test]
    fn what_does_not_fit_is_fitted_and_said() {
        let frame = |size: usize, level: u8| Picture::filled(size, size, [level; 3]);
        let check = |frames: Vec<Picture>, levels: &[u8], names: &[&str]| {
            let (fitted, faults) = fitted(frames, 3, (4, 4));
            assert!(fitted.iter().all(|frame| frame.size() == (4, 4)));
            assert_eq!(fitted.iter().map(|frame| frame.get(1, 1)[0]).collect::<Vec<_>>(), levels);
            assert_eq!(faults.iter().map(|fault| fault.name()).collect::<Vec<_>>(), names);
        };
        check(vec![frame(4, 1), frame(4, 2), frame(4, 3)], &[1, 2, 3], &[]);
        check(vec![frame(4, 1), frame(4, 2)], &[1, 2, 2], &["frame_count"]);
        check(vec![frame(2, 1), frame(4, 2), frame(4, 3), frame(4, 9)], &[1, 2, 3], &["frame_count", "wrong_size"]);
    }

    #[test]
    fn clips_are_found_by_the_beginning_of_their_names_and_changes_are_seen() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("My Tool v2");
        let save = |name: &str, level: u8| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            save_picture(&path, &Picture::filled(3, 2, [level; 3])).unwrap();
        };
        save("000_512x512/0.png", 7);
        save("001/0.png", 8);
        let row = FolderRow::open(&folder, None).unwrap();
        assert_eq!(row.name(), "folder-my-tool-v2");
        let level = |clip: &str| row.frames(clip, "clip", 0).map(|frames| frames[0].get(0, 0)[0]);
        assert_eq!([level("000").unwrap(), level("001").unwrap()], [7, 8]);
        assert_eq!(level("002").unwrap_err().code(), "evaluate.frames_missing");
        let before = row.version("000");
        assert_eq!(before, row.version("000"));
        save("000_512x512/1.png", 7);
        assert_ne!(before, row.version("000"));
        assert_eq!(FolderRow::open(Path::new("nowhere"), None).unwrap_err().code(), "evaluate.not_a_folder");
    }
}

//! Manages the run folder, which contains every intermediate result of a job in lossless form. With this folder, an
//! interrupted run can resume, and users can see how a result was made.
//!
//! ```text
//! run.toml  events.jsonl  report.json  sheet.png  output.mp4  manifest.json
//! signals/  conditions/{mask,environment,skeleton,structured-depth}/%06d.png
//! clips/000/latents.safetensors  clips/000/frames/%06d.png
//! ```
//! A clip is finished when its `done` file exists, which is written last.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, io};
use crate::input::{Input, sorted_names};
use crate::settings::Settings;

/// The lock of the process that works in the folder.
const LOCK: &str = ".lock";
/// The file that names the job of the folder.
const RECORD: &str = "run.toml";
/// The event log, one event a line.
pub const LOG: &str = "events.jsonl";
/// The signals folder, in a run folder and in the output of `perceive`.
pub const SIGNALS: &str = "signals";

/// True for the names of incomplete files.
fn is_unfinished(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".stuntdouble-")
}

/// The job of a run folder, complete enough to repeat the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this program.
    pub version: String,
    /// `replace`, `animate` or `perceive`.
    pub command: String,
    /// Pictures of the character.
    #[serde(default)]
    pub characters: Vec<Input>,
    /// The user's own pose of the character.
    pub character_pose: Option<Input>,
    /// The driving video.
    pub video: Input,
    /// The user's own signals.
    pub signals: Option<Input>,
    /// Hash of the network weights.
    pub weights: Option<String>,
    /// All settings.
    pub settings: Settings,
}

impl RunRecord {
    /// What differs from another record, in words; none when both are the same job.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let hash = |input: &Option<Input>| input.as_ref().map(|input| input.sha256.clone());
        let hashes = |inputs: &[Input]| inputs.iter().map(|input| input.sha256.clone()).collect::<Vec<_>>();
        [
            (self.version != other.version, "the folder belongs to a run with another program version"),
            (self.command != other.command, "the folder belongs to a run with another command"),
            (
                hashes(&self.characters) != hashes(&other.characters),
                "the folder belongs to a run with other character pictures",
            ),
            (
                hash(&self.character_pose) != hash(&other.character_pose),
                "the folder belongs to a run with another character pose",
            ),
            (self.video.sha256 != other.video.sha256, "the folder belongs to a run with another video"),
            (hash(&self.signals) != hash(&other.signals), "the folder belongs to a run with other signals"),
            (self.weights != other.weights, "the folder belongs to a run with other weights"),
            (self.settings != other.settings, "the folder belongs to a run with other settings"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

/// A run folder that this process has locked. A second process gets an error.
#[derive(Debug)]
pub struct RunFolder {
    root: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Creates the folder, or resumes in it.
    ///
    /// # Errors
    /// [`Error::OtherRun`] when it belongs to another job or another process works in it; [`Error::Io`].
    pub fn open(root: &Path, record: &RunRecord) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(|source| media::Error::writing(root, source))?;
        // Nothing is written into a folder with foreign files.
        let path = root.join(RECORD);
        if !path.exists() && !sorted_names(root)?.iter().all(|name| name == LOCK || is_unfinished(name)) {
            return Err(Error::OtherRun {
                path: root.into(),
                what: format!("the folder contains other files and no `{RECORD}`"),
            });
        }
        let lock_path = root.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::OtherRun { path: root.into(), what: "another process uses the folder".into() });
            }
            Err(TryLockError::Error(source)) => return Err(io("lock", &lock_path)(source)),
        }
        // The folder is locked by this process, so unfinished files in it come from a process that was killed.
        for name in sorted_names(root)? {
            if is_unfinished(&name) {
                let path = root.join(name);
                fs::remove_file(&path).map_err(io("remove", &path))?;
            }
        }
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(io("read", &path))?;
            let found: RunRecord = toml::from_str(&text).map_err(|_| Error::OtherRun {
                path: root.into(),
                what: format!("the `{RECORD}` in the folder cannot be read"),
            })?;
            if let Some(what) = record.difference(&found) {
                return Err(Error::OtherRun { path: root.into(), what: what.into() });
            }
        } else {
            let text = toml::to_string(record)
                .map_err(|reason| Error::Setting { setting: "record".into(), reason: reason.to_string() })?;
            media::file::write_atomic(&path, text.as_bytes())?;
        }
        Ok(Self { root: root.into(), _lock: lock })
    }

    /// Removes the folder of a job that failed before it finished anything. A folder with more than the unfinished
    /// output of the first step stays.
    pub fn abandon(self) {
        let is_beginning = |name: &OsStr| [LOCK, RECORD, LOG, SIGNALS].iter().any(|known| name == *known);
        let Ok(names) = sorted_names(&self.root) else { return };
        if names.iter().all(|name| is_beginning(name) || is_unfinished(name)) {
            // Windows cannot remove an open file.
            drop(self._lock);
            // The error to report is the job's failure.
            let _ = fs::remove_dir_all(&self.root);
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a file or folder inside the run folder.
    pub fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of a clip.
    pub fn clip(&self, index: usize) -> PathBuf {
        self.root.join(format!("clips/{index:03}"))
    }

    /// The generated picture of a frame.
    pub fn generated_frame(&self, clip: usize, frame: usize) -> PathBuf {
        generated_frame(&self.root, clip, frame)
    }

    /// True when the step or clip that writes `folder` has finished.
    pub fn is_done(&self, folder: &Path) -> bool {
        folder.join("done").is_file()
    }

    /// Creates an empty folder for output. Removes what an unfinished attempt left in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(&self, folder: &Path) -> Result<(), Error> {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(io("clear", folder))?;
        }
        fs::create_dir_all(folder).map_err(io("create", folder))
    }

    /// Marks the content of `folder` as complete.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub fn finish(&self, folder: &Path) -> Result<(), Error> {
        Ok(media::file::write_atomic(&folder.join("done"), b"")?)
    }
}

/// The generated picture of a frame in the run folder `root`.
pub(crate) fn generated_frame(root: &Path, clip: usize, frame: usize) -> PathBuf {
    root.join(format!("clips/{clip:03}/frames/{frame:06}.png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(folder: &Path) -> RunRecord {
        let video = folder.join("v");
        fs::write(&video, b"abc").unwrap();
        RunRecord {
            version: "1".into(),
            command: "replace".into(),
            characters: vec![],
            character_pose: None,
            video: Input::of(&video).unwrap(),
            signals: None,
            weights: None,
            settings: Settings {
                person: "1.5,2@3f".parse().ok(),
                objects: vec![perception::objects::prompt::ObjectPrompt {
                    shown: perception::objects::prompt::Shown::Point("7,8@1s".parse().unwrap()),
                    not: vec!["9,8".parse().unwrap()],
                }],
                mask_blocks: Some(4),
                ..Settings::default()
            },
        }
    }

    #[test]
    fn the_same_job_goes_on_and_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        let record = record(folder.path());
        let first = RunFolder::open(&root, &record).unwrap();
        let busy = RunFolder::open(&root, &record).unwrap_err();
        assert!(busy.to_string().contains("process"), "{busy}");
        drop(first);
        RunFolder::open(&root, &record).unwrap();
        let mut other = record.clone();
        other.settings.seed = 9;
        let error = RunFolder::open(&root, &other).unwrap_err();
        assert_eq!((error.code(), error.to_string().contains("other settings")), ("run.differs", true));
    }

    #[test]
    fn a_folder_with_somebody_elses_files_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("diary.txt"), "x").unwrap();
        let other = tempfile::tempdir().unwrap();
        assert!(RunFolder::open(folder.path(), &record(other.path())).is_err());
        assert_eq!(sorted_names(folder.path()).unwrap(), ["diary.txt"]);
    }

    #[test]
    fn an_abandoned_folder_is_gone_unless_there_is_more_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let record = record(folder.path());
        let root = folder.path().join("run");
        let begun = || {
            let run = RunFolder::open(&root, &record).unwrap();
            run.begin(&run.join(SIGNALS)).unwrap();
            run
        };
        begun().abandon();
        assert!(!root.exists());
        let run = begun();
        run.begin(&run.clip(0)).unwrap();
        run.abandon();
        assert!(root.join(RECORD).exists() && root.join("clips/000").exists());
    }

    #[test]
    fn an_unfinished_clip_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let run = RunFolder::open(&folder.path().join("run"), &record(other.path())).unwrap();
        let clip = run.clip(3);
        run.begin(&clip).unwrap();
        fs::write(clip.join("half"), "x").unwrap();
        assert!(!run.is_done(&clip));
        run.begin(&clip).unwrap();
        assert!(!clip.join("half").exists());
        run.finish(&clip).unwrap();
        assert!(run.is_done(&clip));
    }
}

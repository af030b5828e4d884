//! Defines the description of a job.

use std::path::{Path, PathBuf};

use crate::character::CharacterOptions;
use crate::error::Error;
use crate::settings::{Settings, invalid};

/// Which scene the result shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The driving video's own scene.
    Replace,
    /// The scene of the character's picture.
    Animate,
}

impl Mode {
    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Animate => "animate",
        }
    }
}

/// One job, every setting resolved.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which scene the result shows.
    pub mode: Mode,
    /// Pictures of the character, at least one. Where only one picture is used, it is the first.
    pub characters: Vec<PathBuf>,
    /// A file with the pose of the first picture. It takes precedence over the networks.
    pub character_pose: Option<PathBuf>,
    /// The driving video, a file or a folder of frames.
    pub video: PathBuf,
    /// The video to write.
    pub output: PathBuf,
    /// The run folder.
    pub run_dir: PathBuf,
    /// Signals to use instead of perceiving.
    pub signals: Option<PathBuf>,
    /// Only plan, and do nothing.
    pub dry_run: bool,
    /// Where prepacked weights are cached between runs; none disables the cache.
    pub weight_cache: Option<PathBuf>,
    /// Settings.
    pub settings: Settings,
}

impl Job {
    /// A job that puts the character into the video's own scene. The run folder is `output` with the ending `.run`, and
    /// all settings have their defaults.
    pub fn replace(character: impl Into<PathBuf>, video: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Self {
        Self::new(Mode::Replace, character.into(), video.into(), output.into())
    }

    /// A job that puts the character into the scene of its own picture.
    pub fn animate(character: impl Into<PathBuf>, video: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Self {
        Self::new(Mode::Animate, character.into(), video.into(), output.into())
    }

    fn new(mode: Mode, character: PathBuf, video: PathBuf, output: PathBuf) -> Self {
        Self {
            mode,
            characters: vec![character],
            character_pose: None,
            video,
            run_dir: output.with_extension("run"),
            output,
            signals: None,
            dry_run: false,
            weight_cache: None,
            settings: Settings::default(),
        }
    }

    /// Adds a picture of the character from another side.
    pub fn with_view(mut self, character: impl Into<PathBuf>) -> Self {
        self.characters.push(character.into());
        self
    }

    /// Uses these signals instead of perceiving them.
    pub fn with_signals(mut self, folder: impl Into<PathBuf>) -> Self {
        self.signals = Some(folder.into());
        self
    }

    /// Uses other settings.
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The options for the character's first picture. A job with its own signals runs without the pose networks; then
    /// the picture is used whole.
    pub(super) fn character_options(&self) -> CharacterOptions {
        CharacterOptions {
            at: self.settings.character_at,
            pose: self.character_pose.clone(),
            without_networks: self.signals.is_some() && self.mode == Mode::Replace,
        }
    }

    /// Checks that the output and the run folder neither overwrite an input nor lie inside one.
    pub(super) fn check_places(&self) -> Result<(), Error> {
        if place(&self.output) == place(&self.run_dir) {
            return Err(invalid("`run-dir`", "it is the output itself"));
        }
        let optional = [&self.signals, &self.settings.weights, &self.character_pose].into_iter().flatten();
        for input in self.characters.iter().chain([&self.video]).chain(optional) {
            for output in [&self.output, &self.run_dir] {
                let place = place(output);
                if self::place(input) == place || input.canonicalize().is_ok_and(|input| place.starts_with(input)) {
                    return Err(Error::OutputIsInput { output: output.clone(), input: input.clone() });
                }
            }
        }
        Ok(())
    }
}

/// Where a file is or would be, with the links of its folder resolved.
fn place(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

/// A job for `perceive`.
#[derive(Debug, Clone)]
pub struct PerceiveJob {
    /// The video.
    pub video: PathBuf,
    /// The folder to write.
    pub output: PathBuf,
    /// Settings.
    pub settings: Settings,
}

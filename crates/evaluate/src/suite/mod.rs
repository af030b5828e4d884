//! Suites, the sources of trials.

mod perceived;
mod real;
mod rendered;

use std::fmt;
use std::path::PathBuf;

use perception::perceiver::PersonModels;
use serde::{Deserialize, Serialize};
use stage::Assets;

use crate::case::Trial;
use crate::error::EvaluateError;

/// A set of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuiteKind {
    /// Rendered clips: another character than the driving person.
    StageCross,
    /// Rendered clips: the driving person itself, from another picture.
    StageSelf,
    /// Real clips: the driving person itself, from an earlier frame.
    RealSelf,
}

impl SuiteKind {
    /// Its name in options, tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::StageCross => "stage-cross",
            Self::StageSelf => "stage-self",
            Self::RealSelf => "real-self",
        }
    }
}

impl fmt::Display for SuiteKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The source of the poses and masks that rows see.
#[derive(Debug, Clone)]
pub enum Signals {
    /// From the renderer or the labels.
    Exact,
    /// From these networks, for the driving frames and the references. Objects are not perceived.
    Perceived(PersonModels),
}

impl Signals {
    /// Its name in options and files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Perceived(_) => "perceived",
        }
    }
}

/// The source of a suite's clips.
#[derive(Debug)]
pub enum Material {
    /// Assets to render.
    Assets(Box<Assets>),
    /// A folder of real clips. Each clip is a folder with `frames/`, `person_mask/`, `pose.json` and perhaps
    /// `object_mask/`.
    Clips(PathBuf),
}

/// Settings of a suite's trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialSettings {
    /// Number of frames in a clip.
    pub frames: usize,
    /// Side of a rendered frame in pixels. Real clips keep their own size.
    pub size: usize,
}

impl Default for TrialSettings {
    fn default() -> Self {
        Self { frames: 4, size: 256 }
    }
}

/// A suite that is ready to give trials.
#[derive(Debug)]
pub struct Suite {
    kind: SuiteKind,
    settings: TrialSettings,
    signals: Signals,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Rendered(Box<Assets>),
    Real(real::RealClips),
}

impl Suite {
    /// Examines the material.
    ///
    /// # Errors
    /// [`EvaluateError::AssetsMissing`] when the suite needs other material, [`EvaluateError::NoClips`],
    /// [`EvaluateError::Unreadable`], [`EvaluateError::Malformed`], [`EvaluateError::Setting`].
    pub fn open(
        kind: SuiteKind,
        settings: TrialSettings,
        signals: Signals,
        material: Material,
    ) -> Result<Self, EvaluateError> {
        if settings.frames == 0 {
            return Err(EvaluateError::Setting { setting: "frames", found: "0".into(), expected: "1 or more" });
        }
        if !(32..=1024).contains(&settings.size) {
            let found = settings.size.to_string();
            return Err(EvaluateError::Setting { setting: "size", found, expected: "32 to 1024 pixels" });
        }
        let missing = |what, path| EvaluateError::AssetsMissing { suite: kind.name(), what, path };
        let source = match (kind, material) {
            (SuiteKind::StageCross | SuiteKind::StageSelf, Material::Assets(assets)) => Source::Rendered(assets),
            (SuiteKind::RealSelf, Material::Clips(folder)) if !folder.is_dir() => {
                return Err(missing("a folder of real clips", folder));
            }
            (SuiteKind::RealSelf, Material::Clips(folder)) => {
                Source::Real(real::RealClips::open(&folder, settings.frames)?)
            }
            (SuiteKind::StageCross | SuiteKind::StageSelf, Material::Clips(folder)) => {
                return Err(missing("assets to render", folder));
            }
            (SuiteKind::RealSelf, Material::Assets(_)) => {
                return Err(missing("a folder of real clips", PathBuf::new()));
            }
        };
        Ok(Self { kind, settings, signals, source })
    }

    /// The kind of the suite.
    pub fn kind(&self) -> SuiteKind {
        self.kind
    }

    /// Trial number `index`; always the same one.
    ///
    /// # Errors
    /// [`EvaluateError::Stage`], [`EvaluateError::Media`], [`EvaluateError::Perception`].
    pub fn trial(&self, index: u64) -> Result<Trial, EvaluateError> {
        let exact = match &self.source {
            Source::Rendered(assets) => rendered::trial(self.kind, index, self.settings, assets)?,
            Source::Real(clips) => clips.trial(index)?,
        };
        match &self.signals {
            Signals::Exact => Ok(exact),
            Signals::Perceived(models) => perceived::perceive(exact, models),
        }
    }

    /// Everything besides row and clip on which a measurement depends.
    pub(crate) fn fingerprint(&self) -> SuiteFingerprint {
        SuiteFingerprint {
            suite: self.kind,
            signals: self.signals.name().into(),
            frames: self.settings.frames,
            size: self.settings.size,
            material: match &self.source {
                Source::Rendered(assets) => format!("{:?}", assets.counts()),
                Source::Real(clips) => clips.names(),
            },
        }
    }
}

/// The settings of a suite as stored beside a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SuiteFingerprint {
    pub(crate) suite: SuiteKind,
    pub(crate) signals: String,
    pub(crate) frames: usize,
    pub(crate) size: usize,
    /// Numbers of assets in each class, or names of real clips.
    pub(crate) material: String,
}

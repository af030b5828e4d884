//! Defines suites, which are the sources of trials.

mod definition;
mod perceived;
mod real;
mod rendered;
mod surroundings;
mod videos;

use std::path::PathBuf;

use media::ffmpeg::Ffmpeg;
use perception::perceiver::PersonModels;
use serde::{Deserialize, Serialize};
use stage::Assets;

use crate::case::Trial;
use crate::error::EvaluateError;

pub use definition::{Environment, Figures, SignalsKind, SourceKind, SuiteDefinition};

/// The source of the poses and masks that rows see.
#[derive(Debug, Clone)]
pub enum Signals {
    /// Poses and masks from the renderer or the labels.
    Exact,
    /// Poses and masks from these networks, for the driving frames and the references. Objects are not perceived.
    Perceived(PersonModels),
}

impl Signals {
    fn kind(&self) -> SignalsKind {
        match self {
            Self::Exact => SignalsKind::Exact,
            Self::Perceived(_) => SignalsKind::Perceived,
        }
    }
}

/// The source of a suite's clips.
#[derive(Debug)]
pub enum Material {
    /// Assets to render.
    Assets(Box<Assets>),
    /// A folder of clips, and the decoder for videos in it.
    Clips {
        /// The folder.
        folder: PathBuf,
        /// Needed for video files alone.
        decoder: Option<Ffmpeg>,
    },
}

/// A suite that is ready to supply trials.
#[derive(Debug)]
pub struct Suite {
    definition: SuiteDefinition,
    signals: Signals,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Rendered { assets: Box<Assets>, is_cross: bool },
    Real(real::RealClips),
    Videos(Box<videos::Videos>),
}

impl Suite {
    /// Opens the material. `signals` takes precedence over the definition.
    ///
    /// # Errors
    /// [`EvaluateError::AssetsMissing`] when the suite needs other material, [`EvaluateError::NoClips`],
    /// [`EvaluateError::VideoMissing`], [`EvaluateError::Unreadable`], [`EvaluateError::Malformed`],
    /// [`EvaluateError::Setting`].
    pub fn open(definition: SuiteDefinition, signals: Signals, material: Material) -> Result<Self, EvaluateError> {
        let mut definition = SuiteDefinition { signals: signals.kind(), ..definition };
        check_numbers(&definition)?;
        let missing = |what, path| EvaluateError::AssetsMissing { suite: definition.name.clone(), what, path };
        let source = match (definition.source, material) {
            (SourceKind::StageCross | SourceKind::StageSelf, Material::Assets(assets)) => {
                Source::Rendered { assets, is_cross: definition.source == SourceKind::StageCross }
            }
            (SourceKind::StageCross | SourceKind::StageSelf, Material::Clips { folder, .. }) => {
                return Err(missing("assets that it can render", folder));
            }
            (_, Material::Assets(_)) => return Err(missing("a folder of clips", PathBuf::new())),
            (_, Material::Clips { folder, .. }) if !folder.is_dir() => {
                return Err(missing("a folder of clips", folder));
            }
            (SourceKind::RealSelf, Material::Clips { folder, .. }) => {
                Source::Real(real::RealClips::open(&folder, definition.frames)?)
            }
            (SourceKind::Videos, Material::Clips { folder, decoder }) => {
                let videos = videos::Videos::open(&folder, &definition, decoder)?;
                definition.clips = videos.names().len() as u64;
                Source::Videos(Box::new(videos))
            }
        };
        Ok(Self { definition, signals, source })
    }

    /// The definition of the suite; its number of clips is that of this run.
    pub fn definition(&self) -> &SuiteDefinition {
        &self.definition
    }

    /// Trial number `index`; the same index always gives the same trial.
    ///
    /// # Errors
    /// [`EvaluateError::Stage`], [`EvaluateError::Media`], [`EvaluateError::Perception`],
    /// [`EvaluateError::SignalsMissing`], [`EvaluateError::NoDecoder`], [`EvaluateError::Malformed`].
    pub fn trial(&self, index: u64) -> Result<Trial, EvaluateError> {
        let models = match &self.signals {
            Signals::Exact => None,
            Signals::Perceived(models) => Some(models),
        };
        let exact = match &self.source {
            Source::Videos(videos) => return videos.trial(index, models),
            Source::Rendered { assets, is_cross } => rendered::trial(*is_cross, index, &self.definition, assets)?,
            Source::Real(clips) => clips.trial(index)?,
        };
        match models {
            None => Ok(exact),
            Some(models) => perceived::perceive(exact, models),
        }
    }

    /// The name under which other tools keep their frames of a trial.
    pub fn clip_name(&self, index: u64) -> String {
        match &self.source {
            Source::Videos(videos) => videos.name(index).to_owned(),
            Source::Rendered { .. } | Source::Real(_) => format!("{index:04}"),
        }
    }

    /// About how many bytes a trial and its rows take.
    pub(crate) fn bytes_of_a_trial(&self) -> usize {
        let SuiteDefinition { frames, size, .. } = self.definition;
        // A guess where nothing is said: ten seconds of 640x360 pixels.
        let frames = if frames == 0 { 300 } else { frames };
        let pixels = if size == 0 { 640 * 360 } else { size * size };
        frames * pixels * BYTES_A_PIXEL
    }

    /// What the frames of a run are, in words.
    pub(crate) fn protocol(&self) -> Vec<String> {
        let SuiteDefinition { clips, frames, size, reference_frame, .. } = &self.definition;
        let frames = if *frames == 0 { "all frames".to_owned() } else { format!("{frames} frames") };
        let (clips, reference) = match &self.source {
            Source::Rendered { is_cross, .. } => (
                format!("{clips} rendered clips, {frames} of {size}x{size} pixels"),
                format!(
                    "reference: a rendered picture; seeds `evaluate {} 0..{clips}`",
                    rendered::seed_name(*is_cross)
                ),
            ),
            Source::Real(real) => (
                format!("{clips} stretches of {} labelled clips, {frames} of their own size", real.names().len()),
                "reference: the first good frame, at least 8 frames before".into(),
            ),
            Source::Videos(videos) => (
                format!("{clips} videos ({}), {frames} each", videos.names().join(", ")),
                format!("reference: frame {reference_frame} of each video, which is not measured"),
            ),
        };
        let size = match (&self.source, size) {
            (Source::Videos(_), 0) => Some("frames of their own size".to_owned()),
            (Source::Videos(_), size) => Some(format!("longest side at most {size} pixels")),
            _ => None,
        };
        let environment = match (&self.source, self.definition.environment) {
            (Source::Videos(_), Environment::Own) => Some("environment: the video's own".to_owned()),
            (Source::Videos(_), Environment::Reference) => {
                Some("environment: the reference's background, the person inpainted".into())
            }
            (Source::Videos(_), Environment::Uniform) => {
                Some(format!("environment: the colour {:?}", self.definition.colour.unwrap_or_default()))
            }
            _ => None,
        };
        [Some(clips), size, Some(reference), environment].into_iter().flatten().collect()
    }

    /// Everything besides row and clip on which a measurement depends.
    pub(crate) fn fingerprint(&self) -> SuiteFingerprint {
        let SuiteDefinition { source, environment, colour, reference_frame, figures, signals, frames, size, .. } =
            self.definition;
        SuiteFingerprint {
            suite: self.definition.name.clone(),
            source,
            environment,
            colour,
            reference_frame,
            figures,
            signals,
            frames,
            size,
            material: match &self.source {
                Source::Rendered { assets, .. } => format!("{:?}", assets.counts()),
                Source::Real(clips) => clips.names().join(" "),
                Source::Videos(videos) => videos.names().join(" "),
            },
        }
    }
}

/// Bytes that a pixel of a frame takes in a trial: frames, truth, masks, plates, drafts with what they were made of, and those of
/// the row that is measured.
const BYTES_A_PIXEL: usize = 48;

fn check_numbers(definition: &SuiteDefinition) -> Result<(), EvaluateError> {
    let is_videos = definition.source == SourceKind::Videos;
    let zero = |setting, expected| Err(EvaluateError::Setting { setting, found: "0".into(), expected });
    if definition.clips == 0 {
        return zero("clips", "1 or more");
    }
    if definition.frames == 0 && !is_videos {
        return zero("frames", "1 or more");
    }
    let (largest, expected) = if is_videos { (4096, "0 or 32 to 4096 pixels") } else { (1024, "32 to 1024 pixels") };
    if !((32..=largest).contains(&definition.size) || (is_videos && definition.size == 0)) {
        return Err(EvaluateError::Setting { setting: "size", found: definition.size.to_string(), expected });
    }
    Ok(())
}

/// The settings of a suite as stored beside a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SuiteFingerprint {
    pub(crate) suite: String,
    pub(crate) source: SourceKind,
    pub(crate) environment: Environment,
    pub(crate) colour: Option<[u8; 3]>,
    pub(crate) reference_frame: usize,
    pub(crate) figures: Figures,
    pub(crate) signals: SignalsKind,
    pub(crate) frames: usize,
    pub(crate) size: usize,
    /// Numbers of assets of each class, or names of clips.
    pub(crate) material: String,
}

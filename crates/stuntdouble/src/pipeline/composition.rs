//! Defines how a frame of the result is composed.

use model::preset::NetworksConfig;
use serde::Serialize;

use super::job::{Job, Mode};

/// How the frames of a result are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Composition {
    /// The frame is the draft: geometry alone.
    Draft,
    /// The networks see the environment. Their picture is composited into the removed region.
    #[serde(rename = "networks")]
    Region,
    /// The networks know no environment. Their figure is cut out and laid over the clean plate: the paper's
    /// pseudo-integration.
    PseudoIntegration,
    /// The networks know no environment, and the frame is their whole picture.
    WholePicture,
}

impl Composition {
    /// The composition of a job with networks of this configuration; without networks the job makes drafts.
    pub(super) fn of(job: &Job, networks: Option<&NetworksConfig>) -> Self {
        match networks {
            None => Self::Draft,
            Some(config) if config.environment.is_seen() || (job.settings.raw && job.mode == Mode::Replace) => {
                Self::Region
            }
            Some(_) => match job.mode {
                Mode::Replace => Self::PseudoIntegration,
                Mode::Animate => Self::WholePicture,
            },
        }
    }

    /// True if the draft step composes the frames.
    pub(super) fn is_layered(self) -> bool {
        match self {
            Self::Draft | Self::PseudoIntegration => true,
            Self::Region | Self::WholePicture => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::preset::Preset;

    use super::*;

    #[test]
    fn networks_without_an_environment_are_integrated_or_shown_whole() {
        let replace = Job::replace("hero.png", "take.mp4", "out.mp4");
        let animate = Job::animate("hero.png", "take.mp4", "out.mp4");
        let of = |job: &Job, preset: Preset| Composition::of(job, Some(&preset.config()));
        assert_eq!(Composition::of(&replace, None), Composition::Draft);
        for preset in [Preset::Sd15, Preset::Mimo, Preset::Bundled] {
            assert_eq!([of(&replace, preset), of(&animate, preset)], [Composition::Region; 2]);
        }
        assert_eq!(of(&replace, Preset::Moore), Composition::PseudoIntegration);
        assert_eq!(of(&animate, Preset::Moore), Composition::WholePicture);
        let mut raw = replace;
        raw.settings.raw = true;
        assert_eq!(of(&raw, Preset::Moore), Composition::Region);
    }
}

//! Defines the names of the metrics that are reported for each row.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limb::Limb;

/// The area of the picture that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// The hole and the ground-truth person.
    Region,
    /// The ground-truth person.
    Person,
    /// The head of the ground-truth person.
    Head,
    /// The object in use in the ground truth.
    Object,
}

impl Area {
    /// All areas.
    pub const ALL: [Self; 4] = [Self::Region, Self::Person, Self::Head, Self::Object];

    fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Person => "person",
            Self::Head => "head",
            Self::Object => "object",
        }
    }
}

/// A metric of whole frames, as published papers compute it (crate `metrics`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameFigure {
    /// SSIM as published: grey.
    SsimGrey,
    /// SSIM of the three channels.
    SsimColour,
    /// PSNR in dB.
    Psnr,
    /// PSNR with the overflow of DisCo's first script.
    PsnrDiscoU8,
    /// Mean absolute difference in levels.
    L1,
    /// L1 divided by the number of pixels, as DisCo reports it.
    L1Disco,
    /// LPIPS of AlexNet.
    LpipsAlex,
    /// LPIPS of VGG.
    LpipsVgg,
    /// LPIPS of AlexNet with input in [0, 1].
    LpipsAlexRaw01,
    /// LPIPS of VGG with input in [0, 1], as published.
    LpipsVggRaw01,
}

impl FrameFigure {
    /// All metrics of whole frames.
    pub const ALL: [Self; 10] = [
        Self::SsimGrey,
        Self::SsimColour,
        Self::Psnr,
        Self::PsnrDiscoU8,
        Self::L1,
        Self::L1Disco,
        Self::LpipsAlex,
        Self::LpipsVgg,
        Self::LpipsAlexRaw01,
        Self::LpipsVggRaw01,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::SsimGrey => "ssim-grey",
            Self::SsimColour => "ssim-colour",
            Self::Psnr => "psnr",
            Self::PsnrDiscoU8 => "psnr-disco-u8",
            Self::L1 => "l1",
            Self::L1Disco => "l1-disco",
            Self::LpipsAlex => "lpips-alex",
            Self::LpipsVgg => "lpips-vgg",
            Self::LpipsAlexRaw01 => "lpips-alex-raw01",
            Self::LpipsVggRaw01 => "lpips-vgg-raw01",
        }
    }
}

/// Seconds after which the drift of colours is measured.
pub const DRIFT_SECONDS: [u8; 3] = [10, 30, 60];

/// A metric. Its text form is `area/metric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Metric {
    /// Peak signal-to-noise ratio in dB.
    Psnr(Area),
    /// Structural similarity.
    Ssim(Area),
    /// VGG-HED distance.
    VggHed(Area),
    /// Mean Lab distance of the pixels.
    Lab(Area),
    /// Lab distance of the mean colours.
    MeanColour(Area),
    /// Mean Lab distance of the pixels of a limb.
    LimbLab(Limb),
    /// Lab distance of the mean colours of a limb.
    LimbMeanColour(Limb),
    /// Change from frame to frame where the background of the ground truth is static.
    BackgroundFlicker,
    /// Change from frame to frame inside the ground-truth person, minus the same change of the ground truth.
    PersonFlickerExcess,
    /// Mean difference from the source outside the hole and the ground-truth person, in levels.
    OutsideError,
    /// Largest difference from the source in the same region.
    OutsideLargest,
    /// A metric of whole frames.
    Frame(FrameFigure),
    /// Lab distance by which the person's mean colour has moved after this many seconds, minus the same distance of the
    /// ground truth.
    Drift(u8),
}

impl Metric {
    /// Every metric, in the order of the tables.
    pub fn all() -> impl Iterator<Item = Self> {
        let areas = |metric: fn(Area) -> Self| Area::ALL.into_iter().map(metric);
        let limbs = |metric: fn(Limb) -> Self| Limb::ALL.into_iter().map(metric);
        areas(Self::Psnr)
            .chain(areas(Self::Ssim))
            .chain(areas(Self::VggHed))
            .chain(areas(Self::Lab))
            .chain(areas(Self::MeanColour))
            .chain(limbs(Self::LimbLab))
            .chain(limbs(Self::LimbMeanColour))
            .chain([Self::BackgroundFlicker, Self::PersonFlickerExcess, Self::OutsideError, Self::OutsideLargest])
            .chain(FrameFigure::ALL.into_iter().map(Self::Frame))
            .chain(DRIFT_SECONDS.into_iter().map(Self::Drift))
    }
}

/// The name of a limb in files and tables.
pub(crate) fn limb_name(limb: Limb) -> &'static str {
    match limb {
        Limb::Head => "head",
        Limb::Trunk => "trunk",
        Limb::UpperArms => "upper-arms",
        Limb::LowerArms => "lower-arms",
        Limb::UpperLegs => "upper-legs",
        Limb::LowerLegs => "lower-legs",
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Psnr(area) => write!(out, "{}/psnr", area.name()),
            Self::Ssim(area) => write!(out, "{}/ssim", area.name()),
            Self::VggHed(area) => write!(out, "{}/vgg-hed", area.name()),
            Self::Lab(area) => write!(out, "{}/lab", area.name()),
            Self::MeanColour(area) => write!(out, "{}/mean-colour", area.name()),
            Self::LimbLab(limb) => write!(out, "limb-{}/lab", limb_name(*limb)),
            Self::LimbMeanColour(limb) => write!(out, "limb-{}/mean-colour", limb_name(*limb)),
            Self::BackgroundFlicker => write!(out, "background/flicker"),
            Self::PersonFlickerExcess => write!(out, "person/flicker-excess"),
            Self::OutsideError => write!(out, "outside/error"),
            Self::OutsideLargest => write!(out, "outside/largest-error"),
            Self::Frame(figure) => write!(out, "frame/{}", figure.name()),
            Self::Drift(seconds) => write!(out, "drift/{seconds}s"),
        }
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

impl TryFrom<String> for Metric {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::all().find(|metric| metric.to_string() == text).ok_or_else(|| format!("unknown metric `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_own_and_is_read_back() {
        let names: Vec<String> = Metric::all().map(String::from).collect();
        for (index, metric) in Metric::all().enumerate() {
            assert_eq!(Metric::try_from(names[index].clone()), Ok(metric));
        }
        assert_eq!(names.len(), 5 * 4 + 2 * 6 + 4 + 10 + 3);
        assert!(Metric::try_from("region/beauty".to_owned()).is_err());
    }
}

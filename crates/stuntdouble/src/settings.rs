//! Merges the user's settings from four layers, in increasing order of priority: defaults, `--config` file, options,
//! `--set`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use model::networks::ComputePrecision;
pub use model::preset::Preset;
use perception::objects::prompt::{ObjectPrompt, PointPrompt};
use perception::perceiver::Effort;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::error::{Error, io};

/// Where the networks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Device {
    /// The best device of this build.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The graphics card of this number, through CUDA.
    Cuda(usize),
    /// The graphics card of this number, through Vulkan, Metal or DirectX.
    Gpu(usize),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, number) = text.split_once(':').map_or((text, Some(0)), |(kind, number)| (kind, number.parse().ok()));
        match (kind, number) {
            ("auto", Some(_)) if text == "auto" => Ok(Self::Auto),
            ("cpu", Some(_)) if text == "cpu" => Ok(Self::Cpu),
            ("cuda", Some(number)) => Ok(Self::Cuda(number)),
            ("gpu", Some(number)) => Ok(Self::Gpu(number)),
            _ => Err(format!("unknown device `{text}`, expected `auto`, `cpu`, `cuda:N` or `gpu:N`")),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => "auto".into(),
            Device::Cpu => "cpu".into(),
            Device::Cuda(number) => format!("cuda:{number}"),
            Device::Gpu(number) => format!("gpu:{number}"),
        }
    }
}

/// The shape of the removed region (paper Fig. 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum MaskShape {
    /// Blocks of about 10 pixels (Eq. 2).
    #[default]
    ShapeAgnostic,
    /// The person's outline.
    Precise,
    /// The bounding box.
    Box,
}

/// Allowed heights of a character, relative to the driving person.
const HEIGHTS: RangeInclusive<f64> = 0.4..=2.0;

/// Allowed sides of the networks' picture, in pixels.
const SIZES: RangeInclusive<u32> = 16..=2048;

/// Everything that changes a result. Stored in `run.toml`, which is enough to repeat the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The preset of the networks.
    pub preset: Preset,
    /// Folder of weights; none uses the bundled weights.
    pub weights: Option<PathBuf>,
    /// The device on which the networks run.
    pub device: Device,
    /// The number format of the networks.
    pub precision: ComputePrecision,
    /// Side in pixels of the square that the networks generate; none for the size for which they were trained.
    pub size: Option<u32>,
    /// Seed of the noise.
    pub seed: u64,
    /// Denoising steps, 1..=1000; the default depends on the preset.
    pub steps: usize,
    /// Classifier-free guidance; 1 or less switches it off. The default depends on the preset.
    pub guidance: f64,
    /// Shape of the removed region.
    pub mask: MaskShape,
    /// Number of blocks along each side of the person's box; none for blocks of about 10 pixels.
    pub mask_blocks: Option<usize>,
    /// The person to replace: a point on the person, in pixels, and the time of this point.
    pub person: Option<PointPrompt>,
    /// Objects to keep, each pointed at in one frame.
    pub objects: Vec<ObjectPrompt>,
    /// A point on the person in the character's first picture, in pixels.
    pub character_at: Option<(f32, f32)>,
    /// Make the video from drafts alone, with geometry. This is the default for preset `bundled` with the bundled
    /// weights.
    pub draft: bool,
    /// Proportions: 0 uses the driving person's bone lengths, 1 the character's own.
    pub proportions: f64,
    /// The character's height relative to the driving person's, 0.4..=2: 0.6 for a child, 1.3 for a giant.
    pub height: f64,
    /// Match the draft's brightness and colour to the scene.
    pub light: bool,
    /// Draw a contact shadow under the draft where the source shows one.
    pub shadow: bool,
    /// Perceive faster and less accurately, with lighter networks.
    pub quick: bool,
    /// Show the network's whole picture instead of compositing it into the source.
    pub raw: bool,
    /// Process at most this many frames.
    pub max_frames: Option<u64>,
    /// Continue if the video is damaged, with the frames that can be decoded.
    pub tolerate_damage: bool,
    /// Treat the frames of interlaced videos as whole pictures. Otherwise they are deinterlaced.
    pub keep_fields: bool,
}

/// Default number of denoising steps and default guidance: the best values found for the weights.
fn sampling(preset: Preset) -> (usize, f64) {
    match preset {
        Preset::Bundled => (1, 3.0),
        Preset::Sd15 => (20, 3.5),
        Preset::Moore => (30, 3.5),
        Preset::Mimo => (25, 3.5),
        Preset::Tiny => (2, 1.0),
    }
}

impl Default for Settings {
    fn default() -> Self {
        let preset = Preset::default();
        let (steps, guidance) = sampling(preset);
        Self {
            preset,
            weights: None,
            device: Device::default(),
            precision: ComputePrecision::default(),
            size: None,
            seed: 0,
            steps,
            guidance,
            mask: MaskShape::default(),
            mask_blocks: None,
            person: None,
            objects: vec![],
            character_at: None,
            draft: true,
            proportions: f64::from(draft::body::retarget::PROPORTIONS),
            height: 1.0,
            light: true,
            shadow: true,
            quick: false,
            raw: false,
            max_frames: None,
            tolerate_damage: false,
            keep_fields: false,
        }
    }
}

impl Settings {
    /// Applies the config file, the typed options and the `--set` pairs to the defaults, and checks the ranges.
    ///
    /// # Errors
    /// [`Error::Setting`] for an unknown name, a wrong type or a value out of range; [`Error::Io`] for the file.
    pub fn resolve(config: Option<&Path>, options: Table, pairs: &[String]) -> Result<Self, Error> {
        let mut layers = Table::new();
        if let Some(path) = config {
            let text = std::fs::read_to_string(path).map_err(io("read", path))?;
            let file: Table = text.parse().map_err(|reason: toml::de::Error| {
                invalid(&format!("file `{}`", path.display()), reason.to_string())
            })?;
            merge(&mut layers, file);
        }
        merge(&mut layers, options);
        for pair in pairs {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| invalid(&format!("`{pair}`"), "expected `name=value`"))?;
            let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
            merge(&mut layers, nested(name.trim(), parsed.unwrap_or_else(|| Value::String(value.into()))));
        }
        // Unset values follow the preset. A wrong preset name is reported with the other settings below.
        let named = layers.get("preset").and_then(Value::as_str).and_then(|name| name.parse().ok());
        let preset: Preset = named.unwrap_or_default();
        let (steps, guidance) = sampling(preset);
        let is_geometry = preset == Preset::Bundled && !layers.contains_key("weights");
        layers.entry("draft").or_insert(Value::Boolean(is_geometry));
        layers.entry("steps").or_insert(Value::Integer(steps as i64));
        layers.entry("guidance").or_insert(Value::Float(guidance));
        let settings: Self =
            layers.try_into().map_err(|reason: toml::de::Error| invalid("file or option", reason.message()))?;
        settings.check()
    }

    /// The effort of perception.
    pub fn effort(&self) -> Effort {
        if self.quick { Effort::Quick } else { Effort::Full }
    }

    fn check(self) -> Result<Self, Error> {
        if let device @ (Device::Cuda(_) | Device::Gpu(_)) = self.device {
            let reason = "this program makes videos on the processor only; use `--device cpu`";
            return Err(invalid("`device`", format!("found `{}`, but {reason}", String::from(device))));
        }
        if !(1..=1000).contains(&self.steps) {
            return Err(invalid("`steps`", format!("found {}, expected 1 to 1000", self.steps)));
        }
        if !(0.0..=30.0).contains(&self.guidance) {
            return Err(invalid("`guidance`", format!("found {}, expected 0 to 30", self.guidance)));
        }
        if !(0.0..=1.0).contains(&self.proportions) {
            return Err(invalid("`proportions`", format!("found {}, expected 0 to 1", self.proportions)));
        }
        if !HEIGHTS.contains(&self.height) {
            let expected = format!("found {}, expected {} to {}", self.height, HEIGHTS.start(), HEIGHTS.end());
            return Err(invalid("`height`", expected));
        }
        if self.mask_blocks == Some(0) {
            return Err(invalid("`mask-blocks`", "found 0, expected at least 1"));
        }
        if self.size.is_some_and(|size| !SIZES.contains(&size)) {
            let expected = format!("expected {} to {} pixels", SIZES.start(), SIZES.end());
            return Err(invalid("`size`", format!("found {}, {expected}", self.size.unwrap_or_default())));
        }
        if self.max_frames == Some(0) {
            return Err(invalid("`max-frames`", "found 0, expected at least 1"));
        }
        if self.character_at.is_some_and(|(x, y)| !(x.is_finite() && y.is_finite())) {
            return Err(invalid("`character-at`", "expected two finite numbers"));
        }
        Ok(self)
    }
}

/// The error for an invalid setting.
pub(crate) fn invalid(setting: &str, reason: impl Into<String>) -> Error {
    Error::Setting { setting: setting.into(), reason: reason.into() }
}

/// Turns `a.b = v` into nested tables.
fn nested(name: &str, value: Value) -> Table {
    match name.split_once('.') {
        Some((head, rest)) => Table::from_iter([(head.to_string(), Value::Table(nested(rest, value)))]),
        None => Table::from_iter([(name.to_string(), value)]),
    }
}

fn merge(below: &mut Table, above: Table) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => drop(below.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_win() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.toml");
        std::fs::write(&file, "steps = 5\nseed = 7\nguidance = 3.5").unwrap();
        let options: Table = "steps = 6".parse().unwrap();
        let settings = Settings::resolve(Some(&file), options, &["guidance=1.5".into(), "mask=box".into()]).unwrap();
        assert_eq!((settings.steps, settings.seed, settings.guidance), (6, 7, 1.5));
        assert_eq!(settings.mask, MaskShape::Box);
    }

    #[test]
    fn a_quick_look_is_chosen_by_name_and_stored() {
        let settings = Settings::resolve(None, Table::new(), &["quick=true".into()]).unwrap();
        assert_eq!((settings.effort(), Settings::default().effort()), (Effort::Quick, Effort::Full));
        assert!(toml::to_string(&settings).unwrap().contains("quick = true"));
    }

    #[test]
    fn steps_and_guidance_follow_the_preset_unless_set() {
        let of = |pairs: &[&str]| {
            let pairs: Vec<String> = pairs.iter().map(|pair| pair.to_string()).collect();
            let settings = Settings::resolve(None, Table::new(), &pairs).unwrap();
            (settings.steps, settings.guidance)
        };
        assert_eq!(of(&[]), (1, 3.0));
        assert_eq!(of(&["preset=sd15"]), (20, 3.5));
        assert_eq!(of(&["preset=moore"]), (30, 3.5));
        assert_eq!(of(&["preset=sd15", "steps=7"]), (7, 3.5));
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let check = |pair: &str| {
            let error = Settings::resolve(None, Table::new(), &[pair.into()]).unwrap_err();
            assert_eq!(error.code(), "settings.invalid");
            error.to_string()
        };
        assert!(check("stepz=3").contains("stepz"));
        assert!(check("steps=0").contains("steps"));
        assert!(check("guidance=nan").contains("guidance"));
        assert!(check("steps").contains("name=value"));
        assert!(check("max-frames=0").contains("max-frames"));
        assert!(check("size=8").contains("size"));
        // A card that is asked for and not used would be a silent fallback.
        for device in ["cuda", "cuda:1", "gpu:0", "cuda:x", "cpu:1", "tpu"] {
            assert!(check(&format!("device={device}")).contains("device"), "{device}");
        }
        let of = |device: &str| Settings::resolve(None, Table::new(), &[format!("device={device}")]).unwrap().device;
        assert_eq!([of("auto"), of("cpu")], [Device::Auto, Device::Cpu]);
    }
}

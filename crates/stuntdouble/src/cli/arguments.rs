//! Defines the command-line arguments.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use model::unet::cache::CacheOptions;
use stuntdouble::Error;
use stuntdouble::bench::BenchJob;
use stuntdouble::pipeline::{Job, Mode, PerceiveJob};
use stuntdouble::run_folder::SIGNALS;
use stuntdouble::settings::{ComputePrecision, Device, MaskShape, Preset, Settings};
use toml::{Table, Value};

use super::prompts::PromptOptions;

/// Puts your character into a video.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Print JSON events to standard output, one per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not use the network; report missing files as errors
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Replace the person in a video with the character, and keep the scene of the video
    Replace(Run),
    /// Animate the character with the motion of the person, in the scene of the character's picture
    Animate(Run),
    /// Write poses and masks of a video as files, with a contact sheet
    Perceive(Perceive),
    /// List, fetch or verify models
    #[command(subcommand)]
    Models(Models),
    /// Train networks from a configuration file, plot a run, or prepare training videos
    Train(super::training::Train),
    /// Render synthetic clips with exact ground truth
    #[command(subcommand)]
    Stage(super::stage::Stage),
    /// Measure the quality of results against baselines and ground truth
    Evaluate(super::evaluate::Evaluate),
    /// Measure how fast this machine runs the networks
    Bench(Bench),
    /// Report what is installed, what is missing, and how to install it
    Doctor,
    /// Run the example that comes with the program
    Demo(Demo),
    /// Write shell completions and man pages
    #[command(hide = true)]
    ShellFiles {
        /// The folder to write
        folder: PathBuf,
    },
}

/// Options of `replace` and `animate`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Picture of the character; repeat the option for other views such as back or face
    #[arg(long = "character", value_name = "PICTURE", required = true)]
    characters: Vec<PathBuf>,
    /// Pose of the character in the first picture: a `pose.json` or an OpenPose file
    #[arg(long, value_name = "FILE")]
    character_pose: Option<PathBuf>,
    /// The driving video: a video file, a GIF, or a folder of frames
    #[arg(long, value_name = "VIDEO")]
    video: PathBuf,
    /// The video to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Folder for intermediate files [default: the name of the output with `.run`]
    #[arg(long, value_name = "FOLDER")]
    run_dir: Option<PathBuf>,
    /// Use existing signals: a folder that `perceive` wrote, possibly edited, or one from another program
    #[arg(long, value_name = "FOLDER")]
    signals: Option<PathBuf>,
    /// Report what would be done without doing it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    weight_cache: WeightCacheOptions,
    #[command(flatten)]
    settings: SettingOptions,
}

/// Where prepacked weights are cached.
#[derive(Debug, Args)]
struct WeightCacheOptions {
    /// Folder to cache the prepacked weights of `--weights`, so that later runs start sooner (2 to 4.5 bytes per weight)
    /// [default: `packs` in the cache]
    #[arg(long, alias = "packs", value_name = "FOLDER", conflicts_with = "no_weight_cache")]
    weight_cache: Option<PathBuf>,
    /// Neither read nor write cached prepacked weights
    #[arg(long, alias = "no-packs")]
    no_weight_cache: bool,
}

/// Options of `perceive`.
#[derive(Debug, Args)]
pub(crate) struct Perceive {
    /// The video: a video file, a GIF, or a folder of frames
    video: PathBuf,
    /// The folder to write
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    #[command(flatten)]
    settings: SettingOptions,
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Number of frames in a clip [default: the preset's]
    #[arg(long, value_name = "N")]
    frames: Option<usize>,
    /// Number of timed runs; the median is reported
    #[arg(long, value_name = "N", default_value_t = 7)]
    repeat: usize,
    /// Disable this cache to measure its effect
    #[arg(long, value_name = "WORK")]
    without: Vec<Saved>,
    #[command(flatten)]
    weight_cache: WeightCacheOptions,
    #[command(flatten)]
    settings: SettingOptions,
}

/// A cache that is normally on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Saved {
    /// Keys and values of the reference
    Reference,
    /// Cross-attention to one token as a vector
    Context,
    /// Computations that the conditional and unconditional branches share
    Halves,
    /// Results that depend only on a timestep or the length of a clip
    Steps,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The folder to write
    #[arg(short, long, value_name = "FOLDER", default_value = "stuntdouble-demo")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// List every known file, its size, licence and state
    List,
    /// Fetch a file or group, for example `perception`
    Fetch {
        /// Names from `models list`
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Check the hashes of all downloaded files again
    Verify,
}

/// Options that become [`Settings`].
#[derive(Debug, Args)]
struct SettingOptions {
    /// Read settings from a TOML file; options take precedence over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set any setting by name; takes precedence over everything else
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pairs: Vec<String>,
    /// Networks to run
    #[arg(long, value_parser = preset())]
    preset: Option<Preset>,
    /// Folder of weights: safetensors or PyTorch files
    #[arg(long, value_name = "FOLDER")]
    weights: Option<PathBuf>,
    /// Device on which the networks run
    #[arg(long, value_name = "auto|cpu|cuda:N|gpu:N")]
    device: Option<Device>,
    /// Number format of the networks
    #[arg(long, value_parser = precision())]
    precision: Option<ComputePrecision>,
    /// Side in pixels of the square picture that the networks generate [default: the preset's]
    #[arg(long, value_name = "PIXELS")]
    size: Option<u32>,
    /// Random seed of the noise
    #[arg(long)]
    seed: Option<u32>,
    /// Number of denoising steps
    #[arg(long)]
    steps: Option<u32>,
    /// Scale of classifier-free guidance; 1 disables it
    #[arg(long)]
    guidance: Option<f64>,
    /// Shape of the region that is removed from the video
    #[arg(long, value_enum)]
    mask: Option<MaskShape>,
    /// Number of blocks along each side of the person's box, instead of blocks of about 10 pixels
    #[arg(long, value_name = "N")]
    mask_blocks: Option<u32>,
    #[command(flatten)]
    prompts: PromptOptions,
    /// Point on the character, in pixels, if the first picture shows several people
    #[arg(long, value_name = "X,Y", value_parser = point)]
    character_at: Option<Point>,
    /// Create the video from drafts by geometry alone, without generative networks
    #[arg(long)]
    draft: bool,
    /// Proportions of the result: 0 = the driving person's bone lengths, 1 = the character's own
    #[arg(long, value_name = "0..1")]
    proportions: Option<f64>,
    /// The character's height relative to the driving person's: 0.6 for a child, 1.3 for a giant
    #[arg(long, value_name = "FACTOR")]
    height: Option<f64>,
    /// Use smaller perception networks, which are faster and less accurate
    #[arg(long)]
    quick: bool,
    /// Show the generated picture without compositing it into the source
    #[arg(long)]
    raw: bool,
    /// Process at most this many frames
    #[arg(long, value_name = "N")]
    max_frames: Option<u32>,
    /// Continue with the decodable frames if the video is damaged
    #[arg(long)]
    tolerate_damage: bool,
}

#[derive(Debug, Clone, Copy)]
struct Point(f64, f64);

fn point(text: &str) -> Result<Point, String> {
    let (x, y) = text.split_once(',').ok_or("expected `X,Y`")?;
    let number = |part: &str| part.trim().parse::<f64>().map_err(|reason| format!("`{part}`: {reason}"));
    Ok(Point(number(x)?, number(y)?))
}

/// A preset by its name. The crate of the networks knows no command line, so the help stands here.
fn preset() -> impl TypedValueParser<Value = Preset> {
    let values = Preset::ALL.map(|preset| {
        PossibleValue::new(preset.name()).help(match preset {
            Preset::Bundled => "The small networks of this project, which are included in the program",
            Preset::Sd15 => "The paper's size, with trained or public weights from `--weights`",
            Preset::Moore => "Animate Anyone, the predecessor of the method, with its public weights from `--weights`",
            Preset::Mimo => {
                "MIMO, a variant of Animate Anyone that sees the scene, with its public weights from `--weights`"
            }
            Preset::Tiny => "Random weights, for tests",
        })
    });
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Preset>())
}

/// A number format of the networks by its name.
fn precision() -> impl TypedValueParser<Value = ComputePrecision> {
    let wide = PossibleValue::new("f32").help("32-bit floating point");
    let narrow = PossibleValue::new("bf16").help(
        "16-bit bfloat16 with 32-bit sums; faster on processors with bf16 instructions, and half the memory for \
         features",
    );
    PossibleValuesParser::new([wide, narrow])
        .map(|name| if name == "bf16" { ComputePrecision::Bf16 } else { ComputePrecision::F32 })
}

impl SettingOptions {
    fn resolve(&self) -> Result<Settings, Error> {
        let mut table = Table::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                table.insert(name.into(), value);
            }
        };
        let integer = |value: Option<u32>| value.map(|value| Value::Integer(value.into()));
        put("preset", self.preset.and_then(|value| Value::try_from(value).ok()));
        put("device", self.device.and_then(|value| Value::try_from(value).ok()));
        put("precision", self.precision.and_then(|value| Value::try_from(value).ok()));
        put("mask", self.mask.and_then(|value| Value::try_from(value).ok()));
        put("weights", self.weights.as_ref().map(|path| Value::String(path.display().to_string())));
        put("size", integer(self.size));
        put("seed", integer(self.seed));
        put("steps", integer(self.steps));
        put("guidance", self.guidance.map(Value::Float));
        put("mask-blocks", integer(self.mask_blocks));
        put("max-frames", integer(self.max_frames));
        let place = |Point(x, y)| Value::Array(vec![Value::Float(x), Value::Float(y)]);
        put("person", self.prompts.person()?);
        put("objects", self.prompts.objects()?);
        put("character-at", self.character_at.map(place));
        put("draft", self.draft.then_some(Value::Boolean(true)));
        put("proportions", self.proportions.map(Value::Float));
        put("height", self.height.map(Value::Float));
        put("quick", self.quick.then_some(Value::Boolean(true)));
        put("raw", self.raw.then_some(Value::Boolean(true)));
        put("tolerate-damage", self.tolerate_damage.then_some(Value::Boolean(true)));
        Settings::resolve(self.config.as_deref(), table, &self.pairs)
    }
}

/// The signals folder inside the folder that `perceive -o FOLDER` wrote.
fn signals_in(folder: PathBuf) -> PathBuf {
    let inner = folder.join(SIGNALS);
    if inner.is_dir() { inner } else { folder }
}

impl WeightCacheOptions {
    fn folder(self, cache: &Path) -> Option<PathBuf> {
        if self.no_weight_cache { None } else { Some(self.weight_cache.unwrap_or_else(|| cache.join("packs"))) }
    }
}

impl Run {
    pub(crate) fn into_job(self, mode: Mode, cache: &Path) -> Result<Job, Error> {
        let settings = self.settings.resolve()?;
        if mode == Mode::Animate && !settings.objects.is_empty() {
            let reason =
                "`animate` keeps no objects of the video, because it shows the scene of the picture; use `replace`";
            return Err(Error::Setting { setting: "`object`".into(), reason: reason.into() });
        }
        let run_dir = self.run_dir.unwrap_or_else(|| self.output.with_extension("run"));
        Ok(Job {
            mode,
            characters: self.characters,
            character_pose: self.character_pose,
            video: self.video,
            output: self.output,
            run_dir,
            signals: self.signals.map(signals_in),
            dry_run: self.dry_run,
            weight_cache: self.weight_cache.folder(cache),
            settings,
        })
    }
}

impl Bench {
    pub(crate) fn into_job(self, cache: &Path) -> Result<BenchJob, Error> {
        let Self { frames, repeat, without, weight_cache, settings } = self;
        let settings = settings.resolve()?;
        // Random weights are not worth the disk space unless the user asks for it.
        let weight_cache =
            if settings.weights.is_none() { weight_cache.weight_cache } else { weight_cache.folder(cache) };
        let saved = |work| !without.contains(&work);
        let cache_options = CacheOptions {
            reference: saved(Saved::Reference),
            context: saved(Saved::Context),
            branches: saved(Saved::Halves),
            steps: saved(Saved::Steps),
        };
        Ok(BenchJob { settings, frames, repeat, cache_options, weight_cache })
    }
}

impl Perceive {
    pub(crate) fn into_job(self) -> Result<PerceiveJob, Error> {
        Ok(PerceiveJob { video: self.video, output: self.output, settings: self.settings.resolve()? })
    }
}

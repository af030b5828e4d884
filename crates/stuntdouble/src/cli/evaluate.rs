//! Implements the command `evaluate`, which measures methods on clips with ground truth.

use perception::perceiver::Effort;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use evaluate::{
    Backbone, EvaluateError, Instrument, Instruments, Lpips, Material, RunSettings, Signals, SignalsKind, SourceKind,
    Suite, SuiteDefinition, VggNetwork, holds_videos,
};
use fetch::Store;
use stage::Assets;
use stuntdouble::events::{Event, Events, Step};
use stuntdouble::pipeline::Tools;
use stuntdouble::{Error, models};

use super::methods::{Methods, Sources, hash, methods, row_name};
use super::view::say;

/// Name of VGG-HED's weights in the catalogue.
const VGG: &str = "vgg-hed";

/// Options of `evaluate`.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The suite to measure: `table1`, `table2`, `table3`, `fig7`, `stage-cross`, `stage-self`, `real-self`, `drift`, or a TOML file
    #[arg(long, value_name = "NAME|FILE.toml")]
    suite: String,
    /// A method to compare in addition to the baselines of the suite and the ground truth; repeat for more: `paste`, `plate`, `draft`,
    /// `ours`, `rigid`, `pseudo`, `bundled`, `finished`, `folder:DIR` (frames of another tool, one folder or video per clip)
    #[arg(long = "method", value_name = "NAME")]
    methods: Vec<String>,
    /// Use exactly these rows in this order, instead of baselines, methods and ground truth
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "methods")]
    rows: Vec<String>,
    /// The folder to write; an interrupted run continues there
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// Number of clips [default: the suite's]
    #[arg(long, value_name = "N")]
    clips: Option<u64>,
    /// Number of frames per clip; 0 uses all frames of a video [default: the suite's]
    #[arg(long, value_name = "N")]
    frames: Option<usize>,
    /// Side of rendered frames, or longest side of video frames, in pixels; 0 keeps the video size [default: the suite's]
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Number of the reference frame in each video, counted from 0 [default: the suite's]
    #[arg(long, value_name = "N")]
    reference_frame: Option<usize>,
    /// Source of the poses and masks that the methods receive [default: the suite's]
    #[arg(long, value_enum)]
    signals: Option<SignalsName>,
    /// A folder or pack of characters, motions, props and places to render [default: the built-in cast]
    #[arg(long, value_name = "PATH")]
    assets: Option<PathBuf>,
    /// Folder of clips, for suites of real clips and videos
    #[arg(long, value_name = "FOLDER")]
    clips_dir: Option<PathBuf>,
    /// Weights of the network that finishes drafts, for row `finished`
    #[arg(long, value_name = "FILE")]
    finisher: Option<PathBuf>,
    /// LPIPS weights with VGG: one file with everything, or one for the backbone and one for the linear factors
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    lpips_vgg: Vec<PathBuf>,
    /// LPIPS weights with AlexNet, in the same form
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    lpips_alex: Vec<PathBuf>,
    /// Number of clips to measure in parallel [default: as processors and memory allow]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SignalsName {
    /// From the renderer or the labels
    Exact,
    /// From the pose networks
    Perceived,
}

/// Measures, and prints the tables.
pub(super) fn run(options: Evaluate, store: &Store, tools: &Tools, events: &Events, json: bool) -> Result<(), Error> {
    // 1. Check that everything exists before anything is downloaded or rendered.
    let definition = options.definition()?;
    let Methods { rows, mut provenance } = {
        let sources = Sources { finisher: options.finisher.as_deref(), store, tools, events };
        methods(&options.row_names(&definition), &options.methods, &sources)?
    };
    provenance.insert(0, program());
    let material = material(&definition, options.clips_dir, options.assets, store, tools, events)?;
    let signals = match definition.signals {
        SignalsKind::Exact => Signals::Exact,
        SignalsKind::Perceived => Signals::Perceived(models::person_models(store, Effort::Full, events)?),
    };
    let suite = Suite::open(definition, signals, material)?;
    let clips = suite.definition().clips;
    let mut instruments = Instruments { vgg_hed: vgg(store, events)?, lpips: Vec::new() };
    for (backbone, files) in [(Backbone::Vgg, &options.lpips_vgg), (Backbone::Alex, &options.lpips_alex)] {
        instruments.lpips.extend(lpips(backbone, files)?.map(|network| (backbone, network)));
    }
    // 2. Measure.
    let mut progress = |done: u64| {
        events.progress(Step::Evaluate, done, clips);
        if events.check_cancelled().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let settings = RunSettings { jobs: options.jobs, provenance };
    let outcome = evaluate::run(&suite, &rows, &instruments, &settings, &options.out, &mut progress).map_err(
        |error| match error {
            EvaluateError::Stopped => Error::Cancelled,
            error => error.into(),
        },
    )?;
    // 3. Tell.
    if !json {
        say!("{}", outcome.tables);
    }
    for warning in &outcome.warnings {
        events.warn(warning.fault, format!("row `{}`, {}: {}", warning.row, warning.clip, warning.text));
    }
    for (row, seconds) in rows.iter().zip(&outcome.seconds) {
        events.note(format!("{}: {seconds:.2} s per clip", row.name()));
    }
    for sheet in &outcome.sheets {
        events.note(format!("contact sheet: {}", sheet.display()));
    }
    events.note(format!("side-by-side comparison: {}", options.out.join("page.html").display()));
    events.send(Event::Done { output: options.out.join("table.md").display().to_string() });
    Ok(())
}

impl Evaluate {
    /// The suite with what was typed beside it.
    fn definition(&self) -> Result<SuiteDefinition, Error> {
        let mut definition = SuiteDefinition::find(&self.suite)?;
        if self.reference_frame.is_some() && definition.source != SourceKind::Videos {
            let reason = format!("suite `{}` defines its own reference frames", definition.name);
            return Err(Error::Setting { setting: "`--reference-frame`".into(), reason });
        }
        definition.clips = self.clips.unwrap_or(definition.clips);
        definition.frames = self.frames.unwrap_or(definition.frames);
        definition.size = self.size.unwrap_or(definition.size);
        definition.reference_frame = self.reference_frame.unwrap_or(definition.reference_frame);
        if let Some(signals) = self.signals {
            definition.signals = match signals {
                SignalsName::Exact => SignalsKind::Exact,
                SignalsName::Perceived => SignalsKind::Perceived,
            };
        }
        Ok(definition)
    }

    fn row_names(&self, definition: &SuiteDefinition) -> Vec<String> {
        if !self.rows.is_empty() {
            return self.rows.clone();
        }
        let named: Vec<String> = self.methods.iter().map(|method| row_name(method, self.finisher.as_deref())).collect();
        definition.rows((!named.is_empty()).then_some(named.as_slice()))
    }
}

/// Version and commit of the program.
fn program() -> String {
    let commit = option_env!("STUNTDOUBLE_COMMIT").unwrap_or("unknown: built without STUNTDOUBLE_COMMIT");
    format!("stuntdouble {}, commit {commit}", env!("CARGO_PKG_VERSION"))
}

fn material(
    definition: &SuiteDefinition,
    clips: Option<PathBuf>,
    assets_path: Option<PathBuf>,
    store: &Store,
    tools: &Tools,
    events: &Events,
) -> Result<Material, Error> {
    Ok(match definition.source {
        SourceKind::StageCross | SourceKind::StageSelf => Material::Assets(Box::new(assets(assets_path, events)?)),
        SourceKind::RealSelf => Material::Clips { folder: clips.unwrap_or_default(), decoder: None },
        SourceKind::Videos => {
            let folder = clips.unwrap_or_default();
            let decoder = if holds_videos(&folder) { Some(models::ffmpeg(store, tools, events)?) } else { None };
            Material::Clips { folder, decoder }
        }
    })
}

fn assets(path: Option<PathBuf>, events: &Events) -> Result<Assets, Error> {
    let Some(path) = path else {
        events.note("clips are rendered with the built-in cast, because `--assets` was not given");
        return Ok(Assets::procedural());
    };
    let (assets, warnings) = Assets::load(&path)?;
    for warning in warnings {
        events.warn(warning.cause.code(), format!("skipped a file: {}", warning.cause));
    }
    Ok(assets)
}

/// VGG16, if its weights exist or can be downloaded. Without it, only the other metrics are measured.
fn vgg(store: &Store, events: &Events) -> Result<Option<Instrument<VggNetwork>>, Error> {
    match models::ensure(store, VGG, events) {
        Ok(path) => Ok(Some(Instrument { network: VggNetwork::open(&path)?, hash: hash(&path)? })),
        Err(error) => {
            events.warn(
                error.code(),
                format!("VGG-HED distances are left out, because the weights are not available: {error}"),
            );
            events.note(format!("run `stuntdouble models fetch {VGG}` to fetch the weights"));
            Ok(None)
        }
    }
}

/// LPIPS, if the user has its weights.
fn lpips(backbone: Backbone, files: &[PathBuf]) -> Result<Option<Instrument<Lpips>>, Error> {
    if files.is_empty() {
        return Ok(None);
    }
    let network = Lpips::open(backbone, files).map_err(EvaluateError::from)?;
    let hashes: Vec<String> = files.iter().map(|file| hash(file)).collect::<Result<_, _>>()?;
    Ok(Some(Instrument { network, hash: hashes.join("+") }))
}

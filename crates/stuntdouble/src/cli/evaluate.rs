//! `evaluate`: measures methods on clips with known truth.

use perception::perceiver::Effort;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use evaluate::{EvaluateError, Material, OutsideRow, Row, Signals, Suite, SuiteKind, TrialSettings, VggNetwork};
use fetch::Store;
use stage::Assets;
use stuntdouble::evaluation::{bundled_row, finished_row};
use stuntdouble::events::{Event, Events, Step};
use stuntdouble::settings::Settings;

use super::view::say;
use stuntdouble::{Error, models};

/// Name of VGG-HED's weights in the catalogue.
const VGG: &str = "vgg-hed";

/// Options of `evaluate`.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The suite, which determines the clips and their truth
    #[arg(long, value_enum)]
    suite: SuiteName,
    /// Number of clips
    #[arg(long, value_name = "N", default_value_t = 100)]
    clips: u64,
    /// Methods to compare: `source`, `plate`, `plate+cutout`, `rigid`, `draft`, `draft4`, `finished`, `bundled`, `truth`
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "source,plate,plate+cutout,rigid,truth")]
    rows: Vec<String>,
    /// The folder to write; an interrupted run continues there
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// Source of the poses and masks that the methods get
    #[arg(long, value_enum, default_value_t = SignalsName::Exact)]
    signals: SignalsName,
    /// A folder or pack of characters, motions, props and places to render [default: the built-in cast]
    #[arg(long, value_name = "PATH")]
    assets: Option<PathBuf>,
    /// A folder of real clips, for suite `real-self`
    #[arg(long, value_name = "FOLDER")]
    clips_dir: Option<PathBuf>,
    /// Weights of the network that finishes drafts, for row `finished`
    #[arg(long, value_name = "FILE")]
    finisher: Option<PathBuf>,
    /// Number of frames in a clip
    #[arg(long, value_name = "N", default_value_t = 4)]
    frames: usize,
    /// Side of a rendered frame in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 256)]
    size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SuiteName {
    /// Rendered clips: another character takes the driving person's place
    StageCross,
    /// Rendered clips: the driving person itself, from another picture
    StageSelf,
    /// Real clips: the driving person itself, from an earlier frame
    RealSelf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SignalsName {
    /// From the renderer or the labels
    Exact,
    /// From the pose networks
    Perceived,
}

/// Measures, and prints the tables.
pub(super) fn run(options: Evaluate, store: &Store, events: &Events, json: bool) -> Result<(), Error> {
    let settings = TrialSettings { frames: options.frames, size: options.size };
    // 1. Check that everything exists before anything is downloaded or rendered.
    let kind = match options.suite {
        SuiteName::StageCross => SuiteKind::StageCross,
        SuiteName::StageSelf => SuiteKind::StageSelf,
        SuiteName::RealSelf => SuiteKind::RealSelf,
    };
    let rows = rows(&options.rows, options.finisher.as_deref())?;
    let material = match kind {
        SuiteKind::RealSelf => Material::Clips(options.clips_dir.unwrap_or_default()),
        SuiteKind::StageCross | SuiteKind::StageSelf => Material::Assets(Box::new(assets(options.assets, events)?)),
    };
    let signals = match options.signals {
        SignalsName::Exact => Signals::Exact,
        SignalsName::Perceived => Signals::Perceived(models::person_models(store, Effort::Full, events)?),
    };
    let suite = Suite::open(kind, settings, signals, material)?;
    let network = vgg(store, events)?;
    // 2. Measure.
    let mut progress = |done: u64| {
        events.progress(Step::Evaluate, done, options.clips);
        if events.check_cancelled().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = evaluate::run(&suite, options.clips, &rows, network.as_ref(), &options.out, &mut progress).map_err(
        |error| match error {
            EvaluateError::Stopped => Error::Cancelled,
            error => error.into(),
        },
    )?;
    // 3. Report.
    if !json {
        say!("{}", outcome.tables);
    }
    for (row, seconds) in rows.iter().zip(&outcome.seconds) {
        events.note(format!("{}: {seconds:.2} s a clip", row.name()));
    }
    for sheet in &outcome.sheets {
        events.note(format!("sheet: {}", sheet.display()));
    }
    events.send(Event::Done { output: options.out.join("table.md").display().to_string() });
    Ok(())
}

/// The rows. Networks are loaded only for a row that needs them.
fn rows(names: &[String], finisher: Option<&Path>) -> Result<Vec<Row>, Error> {
    // Names are checked with placeholders first, because loading takes time.
    let stand_in = |name: &str| OutsideRow { name: name.into(), version: 0, make: Box::new(|_| Ok(Vec::new())) };
    Row::select(names, vec![stand_in("bundled"), stand_in("finished")])?;
    let is_wanted = |name: &str| names.iter().any(|wanted| wanted == name);
    let mut outside = vec![];
    if is_wanted("bundled") {
        outside.push(bundled_row(&Settings::default())?);
    }
    if is_wanted("finished") {
        let missing = || Error::Setting {
            setting: "`--finisher`".into(),
            reason: "row `finished` needs a file of weights".into(),
        };
        outside.push(finished_row(finisher.ok_or_else(missing)?)?);
    }
    Ok(Row::select(names, outside)?)
}

fn assets(path: Option<PathBuf>, events: &Events) -> Result<Assets, Error> {
    let Some(path) = path else {
        events.note("no `--assets`: clips are rendered with the built-in cast");
        return Ok(Assets::procedural());
    };
    let (assets, warnings) = Assets::load(&path)?;
    for warning in warnings {
        events.warn(warning.cause.code(), format!("left out: {}", warning.cause));
    }
    Ok(assets)
}

/// VGG16, if its weights exist or can be downloaded. Without it, only the other metrics are measured.
fn vgg(store: &Store, events: &Events) -> Result<Option<VggNetwork>, Error> {
    match models::ensure(store, VGG, events) {
        Ok(path) => Ok(Some(VggNetwork::open(&path)?)),
        Err(error) => {
            events.warn(error.code(), format!("VGG-HED distances are left out: {error}"));
            events.note(format!("`stuntdouble models fetch {VGG}` fetches what they need"));
            Ok(None)
        }
    }
}

//! Implements the commands `stage render|inspect|pack`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use stage::{Assets, ClipSettings, Passes, Place, ShardPlan, Split, inspect_shards, write_shards};
use stuntdouble::Error;
use stuntdouble::events::{Event, Events, Step};

#[derive(Debug, Subcommand)]
pub(crate) enum Stage {
    /// Render clips into shards; continues an interrupted run
    Render(Render),
    /// Check the shards of a folder or bucket, report their contents, and draw a contact sheet
    Inspect {
        /// The output of `stage render`: a folder or `s3://BUCKET/PREFIX`
        place: PathBuf,
        /// The contact sheet to write [default: `sheet.png` in the folder, or in the current folder for a bucket]
        #[arg(long, value_name = "FILE")]
        sheet: Option<PathBuf>,
        /// Number of clips on the contact sheet
        #[arg(long, value_name = "N", default_value_t = 64)]
        show: usize,
    },
    /// Pack a folder of assets into one small file, which `--assets` accepts
    Pack {
        /// The folder of assets
        #[arg(long, value_name = "FOLDER")]
        assets: PathBuf,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Largest allowed size of the file in MiB
        #[arg(long, value_name = "MIB", default_value_t = 30)]
        limit: u64,
        /// Leave out files that cannot be used, with a warning
        #[arg(long)]
        skip_broken: bool,
    },
}

/// Options of `stage render`.
#[derive(Debug, Args)]
pub(crate) struct Render {
    /// The folder to write, or `s3://BUCKET/PREFIX` (settings in `AWS_*` variables; build with `--features object-store`)
    #[arg(short, long, value_name = "PLACE")]
    out: PathBuf,
    /// A folder or pack of characters, motions, props and places [default: the built-in cast]
    #[arg(long, value_name = "PATH")]
    assets: Option<PathBuf>,
    /// Leave out files that cannot be used, with a warning
    #[arg(long)]
    skip_broken: bool,
    /// Number of clips
    #[arg(long, value_name = "N", default_value_t = 64)]
    clips: u64,
    /// Number of clips in a shard
    #[arg(long, value_name = "N", default_value_t = 32)]
    per_shard: u64,
    /// Name of the set; sets with different names share no clip
    #[arg(long, value_name = "NAME", default_value = "stage")]
    set: String,
    /// Use only assets of this split: `train`, `val` or `test`
    #[arg(long, value_name = "PART", value_parser = split)]
    split: Option<Split>,
    /// Side of a frame in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 256)]
    size: usize,
    /// Number of frames in a clip
    #[arg(long, value_name = "N", default_value_t = 16)]
    frames: usize,
    /// Number of reference pictures of each identity
    #[arg(long, value_name = "N", default_value_t = 4)]
    references: usize,
    /// Do not render each clip a second time with another identity
    #[arg(long)]
    no_twin: bool,
    /// Share of clips in which a prop is used
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    props: f32,
    /// Share of clips with furniture
    #[arg(long, value_name = "SHARE", default_value_t = 0.35)]
    furniture: f32,
    /// Share of clips with bystanders
    #[arg(long, value_name = "SHARE", default_value_t = 0.12)]
    bystanders: f32,
}

fn split(text: &str) -> Result<Split, String> {
    match text {
        "train" => Ok(Split::Train),
        "val" => Ok(Split::Val),
        "test" => Ok(Split::Test),
        _ => Err("expected `train`, `val` or `test`".into()),
    }
}

/// `bucket` has the environment variables for object stores.
pub(super) fn run(command: Stage, bucket: &[(String, String)], events: &Events) -> Result<(), Error> {
    match command {
        Stage::Render(options) => render(options, bucket, events),
        Stage::Inspect { place, sheet, show } => inspect(&Place::parse(&place, bucket)?, sheet, show, events),
        Stage::Pack { assets, output, limit, skip_broken } => {
            let assets = load(Some(&assets), skip_broken, events)?;
            let length = assets.pack(&output, limit << 20)?;
            events.note(format!("size of the pack: {:.1} MiB", length as f64 / f64::from(1 << 20)));
            events.send(Event::Done { output: output.display().to_string() });
            Ok(())
        }
    }
}

/// The assets of a folder or pack. A broken file is an error, unless broken files are skipped.
fn load(path: Option<&Path>, skip_broken: bool, events: &Events) -> Result<Assets, Error> {
    let Some(path) = path else { return Ok(Assets::procedural()) };
    let (assets, warnings) = Assets::load(path)?;
    for warning in warnings {
        if !skip_broken {
            events.note("pass `--skip-broken` to skip files that cannot be used");
            return Err(warning.cause.into());
        }
        events.warn(warning.cause.code(), format!("skipped a file: {}", warning.cause));
    }
    Ok(assets)
}

fn render(options: Render, bucket: &[(String, String)], events: &Events) -> Result<(), Error> {
    let place = Place::parse(&options.out, bucket)?;
    let assets = load(options.assets.as_deref(), options.skip_broken, events)?;
    let settings = ClipSettings {
        width: options.size,
        height: options.size,
        frames: options.frames,
        split: options.split,
        swapped: !options.no_twin,
        references: options.references,
        prop_share: options.props,
        furniture_share: options.furniture,
        bystander_share: options.bystanders,
        ..ClipSettings::default()
    };
    let plan = ShardPlan {
        place,
        set: options.set,
        settings,
        wanted: Passes::ALL,
        clips: options.clips,
        per_shard: options.per_shard,
    };
    let mut told = |done: u64, of: u64| {
        events.progress(Step::Render, done, of);
        if events.check_cancelled().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    write_shards(&plan, &assets, &mut told)?;
    events.check_cancelled()?;
    events.send(Event::Done { output: plan.place.to_string() });
    Ok(())
}

fn inspect(place: &Place, sheet: Option<PathBuf>, show: usize, events: &Events) -> Result<(), Error> {
    let (found, picture) = inspect_shards(place, show)?;
    let sheet = sheet.unwrap_or_else(|| place.folder().unwrap_or(Path::new("")).join("sheet.png"));
    media::image_file::save_picture(&sheet, &picture)?;
    let sizes =
        [&found.characters, &found.identities, &found.motions, &found.props, &found.scenes].map(|set| set.len());
    let [characters, identities, motions, props, scenes] = sizes;
    let [furniture, bystanders, blurred, noisy] = found.extras;
    events.note(format!("clips: {}, frames: {}; all checksums match", found.clips, found.frames));
    events.note(format!(
        "characters: {characters}, identities: {identities}, motions: {motions}, props: {props}, scenes: {scenes}"
    ));
    for (usage, count) in &found.usages {
        events.note(format!("clips in which a prop is {usage}: {count}"));
    }
    events.note(format!(
        "clips with furniture: {furniture}, with bystanders: {bystanders}, with motion blur: {blurred}, with noise: {noisy}"
    ));
    events.note(format!("the smallest person has {:.0} % of the frame height", 100.0 * found.smallest_person));
    events.send(Event::Done { output: sheet.display().to_string() });
    Ok(())
}

//! Compares perception on rendered clips with the renderer's ground truth: joints, masks, and the region of interest.
//!
//! `cargo run --release -p measure -- stage-truth ASSETS MODELS OUT [CLIPS] [FRAMES]`
//!
//! MODELS is a folder of `.tflite` files, or the program's cache of networks. The program prints a Markdown table. The
//! program writes `OUT/clips.jsonl` (one line for each clip, as soon as it is measured), `OUT/summary.json` and
//! `OUT/sheet.png` (the worst frame of each clip, the worst clips first, with the result next to the ground truth).
//! Characters, motions and props come from the test split only.

mod clip;
mod measured;
mod table;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use fetch::{Options, Store};
use media::geometry::Pts;
use media::image_file::save_picture;
use media::picture::Picture;
use media::sheet::Sheet;
use perception::overlay::overlay_signals;
use perception::perceiver::{Effort, PerceivedFrame, Perceiver, PerceiverConfig, PersonModels};
use stage::{Assets, ClipSettings, ClipSpec, Passes, Split, render_parts, seed_of};
use stuntdouble::events::Events;
use stuntdouble::models::person_models;

use clip::Line;
use measured::{Figures, Measured};
use table::{header, row, share};

/// Name of the set of clips; no training uses this name.
const SET: &str = "perception against truth";
/// Number of clips on the sheet, and how many of them are the worst. The others are spread over the rest.
const SHOWN: (usize, usize) = (24, 14);

/// A measured clip and its part of the sheet: the worst frame as perceived and as it is.
struct Case {
    line: Line,
    measured: Measured,
    shown: [Picture; 2],
}

pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let path = |index: usize| {
        arguments.get(index).map(PathBuf::from).context("usage: measure stage-truth ASSETS MODELS OUT [CLIPS] [FRAMES]")
    };
    let (assets, models, out) = (path(0)?, path(1)?, path(2)?);
    let number = |index: usize, default: usize| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let (clips, frames) = (number(3, 100)?, number(4, 12)?);
    ensure!(clips > 0 && frames > 0, "at least one clip of one frame");
    let models = models_in(&models)?;
    std::fs::create_dir_all(&out)?;
    let (assets, _) = Assets::load(&assets)?;
    let mut lines = std::fs::File::create(out.join("clips.jsonl"))?;
    let mut cases = Vec::new();
    for index in 0..clips {
        let case = measure(seed_of(SET, index as u64), frames, &assets, &models)?;
        writeln!(lines, "{}", serde_json::to_string(&case.line)?)?;
        cases.push(case);
    }
    let mut groups: BTreeMap<String, Measured> = BTreeMap::new();
    for case in &cases {
        for name in case.line.groups() {
            groups.entry(name).or_default().join(&case.measured);
        }
    }
    let groups: BTreeMap<String, Figures> = groups.into_iter().map(|(name, group)| (name, group.figures())).collect();
    std::fs::write(out.join("summary.json"), serde_json::to_string_pretty(&groups)?)?;
    let mut text = std::io::stdout().lock();
    writeln!(text, "{}", header())?;
    for (name, figures) in &groups {
        writeln!(text, "{}", row(name, figures))?;
    }
    cases.sort_by(|one, other| one.line.figures.score().total_cmp(&other.line.figures.score()));
    save_picture(&out.join("sheet.png"), &sheet(&cases).render())?;
    Ok(())
}

/// The networks in a folder, or in the program's cache after an earlier download.
fn models_in(folder: &Path) -> anyhow::Result<PersonModels> {
    if folder.join("pose_detection.tflite").exists() {
        return Ok(PersonModels::in_folder(folder));
    }
    let store = Store::new(folder.to_path_buf(), Options { offline: true, ..Options::default() });
    Ok(person_models(&store, Effort::Full, &Events::silent())?)
}

/// Renders a clip, perceives it frame by frame like the program, and compares.
fn measure(seed: u64, frames: usize, assets: &Assets, models: &PersonModels) -> anyhow::Result<Case> {
    let split = Some(Split::Test);
    let settings = ClipSettings { frames, split, swapped: false, references: 0, ..ClipSettings::default() };
    let spec = ClipSpec::draw(seed, assets, &settings)?;
    let take = render_parts(&spec, assets, Passes::CLIP)?.take;
    let mut perceiver = Perceiver::open(models, PerceiverConfig::default())?;
    let mut measured = Measured::of_clip();
    let (mut before, mut worst): (Option<PerceivedFrame>, _) = (None, (f64::MAX, 0, None));
    for index in 0..frames {
        let at = Pts((index as f64 * 1e6 / spec.rate.hertz()) as i64);
        let signals = perceiver.push(&take.frames[index], at)?;
        let found = measured.add(&take, index, &signals, before.as_ref());
        if found < worst.0 {
            worst = (found, index, Some(signals.clone()));
        }
        before = Some(signals);
    }
    let (_, index, signals) = worst;
    let signals = signals.context("a clip without frames")?;
    let picture = &take.frames[index];
    let shown = [
        overlay_signals(picture, &signals.person, signals.pose.as_ref(), signals.region.as_ref()),
        overlay_signals(picture, &take.person[index], Some(&take.poses[index]), None),
    ];
    Ok(Case { line: Line::new(&spec, &take, measured.figures()), measured, shown })
}

/// The sheet, with cases sorted from worst to best.
fn sheet(cases: &[Case]) -> Sheet {
    let (shown, worst) = (SHOWN.0.min(cases.len()), SHOWN.1.min(cases.len()));
    let spread = (worst..shown).map(|place| worst + (place - worst + 1) * (cases.len() - worst) / (shown - worst) - 1);
    let (width, height) = cases.first().map_or((1, 1), |case| case.shown[0].size());
    let mut sheet = Sheet::new(8, width, height).titled("worst frame of each clip: seen, true (the worst clips first)");
    for place in (0..worst).chain(spread) {
        let Case { line, shown, .. } = &cases[place];
        let Figures { pck, mask_iou, .. } = &line.figures;
        sheet.push(&shown[0], format!("{}. PCK {} IoU {}", place + 1, share(*pck), share(*mask_iou)));
        sheet.push(&shown[1], format!("{} {}", line.character, line.motion));
    }
    sheet
}

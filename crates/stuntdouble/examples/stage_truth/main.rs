//! Compares what perception sees in rendered clips with what the renderer knows: joints, masks, region.
//!
//! `cargo run --release -p stuntdouble --example stage_truth -- ASSETS MODELS OUT [CLIPS] [FRAMES]`
//!
//! MODELS is a folder of `.tflite` files, or the program's cache of networks. Prints a Markdown table; writes
//! `OUT/clips.jsonl` (one line a clip), `OUT/summary.json` and `OUT/sheet.png` (16 clips at their worst frames, the worst
//! clips first, ours beside the truth). The clips show characters, motions and things of the test split only.

mod measured;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use fetch::{Options, Store};
use media::geometry::Pts;
use media::image_file::save_picture;
use media::picture::Picture;
use media::sheet::Sheet;
use perception::overlay::overlay_signals;
use perception::perceiver::{FrameSignals, Perceiver, PerceiverConfig, PersonModels};
use perception::pose::{Joint, Pose};
use serde::Serialize;
use stage::{Assets, ClipSettings, ClipSpec, Split, Take, Vec3, Wanted, render_parts, seed_of};
use stuntdouble::events::{Events, View};
use stuntdouble::models::person_models;

use measured::{Figures, Measured};

/// Side of the clips, in pixels.
const SIDE: usize = 384;
/// The set of clips; no training uses one of this name.
const SET: &str = "perception against truth";
/// Clips on the sheet, and how many of them are the worst; the others are spread over the rest.
const SHOWN: (usize, usize) = (16, 10);
/// A clip with what is known about it.
#[derive(Debug, Serialize)]
struct Line {
    seed: u64,
    kind: &'static str,
    character: String,
    motion: String,
    thing: Option<String>,
    /// Shares of frames that show the person's back, and in which the trunk leans by more than 45 degrees.
    from_behind: f64,
    leaning: f64,
    /// Share of the body's joints inside the picture.
    in_picture: f64,
    figures: Figures,
}

/// A measured clip and what the sheet shows of it: its worst frame as seen and as it is.
struct Case {
    line: Line,
    measured: Measured,
    shown: [Picture; 2],
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path =
        |index: usize| arguments.get(index).map(PathBuf::from).context("usage: ASSETS MODELS OUT [CLIPS] [FRAMES]");
    let (assets, models, out) = (path(0)?, path(1)?, path(2)?);
    let number = |index: usize, default: u32| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let (clips, frames) = (number(3, 100)?, number(4, 12)?);
    ensure!(clips > 0 && frames > 0, "at least one clip of one frame");
    let models = if models.join("pose_detection.tflite").exists() {
        PersonModels::in_folder(&models)
    } else {
        person_models(&Store::new(models, Options { offline: true, ..Options::default() }), &Events::new(View::Silent))?
    };
    std::fs::create_dir_all(&out)?;
    let (assets, _) = Assets::load(&assets)?;
    let mut lines = std::fs::File::create(out.join("clips.jsonl"))?;
    let mut cases = Vec::new();
    for index in 0..clips {
        let case = measure(seed_of(SET, u64::from(index)), frames as usize, &assets, &models)?;
        writeln!(lines, "{}", serde_json::to_string(&case.line)?)?;
        cases.push(case);
    }
    let mut summary = serde_json::Map::new();
    let mut text = std::io::stdout().lock();
    writeln!(text, "| {} |\n|{}", HEADER.join(" | "), "---|".repeat(HEADER.len()))?;
    for (name, belongs) in GROUPS {
        let mut group = Measured::default();
        cases.iter().filter(|case| belongs(&case.line)).for_each(|case| group.join(&case.measured));
        let figures = group.figures();
        if figures.clips > 0 {
            writeln!(text, "{}", row(name, &figures))?;
            summary.insert(name.into(), serde_json::to_value(&figures)?);
        }
    }
    std::fs::write(out.join("summary.json"), serde_json::to_string_pretty(&summary)?)?;
    cases.sort_by(|one, other| score(&one.line.figures).total_cmp(&score(&other.line.figures)));
    save_picture(&out.join("sheet.png"), &sheet(&cases).render())?;
    Ok(())
}

/// A name and which clips it stands for.
type Group = (&'static str, fn(&Line) -> bool);

const GROUPS: [Group; 9] = [
    ("all", |_| true),
    ("realistic", |line| line.kind == "realistic"),
    ("stylised", |line| line.kind == "stylised"),
    ("mannequin", |line| line.kind == "mannequin"),
    ("thing in hand", |line| line.thing.is_some()),
    ("empty hands", |line| line.thing.is_none()),
    ("mostly from behind", |line| line.from_behind > 0.5),
    ("mostly leaning over 45 degrees", |line| line.leaning > 0.5),
    ("cut by the border", |line| line.in_picture < 0.9),
];

const HEADER: [&str; 13] = [
    "clips",
    "number",
    "seen",
    "PCK@0.2",
    "head",
    "trunk",
    "arms",
    "legs",
    "sides exchanged",
    "mask IoU",
    "worst tenth",
    "thing taken",
    "largest move",
];

fn row(name: &str, figures: &Figures) -> String {
    let share = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
    let error = |part: usize| format!("{} ({})", share(figures.errors[part]), share(figures.middle_errors[part]));
    let cells = [
        name.into(),
        figures.clips.to_string(),
        share(Some(figures.seen)),
        share(figures.pck),
        error(0),
        error(1),
        error(2),
        error(3),
        share(figures.exchanged),
        share(figures.mask_iou),
        share(figures.mask_iou_tenth),
        share(figures.thing_taken),
        share(figures.largest_move),
    ];
    format!("| {} |", cells.join(" | "))
}

/// Renders a clip, looks at it frame by frame as the program does, and compares.
fn measure(seed: u64, frames: usize, assets: &Assets, models: &PersonModels) -> anyhow::Result<Case> {
    let settings = ClipSettings {
        width: SIDE,
        height: SIDE,
        frames,
        split: Some(Split::Test),
        twin: false,
        references: 0,
        ..ClipSettings::default()
    };
    let spec = ClipSpec::draw(seed, assets, &settings)?;
    let take = render_parts(&spec, assets, Wanted::CLIP)?.take;
    let mut perceiver = Perceiver::open(models, PerceiverConfig::default())?;
    let mut measured = Measured::of_clip();
    let (mut before, mut worst): (Option<FrameSignals>, _) = (None, (f64::MAX, 0, None));
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
    Ok(Case { line: line(&spec, &take, measured.figures()), measured, shown })
}

fn line(spec: &ClipSpec, take: &Take, figures: Figures) -> Line {
    let character = spec.person.character.clone();
    let kind = match character.split('/').next() {
        Some("mannequin") => "mannequin",
        Some("mh") => "realistic",
        _ => "stylised",
    };
    let of_frames = |test: &dyn Fn(&Pose) -> f64| take.poses.iter().map(test).sum::<f64>() / take.poses.len() as f64;
    let x_of = |pose: &Pose, joint| f64::from(pose.joint(joint).x);
    let from_behind = of_frames(&|pose| f64::from(x_of(pose, Joint::RightShoulder) > x_of(pose, Joint::LeftShoulder)));
    let leans = |joints: &[Vec3; Joint::COUNT]| {
        let trunk =
            joints[Joint::Neck as usize] - (joints[Joint::RightHip as usize] + joints[Joint::LeftHip as usize]) * 0.5;
        trunk.y < trunk.length() * std::f32::consts::FRAC_1_SQRT_2
    };
    Line {
        seed: spec.seed,
        kind,
        character,
        motion: spec.action.motion.clone(),
        thing: spec.prop.as_ref().map(|held| held.prop.clone()),
        from_behind,
        leaning: take.joints.iter().filter(|joints| leans(joints)).count() as f64 / take.joints.len() as f64,
        in_picture: of_frames(&|pose| pose.body.iter().filter(|point| point.is_drawn()).count() as f64 / 18.0),
        figures,
    }
}

fn score(figures: &Figures) -> f64 {
    figures.pck.unwrap_or(1.0) + figures.mask_iou.unwrap_or(1.0)
}

/// The sheet of cases sorted from the worst to the best.
fn sheet(cases: &[Case]) -> Sheet {
    let (shown, worst) = (SHOWN.0.min(cases.len()), SHOWN.1.min(cases.len()));
    let spread = (worst..shown).map(|place| worst + (place - worst + 1) * (cases.len() - worst) / (shown - worst) - 1);
    let mut sheet = Sheet::new(8, SIDE, SIDE).titled("worst frame of each clip: seen, true (the worst clips first)");
    for place in (0..worst).chain(spread) {
        let Case { line, shown, .. } = &cases[place];
        let share = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
        let Figures { pck, mask_iou, .. } = &line.figures;
        sheet.push(&shown[0], format!("{}. PCK {} IoU {}", place + 1, share(*pck), share(*mask_iou)));
        sheet.push(&shown[1], format!("{} {}", line.character, line.motion));
    }
    sheet
}

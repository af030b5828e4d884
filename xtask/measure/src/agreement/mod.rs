//! Compares perceived points and masks with the labels of a folder of clips, and prints a Markdown table followed by
//! JSON.
//!
//! `cargo run --release -p measure -- agreement CLIPS MODELS [--overlays DIR] [--only NAME,NAME] [--quick] [--click]`
//! `--quick` uses the lighter networks and the effort of `stuntdouble perceive --quick`. `--click` chooses the person
//! by the middle of the hips in the first labelled frame, as a user would. `--person X,Y` chooses the person by that
//! point in frame pixels at the start.
//!
//! `--quick` uses the lighter networks and the effort of `stuntdouble perceive --quick`. `--click` chooses the person
//! by a click at the middle of the hips in the first labelled frame, as a user would. `--person X,Y` chooses the person
//! at this point of the first frame, in frame pixels.
//!
//! CLIPS contains one folder per clip, with the files `frames/%05d.jpg`, `person_mask/%05d.png`, `pose.json`,
//! `meta.json` and sometimes `gt_mask/%05d.png`. MODELS contains the `.tflite` files. Another network made the labels
//! in `person_mask` and `pose.json`, so a comparison with them measures agreement. A comparison with `gt_mask` measures
//! accuracy for the frames and objects that it covers.

mod labels;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use media::geometry::Pts;
use media::image_file::{load_mask, load_picture};
use media::picture::Mask;
use media::sheet::Sheet;
use perception::agreement::{Mean, overlap, region_move};
use perception::objects::prompt::Moment;
use perception::overlay::overlay_signals;
use perception::perceiver::{Effort, PerceivedFrame, Perceiver, PerceiverConfig, PersonModels};
use perception::person::tracker::PersonChoice;
use serde::Serialize;

use labels::Labels;

/// Figures of one clip. Shares are 0..1; `None` = nothing to measure.
#[derive(Debug, Default, Serialize)]
struct Figures {
    clip: String,
    frames: usize,
    /// Number of frames with a labelled pose, and the share of them in which we see a person.
    labelled: usize,
    seen: Option<f64>,
    /// Share of labelled joints within 0.2 torso lengths. All joints of a frame in which we see nobody count as wrong.
    pck: Option<f64>,
    /// The same over the frames in which we see a person.
    pck_when_seen: Option<f64>,
    /// Mean intersection over union with the pseudo label, over frames where either is not empty.
    mask_agreement: Option<f64>,
    /// The same with the drawn mask, and the share of our mask that lies inside it.
    true_iou: Option<f64>,
    inside_truth: Option<f64>,
    truth_covers: String,
    /// Share of frames with a face, and share of hands among twice the frames.
    faces: f64,
    hands: f64,
    /// Largest shift of the region's centre between consecutive frames, in sides.
    region_jump: f64,
    new_persons: usize,
    /// Processor time of a frame on all threads, in milliseconds. Unlike frames a second, it is hardly affected by
    /// other programs.
    processor_ms: f64,
    frames_a_second: f64,
}

struct Arguments {
    clips: PathBuf,
    models: PathBuf,
    overlays: Option<PathBuf>,
    only: Option<String>,
    quick: bool,
    click: bool,
    person: Option<(f32, f32)>,
}

fn arguments(words: &[String]) -> Result<Arguments, Box<dyn Error>> {
    let mut words = words.iter().cloned();
    let mut next = || words.next();
    let (clips, models) =
        next().zip(next()).ok_or("usage: measure agreement CLIPS MODELS [--overlays DIR] [--only A,B]")?;
    let mut found = Arguments {
        clips: clips.into(),
        models: models.into(),
        overlays: None,
        only: None,
        quick: false,
        click: false,
        person: None,
    };
    while let Some(word) = next() {
        match word.as_str() {
            "--overlays" => found.overlays = Some(next().ok_or("`--overlays` needs a folder")?.into()),
            "--only" => found.only = next(),
            "--quick" => found.quick = true,
            "--person" => {
                let place = next().ok_or("`--person` needs X,Y")?;
                let (x, y) = place.split_once(',').ok_or("`--person` needs X,Y")?;
                found.person = Some((x.parse()?, y.parse()?));
            }
            "--click" => found.click = true,
            other => return Err(format!("unknown option `{other}`").into()),
        }
    }
    Ok(found)
}

pub(crate) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let arguments = arguments(words)?;
    let mut models = PersonModels::in_folder(&arguments.models);
    if arguments.quick {
        models.hand = Some(arguments.models.join("hand_landmark_lite.tflite"));
        models.landmarks = arguments.models.join("pose_landmark_lite.tflite");
    }
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&arguments.clips)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    folders.sort();
    let wanted = |folder: &PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        folder.join("frames").is_dir()
            && arguments.only.as_ref().is_none_or(|only| only.split(',').any(|one| one == name))
    };
    let mut all = Vec::new();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| clip | frames | seen | PCK@0.2 | PCK when seen | mask agreement | IoU truth | inside truth | truth covers | faces | hands | jump | new | CPU ms | fps |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
    for folder in folders.iter().filter(|folder| wanted(folder)) {
        let figures = measure(folder, &models, &arguments)?;
        writeln!(out, "{}", row(&figures))?;
        all.push(figures);
    }
    writeln!(out, "\n{}", serde_json::to_string(&all)?)?;
    Ok(())
}

fn row(figures: &Figures) -> String {
    let share = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.2} | {:.2} | {:.2} | {} | {:.0} | {:.1} |",
        figures.clip,
        figures.frames,
        share(figures.seen),
        share(figures.pck),
        share(figures.pck_when_seen),
        share(figures.mask_agreement),
        share(figures.true_iou),
        share(figures.inside_truth),
        figures.truth_covers,
        figures.faces,
        figures.hands,
        figures.region_jump,
        figures.new_persons,
        figures.processor_ms,
        figures.frames_a_second
    )
}

fn measure(folder: &Path, models: &PersonModels, arguments: &Arguments) -> Result<Figures, Box<dyn Error>> {
    let (labels, overlays) = (Labels::load(folder)?, arguments.overlays.as_deref());
    let at = |index: usize| Pts((index as f64 * 1e6 / labels.fps) as i64);
    let clicked = labels.first_place().filter(|_| arguments.click);
    let person = clicked.or(arguments.person.map(|place| (0, place)));
    let person = person.map(|(frame, (x, y))| PersonChoice { x, y, at: Moment::Frame(frame) });
    let effort = if arguments.quick { Effort::Quick } else { Effort::Full };
    let config = PerceiverConfig { person, effort, ..PerceiverConfig::default() };
    let mut perceiver = Perceiver::open(models, config)?;
    let clip = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut figures =
        Figures { clip, frames: labels.frames, truth_covers: labels.truth_covers.clone(), ..Figures::default() };
    let [mut seen, mut pck, mut pck_when_seen] = [Mean::default(), Mean::default(), Mean::default()];
    let [mut agreement, mut truth, mut inside] = [Mean::default(), Mean::default(), Mean::default()];
    let (mut spent, mut faces, mut hands) = (Duration::ZERO, 0, 0);
    let mut sheet = overlays.map(|_| Sheet::new(3, 512, 400));
    let (mut last, processor): (Option<PerceivedFrame>, f64) = (None, processor_seconds());
    for index in 0..labels.frames {
        let picture = load_picture(&folder.join(format!("frames/{index:05}.jpg")))?;
        let start = Instant::now();
        let signals = perceiver.push(&picture, at(index))?;
        spent += start.elapsed();
        if let Some(joints) = labels.joints(index) {
            figures.labelled += 1;
            seen.add(f64::from(signals.pose.is_some()));
            for right in joints.judged(signals.pose.as_ref()) {
                pck.add(f64::from(right));
                if signals.pose.is_some() {
                    pck_when_seen.add(f64::from(right));
                }
            }
        }
        let size = Some(picture.size());
        if let Some(label) = optional_mask(&folder.join(format!("person_mask/{index:05}.png")), size)?
            && let Some(found) = overlap(&signals.person, &label)
        {
            agreement.add(found.iou);
        }
        if let Some(label) = optional_mask(&folder.join(format!("gt_mask/{index:05}.png")), size)?
            && let Some(found) = overlap(&signals.person, &label)
        {
            truth.add(found.iou);
            inside.extend(found.inside);
        }
        if let Some(pose) = &signals.pose {
            faces += usize::from(!pose.face.is_empty());
            hands += usize::from(!pose.left_hand.is_empty()) + usize::from(!pose.right_hand.is_empty());
        }
        figures.new_persons += usize::from(signals.is_new);
        if let (Some(before), Some(now), false) = (last.and_then(|last| last.region), signals.region, signals.is_new) {
            figures.region_jump = figures.region_jump.max(f64::from(region_move(&before, &now)));
        }
        if let Some(sheet) = &mut sheet
            && index % labels.frames.div_ceil(12) == 0
        {
            let (pose, region) = (signals.pose.as_ref(), signals.region.as_ref());
            sheet.push(&overlay_signals(&picture, &signals.person, pose, region), format!("{index}"));
        }
        last = Some(signals);
    }
    if let (Some(sheet), Some(folder)) = (sheet, overlays) {
        std::fs::create_dir_all(folder)?;
        media::image_file::save_picture(&folder.join(format!("{}.png", figures.clip)), &sheet.render())?;
    }
    (figures.seen, figures.pck, figures.pck_when_seen) = (seen.value(), pck.value(), pck_when_seen.value());
    (figures.mask_agreement, figures.true_iou, figures.inside_truth) =
        (agreement.value(), truth.value(), inside.value());
    figures.faces = f64::from(faces as u32) / labels.frames as f64;
    figures.hands = f64::from(hands as u32) / (2 * labels.frames) as f64;
    figures.processor_ms = 1e3 * (processor_seconds() - processor) / labels.frames as f64;
    figures.frames_a_second = labels.frames as f64 / spent.as_secs_f64();
    Ok(figures)
}

/// Processor time of this process so far, from Linux's own count in hundredths of a second; 0 elsewhere.
fn processor_seconds() -> f64 {
    let line = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = line.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn optional_mask(path: &Path, size: Option<(usize, usize)>) -> Result<Option<Mask>, Box<dyn Error>> {
    Ok(if path.exists() { Some(load_mask(path, size)?) } else { None })
}

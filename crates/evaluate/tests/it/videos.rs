//! Tests suites of videos with a rendered folder in TikTok's layout: numbered folders with `images/`, `masks/` and
//! poses.

use std::ops::ControlFlow;
use std::path::Path;

use media::image_file::{load_picture, save_mask, save_picture};
use perception::pose::{Joint, Pose};
use stage::{Assets, ClipSettings, ClipSpec, Passes, render_parts};
use stuntdouble_evaluate::{
    Area, FolderRow, FrameFigure, Instruments, Material, Metric, Outcome, Row, RowSummary, RunSettings, Signals, Suite,
    SuiteDefinition, run,
};

const FRAMES: usize = 4;
const SIDE: usize = 64;
/// Places of joints among the 33 landmarks.
const LANDMARKS: [(usize, Joint); 17] = [
    (0, Joint::Nose),
    (2, Joint::LeftEye),
    (5, Joint::RightEye),
    (7, Joint::LeftEar),
    (8, Joint::RightEar),
    (11, Joint::LeftShoulder),
    (12, Joint::RightShoulder),
    (13, Joint::LeftElbow),
    (14, Joint::RightElbow),
    (15, Joint::LeftWrist),
    (16, Joint::RightWrist),
    (23, Joint::LeftHip),
    (24, Joint::RightHip),
    (25, Joint::LeftKnee),
    (26, Joint::RightKnee),
    (27, Joint::LeftAnkle),
    (28, Joint::RightAnkle),
];

fn landmarks(pose: &Pose) -> Vec<[f32; 4]> {
    let mut points = vec![[0.5, 0.5, 0.0, 0.0]; 33];
    for (place, joint) in LANDMARKS {
        let point = pose.joint(joint);
        let side = SIDE as f32;
        points[place] = [point.x / side, point.y / side, point.z / side, point.confidence];
    }
    points
}

/// Two videos of a rendered person.
fn tiktok(root: &Path) {
    let assets = Assets::procedural();
    let settings = ClipSettings {
        width: SIDE,
        height: SIDE,
        frames: FRAMES,
        swapped: false,
        references: 1,
        ..ClipSettings::default()
    };
    for (seed, name) in ["00335", "00336"].into_iter().enumerate() {
        let spec = ClipSpec::draw(seed as u64, &assets, &settings).unwrap();
        let take = render_parts(&spec, &assets, Passes { swapped: false, references: true }).unwrap().take;
        for kind in ["images", "masks"] {
            std::fs::create_dir_all(root.join(name).join(kind)).unwrap();
        }
        for (index, (frame, mask)) in take.frames.iter().zip(&take.person).enumerate() {
            let file = |kind: &str| root.join(name).join(kind).join(format!("{:04}.png", index + 1));
            save_picture(&file("images"), frame).unwrap();
            save_mask(&file("masks"), mask).unwrap();
        }
        let poses: Vec<Vec<[f32; 4]>> = take.poses.iter().map(landmarks).collect();
        std::fs::write(root.join(name).join("pose.json"), serde_json::json!({ "frames": poses }).to_string()).unwrap();
    }
}

fn measure(suite: &str, clips: &Path, others: Vec<Row>, out: &Path) -> Outcome {
    let definition = SuiteDefinition::find(suite).unwrap();
    let names: Vec<String> = others.iter().map(|row| row.name().to_owned()).collect();
    let methods: Vec<String> = definition.methods.iter().cloned().chain(names).collect();
    let rows = Row::select(&definition.rows(Some(&methods)), others).unwrap();
    let material = Material::Clips { folder: clips.into(), decoder: None };
    let suite = Suite::open(definition, Signals::Exact, material).unwrap();
    let settings = RunSettings { jobs: None, provenance: vec!["test".into()] };
    run(&suite, &rows, &Instruments::default(), &settings, out, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn figure(rows: &[RowSummary], row: &str, metric: Metric) -> f64 {
    rows.iter().find(|summary| summary.row == row).unwrap().averages[&metric].mean
}

#[test]
fn table_1_runs_end_to_end_with_the_paper_s_rows_beside() {
    let folder = tempfile::tempdir().unwrap();
    let (clips, out) = (folder.path().join("TikTok_dataset"), folder.path().join("out"));
    tiktok(&clips);
    // Another tool, whose frames are the truth, under names that begin with those of the clips.
    let tool = folder.path().join("perfect");
    for name in ["00335", "00336"] {
        let to = tool.join(format!("{name}_result"));
        std::fs::create_dir_all(&to).unwrap();
        for index in 1..=FRAMES {
            let file = format!("{index:04}.png");
            std::fs::copy(clips.join(name).join("images").join(&file), to.join(&file)).unwrap();
        }
    }
    let perfect = || vec![Row::Folder(FolderRow::open(&tool, None).unwrap())];
    let outcome = measure("table1", &clips, perfect(), &out);
    assert_eq!((outcome.measured, outcome.warnings.as_slice()), (2, [].as_slice()), "{}", outcome.tables);
    let psnr = Metric::Frame(FrameFigure::Psnr);
    assert_eq!(figure(&outcome.rows, "truth", psnr), 100.0);
    assert_eq!(figure(&outcome.rows, "folder-perfect", psnr), 100.0);
    // The reference itself is among the frames, but not among those of the areas.
    assert!(figure(&outcome.rows, "still", Metric::Psnr(Area::Person)) < 60.0);
    for row in ["still", "plate", "plate+cutout", "rigid", "draft"] {
        assert!(figure(&outcome.rows, row, psnr) < 60.0, "{row}");
    }
    for line in [
        "UniAnimate*, as published | - | 0.811 | 30.77 | 0.231 | 148.06 |",
        "- 2 videos (00335, 00336), all frames each",
    ] {
        assert!(outcome.tables.contains(line), "no `{line}` in\n{}", outcome.tables);
    }
    for file in ["table.md", "table.tex", "table.csv", "summary.json", "timing.json", "sheet-01.png", "page.html"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    // Nothing is left to do, until the tool's frames change.
    assert_eq!(measure("table1", &clips, perfect(), &out).measured, 0);
    let changed = tool.join("00336_result/0002.png");
    let darker = load_picture(&changed).unwrap().map(|colour| colour.map(|level| level / 2));
    save_picture(&changed, &darker).unwrap();
    let again = measure("table1", &clips, perfect(), &out);
    assert_eq!(again.measured, 1);
    assert!(figure(&again.rows, "folder-perfect", psnr) < 100.0);
}

#[test]
fn one_colour_and_the_video_s_own_surroundings_run_too() {
    let folder = tempfile::tempdir().unwrap();
    let clips = folder.path().join("clips");
    tiktok(&clips);
    let psnr = Metric::Frame(FrameFigure::Psnr);
    let uniform = measure("table2", &clips, vec![], &folder.path().join("table2"));
    // On one colour the plate is known, so all of its error is the missing person.
    assert!(figure(&uniform.rows, "plate", psnr) < 40.0);
    let own = measure("table3", &clips, vec![], &folder.path().join("table3"));
    assert_eq!(figure(&own.rows, "source", psnr), 100.0);
    assert!(figure(&own.rows, "pseudo", Metric::Psnr(Area::Person)) < 60.0);
    assert_eq!(figure(&own.rows, "truth", Metric::OutsideLargest), 0.0);
    assert!(own.tables.contains("Baseline, as published"), "{}", own.tables);
}

#[test]
fn a_video_without_signals_says_which() {
    let folder = tempfile::tempdir().unwrap();
    tiktok(folder.path());
    std::fs::remove_file(folder.path().join("00335/pose.json")).unwrap();
    let open = |change: &dyn Fn(&mut SuiteDefinition)| {
        let mut definition = SuiteDefinition::find("table1").unwrap();
        change(&mut definition);
        Suite::open(definition, Signals::Exact, Material::Clips { folder: folder.path().into(), decoder: None })
    };
    let told = open(&|_| ()).unwrap().trial(0).unwrap_err();
    assert_eq!(
        (told.code(), told.to_string().as_str()),
        ("evaluate.signals_missing", "the poses of video `00335` are missing")
    );
    let missing = open(&|definition| definition.videos = vec!["00340".into()]).unwrap_err();
    assert_eq!(missing.code(), "evaluate.video_missing");
    let late = open(&|definition| definition.reference_frame = FRAMES).unwrap().trial(1).unwrap_err();
    assert_eq!(late.code(), "evaluate.setting");
}

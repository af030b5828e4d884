//! Tests `evaluate` on a generated folder in TikTok's layout. Another tool's frames contain planted faults, and each
//! fault must cause its named warning.

use std::path::Path;
use std::process::{Command, Output};

use media::image_file::{save_mask, save_picture};
use media::picture::{Mask, Picture};
use media::resize::{Filter, resize_picture};

const FRAMES: usize = 8;
const CLIPS: [&str; 3] = ["000", "001", "002"];

fn evaluate(arguments: &[&str]) -> Output {
    let cache = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_stuntdouble"))
        .arg("evaluate")
        .args(arguments)
        .env("STUNTDOUBLE_CACHE", cache.path())
        .env("STUNTDOUBLE_OFFLINE", "1")
        .output()
        .unwrap()
}

/// A frame of a person that crosses coloured stripes, and its mask; each clip has its own colours.
fn frame(clip: usize, time: usize) -> (Picture, Mask) {
    let left = 8 + 4 * time;
    let mask =
        Mask::from_fn(64, 64, |x, y| if (left..left + 14).contains(&x) && (12..60).contains(&y) { 255 } else { 0 });
    let grounds = [[20, 90, 160], [160, 40, 60], [30, 150, 40]];
    let persons = [[220, 60, 10], [20, 200, 240], [240, 20, 210]];
    let picture = Picture::from_fn(64, 64, |x, y| {
        let stripe = if ((x + clip * y) / 5).is_multiple_of(2) { 30 } else { 0 };
        let colour = if mask.get(x, y) > 0 { persons[clip] } else { grounds[clip] };
        colour.map(|level: u8| level.saturating_add(stripe))
    });
    (picture, mask)
}

/// Landmarks of somebody who stands upright in the mask.
fn landmarks(time: usize) -> Vec<[f32; 4]> {
    let middle = (15.0 + 4.0 * time as f32) / 64.0;
    (0..33)
        .map(|point| {
            let (side, height) = match point {
                0..=10 => (0.02, 0.25),
                11 | 12 => (0.08, 0.35),
                13..=22 => (0.09, 0.5),
                23 | 24 => (0.05, 0.58),
                25 | 26 => (0.05, 0.75),
                _ => (0.05, 0.9),
            };
            [if point % 2 == 0 { middle - side } else { middle + side }, height, 0.0, 0.9]
        })
        .collect()
}

fn save(folder: &Path, index: usize, picture: &Picture) {
    std::fs::create_dir_all(folder).unwrap();
    save_picture(&folder.join(format!("{index:04}.png")), picture).unwrap();
}

fn clips(root: &Path) {
    for (clip, name) in CLIPS.into_iter().enumerate() {
        let folder = root.join(name);
        std::fs::create_dir_all(folder.join("masks")).unwrap();
        for time in 0..FRAMES {
            let (picture, mask) = frame(clip, time);
            save(&folder.join("images"), time, &picture);
            save_mask(&folder.join(format!("masks/{time:04}.png")), &mask).unwrap();
        }
        let poses: Vec<_> = (0..FRAMES).map(landmarks).collect();
        std::fs::write(folder.join("pose.json"), serde_json::json!({ "frames": poses }).to_string()).unwrap();
    }
}

/// What a good tool makes: nearly the truth.
fn made(clip: usize, time: usize) -> Picture {
    let (picture, _) = frame(clip, time);
    Picture::from_fn(64, 64, |x, y| {
        let noise = ((x * 7 + y * 13 + time * 5) % 11) as i32 - 5;
        picture.get(x, y).map(|level| (i32::from(level) + noise).clamp(0, 255) as u8)
    })
}

/// A tool's folder with a fault in it.
fn tool(root: &Path, name: &str, frame: impl Fn(usize, usize) -> Picture) -> String {
    for (clip, clip_name) in CLIPS.into_iter().enumerate() {
        for time in 0..FRAMES {
            save(&root.join(name).join(clip_name), time, &frame(clip, time));
        }
    }
    format!("folder:{}", root.join(name).display())
}

#[test]
fn planted_faults_are_warned_of_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    clips(&root.join("clips"));
    let changed = |change: fn([u8; 3]) -> [u8; 3]| move |clip, time| made(clip, time).map(change);
    let tools = [
        tool(root, "good", made),
        tool(root, "swapped", |clip, time| made([1, 0, 2][clip], time)),
        tool(root, "late", |clip, time: usize| made(clip, time.saturating_sub(1))),
        tool(root, "range", changed(|colour| colour.map(|level| 128 + level / 2))),
        tool(root, "bgr", changed(|[red, green, blue]| [blue, green, red])),
        tool(root, "small", |clip, time| resize_picture(&made(clip, time), 48, 48, Filter::Area)),
        tool(root, "black", |clip, time| if time == 5 { Picture::filled(64, 64, [0; 3]) } else { made(clip, time) }),
    ];
    std::fs::remove_file(root.join("good/002/0007.png")).unwrap();
    std::fs::rename(root.join("good"), root.join("short")).unwrap();
    let good = tool(root, "good", made);
    let (clips, out) = (root.join("clips").display().to_string(), root.join("out").display().to_string());
    let short = format!("folder:{}", root.join("short").display());
    let mut arguments = vec!["--suite", "table1", "--signals", "exact", "--clips-dir", &clips, "-o", &out];
    for method in [&short, &good].into_iter().chain(&tools[1..]) {
        arguments.extend(["--method", method]);
    }
    let output = evaluate(&arguments);
    let (told, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{told}");
    let warnings = |row: &str| -> Vec<String> {
        let of_row = table.lines().filter(|line| line.starts_with("- `") && line.contains(&format!("row `{row}`,")));
        of_row.map(|line| line.split('`').nth(1).unwrap().to_owned()).collect()
    };
    for (row, expected) in [
        ("folder-short", vec!["frame_count"]),
        ("folder-good", vec![]),
        ("folder-swapped", vec!["swapped_pair"; 2]),
        ("folder-late", vec!["one_frame_late"; 3]),
        ("folder-range", vec!["unit_as_signed"; 3]),
        ("folder-bgr", vec!["bgr_for_rgb"; 3]),
        ("folder-small", vec!["wrong_size"; 3]),
        ("folder-black", vec!["black_frame"; 3]),
        ("still", vec![]),
        ("plate", vec![]),
        ("plate+cutout", vec![]),
        ("truth", vec![]),
    ] {
        assert_eq!(warnings(row), expected, "{row}\n{table}");
    }
    assert!(told.contains("warning[swapped_pair]"), "{told}");
    // No figure without its rivals, whatever the user asks for.
    for row in ["| still |", "| plate |", "| plate+cutout |", "| truth |", "Ours*, as published"] {
        assert!(table.contains(row), "{table}");
    }
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(root.join("out/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["warnings"].as_array().unwrap().len(), 18);
    assert!(summary["rows"][0]["averages"]["frame/psnr"]["interval"][1].is_f64(), "{summary}");
}

#[test]
fn suites_that_cannot_be_measured_say_why() {
    let told = |suite: &str| {
        let output = evaluate(&["--suite", suite, "-o", "nowhere"]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = told("table4");
    assert!(code == Some(2) && text.contains("error[evaluate.suite_unavailable]"), "{code:?} {text}");
    let (code, text) = told("table9");
    assert!(code == Some(2) && text.contains("error[evaluate.unknown_suite]") && text.contains("`drift`"), "{text}");
}

//! Tests the command line: names, help and exit codes.

use std::process::{Command, Output};

pub(crate) fn stuntdouble(arguments: &[&str]) -> Output {
    let cache = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_stuntdouble"))
        .args(arguments)
        .env("STUNTDOUBLE_CACHE", cache.path())
        .env("STUNTDOUBLE_OFFLINE", "1")
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_command() {
    let help = text(&stuntdouble(&["--help"]).stdout);
    for command in ["replace", "animate", "perceive", "models", "train", "stage", "evaluate", "bench", "doctor", "demo"]
    {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    assert_eq!(stuntdouble(&["replace"]).status.code(), Some(2));
    assert_eq!(stuntdouble(&["frobnicate"]).status.code(), Some(2));
    let output = stuntdouble(&["replace", "--character", "a", "--video", "b", "-o", "c.mp4", "--set", "stepz=3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("error[settings.invalid]"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("help: "));
}

#[test]
fn evaluate_measures_without_weights_and_names_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let small = ["evaluate", "--suite", "stage-cross", "--clips", "1", "--frames", "2", "--size", "64", "--out", &out];
    let output = stuntdouble(&[&small[..], &["--rows", "plate,truth"]].concat());
    let (told, tables) = (text(&output.stderr), text(&output.stdout));
    assert!(output.status.success() && told.contains("VGG-HED distances are left out"), "{told}");
    assert!(tables.contains("| truth | 1 | 100.00 |") && folder.path().join("sheet-01.png").exists(), "{tables}");
    let output = stuntdouble(&[&small[..], &["--rows", "plate,magic"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("error[evaluate.unknown_row]"), "{}", text(&output.stderr));
    let output = stuntdouble(&["evaluate", "--suite", "real-self", "--out", &out]);
    assert!(text(&output.stderr).contains("error[evaluate.assets_missing]"), "{}", text(&output.stderr));
}

#[test]
fn shell_files_are_completions_and_man_pages() {
    let folder = tempfile::tempdir().unwrap();
    let output = stuntdouble(&["shell-files", &folder.path().display().to_string()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for name in ["stuntdouble.bash", "_stuntdouble", "stuntdouble.fish", "_stuntdouble.ps1"] {
        let completions = read(&format!("completions/{name}"));
        assert!(completions.contains("replace") && completions.contains("mask-blocks"), "{name}");
    }
    for name in ["stuntdouble.1", "stuntdouble-replace.1", "stuntdouble-models-fetch.1"] {
        assert!(read(&format!("man/{name}")).contains(".SH SYNOPSIS"), "{name}");
    }
    assert!(!folder.path().join("man/stuntdouble-shell-files.1").exists());
}

#[cfg(not(feature = "object-store"))]
#[test]
fn a_bucket_needs_a_build_that_can_reach_it() {
    let output = stuntdouble(&["stage", "render", "-o", "s3://bucket/set"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("error[stage.no_object_stores]") && told.contains("`--features object-store`"), "{told}");
}

#[test]
fn errors_are_one_json_line_when_asked_for() {
    let output = stuntdouble(&["--json", "replace", "--character", "nowhere.png", "--video", "b", "-o", "c.mp4"]);
    assert_eq!(output.status.code(), Some(3));
    let out = text(&output.stdout);
    let event: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!((&event["event"], &event["code"]), (&"error".into(), &"input.unreadable".into()));
}

#[test]
fn doctor_and_list_work_with_nothing_installed() {
    let doctor = stuntdouble(&["doctor"]);
    assert!(doctor.status.success(), "{}", text(&doctor.stderr));
    assert!(text(&doctor.stdout).contains("blazepose-detector"));
    assert!(text(&stuntdouble(&["models", "list"]).stdout).contains("absent"));
    assert_eq!(stuntdouble(&["models", "fetch", "blazepose-detector"]).status.code(), Some(4));
}

#[test]
fn bench_tells_limits_kernels_and_stages() {
    let output = stuntdouble(&["--json", "bench", "--preset", "tiny", "--frames", "2", "--repeat", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let last = text(&output.stdout).lines().last().unwrap_or_default().to_string();
    let report: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(report["event"], "bench");
    let positive = |value: &serde_json::Value| value.as_f64().is_some_and(|value| value > 0.0);
    assert!(report["peak_gflops"].as_array().unwrap().iter().all(positive), "{report}");
    let kernels = report["kernels"].as_array().unwrap();
    assert!(kernels.len() >= 12 && kernels.iter().all(|kernel| positive(&kernel["milliseconds"][1])), "{report}");
    let stages = report["stages"].as_array().unwrap();
    assert!(stages.len() == 5 && stages.iter().all(|stage| positive(&stage["milliseconds"])), "{report}");

    let refused = stuntdouble(&["bench", "--preset", "tiny", "--size", "13"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("`size`"), "{}", text(&refused.stderr));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    for arguments in [["doctor", "--json"], ["models", "list"]] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_stuntdouble"))
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(
            (ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

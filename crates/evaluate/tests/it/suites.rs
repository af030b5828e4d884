//! Tests rendered suites at a tiny size with generated assets.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use stage::Assets;
use stuntdouble_evaluate::{
    Area, EvaluateError, Instruments, Material, Metric, Outcome, OutsideRow, Row, RunSettings, Signals, Suite,
    SuiteDefinition, run,
};

fn suite(name: &str, clips: u64) -> Suite {
    let definition = SuiteDefinition { clips, frames: 2, size: 64, ..SuiteDefinition::find(name).unwrap() };
    Suite::open(definition, Signals::Exact, Material::Assets(Box::new(Assets::procedural()))).unwrap()
}

fn settings() -> RunSettings {
    RunSettings { jobs: Some(1), provenance: vec!["test".into()] }
}

fn rows(names: &[&str]) -> Vec<Row> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Row::select(&names, vec![]).unwrap()
}

const ROWS: [&str; 5] = ["source", "plate", "plate+cutout", "rigid", "truth"];

fn measure(name: &str, clips: u64, out: &Path, stop_after: u64) -> Result<Outcome, EvaluateError> {
    let instruments = Instruments::default();
    run(&suite(name, clips), &rows(&ROWS), &instruments, &settings(), out, &mut |done| {
        if done == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn figures(outcome: &Outcome, row: &str) -> BTreeMap<Metric, f64> {
    let summary = outcome.rows.iter().find(|summary| summary.row == row).unwrap();
    summary.averages.iter().map(|(metric, average)| (*metric, average.mean)).collect()
}

#[test]
fn a_stopped_run_goes_on_to_the_same_tables() {
    let [whole, parts] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let uninterrupted = measure("stage-cross", 2, whole.path(), 0).unwrap();
    assert_eq!(uninterrupted.measured, 2);
    // 1. Stopped after the first clip.
    let stopped = measure("stage-cross", 2, parts.path(), 1).unwrap_err();
    assert_eq!(stopped.code(), "evaluate.stopped");
    assert!(!parts.path().join("table.md").exists());
    // 2. Killed inside the second: one row is there, one is cut short.
    let resumed = measure("stage-cross", 2, parts.path(), 0).unwrap();
    assert_eq!(resumed.measured, 1);
    std::fs::write(parts.path().join("clips/0001/rigid.json"), "{\"suite\":").unwrap();
    let again = measure("stage-cross", 2, parts.path(), 0).unwrap();
    assert_eq!((again.measured, &again.tables), (1, &uninterrupted.tables));
    for file in ["table.md", "summary.json", "sheet-01.png", "clips/0001/row-rigid.png"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(whole.path()) == read(parts.path()), "{file} differs");
    }
    // 3. Nothing is left to do.
    assert_eq!(measure("stage-cross", 2, parts.path(), 0).unwrap().measured, 0);
    // 4. The truth is the upper bound.
    let truth = figures(&uninterrupted, "truth");
    assert_eq!([truth[&Metric::Psnr(Area::Region)], truth[&Metric::Lab(Area::Person)]], [100.0, 0.0]);
    for row in &ROWS[..4] {
        assert!(figures(&uninterrupted, row)[&Metric::Psnr(Area::Person)] < 60.0, "{row}");
    }
}

#[test]
fn without_another_character_the_source_is_the_truth() {
    let out = tempfile::tempdir().unwrap();
    let outcome = measure("stage-self", 1, out.path(), 0).unwrap();
    let (source, plate) = (figures(&outcome, "source"), figures(&outcome, "plate"));
    assert_eq!(source[&Metric::Psnr(Area::Region)], 100.0);
    assert!(plate[&Metric::Psnr(Area::Person)] < 60.0);
}

#[test]
fn a_row_of_another_version_is_measured_again_and_its_mistakes_are_told() {
    let out = tempfile::tempdir().unwrap();
    let suite = suite("stage-cross", 1);
    let measure = |version: u32, frames: usize| {
        let make = Box::new(move |case: &stuntdouble_evaluate::Case| match frames {
            0 => Err("no weights".into()),
            frames => Ok(case.frames[..frames].to_vec()),
        });
        let rows = [Row::Outside(OutsideRow { name: "mine".into(), version, make })];
        let go_on = &mut |_| ControlFlow::Continue(());
        run(&suite, &rows, &Instruments::default(), &settings(), out.path(), go_on).map(|outcome| outcome.measured)
    };
    assert_eq!(measure(1, 0).unwrap_err().code(), "evaluate.row_failed");
    assert_eq!(measure(1, 1).unwrap_err().code(), "evaluate.row_misfits");
    assert_eq!([measure(1, 2).unwrap(), measure(1, 2).unwrap(), measure(2, 2).unwrap()], [1, 0, 1]);
}

#[test]
fn a_suite_without_its_material_says_what_it_needs() {
    let open = |name: &str, material| {
        Suite::open(SuiteDefinition::find(name).unwrap(), Signals::Exact, material).unwrap_err().code().to_owned()
    };
    let assets = || Material::Assets(Box::new(Assets::procedural()));
    let nowhere = || Material::Clips { folder: "nowhere".into(), decoder: None };
    for (name, material) in
        [("real-self", assets()), ("table1", assets()), ("real-self", nowhere()), ("stage-cross", nowhere())]
    {
        assert_eq!(open(name, material), "evaluate.assets_missing", "{name}");
    }
}

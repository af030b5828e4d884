//! Tests that all fixtures in this repository pass, and that a case that cannot be run completely never passes.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::{Path, PathBuf};

use parity::outcome::{Outcome, Verdict};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn outcomes(folder: &Path) -> Vec<Outcome> {
    let mut outcomes = vec![];
    parity::run(folder, |outcome| outcomes.push(outcome)).unwrap();
    outcomes
}

/// Runs the case `name` after a change to the index.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Outcome {
    let mut index: Value =
        serde_json::from_str(&std::fs::read_to_string(folder().join("index.json")).unwrap()).unwrap();
    let cases = index["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == name).unwrap().clone();
    index["cases"] = json!([case]);
    change(&mut index);
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    std::fs::write(copy.path().join("index.json"), index.to_string()).unwrap();
    outcomes(copy.path()).pop().unwrap()
}

fn fails_with(outcome: &Outcome, text: &str) {
    let Verdict::Error(error) = &outcome.verdict else { panic!("{outcome:?}") };
    assert!(outcome.failed() && error.contains(text), "{error}");
}

#[test]
fn the_fixtures_of_this_repository_pass() {
    let outcomes = outcomes(&folder());
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.failed()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let passed = outcomes.iter().filter(|outcome| outcome.passed()).count();
    assert!(passed >= 28, "{passed} cases passed");
}

#[test]
fn what_is_unknown_fails() {
    let case = |key: &'static str, value: Value| {
        move |index: &mut Value| {
            let mut entry = &mut index["cases"][0];
            for part in key.split('.') {
                entry = &mut entry[part];
            }
            *entry = value;
        }
    };
    fails_with(&changed("geglu_ff", case("op", json!("dance"))), "operation `dance` is unknown");
    fails_with(&changed("geglu_ff", case("args.speed", json!(1))), "unknown field `speed`");
    fails_with(&changed("geglu_ff", case("config.bias", json!(false))), "unknown field `bias`");
    fails_with(&changed("small_2d", case("config.mid_block_type", json!(null))), "unknown field `mid_block_type`");
    fails_with(&changed("small_2d", case("config.act_fn", json!("mish"))), "`act_fn` is `mish`, expected `silu`");
    fails_with(&changed("small_2d", case("config.down_block_types", json!(["A", "B"]))), "block type `A` is not built");
    fails_with(&changed("small_2d", case("config.attention_head_dim", json!(0))), "`heads`");
    fails_with(&changed("small_3d", case("config.unet_use_temporal_attention", json!(true))), "not built");
    fails_with(&changed("motion_32_f8", case("config.attention_block_types", json!(["Spatial_Self"]))), "Spatial_Self");
    fails_with(&changed("small_cfg_midup", case("args.fusion_blocks", json!("down"))), "unknown variant `down`");
    fails_with(&changed("small_cfg_midup", case("args.bank_dtype", json!("int8"))), "unknown variant `int8`");
    fails_with(&changed("small_3d", case("op", json!("refnet_write"))), "3D");
    fails_with(&changed("lpips_alex", case("config.net", json!("squeeze"))), "network `squeeze` is not built");
    fails_with(&changed("lpips_alex", case("config.widths", json!([8]))), "expected [8]");
    fails_with(&changed("metrics", case("args.window", json!(7))), "unknown field `window`");
    // An input that the operation does not use.
    fails_with(&changed("small_3d_banks", case("op", json!("unet3d_forward"))), "were not used");
    fails_with(&changed("geglu_ff", case("check", json!({}))), "checks nothing");
    fails_with(&changed("geglu_ff", case("check", json!({"out.z": {"tol_abs": 1.0}}))), "no result `out.z`");
}

#[test]
fn damaged_files_and_shapes_that_do_not_fit_fail() {
    fails_with(
        &changed("geglu_ff", |index| index["cases"][0]["file"] = "missing.safetensors".into()),
        "missing.safetensors",
    );
    fails_with(
        &changed("geglu_ff", |index| index["weights"]["geglu_ff"]["config"]["dim"] = 48.into()),
        "expected [384, 48]",
    );
    fails_with(
        &changed("small_2d", |index| index["weights"]["small_2d"]["files"] = json!(["geglu_ff.weights.safetensors"])),
        "lack required tensors",
    );
    // A panic inside a network is an outcome too.
    fails_with(
        &changed("motion_32_f8", |index| {
            index["cases"][0]["config"] = json!({"temporal_position_encoding_max_len": 4});
        }),
        "8 frames, positions for 4",
    );
}

#[test]
fn a_result_outside_its_tolerance_fails() {
    let outcome = changed("small_2d", |index| index["cases"][0]["check"]["out.sample"]["tol_abs"] = json!(1e-12));
    assert!(outcome.failed());
    let line = serde_json::to_value(outcome.line()).unwrap();
    assert_eq!((&line["ok"], &line["tensor"]), (&json!(false), &json!("out.sample")));
    let wrong = changed("small_2d", |index| index["cases"][0]["config"]["norm_eps"] = json!(1e-2));
    assert!(wrong.failed(), "{wrong:?}");
}

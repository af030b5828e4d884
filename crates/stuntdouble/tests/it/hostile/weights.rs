//! Tests invalid folders of weights, which are missing, damaged, or belong to another network.

use std::path::PathBuf;

use model::networks::Networks;
use model::preset::Preset;
use model::weights::{StoredPrecision, to_bytes};
use serde_json::json;

use crate::bench::Bench;

#[test]
fn weights_that_are_none() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let config = Preset::Tiny.config();
    let networks = Networks::<burn::backend::Flex>::init(&config, 3, &Default::default()).unwrap();
    let good = networks.to_bytes(StoredPrecision::F32, Default::default()).unwrap();
    let header = |config: &str| [("stuntdouble.config".to_owned(), config.to_owned())].into();
    type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;
    let changed = |change: &dyn Fn(&mut Tensors), header| {
        let mut tensors = networks.to_tensors();
        change(&mut tensors);
        to_bytes(&tensors, StoredPrecision::F32, header).unwrap()
    };
    let text = serde_json::to_string(&config).unwrap();
    let other = serde_json::to_string(&Preset::Bundled.config()).unwrap();
    let mut wrong = serde_json::to_value(&config).unwrap();
    wrong["size"] = json!(33);
    let mut large = b"\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec();
    large.extend(b"{}");
    let cases = [
        ("empty file", vec![], "weights.malformed"),
        ("garbage", b"garbage, and not a little of it".to_vec(), "weights.malformed"),
        ("cut", good[..good.len() / 2].to_vec(), "weights.malformed"),
        ("huge header", large, "weights.malformed"),
        ("no configuration", changed(&|_| {}, Default::default()), "weights.no_config"),
        ("configuration is no JSON", changed(&|_| {}, header("{")), "weights.no_config"),
        ("configuration does not fit", changed(&|_| {}, header(&wrong.to_string())), "model.config"),
        ("configuration of another network", changed(&|_| {}, header(&other)), "weights.shape"),
        ("wrong shape", changed(&|tensors| tensors[0].1 = vec![tensors[0].2.len()], header(&text)), "weights.shape"),
        ("one missing", changed(&|tensors| drop(tensors.pop()), header(&text)), "weights.missing_tensor"),
        ("not a number", changed(&|tensors| tensors[0].2[0] = f32::NAN, header(&text)), "weights.non_finite"),
    ];
    for (index, (what, bytes, code)) in cases.iter().enumerate() {
        let file = bench.write(&format!("weights-{index}/tiny.safetensors"), bytes);
        let folder = file.parent().unwrap();
        bench.refuse(what, &bench.replace().with("--weights", folder), code, 4);
    }
    let with = |weights: PathBuf| bench.replace().with("--weights", weights);
    let (missing, empty) = (with(bench.path("missing")), with(bench.make_folder("empty")));
    let file = with(bench.write("weights.safetensors", &good));
    bench.refuse("missing", &missing, "weights.io", 4);
    bench.refuse("empty folder", &empty, "weights.io", 4);
    bench.refuse("a file", &file, "weights.io", 4);
    bench.refuse("none at all", &bench.replace().with("--preset", "sd15"), "settings.invalid", 2);
    bench.finish();
}

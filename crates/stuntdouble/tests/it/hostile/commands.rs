//! Tests invalid settings, configuration files, training runs and model names.

use std::path::Path;

use crate::bench::Bench;

#[test]
fn settings_that_make_no_sense() {
    let bench = Bench::new();
    let line = bench.replace();
    let config = |name: &str, text: &str| line.clone().with("--config", bench.write(name, text));
    let cases = [
        ("no steps", line.clone().with("--steps", "0"), "settings.invalid"),
        ("many steps", line.clone().with("--steps", "1001"), "settings.invalid"),
        ("more steps than a number holds", line.clone().with("--steps", "99999999999"), "usage.invalid"),
        ("steps below zero", line.clone().flag("--steps=-3"), "usage.invalid"),
        ("guidance not a number", line.clone().with("--guidance", "NaN"), "settings.invalid"),
        ("guidance without end", line.clone().with("--guidance", "inf"), "settings.invalid"),
        ("guidance in words", line.clone().with("--guidance", "much"), "usage.invalid"),
        ("no frames", line.clone().with("--max-frames", "0"), "settings.invalid"),
        ("no blocks", line.clone().with("--mask-blocks", "0"), "settings.invalid"),
        ("person in words", line.clone().with("--person", "left"), "prompt.shape"),
        ("half a person", line.clone().with("--person", "3"), "prompt.shape"),
        ("person not a number", line.clone().with("--person", "NaN,3"), "prompt.number"),
        ("person out of all numbers", line.clone().with("--person", "1e300,3"), "prompt.number"),
        ("unknown preset", line.clone().with("--preset", "huge"), "usage.invalid"),
        ("unknown option", line.clone().flag("--faster"), "usage.invalid"),
        ("picture without a name", line.clone().with("--character", ""), "usage.invalid"),
        ("video without a name", line.clone().with("--video", ""), "usage.invalid"),
        ("option missing", line.clone().without("--character"), "usage.invalid"),
        ("unknown command", bench.command(&["frobnicate"]), "usage.invalid"),
        ("pair without a value", line.clone().with("--set", "steps"), "settings.invalid"),
        ("pair of an unknown name", line.clone().with("--set", "stepz=3"), "settings.invalid"),
        ("pair of a deep name", line.clone().with("--set", "a.b.c=3"), "settings.invalid"),
        ("pair of a wrong type", line.clone().with("--set", "steps=many"), "settings.invalid"),
        ("pair of an unknown preset", line.clone().with("--set", "preset=huge"), "settings.invalid"),
        ("seed below zero", line.clone().with("--set", "seed=-1"), "settings.invalid"),
        ("config is no TOML", config("a.toml", "steps = ["), "settings.invalid"),
        ("config of an unknown name", config("b.toml", "stepz = 3"), "settings.invalid"),
        ("config of a wrong type", config("c.toml", "steps = \"3\""), "settings.invalid"),
        ("config of three coordinates", config("d.toml", "person = [1.0, 2.0, 3.0]"), "settings.invalid"),
    ];
    for (what, line, code) in &cases {
        bench.refuse(what, line, code, 2);
    }
    let unreadable = [
        ("config missing", line.clone().with("--config", bench.path("missing.toml"))),
        ("config is a folder", line.clone().with("--config", bench.path("frames"))),
        ("config is a picture", line.clone().with("--config", bench.path("character.png"))),
    ];
    for (what, line) in &unreadable {
        bench.refuse(what, line, "file.inaccessible", 3);
    }
    if bench.has_ffmpeg() {
        bench.refuse("person outside of the frame", &line.clone().with("--person", "64,10"), "prompt.outside_frame", 2);
        bench.refuse("person above the frame", &line.clone().flag("--person=10,-1"), "prompt.number", 2);
        bench.accept("many blocks", &line.clone().with("--mask-blocks", "4294967295"), "out.mp4", &[]);
    }
    let nowhere = line.clone().environment("STUNTDOUBLE_FFMPEG", bench.path("missing"));
    bench.refuse("ffmpeg missing", &nowhere, "ffmpeg.missing", 4);
    let other = line.clone().environment("STUNTDOUBLE_FFMPEG", bench.path("character.png"));
    bench.refuse("ffmpeg is a picture", &other, "ffmpeg.failed", 4);
    bench.finish();
}

#[test]
fn trainings_that_cannot_start() {
    let bench = Bench::new();
    let folder = |folder: &Path| {
        format!(
            "kind = \"autoencoder\"\nsize = 32\nbatch = 1\n[loop]\nrun = \"run\"\nseed = 1\nsteps = 1\n[[data]]\nfolder = {0:?}\n[held_out.a]\nfolder = {0:?}\n",
            folder.display().to_string()
        )
    };
    let good = folder(&bench.path("frames"));
    let cases = [
        ("malformed", "kind = [".to_owned(), "train.config"),
        ("empty", String::new(), "train.config"),
        ("unknown kind", "kind = \"everything\"".into(), "train.config"),
        ("unknown setting", good.replace("batch = 1", "batch = 1\nbatches = 1"), "train.config"),
        ("wrong type", good.replace("batch = 1", "batch = \"one\""), "train.config"),
        ("missing data", folder(&bench.path("missing")), "train.io"),
        ("no data", folder(&bench.make_folder("empty")), "train.no_data"),
    ];
    for (what, text, code) in &cases {
        let path = bench.write(&format!("{what}.toml"), text);
        bench.refuse(what, &bench.command(&["train", path.to_str().unwrap()]), code, 3);
    }
    bench.refuse("missing", &bench.command(&["train", "missing.toml"]), "train.io", 3);
    let frames = bench.path("frames");
    bench.refuse("a folder", &bench.command(&["train", frames.to_str().unwrap()]), "train.io", 3);
    bench.refuse("nothing", &bench.command(&["train"]), "usage.invalid", 2);
    bench.finish();
}

#[test]
fn models_that_cannot_be_had() {
    let bench = Bench::new();
    let fetch = |name: &str| bench.command(&["models", "fetch", name]);
    let file = bench.write("file", "somebody's");
    let cases = [
        ("unknown", fetch("skynet"), "fetch.unknown_name"),
        ("without a name", fetch(""), "fetch.unknown_name"),
        ("a path", fetch("../../etc/passwd"), "fetch.unknown_name"),
        ("offline", fetch("blazepose-detector"), "fetch.offline"),
        ("offline, a group", fetch("perception"), "fetch.offline"),
        ("cache is a file", fetch("blazepose-detector").environment("STUNTDOUBLE_CACHE", file), "fetch.offline"),
    ];
    for (what, line, code) in &cases {
        bench.refuse(what, line, code, 4);
    }
    bench.refuse("no name", &bench.command(&["models", "fetch"]), "usage.invalid", 2);
    if bench.has_ffmpeg() {
        bench.refuse("perceive", &bench.perceive(&bench.path("frames")), "fetch.offline", 4);
        bench.refuse("replace", &bench.replace().without("--signals"), "fetch.offline", 4);
    }
    bench.finish();
}

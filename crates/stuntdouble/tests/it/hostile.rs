//! Wrong and hostile inputs to the real program: each is an error with its code, exit status and one line of help, within
//! seconds, without a panic, and leaves nothing behind: no output, no part of one, no run folder, no temporary file.

use std::path::{Path, PathBuf};

use media::image_file::{save_depth, save_mask, save_picture};
use media::picture::{Mask, Picture, Plane};
use model::networks::Networks;
use model::preset::Preset;
use model::weights::{Precision, to_bytes};
use serde_json::json;

use crate::bench::{Bench, FRAMES, SIZE, figure};

/// A PNG whose header promises 100000x100000 pixels.
fn huge_png() -> Vec<u8> {
    let mut bytes =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0\x76\xb9\x5b\x15".to_vec();
    bytes.extend(b"\0\0\0\x0aIDAT\x78\x9c\x63\0\0\0\x02\0\x01\x48\xaf\xa4\x71\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}

/// A file that never ends and gives nothing.
#[cfg(unix)]
fn pipe(bench: &Bench) -> PathBuf {
    let path = bench.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[test]
fn the_bench_itself_is_good() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    bench.take("take.mp4");
    bench.accept("frames", &bench.replace(), "out.mp4", &[]);
    bench.accept("video", &bench.replace().with("--video", bench.path("take.mp4")), "out.mp4", &[]);
    bench.finish();
}

#[test]
fn videos_that_are_none() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    bench.make("-f lavfi -i sine=d=1 -c:a aac sound.mp4");
    bench.make("-f lavfi -i sine=d=1 sound.wav");
    let list = bench.write("list.mp4", format!("ffconcat version 1.0\nfile '{}'\n", bench.path("sound.mp4").display()));
    let cases = [
        ("missing", bench.path("missing.mp4"), "input.unreadable"),
        ("without a name", PathBuf::new(), "input.unreadable"),
        ("empty", bench.write("empty.mp4", ""), "video.empty"),
        ("text", bench.write("text.mp4", "not a video at all\n"), "video.unsupported"),
        ("playlist", list, "video.unsupported"),
        ("header alone", bench.write("head.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42"), "video.damaged"),
        ("sound", bench.path("sound.mp4"), "video.no_stream"),
        ("sound of another kind", bench.path("sound.wav"), "video.unsupported"),
        ("picture", bench.path("character.png"), "video.is_image"),
        ("folder without frames", bench.make_folder("none"), "video.empty"),
        ("folder of text", bench.write("texts/00000.png", "text").with_file_name(""), "image.unsupported"),
        ("folder of a huge frame", bench.write("huge/0.png", huge_png()).with_file_name(""), "image.too_large"),
        #[cfg(unix)]
        ("pipe", pipe(&bench), "input.unreadable"),
        #[cfg(unix)]
        ("device", "/dev/zero".into(), "input.unreadable"),
    ];
    for (what, video, code) in &cases {
        bench.refuse(what, &bench.replace().with("--video", video), code, 3);
        if !video.as_os_str().is_empty() {
            bench.refuse(&format!("perceive, {what}"), &bench.perceive(video), code, 3);
        }
    }
    bench.finish();
}

#[test]
fn videos_that_are_damaged() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let whole = std::fs::read(bench.take("take.mp4")).unwrap();
    bench.write("cut.mp4", &whole[..whole.len() / 2]);
    let mut bytes = whole.clone();
    let data = bytes.windows(4).position(|window| window == b"mdat").unwrap();
    for place in (data + 900..data + 1100).step_by(7) {
        bytes[place] ^= 0x55;
    }
    bench.write("damaged.mp4", &bytes);
    let with = |video: PathBuf| bench.replace().with("--video", video);
    let (cut, damaged) = (with(bench.path("cut.mp4")), with(bench.path("damaged.mp4")));
    let gap = bench.frames("gap", SIZE);
    std::fs::remove_file(gap.join("00002.png")).unwrap();
    let sizes = bench.frames("sizes", SIZE);
    save_picture(&sizes.join("00003.png"), &figure((SIZE.0, SIZE.1 + 2), 10)).unwrap();
    let half = bench.frames("half", SIZE);
    let picture = std::fs::read(half.join("00003.png")).unwrap();
    std::fs::write(half.join("00003.png"), &picture[..picture.len() / 2]).unwrap();
    let (gap, sizes, half) = (with(gap), with(sizes), with(half));
    bench.refuse("cut", &cut, "video.truncated", 3);
    bench.refuse("cut, tolerated, but without an index", &cut.flag("--tolerate-damage"), "video.damaged", 3);
    bench.refuse("changed bytes", &damaged, "video.damaged", 3);
    bench.accept("changed bytes, tolerated", &damaged.flag("--tolerate-damage"), "out.mp4", &["video.damaged"]);
    bench.refuse("a frame is missing", &gap, "video.frame_missing", 3);
    bench.refuse("frames of different sizes", &sizes, "image.wrong_size", 3);
    bench.refuse("half a frame", &half, "image.damaged", 3);
    bench.finish();
}

#[test]
fn characters_that_are_none() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let whole = std::fs::read(bench.path("character.png")).unwrap();
    let cases = [
        ("missing", bench.path("missing.png"), "input.unreadable"),
        ("empty", bench.write("empty.png", ""), "image.unsupported"),
        ("text", bench.write("text.png", "not a picture"), "image.unsupported"),
        ("cut", bench.write("cut.png", &whole[..whole.len() / 2]), "image.damaged"),
        ("signature alone", bench.write("signature.png", &whole[..8]), "image.damaged"),
        ("huge header", bench.write("huge.png", huge_png()), "image.too_large"),
        ("video", bench.take("take.mp4"), "image.unsupported"),
        ("folder", bench.path("frames"), "input.unreadable"),
        #[cfg(unix)]
        ("pipe", pipe(&bench), "input.unreadable"),
    ];
    for (what, picture, code) in &cases {
        bench.refuse(what, &bench.replace().with("--character", picture), code, 3);
        bench.refuse(&format!("animate, {what}"), &bench.animate().with("--character", picture), code, 3);
    }
    save_picture(&bench.path("dot.png"), &Picture::filled(1, 1, [9; 3])).unwrap();
    let dot = bench.replace().with("--character", bench.path("dot.png"));
    bench.accept("one pixel", &dot, "out.mp4", &["character.no_person"]);
    bench.refuse("without pose networks", &bench.animate(), "fetch.offline", 4);
    bench.finish();
}

#[test]
fn outputs_that_cannot_be_written() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let take = bench.take("take.mp4");
    let file = bench.write("file", "somebody's");
    let diary = bench.write("diary/diary.txt", "somebody's").with_file_name("");
    let folder = bench.make_folder("folder.mp4");
    let to = |path: &Path| bench.replace().with("--output", path);
    let run = |path: &Path| bench.replace().with("--run-dir", path);
    let cases = [
        ("folder missing", to(Path::new("no/such/out.mp4")), "output.unwritable", 5),
        ("below a file", to(&file.join("out.mp4")), "output.unwritable", 5),
        ("a folder", to(&folder), "output.unwritable", 5),
        ("without a name", to(Path::new("")), "output.unwritable", 5),
        ("unknown ending", to(Path::new("out.xyz")), "output.unsupported", 3),
        ("picture's ending", to(Path::new("out.png")), "output.unsupported", 3),
        ("no ending", to(Path::new("out")), "output.unsupported", 3),
        ("ending of the run folder", to(Path::new("out.run")), "output.unsupported", 3),
        ("the video itself", to(&take).with("--video", &take), "output.is_input", 2),
        ("the picture itself", to(&bench.path("character.png")), "output.is_input", 2),
        ("among the frames", to(&bench.path("frames/out.mp4")), "output.is_input", 2),
        ("among the signals", to(&bench.path("signals/out.mp4")), "output.is_input", 2),
        ("run folder among the frames", run(&bench.path("frames/run")), "output.is_input", 2),
        ("run folder is the output", run(Path::new("out.mp4")), "settings.invalid", 2),
        ("run folder is a file", run(&file), "file.inaccessible", 3),
        ("run folder is somebody's", run(&diary), "run.differs", 2),
        ("perceive to a file", bench.perceive(&take).with("--output", &file), "file.inaccessible", 3),
        ("perceive below a file", bench.perceive(&take).with("--output", file.join("x")), "file.inaccessible", 3),
    ];
    for (what, line, code, exit) in &cases {
        bench.refuse(what, line, code, *exit);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let closed = bench.make_folder("closed");
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
        if std::fs::write(closed.join("probe"), "").is_ok() {
            std::fs::remove_file(closed.join("probe")).unwrap();
            eprintln!("ran fewer cases: this user may write everywhere");
        } else {
            bench.refuse("folder not writable", &to(&closed.join("out.mp4")), "output.unwritable", 5);
        }
    }
    bench.finish();
}

#[test]
fn a_run_folder_of_another_job() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let line = bench.replace().with("--run-dir", bench.path("run")).with("--output", bench.path("first.mp4"));
    bench.prepare(&line);
    let line = line.with("--output", "out.mp4");
    bench.refuse("another seed", &line.clone().with("--seed", "7"), "run.differs", 2);
    let other = bench.path("other.png");
    save_picture(&other, &figure((40, 64), 5)).unwrap();
    bench.refuse("another picture", &line.clone().with("--character", &other), "run.differs", 2);
    bench.write("run/run.toml", "not = [toml");
    bench.refuse("damaged record", &line, "run.differs", 2);
    bench.finish();
}

#[test]
fn weights_that_are_none() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let config = Preset::Tiny.config();
    let networks = Networks::<burn::backend::Flex>::init(&config, 3, &Default::default()).unwrap();
    let good = networks.to_bytes(Precision::F32, Default::default()).unwrap();
    let header = |config: &str| [("stuntdouble.config".to_owned(), config.to_owned())].into();
    type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;
    let changed = |change: &dyn Fn(&mut Tensors), header| {
        let mut tensors = networks.to_tensors();
        change(&mut tensors);
        to_bytes(&tensors, Precision::F32, header).unwrap()
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
        ("configuration of another network", changed(&|_| {}, header(&other)), "weights.missing_tensor"),
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

#[test]
fn signals_that_do_not_fit() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let with = |signals: &Path| bench.replace().with("--signals", signals);
    let small = Mask::filled(SIZE.0 / 2, SIZE.1, 255);
    let spoil = |name: &str, change: &dyn Fn(&Path)| {
        let folder = bench.signals(name);
        change(&folder);
        with(&folder)
    };
    let pose = |text: &str| {
        let text = text.to_owned();
        move |folder: &Path| std::fs::write(folder.join("pose.json"), &text).unwrap()
    };
    let openpose = |text: &str| {
        let text = text.to_owned();
        move |folder: &Path| {
            std::fs::remove_file(folder.join("pose.json")).unwrap();
            std::fs::create_dir(folder.join("openpose")).unwrap();
            for index in 0..FRAMES {
                std::fs::write(folder.join(format!("openpose/{index}.json")), &text).unwrap();
            }
        }
    };
    let head = r#"{"format":"stuntdouble-pose-1","width":64,"height":48,"frames":"#;
    let empty_scene = |folder: &Path| {
        std::fs::write(folder.join("pose.json"), format!("{head}[null,null,null,null]}}")).unwrap();
        for index in 0..FRAMES {
            save_mask(&folder.join(format!("person/{index:06}.png")), &Mask::filled(SIZE.0, SIZE.1, 0)).unwrap();
        }
    };
    let cases = [
        ("missing", with(&bench.path("missing")), "input.unreadable"),
        ("empty folder", with(&bench.make_folder("empty")), "signals.empty"),
        ("folder of something else", with(&bench.path("frames")), "signals.empty"),
        ("a file", with(&bench.path("character.png")), "input.unreadable"),
        (
            "masks of another size",
            spoil("a", &|folder| (0..FRAMES).for_each(|index| save_mask(&mask(folder, index), &small).unwrap())),
            "signals.size_mismatch",
        ),
        (
            "last mask of another size",
            spoil("b", &|folder| save_mask(&mask(folder, FRAMES - 1), &small).unwrap()),
            "signals.size_mismatch",
        ),
        (
            "too few masks",
            spoil("c", &|folder| std::fs::remove_file(mask(folder, 2)).unwrap()),
            "signals.missing_frame",
        ),
        (
            "too many masks",
            spoil("d", &|folder| {
                std::fs::copy(mask(folder, 0), mask(folder, FRAMES)).unwrap();
            }),
            "signals.frame_count",
        ),
        ("no mask at all", spoil("e", &|folder| clear(&folder.join("person"))), "signals.missing_frame"),
        ("mask is text", spoil("f", &|folder| std::fs::write(mask(folder, 1), "x").unwrap()), "image.unsupported"),
        (
            "depth of another size",
            spoil("g", &|folder| {
                for index in 0..FRAMES {
                    let path = folder.join(format!("depth/{index:06}.png"));
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    save_depth(&path, &Plane::filled(SIZE.0, SIZE.1 / 2, 7)).unwrap();
                }
            }),
            "signals.size_mismatch",
        ),
        ("poses are no JSON", spoil("h", &pose("{")), "signals.malformed_pose"),
        ("poses of another version", spoil("i", &pose(r#"{"format":"x"}"#)), "signals.malformed_pose"),
        ("too few poses", spoil("j", &pose(&format!("{head}[null]}}"))), "signals.frame_count"),
        (
            "poses are no text",
            spoil("k", &|folder| std::fs::write(folder.join("pose.json"), b"\xff\xfe").unwrap()),
            "signals.malformed_pose",
        ),
        ("OpenPose is no JSON", spoil("l", &openpose("people")), "signals.malformed_pose"),
        ("OpenPose without people", spoil("m", &openpose("{}")), "signals.malformed_pose"),
        ("OpenPose of 3 numbers", spoil("n", &openpose(&people("1, 2, 3"))), "signals.point_count"),
        ("OpenPose with infinity", spoil("o", &openpose(&people(&vec!["1e39"; 54].join(",")))), "signals.non_finite"),
        ("nobody in any frame", spoil("p", &empty_scene), "perception.no_person"),
        #[cfg(unix)]
        (
            "a loop of links",
            spoil("q", &|folder| {
                for name in ["one", "two", "three"] {
                    std::os::unix::fs::symlink(".", folder.join(name)).unwrap();
                }
                std::fs::remove_file(mask(folder, 0)).unwrap();
            }),
            "signals.missing_frame",
        ),
    ];
    for (what, line, code) in &cases {
        bench.refuse(what, line, code, 3);
    }
    bench.finish();
}

fn mask(signals: &Path, index: usize) -> PathBuf {
    signals.join(format!("person/{index:06}.png"))
}

fn clear(folder: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::create_dir(folder).unwrap();
}

fn people(numbers: &str) -> String {
    format!(r#"{{"people":[{{"pose_keypoints_2d":[{numbers}]}}]}}"#)
}

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
        ("person in words", line.clone().with("--person", "left"), "usage.invalid"),
        ("half a person", line.clone().with("--person", "3"), "usage.invalid"),
        ("person not a number", line.clone().with("--person", "NaN,3"), "settings.invalid"),
        ("person out of all numbers", line.clone().with("--person", "1e300,3"), "settings.invalid"),
        ("unknown preset", line.clone().with("--preset", "huge"), "usage.invalid"),
        ("unknown option", line.clone().flag("--faster"), "usage.invalid"),
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
        bench.refuse("person outside of the frame", &line.clone().with("--person", "64,10"), "settings.invalid", 2);
        bench.refuse("person above the frame", &line.clone().flag("--person=10,-1"), "settings.invalid", 2);
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

#[test]
fn scenes_without_anybody() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() || !bench.has_pose_networks() {
        return;
    }
    let scene = bench.make_folder("scene");
    for index in 0..FRAMES {
        let picture = Picture::from_fn(SIZE.0, SIZE.1, |x, y| [(x + index) as u8, 90, (y * 2) as u8]);
        save_picture(&scene.join(format!("{index}.png")), &picture).unwrap();
    }
    let sizes = bench.frames("sizes", SIZE);
    save_picture(&sizes.join("00003.png"), &figure((SIZE.0 + 2, SIZE.1), 10)).unwrap();
    let wall = bench.path("wall.png");
    save_picture(&wall, &Picture::filled(40, 64, [120, 130, 90])).unwrap();
    let perceive = |video: &Path| bench.perceive(video).user_cache();
    let replace = bench.replace().user_cache();
    bench.refuse("perceive", &perceive(&scene), "perception.no_person", 3);
    let unseen = replace.clone().without("--signals").with("--video", &scene);
    bench.refuse("replace", &unseen, "perception.no_person", 3);
    bench.refuse("perceive frames of different sizes", &perceive(&sizes), "image.wrong_size", 3);
    let painted = replace.clone().with("--character", &wall);
    bench.accept("replace with a wall", &painted, "out.mp4", &["character.no_person"]);
    let painted = bench.animate().user_cache().with("--character", &wall);
    bench.accept("animate a wall", &painted, "out.mp4", &["character.no_person", "animate.not_aligned"]);
    bench.finish();
}

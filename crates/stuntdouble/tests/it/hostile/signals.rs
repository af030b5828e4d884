//! Tests invalid user-supplied signals, which are missing, malformed, or belong to another video. Also tests videos
//! without people.

use std::path::{Path, PathBuf};

use media::image_file::{save_depth, save_mask, save_picture};
use media::picture::{Mask, Picture, Plane};

use crate::bench::{Bench, FRAMES, SIZE, figure};

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
        (
            "last object of another size",
            spoil("r", &|folder| {
                for index in 0..FRAMES {
                    let path = folder.join(format!("object-1/{index:06}.png"));
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    let width = if index == FRAMES - 1 { SIZE.0 + 1 } else { SIZE.0 };
                    save_mask(&path, &Mask::filled(width, SIZE.1, 0)).unwrap();
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

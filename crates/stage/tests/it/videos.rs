//! Tests clips with a video behind the person.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use stuntdouble_stage::{
    Assets, Backdrop, Clip, ClipSettings, ClipSpec, Exposure, Passes, Split, render_clip, render_parts,
};

use crate::settings;

const SIDE: usize = 48;

/// A stripe that moves over a gradient.
fn frame(index: usize, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x + y + 5 * index as u32) % 16 {
        0..4 => Rgb([200, 40, 30 + 8 * index as u8]),
        _ => Rgb([60 + 2 * x as u8, 90 + y as u8, 120]),
    })
}

fn write_video(folder: &Path, name: &str, frames: usize, (width, height): (u32, u32)) {
    let folder = folder.join("videos").join(name);
    fs::create_dir_all(&folder).unwrap();
    for index in 0..frames {
        frame(index, width, height).save(folder.join(format!("{index:04}.png"))).unwrap();
    }
}

fn filmed(frames: usize) -> ClipSettings {
    ClipSettings { video_share: 1.0, ..settings(SIDE, frames) }
}

#[test]
fn the_plate_is_the_video_and_the_rest_of_a_picture_is_the_plate_or_its_shadow() {
    let folder = tempfile::tempdir().unwrap();
    write_video(folder.path(), "stripe", 8, (SIDE as u32, SIDE as u32));
    let (assets, warnings) = Assets::load(folder.path()).unwrap();
    assert!(warnings.is_empty() && assets.counts() == [0, 0, 0, 0, 0, 1], "{warnings:?}");
    let (mut same, mut shadowed, mut covered) = (0, 0, 0);
    for seed in 0..6 {
        let mut spec = ClipSpec::draw(seed, &assets, &filmed(3)).unwrap();
        assert!(spec.cameras.iter().all(|camera| *camera == spec.cameras[0]), "seed {seed}: the camera moves");
        assert!(spec.furniture.is_empty() && spec.bystanders.is_empty());
        // The whole picture is visible, pixel by pixel. In half of the clips the shutter is open for a while.
        let Backdrop::Video { video, start, step, zoom, .. } = &mut spec.scene.backdrop else {
            panic!("seed {seed}: no video behind the person");
        };
        assert_eq!((video.as_str(), *start + 2 * *step < 8), ("video/stripe", true));
        *zoom = 1.0;
        let (start, step) = (*start, *step);
        spec.exposure = Exposure { shutter: if seed % 2 == 0 { 0.0 } else { 0.5 }, noise: 0.0 };
        let clip = render_parts(&spec, &assets, Passes::CLIP).unwrap();
        for index in 0..3 {
            let expected = frame(start + index * step, SIDE as u32, SIDE as u32);
            assert_eq!(clip.plate[index].bytes(), expected.as_raw(), "seed {seed} frame {index}");
            let take = &clip.take;
            for cell in 0..SIDE * SIDE {
                let empty = clip.plate[index].cells()[cell];
                let seen = take.frames[index].cells()[cell];
                if take.person[index].cells()[cell] > 0 || take.object[index].cells()[cell] > 0 {
                    covered += 1;
                } else {
                    assert!(seen.iter().zip(&empty).all(|(a, b)| a <= b), "seed {seed}: {seen:?} {empty:?}");
                    same += usize::from(seen == empty);
                    shadowed += usize::from(seen != empty);
                }
            }
        }
    }
    assert!(same > 10 * shadowed / 4 && shadowed > 50 && covered > 500, "{same} {shadowed} {covered}");
}

#[test]
fn a_part_of_another_size_is_the_same_part_in_every_frame() {
    let folder = tempfile::tempdir().unwrap();
    write_video(folder.path(), "wide", 2, (90, 40));
    let (assets, _) = Assets::load(folder.path()).unwrap();
    let mut spec = ClipSpec::draw(1, &assets, &filmed(5)).unwrap();
    spec.exposure = Exposure::default();
    // There are fewer pictures than frames, so they run forwards and backwards.
    let clip = render_parts(&spec, &assets, Passes::CLIP).unwrap();
    assert_ne!(clip.plate[0], clip.plate[1]);
    assert_eq!((&clip.plate[0], &clip.plate[1]), (&clip.plate[2], &clip.plate[3]));
    let Backdrop::Video { zoom, .. } = &mut spec.scene.backdrop else { panic!("no video behind the person") };
    *zoom = f32::NAN;
    assert_eq!(render_parts(&spec, &assets, Passes::CLIP).unwrap_err().code(), "stage.bad_spec");
}

#[test]
fn videos_are_split_by_name_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    (0..16).for_each(|index| write_video(folder.path(), &format!("place{index}"), 2, (16, 16)));
    let (assets, _) = Assets::load(folder.path()).unwrap();
    assert_eq!(assets.counts()[5], 16);
    let shown = |split| -> BTreeSet<String> {
        let settings = ClipSettings { split: Some(split), swapped: false, references: 0, ..filmed(1) };
        let place = |seed| match ClipSpec::draw(seed, &assets, &settings).unwrap().scene.backdrop {
            Backdrop::Video { video, .. } => video,
            other => panic!("{other:?}"),
        };
        (0..12).map(place).collect()
    };
    for split in [Split::Train, Split::Val, Split::Test] {
        let names = shown(split);
        assert!(
            names.iter().all(|name| Split::of("video", name.strip_prefix("video/").unwrap()) == split),
            "{names:?}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_video_is_told_by_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a_sound", "b_broken", "c_sizes", "e_short"] {
        write_video(folder.path(), name, if name == "e_short" { 1 } else { 4 }, (20, 16));
    }
    let videos = folder.path().join("videos");
    fs::write(videos.join("b_broken/0002.png"), b"no picture").unwrap();
    fs::write(videos.join("b_broken/0003.png"), b"nor this").unwrap();
    frame(0, 16, 20).save(videos.join("c_sizes/0001.png")).unwrap();
    fs::create_dir(videos.join("d_empty")).unwrap();
    let (assets, warnings) = Assets::load(folder.path()).unwrap();
    assert_eq!(assets.counts()[5], 1);
    let told: Vec<String> = warnings.iter().map(|warning| warning.cause.to_string()).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    for (told, named) in told.iter().zip(["b_broken/0002.png", "c_sizes/0001.png", "videos/d_empty", "videos/e_short"])
    {
        assert!(told.contains(named), "{told} names {named}");
    }
    assert!(warnings.iter().all(|warning| warning.cause.code() == "stage.malformed"), "{told:?}");
    assert!(ClipSpec::draw(0, &assets, &filmed(2)).is_ok());
}

#[test]
fn videos_give_the_same_bytes_on_one_thread_and_two() {
    let folder = tempfile::tempdir().unwrap();
    write_video(folder.path(), "wide", 9, (90, 64));
    let (assets, _) = Assets::load(folder.path()).unwrap();
    for seed in [2, 3] {
        let spec = ClipSpec::draw(seed, &assets, &filmed(3)).unwrap();
        let read: ClipSpec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
        assert_eq!(read, spec);
        let in_pool = |threads| -> Clip {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| render_clip(&spec, &assets).unwrap())
        };
        let (one, two) = (in_pool(1), in_pool(2));
        assert_eq!((one.plate, one.take.frames, one.take.depth), (two.plate, two.take.frames, two.take.depth));
        assert_eq!(one.take.references, two.take.references);
        assert_eq!(one.swapped.unwrap().frames, two.swapped.unwrap().frames);
    }
}

#[test]
fn a_pack_holds_videos_and_without_any_clips_are_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    write_video(folder.path(), "wide", 3, (90, 64));
    let (assets, _) = Assets::load(folder.path()).unwrap();
    let path = folder.path().join("assets.pack");
    assets.pack(&path, 1 << 20).unwrap();
    let unpacked = Assets::unpack(&path).unwrap();
    assert_eq!(unpacked.counts(), assets.counts());
    let clips = [&assets, &unpacked].map(|assets| {
        let spec = ClipSpec::draw(4, assets, &filmed(2)).unwrap();
        render_parts(&spec, assets, Passes::CLIP).unwrap()
    });
    assert_eq!(clips[0].take.person, clips[1].take.person);

    // Neither the default share nor any other matters without videos.
    let none = Assets::procedural();
    let drawn = |settings: &ClipSettings| ClipSpec::draw(7, &none, settings).unwrap();
    assert_eq!(drawn(&filmed(2)), drawn(&settings(SIDE, 2)));
    let told = serde_json::to_string(&settings(SIDE, 2)).unwrap();
    assert!(!told.contains("video_share"), "a data set begun earlier would be another one: {told}");
}

//! Tests a set of generated clips, and the preparation of real and broken videos.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use draft::plate::PlateFrame;
use media::ffmpeg::Ffmpeg;
use media::geometry::Pts;
use media::picture::{Mask, Picture};
use perception::perceiver::{PerceivedFrame, PersonModels};
use perception::pose::Pose;
use perception::stream::SeenFrame;

use super::clip::PreparedClip;
use super::prepare::{FORMAT, Index};
use super::record::{Stretch, VideoRecord, write_json};
use super::shard::{ShardWriter, hash_of};
use super::*;

/// A block of 12x20 pixels that moves over a background of noise.
pub(crate) fn made_clip(video: &str, frames: usize) -> PreparedClip {
    let ground = |x: usize, y: usize| [(x * 37 + y * 91) as u8, (x * 5) as u8, (y * 7) as u8];
    let frame = |index: usize| {
        let is_person = |x: usize, y: usize| (10 + 4 * index..22 + 4 * index).contains(&x) && (10..30).contains(&y);
        let mut pose = Pose::default();
        pose.body[0].x = index as f32 + 0.25;
        let signals = PerceivedFrame {
            pose: Some(pose),
            person: Mask::from_fn(64, 40, |x, y| if is_person(x, y) { 255 } else { 0 }),
            region: None,
            is_new: index == 0,
            detections: None,
            warnings: vec![],
        };
        let picture = Picture::from_fn(64, 40, |x, y| if is_person(x, y) { [250, 0, 9] } else { ground(x, y) });
        SeenFrame { index: index + 3, at: Pts(40_000 * index as i64), picture, signals }
    };
    PreparedClip::of_frames(video, 1, (0..frames).map(frame).collect())
}

/// A set of one video with two clips.
fn made_set(set: &Path) -> (Vec<PreparedClip>, VideoRecord) {
    std::fs::create_dir_all(set.join("videos")).unwrap();
    let sha256 = "0123456789abcdef0123".to_owned();
    let clips: Vec<PreparedClip> = [5, 4].map(|frames| made_clip(&sha256, frames)).into();
    let mut shard = ShardWriter::create(&set.join("0123456789abcdef.tar")).unwrap();
    let mut stretches = vec![];
    for (index, clip) in clips.iter().enumerate() {
        let key = format!("0123456789abcdef-{index:04}");
        shard.add(&key, clip).unwrap();
        let frames = clip.frames.len();
        stretches.push(Stretch { shot: 1, first: 3, frames, kept: Some(key), reason: None, detail: String::new() });
    }
    let reason = Some(Reason::TooShort);
    stretches.push(Stretch { shot: 2, first: 9, frames: 2, kept: None, reason, detail: "2 frames".into() });
    let record = VideoRecord {
        path: "walk.mp4".into(),
        sha256,
        frames: 11,
        shots: 3,
        stretches,
        shard: shard.finish().unwrap(),
    };
    write_json(&set.join("videos/0123456789abcdef.json"), &record).unwrap();
    let shards = vec![record.shard.clone().unwrap()];
    let index = Index { format: FORMAT.into(), settings: VideoConfig::default(), shards };
    write_json(&set.join("index.json"), &index).unwrap();
    (clips, record)
}

#[test]
fn clips_come_back_from_their_shard() {
    let set = tempfile::tempdir().unwrap();
    let (clips, _) = made_set(set.path());
    let opened = PreparedSet::open(set.path()).unwrap();
    let back: Vec<PreparedClip> = (0..opened.count()).map(|index| opened.clip(index).unwrap()).collect();
    assert!(back == clips, "clips are not what was written");
    let summary = check(set.path()).unwrap();
    assert_eq!((summary.videos, summary.used, summary.clips, summary.frames), (1, 1, 2, 9));
    assert_eq!(summary.refused, [(Reason::TooShort, (1, 2))].into());
    // The moving block is gone from the plate, and the plate was visible wherever the block went.
    let PlateFrame { picture, seen } = &clips[0].plates[0];
    assert_eq!((seen.get(11, 20), picture.get(0, 0)), (255, clips[0].frames[0].get(0, 0)));
    assert_ne!(picture.get(11, 20), [250, 0, 9]);
}

#[test]
fn damage_is_named() {
    let refused = |change: &dyn Fn(&Path)| {
        let set = tempfile::tempdir().unwrap();
        made_set(set.path());
        change(set.path());
        let error = check(set.path()).unwrap_err();
        assert!(matches!(error.code(), "train.damaged" | "train.io"), "{error}");
        error.to_string()
    };
    const SHARD: &str = "0123456789abcdef.tar";
    const RECORD: &str = "videos/0123456789abcdef.json";
    let edit = |set: &Path, name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(set.join(name)).unwrap();
        change(&mut bytes);
        std::fs::write(set.join(name), bytes).unwrap();
    };
    let replace = |set: &Path, name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(set.join(name)).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(set.join(name), text.replacen(from, to, 1)).unwrap();
    };
    assert!(refused(&|set| edit(set, SHARD, &|bytes| bytes[3000] ^= 1)).contains("SHA-256"));
    assert!(refused(&|set| edit(set, SHARD, &|bytes| bytes.truncate(4000))).contains("4000 bytes"));
    assert!(refused(&|set| std::fs::remove_file(set.join(SHARD)).unwrap()).contains(SHARD));
    assert!(refused(&|set| replace(set, "index.json", FORMAT, "else")).contains("format"));
    assert!(refused(&|set| replace(set, RECORD, "\"frames\": 5", "\"frames\": 6")).contains("-0000"));
    assert!(refused(&|set| std::fs::remove_file(set.join(RECORD)).unwrap()).contains("shards"));
}

#[test]
fn settings_without_sense_are_refused() {
    let good = VideoConfig::default();
    good.check().unwrap();
    for wrong in [
        VideoConfig { side: 8, ..good.clone() },
        VideoConfig { least_frames: 1, ..good.clone() },
        VideoConfig { most_frames: 8, ..good.clone() },
        VideoConfig { cut_off: f64::NAN, ..good.clone() },
    ] {
        assert_eq!(wrong.check().unwrap_err().code(), "train.setting", "{wrong:?}");
    }
}

#[test]
fn the_hash_of_a_folder_is_that_of_names_and_contents() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("0.png", "a");
    write("1.png", "b");
    let first = hash_of(folder.path()).unwrap();
    write("1.png", "c");
    assert_ne!(first, hash_of(folder.path()).unwrap());
    write("1.png", "b");
    assert_eq!(first, hash_of(folder.path()).unwrap());
    assert_eq!(hash_of(&folder.path().join("missing")).unwrap_err().code(), "input.unreadable");
}

/// If the networks are available: a corrupt file and a clip without people are rejected, and a person is kept. Finished
/// videos are not processed again, and stopped ones are.
#[test]
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn videos_are_kept_or_refused_once() {
    let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED").map(PathBuf::from) else {
        eprintln!("skipped: STUNTDOUBLE_SHARED is not set, so there are no networks and no clip");
        return;
    };
    let Ok(ffmpeg) = Ffmpeg::find(None) else {
        eprintln!("skipped: there is no ffmpeg");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (corrupt, empty, person) =
        (folder.path().join("corrupt.mp4"), folder.path().join("empty"), folder.path().join("person"));
    std::fs::write(&corrupt, b"\0\0\0\x18ftypisom no more than a beginning").unwrap();
    for (place, count) in [(&empty, 2), (&person, 5)] {
        std::fs::create_dir(place).unwrap();
        for index in 0..count {
            let to = place.join(format!("{index:05}.png"));
            if place == &empty {
                let plain = Picture::from_fn(96, 64, |x, y| [(2 * x) as u8, (3 * y) as u8, 90]);
                media::image_file::save_picture(&to, &plain).unwrap();
            } else {
                let from = shared.join(format!("data/clips/squats/frames/{index:05}.jpg"));
                std::fs::copy(from, to.with_extension("jpg")).unwrap();
            }
        }
    }
    let set = folder.path().join("set");
    let config = VideoConfig { least_frames: 4, side: 256, quick: true, ..VideoConfig::default() };
    let tools = Tools { ffmpeg, models: PersonModels::in_folder(&shared.join("data/weights")) };
    let videos = [corrupt, empty, person];
    let stop_in = |frame: u64| {
        let mut told = |event: &Prepared<'_>| match event {
            Prepared::Frame { path, done, .. } if path.ends_with("person") && *done == frame => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        prepare(&videos, &set, &config, &tools, &mut told).unwrap()
    };
    assert_eq!(stop_in(4).len(), 2);
    assert!(
        !std::fs::read_dir(&set).unwrap().any(|entry| entry.unwrap().path().extension().is_some_and(|e| e == "tar"))
    );
    let records = stop_in(0);
    let reasons: Vec<Option<Reason>> = records.iter().map(|record| record.stretches[0].reason).collect();
    assert_eq!(reasons, [Some(Reason::Unreadable), Some(Reason::NoPerson), None], "{records:?}");
    assert!(records[0].stretches[0].detail.starts_with("video."), "{records:?}");
    let mut known = 0;
    let mut told = |event: &Prepared<'_>| {
        known += usize::from(matches!(event, Prepared::Video { is_known: true, .. }));
        ControlFlow::Continue(())
    };
    assert_eq!(prepare(&videos, &set, &config, &tools, &mut told).unwrap(), records);
    assert_eq!(known, 3);
    assert_eq!(std::fs::read_to_string(set.join("report.jsonl")).unwrap().lines().count(), 3);
    let summary = check(&set).unwrap();
    assert_eq!((summary.videos, summary.clips, summary.frames), (3, 1, 5));
    let other = VideoConfig { side: 128, ..config };
    let error = prepare(&videos, &set, &other, &tools, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.code(), "train.mismatch");
}

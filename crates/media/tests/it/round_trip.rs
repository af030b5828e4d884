//! Tests that a video that is decoded and encoded again keeps its frames, times, end, size and audio.

use stuntdouble_media::audio::AudioOutcome;
use stuntdouble_media::geometry::{Pts, Rate};
use stuntdouble_media::picture::Picture;
use stuntdouble_media::probe::DecodeOptions;
use stuntdouble_media::reader::FrameReader;
use stuntdouble_media::writer::{OddSize, VideoSettings, VideoWriter};

use crate::bench::Bench;

fn mean_difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!(a.size(), b.size());
    let sum: u64 = a.bytes().iter().zip(b.bytes()).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / a.bytes().len() as f64
}

fn scene(width: usize, height: usize, index: usize) -> Picture {
    Picture::from_fn(width, height, |x, y| [(3 * x + 5 * index) as u8, (2 * y) as u8, (60 + x + y) as u8])
}

#[test]
fn a_constant_rate_video_keeps_everything() {
    let Some(bench) = Bench::new() else { return };
    let from = bench.clip("a.mp4");
    let to = bench.path("b.mp4");
    bench.convert(&from, &to).unwrap();
    let (before, after) = (bench.frames(&from), bench.frames(&to));
    assert_eq!(before.len(), 60);
    assert_eq!(after.len(), 60);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((before.index, before.pts), (after.index, after.pts));
        let difference = mean_difference(&before.picture, &after.picture);
        assert!(difference < 6.0, "frame {}: {difference}", before.index);
    }
    let (before, after) = (bench.open(&from).unwrap().info().clone(), bench.open(&to).unwrap().info().clone());
    assert_eq!(before.rate, Rate { numerator: 30_000, denominator: 1001 });
    let expected = (before.rate, before.end, before.width, before.height, Some(60));
    assert_eq!((after.rate, after.end, after.width, after.height, after.frame_count), expected);
    assert_eq!(bench.sound(&from), bench.sound(&to));
    let described = bench.describe(&to);
    assert!(described.contains("yuv420p(tv, bt709"), "{described}");
}

#[test]
fn every_frame_of_a_variable_rate_keeps_its_time() {
    let Some(bench) = Bench::new() else { return };
    let times = [0, 40_000, 80_000, 300_000, 320_000, 1_000_000, 1_040_000].map(Pts);
    let end = Pts(1_700_000);
    let rate = Rate { numerator: 25, denominator: 1 };
    for (name, tolerance) in [("v.mp4", 0), ("v.mov", 0), ("v.mkv", 500)] {
        let path = bench.path(name);
        let settings = VideoSettings { end: Some(end), ..VideoSettings::new(64, 48, rate) };
        let mut writer = VideoWriter::create(&bench.ffmpeg, &path, &settings).unwrap();
        for (index, time) in times.iter().enumerate() {
            writer.push(&scene(64, 48, index), *time).unwrap();
        }
        writer.finish().unwrap();
        let read = bench.times(&path);
        assert_eq!(read.len(), times.len());
        assert!(read.iter().zip(&times).all(|(a, b)| a.0.abs_diff(b.0) <= tolerance), "{name}: {read:?}");
    }
    // A second round trip changes nothing, and the last frame keeps its duration.
    let (first, second) = (bench.path("v.mp4"), bench.path("w.mp4"));
    bench.convert(&first, &second).unwrap();
    assert_eq!(bench.times(&second), times);
    let info = bench.open(&second).unwrap().info().clone();
    assert_eq!((info.end, info.variable), (Some(end), Some(true)));
}

#[test]
fn sound_that_begins_before_or_after_the_pictures_stays_in_place() {
    let Some(bench) = Bench::new() else { return };
    let from = bench.clip("a.mp4");
    let late = bench.make("-i a.mp4 -itsoffset 0.5 -i a.mp4 -map 1:v -map 0:a -c copy late.mkv");
    // Up to 50 ms more, where the sound begins with the codec's own delay.
    let first = bench.times(&late)[0].0;
    assert!((499_000..550_000).contains(&first), "{first}");
    bench.convert(&late, &bench.path("out.mp4")).unwrap();
    let shift = bench.times(&bench.path("out.mp4"))[0].0 - first;
    assert!(shift.abs() <= 1000, "{shift}");
    assert_eq!(bench.sound(&from), bench.sound(&bench.path("out.mp4")));
    // A transport stream does not start at 0, but our output does.
    let stream = bench.make("-i a.mp4 -c copy a.ts");
    let times = bench.times(&stream);
    assert!(times.len() == 60 && times[0].0 < 100_000, "{times:?}");
    bench.convert(&stream, &bench.path("ts.mp4")).unwrap();
    let shift = bench.times(&bench.path("ts.mp4"))[0].0 - times[0].0;
    assert!(shift.abs() <= 12, "{shift}");
}

#[test]
fn sound_of_many_codecs_is_copied_bit_for_bit() {
    let Some(bench) = Bench::new() else { return };
    let mut copied = 0;
    for (encoder, file) in [
        ("aac", "s.mov"),
        ("libmp3lame", "s.avi"),
        ("libopus", "s.webm"),
        ("libvorbis", "s.webm"),
        ("flac", "s.mkv"),
        ("ac3", "s.ts"),
    ] {
        let pictures = if file.ends_with("webm") { "libvpx" } else { "mpeg4" };
        if !bench.ffmpeg.has_encoders(&[encoder, pictures]).unwrap() {
            println!("skipped: this ffmpeg lacks `{encoder}` or `{pictures}`");
            continue;
        }
        let source = "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -f lavfi -i sine=r=48000:d=1";
        let from = bench.make(&format!("{source} -c:v {pictures} -c:a {encoder} {file}"));
        let to = bench.path("s.mp4");
        bench.convert(&from, &to).unwrap();
        let digest = bench.sound(&from);
        assert!(digest.starts_with("MD5=") && digest == bench.sound(&to), "{encoder}: {digest}");
        assert_eq!(bench.times(&to).len(), bench.times(&from).len(), "{encoder}");
        copied += 1;
    }
    assert!(copied >= 2, "only {copied} codecs");
}

#[test]
fn odd_sizes_come_back_as_they_were() {
    let Some(bench) = Bench::new() else { return };
    let rate = Rate { numerator: 10, denominator: 1 };
    let mut picture = scene(33, 17, 4);
    (0..17).for_each(|y| picture.set(32, y, [250, 30, 30]));
    for odd_size in [OddSize::PaddedAndMarked, OddSize::FullChroma] {
        let path = bench.path("odd.mp4");
        let settings = VideoSettings { odd_size, crf: 4, ..VideoSettings::new(33, 17, rate) };
        let mut writer = VideoWriter::create(&bench.ffmpeg, &path, &settings).unwrap();
        (0..3).for_each(|frame| writer.push(&picture, Pts(100_000 * frame)).unwrap());
        writer.finish().unwrap();
        let reader = bench.open(&path).unwrap();
        assert_eq!((reader.info().width, reader.info().height), (33, 17));
        let frames = bench.frames(&path);
        assert_eq!(frames.len(), 3);
        let difference = mean_difference(&frames[2].picture, &picture);
        assert!(difference < 6.0, "{odd_size:?}: {difference}");
        // The last column is the source's own, not a copy of its neighbour.
        let [red, green, _] = frames[2].picture.get(32, 8);
        assert!(red > 200 && green < 80, "{odd_size:?}: {red} {green}");
    }
}

#[test]
fn sound_without_a_place_in_mp4_is_converted_and_said_so() {
    let Some(bench) = Bench::new() else { return };
    let from =
        bench.make("-f lavfi -i testsrc2=s=64x48:r=10:d=1 -f lavfi -i sine=d=1 -c:v mpeg4 -c:a pcm_s16le pcm.avi");
    let settings =
        VideoSettings { audio_from: Some(from), ..VideoSettings::new(4, 4, Rate { numerator: 1, denominator: 1 }) };
    let writer = VideoWriter::create(&bench.ffmpeg, &bench.path("a.mp4"), &settings).unwrap();
    assert_eq!(*writer.audio(), AudioOutcome::Converted(vec![("pcm_s16le".into(), "flac")]));
}

#[test]
fn metadata_arrives_and_an_unfinished_video_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.path("a.mp4");
    let metadata = vec![("comment".to_owned(), "AI generated, with = and : in it".to_owned())];
    let settings = VideoSettings { metadata, ..VideoSettings::new(16, 16, Rate { numerator: 5, denominator: 1 }) };
    let mut writer = VideoWriter::create(&bench.ffmpeg, &path, &settings).unwrap();
    writer.push(&scene(16, 16, 0), Pts(0)).unwrap();
    drop(writer);
    let empty = VideoWriter::create(&bench.ffmpeg, &path, &settings).unwrap();
    assert_eq!(empty.finish().unwrap_err().code(), "video.empty");
    assert_eq!(bench.folder.path().read_dir().unwrap().count(), 0);
    let mut writer = VideoWriter::create(&bench.ffmpeg, &path, &settings).unwrap();
    writer.push(&scene(16, 16, 0), Pts(0)).unwrap();
    writer.finish().unwrap();
    assert!(bench.describe(&path).contains("AI generated, with = and : in it"));
    let missing = VideoWriter::create(&bench.ffmpeg, &bench.path("no/a.mp4"), &settings).unwrap_err();
    assert_eq!(missing.code(), "output.unwritable");
    let strange = VideoWriter::create(&bench.ffmpeg, &bench.path("a.webm"), &settings).unwrap_err();
    assert_eq!(strange.code(), "output.unsupported");
}

#[test]
fn a_part_of_a_video_keeps_its_indices() {
    let Some(bench) = Bench::new() else { return };
    let path = bench.clip("a.mp4");
    let options = DecodeOptions { max_frames: Some(10), start: Pts(200_000), ..DecodeOptions::default() };
    let frames: Vec<_> =
        FrameReader::open(&bench.ffmpeg, &path, &options).unwrap().map(|frame| frame.unwrap().index).collect();
    assert_eq!(frames, [6, 7, 8, 9]);
}

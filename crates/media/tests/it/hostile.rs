//! Tests broken and malicious files. Each file must give a typed error within 20 seconds and leave no output file,
//! neither complete nor partial.

use std::path::Path;
use std::time::{Duration, Instant};

use stuntdouble_media::image_file::save_picture;
use stuntdouble_media::picture::Picture;
use stuntdouble_media::probe::DecodeOptions;
use stuntdouble_media::reader::FrameReader;

use crate::bench::Bench;

/// Converts a file and expects one of the error codes.
fn refuse(bench: &Bench, path: &Path, expected: &[&str]) {
    let outputs = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let Err(code) = bench.convert(path, &outputs.path().join("out.mp4")) else {
        panic!("{} was taken for whole", path.display());
    };
    assert!(started.elapsed() < Duration::from_secs(20), "{}: {:?}", path.display(), started.elapsed());
    assert!(expected.contains(&code.code()), "{}: {} ({code}), expected {expected:?}", path.display(), code.code());
    assert!(!code.help().is_empty());
    assert_eq!(outputs.path().read_dir().unwrap().count(), 0, "{} left something", path.display());
}

const DAMAGE: [&str; 4] = ["video.truncated", "video.damaged", "video.empty", "video.unsupported"];

fn refuse_every_cut(bench: &Bench, name: &str) {
    let bytes = std::fs::read(bench.path(name)).unwrap();
    for part in 1..20 {
        // A transport stream that is cut between two packets is a valid, shorter transport stream.
        let length = bytes.len() * part / 20;
        let length = if length.is_multiple_of(188) { length + 1 } else { length };
        let path = bench.write(&format!("cut-{part}-{name}"), &bytes[..length]);
        refuse(bench, &path, &DAMAGE);
    }
}

#[test]
fn a_cut_mp4_is_refused_wherever_it_is_cut() {
    let Some(bench) = Bench::new() else { return };
    bench.clip("a.mp4");
    refuse_every_cut(&bench, "a.mp4");
    bench.make("-i a.mp4 -c copy -movflags +faststart fast.mp4");
    refuse_every_cut(&bench, "fast.mp4");
}

#[test]
fn a_cut_matroska_or_avi_file_is_refused() {
    let Some(bench) = Bench::new() else { return };
    bench.clip("a.mp4");
    bench.make("-i a.mp4 -c copy a.mkv");
    refuse_every_cut(&bench, "a.mkv");
    bench.make("-i a.mp4 -c copy a.avi");
    refuse_every_cut(&bench, "a.avi");
}

#[test]
fn a_cut_transport_stream_flash_file_or_gif_is_refused() {
    let Some(bench) = Bench::new() else { return };
    bench.clip("a.mp4");
    bench.make("-i a.mp4 -c copy a.flv");
    refuse_every_cut(&bench, "a.flv");
    bench.make("-i a.mp4 -c copy a.ts");
    refuse_every_cut(&bench, "a.ts");
    bench.make("-f lavfi -i testsrc2=s=64x48:r=10:d=2 a.gif");
    refuse_every_cut(&bench, "a.gif");
}

#[test]
fn changed_bytes_are_noticed_or_tolerated_on_request() {
    let Some(bench) = Bench::new() else { return };
    let whole = std::fs::read(bench.make("-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v libx264 -bf 2 v.mp4")).unwrap();
    let data = whole.windows(4).position(|window| window == b"mdat").unwrap() + 800;
    let mut state = 1_u64;
    for case in 0..5 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = data + (state >> 33) as usize % (whole.len() - data - 4000);
            bytes[place] ^= (state >> 24) as u8 | 1;
        }
        let path = bench.write(&format!("flip-{case}.mp4"), &bytes);
        refuse(&bench, &path, &DAMAGE);
        let options = DecodeOptions { tolerate_damage: true, ..DecodeOptions::default() };
        let mut reader = FrameReader::open(&bench.ffmpeg, &path, &options).unwrap();
        let frames = reader.by_ref().filter(|frame| frame.is_ok()).count();
        assert!(frames >= 25, "case {case}: {frames} frames");
        assert!(reader.damage().is_some());
    }
}

#[test]
fn playlists_and_other_files_that_pose_as_videos_are_not_opened() {
    let Some(bench) = Bench::new() else { return };
    let clip = bench.clip("a.mp4");
    let list = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n", clip.display());
    let concat = format!("ffconcat version 1.0\nfile '{}'\n", clip.display());
    let unsupported = ["video.unsupported"];
    refuse(&bench, &bench.write("hls.mp4", list.as_bytes()), &unsupported);
    refuse(&bench, &bench.write("concat.mp4", concat.as_bytes()), &unsupported);
    refuse(
        &bench,
        &bench.write("dash.mp4", b"<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash\"></MPD>"),
        &unsupported,
    );
    refuse(&bench, &bench.write("text.mp4", b"not a video at all\n"), &unsupported);
    refuse(&bench, &bench.write("zip.mp4", b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaa"), &unsupported);
    refuse(&bench, &bench.write("noise.mp4", &[0x9d, 0xf3, 0x01, 0x00, 0x88].repeat(999)), &unsupported);
    refuse(&bench, &bench.write("empty.mp4", b""), &["video.empty"]);
    save_picture(&bench.path("picture.mp4"), &Picture::filled(32, 32, [9; 3])).unwrap();
    refuse(&bench, &bench.path("picture.mp4"), &["video.is_image"]);
    refuse(&bench, &bench.path("missing.mp4"), &["input.unreadable"]);
    let sound = bench.make("-f lavfi -i sine=d=1 -c:a aac sound.mp4");
    refuse(&bench, &sound, &["video.no_stream"]);
    let frameless = bench.write("none.y4m", b"YUV4MPEG2 W64 H48 F25:1 C420jpeg\n");
    refuse(&bench, &frameless, &["video.empty"]);
}

#[test]
fn huge_frames_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let large = bench.make("-f lavfi -i color=s=8192x8192:r=1:d=1 -c:v mjpeg -q:v 31 large.avi");
    refuse(&bench, &large, &["video.too_large"]);
    let header = b"YUV4MPEG2 W100000 H100000 F25:1 Ip A1:1 C420jpeg\nFRAME\n";
    refuse(&bench, &bench.write("header.y4m", header), &["video.too_large"]);
    let mut gif = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    for _ in 0..2 {
        gif.extend(b"\x21\xf9\x04\0\x0a\0\0\0\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0");
    }
    gif.push(0x3b);
    refuse(&bench, &bench.write("header.gif", &gif), &["video.too_large", "video.damaged", "video.empty"]);
}

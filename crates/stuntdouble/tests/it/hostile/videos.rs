//! Tests invalid driving videos: files with an unsupported format, truncated, modified or too large files, and
//! inconsistent folders of frames.

use std::path::PathBuf;

use media::image_file::save_picture;

use super::huge_png;
#[cfg(unix)]
use super::pipe;
use crate::bench::{Bench, SIZE, figure};

#[test]
fn videos_that_are_none() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    bench.make("-f lavfi -i sine=d=1 -c:a aac sound.mp4");
    bench.make("-f lavfi -i sine=d=1 sound.wav");
    let target = bench.take("take.mp4").display().to_string();
    let hls = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n");
    let cases = [
        ("missing", bench.path("missing.mp4"), "input.unreadable"),
        ("empty", bench.write("empty.mp4", ""), "video.empty"),
        ("text", bench.write("text.mp4", "not a video at all\n"), "video.unsupported"),
        ("HLS playlist", bench.write("hls.mp4", hls), "video.unsupported"),
        (
            "ffmpeg's playlist",
            bench.write("list.mp4", format!("ffconcat version 1.0\nfile '{target}'\n")),
            "video.unsupported",
        ),
        ("DASH playlist", bench.write("dash.mp4", "<?xml version=\"1.0\"?><MPD></MPD>"), "video.unsupported"),
        ("header alone", bench.write("head.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42"), "video.damaged"),
        ("no frame", bench.write("none.y4m", "YUV4MPEG2 W64 H48 F25:1 C420jpeg\n"), "video.empty"),
        ("frames of 8k", bench.write("8k.y4m", y4m(8192, 8192)), "video.too_large"),
        ("frames of 100k", bench.write("100k.y4m", y4m(100_000, 100_000)), "video.too_large"),
        ("sound", bench.path("sound.mp4"), "video.no_stream"),
        ("sound of another kind", bench.path("sound.wav"), "video.unsupported"),
        ("picture", bench.path("character.png"), "video.is_image"),
        ("picture posing as mp4", bench.copy("character.png", "picture.mp4"), "video.is_image"),
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
    }
    let text = bench.path("text.mp4");
    bench.refuse("perceive text", &bench.perceive(&text), "video.unsupported", 3);
    bench.refuse("animate text", &bench.animate().with("--video", &text), "video.unsupported", 3);
    bench.finish();
}

/// The header of an uncompressed video, and of its first frame.
fn y4m(width: u32, height: u32) -> String {
    format!("YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\nFRAME\n")
}

#[test]
fn videos_that_are_cut() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let whole = std::fs::read(bench.take("take.mp4")).unwrap();
    for part in 1..20 {
        let path = bench.write(&format!("cut-{part}.mp4"), &whole[..whole.len() * part / 20]);
        bench.refuse(&format!("cut at {part} of 20"), &bench.replace().with("--video", path), "video.truncated", 3);
    }
    let tolerated = bench.replace().with("--video", bench.path("cut-10.mp4")).flag("--tolerate-damage");
    bench.refuse("cut, tolerated, but without an index", &tolerated, "video.damaged", 3);
    bench.finish();
}

#[test]
fn videos_with_flipped_bytes() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let whole = std::fs::read(bench.take("take.mp4")).unwrap();
    // Behind the encoder's own text, at the pictures.
    let data = whole.windows(4).position(|window| window == b"mdat").unwrap() + 900;
    for case in 0..4 {
        let mut bytes = whole.clone();
        for place in (data + 10 * case..data + 200).step_by(7 + case) {
            bytes[place] ^= 0x55;
        }
        bench.write(&format!("flip-{case}.mp4"), &bytes);
        let line = bench.replace().with("--video", bench.path(&format!("flip-{case}.mp4")));
        bench.refuse(&format!("flips, case {case}"), &line, "video.damaged", 3);
    }
    let tolerated = bench.replace().with("--video", bench.path("flip-0.mp4")).flag("--tolerate-damage");
    bench.accept("flips, tolerated", &tolerated, "out.mp4", &["video.damaged"]);
    let index = whole.windows(4).position(|window| window == b"moov").unwrap();
    let codes = ["video.damaged", "video.truncated", "video.no_stream"];
    // The last quarter describes how to decode the audio, which is copied and not decoded.
    for (case, place) in (index..whole.len()).step_by((whole.len() - index) / 4).take(3).enumerate() {
        let mut bytes = whole.clone();
        bytes[place..].iter_mut().take(64).for_each(|byte| *byte ^= 0xff);
        let line = bench.replace().with("--video", bench.write(&format!("index-{case}.mp4"), &bytes));
        bench.refuse_as_one_of(&format!("flips in the index, case {case}"), &line, &codes, 3);
    }
    bench.finish();
}

#[test]
fn folders_of_frames_that_do_not_fit() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let gap = bench.frames("gap", SIZE);
    std::fs::remove_file(gap.join("00002.png")).unwrap();
    let sizes = bench.frames("sizes", SIZE);
    save_picture(&sizes.join("00003.png"), &figure((SIZE.0, SIZE.1 + 2), 10)).unwrap();
    let half = bench.frames("half", SIZE);
    let picture = std::fs::read(half.join("00003.png")).unwrap();
    std::fs::write(half.join("00003.png"), &picture[..picture.len() / 2]).unwrap();
    let with = |video: PathBuf| bench.replace().with("--video", video);
    bench.refuse("a frame is missing", &with(gap), "video.frame_missing", 3);
    bench.refuse("frames of different sizes", &with(sizes), "image.wrong_size", 3);
    bench.refuse("half a frame", &with(half), "image.damaged", 3);
    bench.finish();
}

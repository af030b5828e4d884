//! Tests invalid pictures of characters: files with an unsupported format, truncated or too large files, and pictures
//! that show nobody.

use media::image_file::save_picture;
use media::picture::Picture;

use super::huge_png;
#[cfg(unix)]
use super::pipe;
use crate::bench::Bench;

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

//! Tests wrong and hostile inputs to the real program. Each input must give an error with its code, exit status and one
//! line of help, within seconds and without a panic. A failed command must leave nothing behind: no complete or partial
//! output, no run folder, no temporary file.

mod characters;
mod commands;
mod outputs;
mod prompts;
mod signals;
mod videos;
mod weights;

#[cfg(unix)]
use std::path::PathBuf;

use crate::bench::Bench;

/// A PNG whose header promises 100000x100000 pixels.
fn huge_png() -> Vec<u8> {
    let mut bytes =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0\x27\x30\x9c\x9f".to_vec();
    bytes.extend(b"\0\0\0\x0aIDAT\x78\x9c\x63\0\0\0\x02\0\x01\x48\xaf\xa4\x71\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}

/// A file that never ends and returns nothing.
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

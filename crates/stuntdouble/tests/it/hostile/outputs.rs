//! Tests invalid output paths: paths that do not exist, contain foreign files, or are not writable.

use std::path::Path;

use media::image_file::save_picture;

use crate::bench::{Bench, figure};

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
        #[cfg(target_os = "linux")]
        ("folder in which nobody may write", to(Path::new("/proc/out.mp4")), "output.unwritable", 5),
        ("below a file", to(&file.join("out.mp4")), "output.unwritable", 5),
        ("a folder", to(&folder), "output.unwritable", 5),
        ("without a name", to(Path::new("")), "usage.invalid", 2),
        ("unknown ending", to(Path::new("out.xyz")), "output.unsupported", 3),
        ("picture's ending", to(Path::new("out.png")), "output.unsupported", 3),
        ("no ending", to(Path::new("out")), "output.unsupported", 3),
        ("name of the run folder", to(Path::new("out.run")), "settings.invalid", 2),
        ("the video itself", to(&take).with("--video", &take), "output.is_input", 2),
        ("the picture itself", to(&bench.path("character.png")), "output.is_input", 2),
        ("among the frames", to(&bench.path("frames/out.mp4")), "output.is_input", 2),
        ("among the signals", to(&bench.path("signals/out.mp4")), "output.is_input", 2),
        ("run folder among the frames", run(&bench.path("frames/run")), "output.is_input", 2),
        ("run folder is the output", run(Path::new("out.mp4")), "settings.invalid", 2),
        ("run folder is a file", run(&file), "output.unwritable", 5),
        ("run folder is somebody's", run(&diary), "run.differs", 2),
        ("run folder below a file", run(&file.join("run")), "output.unwritable", 5),
        ("perceive to a file", bench.perceive(&take).with("--output", &file), "output.unwritable", 5),
        ("perceive below a file", bench.perceive(&take).with("--output", file.join("x")), "output.unwritable", 5),
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

//! Runs the examples, which users copy.

use media::ffmpeg::Ffmpeg;
use stuntdouble::{Host, Job};

#[path = "../../examples/custom_signals.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod custom_signals;
#[path = "../../examples/embed.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod embed;
#[path = "../../examples/render_dataset.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod render_dataset;

#[test]
fn signals_of_another_program_make_a_video() {
    if Ffmpeg::find(None).is_err() {
        println!("skipped: no ffmpeg");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = custom_signals::run(folder.path()).unwrap();
    assert_eq!((report.frames, report.frames_without_person), (12, 0));
    assert!(report.output.is_some_and(|output| output.is_file()));
    // As in another program, with its own listener.
    let path = |name: &str| folder.path().join(name);
    let job = Job::replace(path("character.png"), path("video"), path("again.mp4")).with_signals(path("signals"));
    let report = embed::run(&job, &Host::with_cache(path("cache"))).unwrap();
    assert_eq!(report.frames, 12);
}

#[test]
fn a_data_set_is_rendered_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let found = render_dataset::run(folder.path()).unwrap();
    assert_eq!((found.clips, found.frames), (3, 12));
    assert!(folder.path().join("sheet.png").is_file());
}

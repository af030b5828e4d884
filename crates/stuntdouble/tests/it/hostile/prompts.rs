//! Tests prompts that point at objects or the person: invalid prompts give an error, and valid prompts give masks in
//! the run folder.

use crate::bench::Bench;

#[test]
fn wrong_prompts_are_refused_by_name() {
    let bench = Bench::new();
    let line = bench.replace().with("--signals", bench.path("signals"));
    let mut cases = vec![
        ("a place of one number", "--object=5", "prompt.shape"),
        ("a place left of the frame", "--object=-1,2", "prompt.number"),
        ("a box without an inside", "--object-box=1,2,0,4", "prompt.empty_box"),
        ("a moment in words", "--object=1,2@soon", "prompt.moment"),
        ("a point that is no object's", "--not=1,2", "prompt.not_without_object"),
        ("a person at no moment", "--person=1,2@", "prompt.moment"),
    ];
    if bench.has_ffmpeg() {
        cases.extend([
            ("an object outside of the frame", "--object=64,10", "prompt.outside_frame"),
            ("a box that leaves the frame", "--object-box=60,10,8,8", "prompt.outside_frame"),
            ("a person outside of the frame", "--person=10,48", "prompt.outside_frame"),
            ("an object after the last frame", "--object=10,10@4f", "prompt.past_end"),
            ("an object after the end", "--object=10,10@9s", "prompt.past_end"),
            ("a person after the last frame", "--person=10,10@4f", "prompt.past_end"),
        ]);
    }
    for (what, flag, code) in cases {
        bench.refuse(what, &line.clone().flag(flag), code, 2);
    }
    let animate = line.clone().named("animate").flag("--object=10,10");
    bench.refuse("an object in the picture's own scene", &animate, "settings.invalid", 2);
    let after = line.flag("--object=10,10").flag("--not=11,11@7f");
    if bench.has_ffmpeg() {
        bench.refuse("a point that is no object's after the last frame", &after, "prompt.past_end", 2);
    }
    bench.finish();
}

#[test]
fn objects_become_masks_in_the_run_folder() {
    let bench = Bench::new();
    if !bench.has_ffmpeg() {
        return;
    }
    let line = bench.replace().with("--signals", bench.path("signals"));
    let two = line.flag("--object=20,24@2f").flag("--not=4,4").flag("--object-box=8,5,16,38@0f");
    let files = [
        "out.run/signals/object-1/000000.png",
        "out.run/signals/object-1/000003.png",
        "out.run/signals/object-1/scores.json",
        "out.run/signals/object-1/preview.png",
        "out.run/signals/object-2/000003.png",
        "out.mp4",
    ];
    for file in files {
        bench.accept(file, &two, file, &[]);
    }
    bench.finish();
}

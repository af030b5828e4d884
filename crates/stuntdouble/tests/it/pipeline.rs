//! Runs complete jobs.

use std::path::{Path, PathBuf};

use burn::backend::Flex;
use media::ffmpeg::Ffmpeg;
use media::image_file::{load_depth, load_mask, load_picture, save_picture};
use media::picture::DepthMap;
use media::probe::DecodeOptions;
use media::reader::FrameReader;
use model::networks::Networks;
use model::preset::{EnvironmentUse, NetworksConfig, ObjectUse};
use model::sampling::denoiser_output::DenoiserOutput;
use model::weights::StoredPrecision;
use perception::signals::SignalsFolder;
use stage::{Assets, ClipSettings, ClipSpec, Passes, render_parts};
use stuntdouble::events::Events;
use stuntdouble::fetch::{Options, Store};
use stuntdouble::pipeline::{self, Composition, Job, Mode, PerceiveJob, Report, Tools};
use stuntdouble::settings::{Preset, Settings};

const FRAMES: usize = 21;
const SIDE: usize = 96;

struct Example {
    folder: tempfile::TempDir,
}

impl Example {
    /// A rendered clip as numbered pictures, its truth as signals, and a reference picture.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = ClipSettings {
            width: SIDE,
            height: SIDE,
            frames: FRAMES,
            swapped: false,
            references: 1,
            ..ClipSettings::default()
        };
        let assets = Assets::procedural();
        let spec = ClipSpec::draw(5, &assets, &settings).unwrap();
        let take = render_parts(&spec, &assets, Passes { swapped: false, references: true }).unwrap().take;
        let frames = folder.path().join("video");
        std::fs::create_dir(&frames).unwrap();
        let signals = SignalsFolder::new(folder.path().join("own"), FRAMES, (SIDE, SIDE));
        for (index, (picture, mask)) in take.frames.iter().zip(&take.person).enumerate() {
            save_picture(&frames.join(format!("{index:05}.png")), picture).unwrap();
            signals.save_person(index, mask).unwrap();
        }
        signals.save_poses(take.poses.into_iter().map(Some).collect()).unwrap();
        save_picture(&folder.path().join("character.png"), &take.references[0]).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn job(&self, output: &str) -> Job {
        Job {
            mode: Mode::Replace,
            characters: vec![self.path("character.png")],
            character_pose: None,
            video: self.path("video"),
            output: self.path(output),
            run_dir: self.path(output).with_extension("run"),
            signals: Some(self.path("own")),
            dry_run: false,
            weight_cache: None,
            settings: Settings { preset: Preset::Tiny, steps: 2, draft: false, ..Settings::default() },
        }
    }

    fn run(&self, job: &Job) -> Result<Report, stuntdouble::Error> {
        let store = Store::new(self.path("cache"), Options { offline: true, ..Options::default() });
        pipeline::run(job, &store, &Tools::default(), &Events::silent())
    }
}

fn ffmpeg() -> Option<Ffmpeg> {
    let found = Ffmpeg::find(None).ok();
    if found.is_none() {
        println!("skipped: no ffmpeg");
    }
    found
}

fn latents(job: &Job) -> Vec<Vec<u8>> {
    let read = |clip: usize| std::fs::read(job.run_dir.join(format!("clips/{clip:03}/latents.safetensors")));
    (0..).map_while(|clip| read(clip).ok()).collect()
}

#[test]
fn a_job_makes_a_video_and_goes_on_where_it_stopped() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let example = Example::new();
    let job = example.job("out.mp4");
    example.run(&job).unwrap();
    let frames = FrameReader::open(&ffmpeg, &job.output, &DecodeOptions::default()).unwrap();
    let sizes: Vec<_> = frames.map(|frame| frame.unwrap().picture.size()).collect();
    assert_eq!(sizes, vec![(SIDE, SIDE); FRAMES]);
    for name in ["run.toml", "events.jsonl", "report.json", "sheet.png", "output.mp4", "manifest.json"] {
        assert!(job.run_dir.join(name).is_file(), "{name}");
    }
    let manifest = std::fs::read_to_string(job.run_dir.join("manifest.json")).unwrap();
    assert!(manifest.contains("\"ai_generated\": true"));
    let whole = latents(&job);
    assert!(whole.len() > 1, "{} clips", whole.len());

    // As after a power cut in the second clip: its folder is incomplete, and nothing follows it.
    let second = job.run_dir.join("clips/001");
    std::fs::remove_file(second.join("done")).unwrap();
    std::fs::write(second.join("latents.safetensors"), b"half").unwrap();
    for clip in 2..whole.len() {
        std::fs::remove_dir_all(job.run_dir.join(format!("clips/{clip:03}"))).unwrap();
    }
    let first = std::fs::metadata(job.run_dir.join("clips/000/latents.safetensors")).unwrap().modified().unwrap();
    example.run(&job).unwrap();
    assert_eq!(latents(&job), whole);
    let again = std::fs::metadata(job.run_dir.join("clips/000/latents.safetensors")).unwrap().modified().unwrap();
    assert_eq!(first, again, "the finished clip was made again");
}

#[test]
fn pixels_outside_of_the_edited_region_are_the_sources() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let example = Example::new();
    // Lossless and with full chroma, so that the frames given to the encoder can be read back.
    let job = example.job("out.mp4");
    example.run(&job).unwrap();
    drop(ffmpeg);
    for index in [0, 7, FRAMES - 1] {
        let source = load_picture(&example.path("video").join(format!("{index:05}.png"))).unwrap();
        let mask = load_mask(&job.run_dir.join(format!("conditions/mask/{index:06}.png")), None).unwrap();
        assert!(mask.cells().contains(&255) && mask.cells().contains(&0));
        let (finished, edited) = pipeline::finished_picture(&job, index, &source).unwrap();
        let mut kept = 0;
        for y in 0..SIDE {
            for x in 0..SIDE {
                if edited.get(x, y) == 0 {
                    assert_eq!(finished.get(x, y), source.get(x, y), "frame {index}, ({x}, {y})");
                    kept += 1;
                }
            }
        }
        assert!(kept > SIDE * SIDE / 10, "only {kept} pixels are kept");
        assert_ne!(finished, source);
    }
}

#[test]
fn kept_packs_change_no_result() {
    if ffmpeg().is_none() {
        return;
    }
    let example = Example::new();
    let packs = example.path("packs");
    // A folder that cannot be created.
    let blocked = example.path("character.png").join("packs");
    let outputs = [("none", None), ("first", Some(&packs)), ("later", Some(&packs)), ("blocked", Some(&blocked))];
    let made = outputs.map(|(name, packs)| {
        let mut job = example.job(&format!("{name}.mp4"));
        job.weight_cache = packs.cloned();
        job.settings = Settings { draft: false, ..Settings::default() };
        job.settings.weights = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/bundled"));
        example.run(&job).unwrap();
        let log = std::fs::read_to_string(job.run_dir.join("events.jsonl")).unwrap();
        assert_eq!(log.contains("packs.not_kept"), name == "blocked", "{log}");
        latents(&job)
    });
    assert!(made.iter().all(|latents| latents == &made[0] && !latents.is_empty()));
    let folder = std::fs::read_dir(&packs).unwrap().next().unwrap().unwrap().path();
    let names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().filter(|name| name.to_string_lossy().ends_with(".pack")).count() > 10, "{names:?}");
}

#[test]
fn drafts_change_nothing_outside_of_the_edited_region_and_go_on_after_a_stop() {
    if ffmpeg().is_none() {
        return;
    }
    let example = Example::new();
    let mut job = example.job("out.mp4");
    job.settings.draft = true;
    example.run(&job).unwrap();
    let read = |job: &Job, index: usize| {
        let source = load_picture(&example.path("video").join(format!("{index:05}.png"))).unwrap();
        let (finished, edited) = pipeline::finished_picture(job, index, &source).unwrap();
        (source, finished, edited)
    };
    for index in [0, 7, FRAMES - 1] {
        let (source, finished, edited) = read(&job, index);
        let pixels = source.cells().iter().zip(finished.cells()).zip(edited.cells());
        assert!(pixels.clone().all(|((source, finished), edited)| *edited > 0 || source == finished), "frame {index}");
        assert!(pixels.filter(|((source, finished), _)| source != finished).count() > 100, "frame {index}");
    }
    let report = std::fs::read_to_string(job.run_dir.join("report.json")).unwrap();
    assert!(report.contains("\"made_by\": \"draft\""), "{report}");
    // As after a power cut in the middle of the step.
    let before = read(&job, FRAMES - 1).1;
    let drafts = job.run_dir.join("conditions/draft");
    std::fs::remove_file(drafts.join("done")).unwrap();
    std::fs::write(drafts.join(format!("{:06}.png", FRAMES - 1)), b"half").unwrap();
    example.run(&job).unwrap();
    assert_eq!(read(&job, FRAMES - 1).1, before);
}

#[test]
fn networks_without_an_environment_are_integrated_over_the_plate() {
    if ffmpeg().is_none() {
        return;
    }
    let example = Example::new();
    let config = NetworksConfig {
        environment: EnvironmentUse::Absent,
        objects: ObjectUse::Absent,
        reference_copy: None,
        denoiser_output: DenoiserOutput::Velocity,
        ..Preset::Tiny.config()
    };
    let networks = Networks::<Flex>::init(&config, 1, &Default::default()).unwrap();
    let bytes = networks.to_bytes(StoredPrecision::F32, Default::default()).unwrap();
    std::fs::create_dir(example.path("weights")).unwrap();
    std::fs::write(example.path("weights/networks.safetensors"), bytes).unwrap();
    let mut job = example.job("out.mp4");
    job.settings.weights = Some(example.path("weights"));
    let report = example.run(&job).unwrap();
    assert_eq!(report.made_by, Some(Composition::PseudoIntegration));
    // The networks that cut people out are not here.
    assert!(report.warnings.iter().any(|warning| warning.code == "integrate.by_colour"), "{:?}", report.warnings);
    assert_eq!(latents(&job).len(), 1, "one clip, over which windows run");
    let source = load_picture(&example.path("video/00007.png")).unwrap();
    let (finished, edited) = pipeline::finished_picture(&job, 7, &source).unwrap();
    let mut changed = 0;
    for (index, edited) in edited.cells().iter().enumerate() {
        let (finished, source) = (finished.cells()[index], source.cells()[index]);
        assert!(*edited > 0 || finished == source, "pixel {index}");
        changed += usize::from(finished != source);
    }
    assert!(changed > 100, "{changed} pixels");
}

#[test]
fn depth_maps_of_the_user_reach_the_networks_on_one_scale() {
    if ffmpeg().is_none() {
        return;
    }
    let example = Example::new();
    let signals = SignalsFolder::new(example.path("own"), FRAMES, (SIDE, SIDE));
    for index in 0..FRAMES {
        // The person comes nearer in the second half, and is flat.
        let nearness = if index < 10 { 0.2 } else { 0.6 };
        signals.save_depth(index, &DepthMap::filled(SIDE, SIDE, nearness)).unwrap();
    }
    let job = example.job("out.mp4");
    example.run(&job).unwrap();
    let levels = |index: usize| {
        let path = job.run_dir.join(format!("conditions/structured-depth/{index:06}.png"));
        let drawn: Vec<u16> =
            load_depth(&path, None).unwrap().cells().iter().copied().filter(|cell| *cell > 0).collect();
        assert!(!drawn.is_empty(), "frame {index}");
        (drawn.iter().copied().min().unwrap(), drawn.iter().copied().max().unwrap())
    };
    // The farthest value is 0.1 of 65535, the nearest is 1, over the whole video and not over a clip.
    assert_eq!([levels(0), levels(9)], [(6554, 6554); 2]);
    assert_eq!([levels(10), levels(FRAMES - 1)], [(65535, 65535); 2]);
}

#[test]
fn another_job_in_the_same_folder_is_refused_and_loses_nothing() {
    if ffmpeg().is_none() {
        return;
    }
    let example = Example::new();
    let mut job = example.job("out.mp4");
    example.run(&job).unwrap();
    let before = std::fs::read(&job.output).unwrap();
    job.settings.seed = 7;
    assert_eq!(example.run(&job).unwrap_err().code(), "run.differs");
    assert_eq!(std::fs::read(&job.output).unwrap(), before);
}

#[test]
fn bad_inputs_have_their_codes_and_leave_no_output() {
    if ffmpeg().is_none() {
        return;
    }
    let example = Example::new();
    let check = |change: &dyn Fn(&mut Job), code: &str, exit: u8| {
        let mut job = example.job("bad.mp4");
        change(&mut job);
        let error = example.run(&job).unwrap_err();
        assert_eq!((error.code(), error.exit_code()), (code, exit), "{error}");
        assert!(!error.help().is_empty() && !job.output.is_file(), "{error}");
        let _ = std::fs::remove_dir_all(&job.run_dir);
    };
    let text = example.path("text.mp4");
    std::fs::write(&text, "not a video").unwrap();
    check(&|job| job.video = text.clone(), "video.unsupported", 3);
    check(&|job| job.video = job.characters[0].clone(), "video.is_image", 3);
    check(&|job| job.characters = vec![text.clone()], "image.unsupported", 3);
    check(&|job| job.characters = vec!["nowhere.png".into()], "input.unreadable", 3);
    check(&|job| job.output = example.path("no/such/folder.mp4"), "output.unwritable", 5);
    check(&|job| job.signals = None, "fetch.offline", 4);
    let empty = example.path("empty");
    std::fs::create_dir(&empty).unwrap();
    check(&|job| job.signals = Some(empty.clone()), "signals.empty", 3);
    check(&|job| job.settings.weights = Some(example.path("video")), "weights.io", 4);
}

#[test]
fn perceive_does_not_touch_finished_signals() {
    let example = Example::new();
    let signals = example.path("seen/signals");
    std::fs::create_dir_all(&signals).unwrap();
    std::fs::write(signals.join("extent.json"), "{}").unwrap();
    std::fs::write(signals.join("pose.json"), "edited").unwrap();
    let job = PerceiveJob { video: example.path("video"), output: example.path("seen"), settings: Settings::default() };
    let store = Store::new(example.path("cache"), Options { offline: true, ..Options::default() });
    let error = pipeline::perceive_only(&job, &store, &Tools::default(), &Events::silent()).unwrap_err();
    assert_eq!(error.code(), "run.differs");
    assert_eq!(std::fs::read(signals.join("pose.json")).unwrap(), b"edited");
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_unicode_is_a_name() {
    use std::os::unix::ffi::OsStrExt as _;
    if ffmpeg().is_none() {
        return;
    }
    let example = Example::new();
    let video = example.path("").join(std::ffi::OsStr::from_bytes(b"vid\xffeo"));
    std::fs::rename(example.path("video"), &video).unwrap();
    let job = Job { video, ..example.job("out.mp4") };
    example.run(&job).unwrap();
    // The same job again finds its finished run.
    example.run(&job).unwrap();
}

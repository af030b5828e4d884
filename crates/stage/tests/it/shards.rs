//! Tests data sets on disk: shards are complete, an interrupted run gives the same bytes, and no stored data are
//! trusted without a check.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use stuntdouble_stage::{
    Assets, ClipRecord, ClipSettings, ClipSpec, ClipStream, Passes, Place, ShardPlan, render_clip,
};
use stuntdouble_stage::{inspect_shards, read_index, seed_of, verify_shards, write_shards};

use crate::settings;

pub(crate) fn plan(folder: &Path, clips: u64) -> ShardPlan {
    let settings = ClipSettings { blur_share: 0.0, ..settings(32, 2) };
    ShardPlan {
        place: folder.to_owned().into(),
        set: "test".into(),
        settings,
        wanted: Passes::ALL,
        clips,
        per_shard: 2,
    }
}

pub(crate) fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bytes_and_a_set_can_grow() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let assets = Assets::procedural();
    let whole = write_shards(&plan(one.path(), 5), &assets, &mut go_on).unwrap();
    assert_eq!(whole.shards.iter().map(|entry| entry.clips).collect::<Vec<_>>(), [2, 2, 1]);
    let mut stop = |done: u64, _: u64| if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let part = write_shards(&plan(two.path(), 5), &assets, &mut stop).unwrap();
    assert_eq!(part.shards.len(), 1);
    assert_eq!(fs::read_dir(two.path()).unwrap().count(), 2, "an unfinished shard is left behind");
    // First fewer clips, then all.
    write_shards(&plan(two.path(), 3), &assets, &mut go_on).unwrap();
    assert_eq!(write_shards(&plan(two.path(), 5), &assets, &mut go_on).unwrap(), whole);
    for entry in &whole.shards {
        assert!(fs::read(one.path().join(&entry.name)).unwrap() == fs::read(two.path().join(&entry.name)).unwrap());
    }
    let mut none = |_: u64, _: u64| -> ControlFlow<()> { panic!("nothing is left to render") };
    assert_eq!(write_shards(&plan(two.path(), 5), &assets, &mut none).unwrap(), whole);
    let other = ShardPlan { settings: settings(40, 2), ..plan(one.path(), 5) };
    assert_eq!(write_shards(&other, &assets, &mut go_on).unwrap_err().code(), "stage.other_data");
}

#[test]
fn an_inspection_checks_the_bytes_and_counts_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::from(folder.path().to_owned());
    let index = write_shards(&plan(folder.path(), 3), &Assets::procedural(), &mut go_on).unwrap();
    assert_eq!(read_index(&place).unwrap(), index);
    let (inspection, sheet) = inspect_shards(&place, 3).unwrap();
    assert_eq!((inspection.clips, inspection.frames), (3, 6));
    assert!(inspection.identities.len() >= 4 && sheet.width() > 500, "{inspection:?}");
    let shard = folder.path().join(&index.shards[1].name);
    let mut bytes = fs::read(&shard).unwrap();
    bytes[1000] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let error = verify_shards(&place).unwrap_err();
    assert!(error.code() == "stage.malformed" && error.to_string().contains("stage-000001.tar"), "{error}");
    let json = fs::read_to_string(folder.path().join("index.json")).unwrap();
    fs::write(folder.path().join("index.json"), json.replace("stage-000001.tar", "../secret.tar")).unwrap();
    assert_eq!(read_index(&place).unwrap_err().code(), "stage.malformed");
}

#[test]
fn a_place_is_a_folder_or_an_address() {
    let folder = |typed: &str| Place::parse(Path::new(typed), &[]).unwrap().folder().map(Path::to_owned);
    for (typed, path) in [("data", "data"), ("a/b://c", "a/b://c"), ("file:///tmp/my%20data", "/tmp/my data")] {
        assert_eq!(folder(typed).as_deref(), Some(Path::new(path)), "{typed}");
    }
    for typed in ["gs://bucket/set", "file://data", "memory://set"] {
        assert_eq!(Place::parse(Path::new(typed), &[]).unwrap_err().code(), "stage.bad_place", "{typed}");
    }
}

#[cfg(not(feature = "object-store"))]
#[test]
fn a_build_without_object_stores_says_so() {
    let error = Place::parse(Path::new("s3://bucket/set"), &[]).unwrap_err();
    assert_eq!(error.code(), "stage.no_object_stores");
    assert_eq!(error.to_string(), "this build cannot reach object stores: `s3://bucket/set`");
    assert_eq!(error.help(), "build with `--features object-store`, or pass a folder");
}

#[test]
fn a_record_renders_to_the_same_clip_and_streams_share_the_set() {
    let assets = Assets::procedural();
    let settings = settings(32, 2);
    let spec = ClipSpec::draw(seed_of("test", 1), &assets, &settings).unwrap();
    let clip = render_clip(&spec, &assets).unwrap();
    let files = stuntdouble_stage::clip_files(&spec, &clip).unwrap();
    let (_, json) = files.iter().find(|(name, _)| name == "clip.json").unwrap();
    let record: ClipRecord = serde_json::from_slice(json).unwrap();
    assert_eq!(record.spec, spec);
    assert_eq!(record.take.joints, clip.take.joints);
    let stream = ClipStream::new(&assets, &settings, "test").wanting(Passes::CLIP);
    let (odd, rendered) = stream.share(1, 2).next().unwrap().unwrap();
    assert_eq!(odd, spec);
    assert_eq!(rendered.take.frames, clip.take.frames);
}

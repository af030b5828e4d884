//! Tests that the same seed gives the same bytes.

use sha2::{Digest, Sha256};
use stuntdouble_stage::{Assets, Clip, ClipSpec, Split, render_clip};

use crate::settings;

fn in_pool(threads: usize, spec: &ClipSpec) -> Clip {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| render_clip(spec, &Assets::procedural()).unwrap())
}

#[test]
fn one_thread_and_two_render_the_same_bytes() {
    for seed in [3, 4] {
        let spec = ClipSpec::draw(seed, &Assets::procedural(), &settings(48, 3)).unwrap();
        let (one, two) = (in_pool(1, &spec), in_pool(2, &spec));
        assert_eq!(one.take.frames, two.take.frames);
        assert_eq!(one.take.person, two.take.person);
        assert_eq!(one.take.depth, two.take.depth);
        assert_eq!(one.take.poses, two.take.poses);
        assert_eq!(one.take.references, two.take.references);
        assert_eq!(one.swapped.unwrap().frames, two.swapped.unwrap().frames);
    }
}

/// A digest of everything in a clip.
fn digest(spec: &ClipSpec, clip: &Clip) -> String {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(spec).unwrap());
    for take in [Some(&clip.take), clip.swapped.as_ref()].into_iter().flatten() {
        take.frames.iter().chain(&take.references).for_each(|picture| hash.update(picture.bytes()));
        take.person.iter().chain(&take.object).for_each(|mask| hash.update(mask.cells()));
        take.depth.iter().flat_map(|depth| depth.cells()).for_each(|metres| hash.update(metres.to_le_bytes()));
        hash.update(serde_json::to_vec(&take.joints).unwrap());
    }
    clip.plate.iter().for_each(|picture| hash.update(picture.bytes()));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// These digests hold in debug and release builds and on every machine. If the renderer is meant to draw something
/// else, update them.
#[test]
fn every_build_renders_these_bytes() {
    let assets = Assets::procedural();
    let found = [5, 6].map(|seed| {
        let spec = ClipSpec::draw(seed, &assets, &settings(48, 3)).unwrap();
        digest(&spec, &render_clip(&spec, &assets).unwrap())
    });
    let known = [
        "f6729bcb12c44655afc610ca0fb463f0e78fd279497839555ae933f402b2fc94",
        "4f1d3c63e6c295232f0323a971b93beebc68e7c7fe5b3fc3fe27b602307e0d8a",
    ];
    assert_eq!(found, known);
}

#[test]
fn a_description_survives_json() {
    let assets = Assets::procedural();
    let spec = ClipSpec::draw(9, &assets, &settings(32, 2)).unwrap();
    assert_eq!(spec, ClipSpec::draw(9, &assets, &settings(32, 2)).unwrap());
    let read: ClipSpec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
    assert_eq!(read, spec);
}

#[test]
fn splits_share_no_made_up_identity_or_place() {
    let assets = Assets::procedural();
    let names = |split| -> Vec<String> {
        let settings = stuntdouble_stage::ClipSettings { split: Some(split), ..settings(16, 1) };
        (0..30).map(|seed| ClipSpec::draw(seed, &assets, &settings).unwrap().person.character).collect()
    };
    let (train, test) = (names(Split::Train), names(Split::Test));
    assert!(train.iter().all(|name| !test.contains(name)));
}

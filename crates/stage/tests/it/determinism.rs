//! The same seed gives the same bytes.

use stage::{Assets, Clip, ClipSpec, Split, render_clip};

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
        assert_eq!(one.twin.unwrap().frames, two.twin.unwrap().frames);
    }
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
        let settings = stage::ClipSettings { split: Some(split), ..settings(16, 1) };
        (0..30).map(|seed| ClipSpec::draw(seed, &assets, &settings).unwrap().person.character).collect()
    };
    let (train, test) = (names(Split::Train), names(Split::Test));
    assert!(train.iter().all(|name| !test.contains(name)));
}

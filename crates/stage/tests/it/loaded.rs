//! Tests the renderer with real assets, if a folder of them is available (`STUNTDOUBLE_SHARED`).

use std::collections::BTreeMap;
use std::path::Path;

use stuntdouble_stage::{Assets, ClipSettings, ClipSpec, Passes, Split, render_parts};

use crate::settings;

#[test]
#[expect(clippy::print_stdout, reason = "says that it ran fewer cases")]
fn loaded_assets_act() {
    let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED") else {
        println!("skipped: STUNTDOUBLE_SHARED is not set");
        return;
    };
    let (assets, _) = Assets::load(&Path::new(&shared).join("data/assets3d")).unwrap();
    let counts = assets.counts();
    assert!(counts[0] > 30 && counts[1] > 100 && counts[2] > 300 && counts[3] > 10, "{counts:?}");
    for split in [Split::Train, Split::Val, Split::Test] {
        let people = assets.characters().iter().filter(|named| named.split == split).count();
        assert!(people >= 5, "{split:?}: {people}");
        let settings = ClipSettings { split: Some(split), swapped: false, mannequin_share: 0.0, ..settings(64, 2) };
        let spec = ClipSpec::draw(1, &assets, &settings).unwrap();
        let clip = render_parts(&spec, &assets, Passes::CLIP).unwrap();
        assert!(clip.take.person.iter().all(|mask| mask.cells().iter().filter(|cell| **cell > 0).count() > 60));
        let character = assets.characters().iter().find(|named| named.id == spec.person.character).unwrap();
        assert_eq!(character.split, split);
    }
    // Every large pack is split about 60 / 15 / 25.
    let mut packs: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let ids = assets.characters().iter().map(|named| (named.id.as_str(), named.split));
    let ids = ids.chain(assets.motions().iter().map(|named| (named.id.as_str(), named.split)));
    for (id, split) in ids.chain(assets.props().iter().map(|named| (named.id.as_str(), named.split))) {
        packs.entry(id.split('/').next().unwrap()).or_default()[split as usize] += 1;
    }
    println!("{packs:?}");
    for (pack, [train, val, test]) in packs {
        let all = (train + val + test) as f32;
        let share = |part: usize| part as f32 / all;
        let near = (0.42..0.78).contains(&share(train)) && share(test) > 0.1;
        assert!(all < 20.0 || near, "{pack}: {train} {val} {test}");
    }
    let tests = assets.characters().iter().filter(|named| named.split == Split::Test).count();
    assert!(tests >= 10, "{tests} test identities");
}

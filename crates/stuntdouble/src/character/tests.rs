//! Tests the preparation of characters with generated pictures.

use fetch::Options;
use media::crop::{crop_filled, paste};
use media::geometry::Rect;
use media::image_file::{load_picture, save_cut_out, save_picture};
use media::resize::{Filter, resize_picture};
use perception::perceiver::Effort;
use perception::pose::Joint;
use perception::signals::{PoseTrack, save_poses};

use media::picture::{Mask, Picture};
use perception::pose::Pose;

use super::*;

/// A folder, a store, and the warnings so far.
struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    events: Events,
}

impl Bench {
    /// Without any networks.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("cache"), Options { offline: true, ..Options::default() });
        Self { folder, store, events: Events::silent() }
    }

    /// With the networks in the user's cache; otherwise reports that the test was skipped.
    #[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
    fn with_networks() -> Option<Self> {
        let mut bench = Self::new();
        let cache = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/stuntdouble"))?;
        bench.store = Store::new(cache, Options { offline: true, ..Options::default() });
        let found = crate::models::person_models(&bench.store, Effort::Full, &bench.events).is_ok()
            && crate::models::ensure(&bench.store, "u2netp", &bench.events).is_ok();
        if !found {
            eprintln!("ran 0 pictures: the pose networks were not fetched");
        }
        found.then_some(bench)
    }

    fn load(&self, picture: &str, options: &CharacterOptions) -> Result<Character, Error> {
        let paths = [self.path(picture)];
        load_characters(&paths, options, &self.store, &Tools::default(), &self.events).map(|mut found| found.remove(0))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn warned(&self) -> Vec<&'static str> {
        self.events.warnings().iter().map(|warning| warning.code).collect()
    }

    /// The demo's character in front of grey, at its full size of 256 x 256 pixels.
    fn demo(&self) -> Picture {
        let path = self.path("demo.png");
        std::fs::write(&path, include_bytes!("../../../../examples/demo/character.png")).unwrap();
        load_picture(&path).unwrap()
    }
}

/// Options for a run without networks.
fn blind() -> CharacterOptions {
    CharacterOptions { without_networks: true, ..CharacterOptions::default() }
}

#[test]
fn transparency_is_the_mask() {
    let bench = Bench::new();
    // White on transparent black.
    let mask = Mask::from_fn(64, 64, |x, y| if (20..44).contains(&x) && y >= 8 { 255 } else { 0 });
    save_cut_out(&bench.path("a.png"), &mask.map(|value| [value; 3]), &mask).unwrap();
    let found = bench.load("a.png", &blind()).unwrap();
    assert_eq!((found.source, &found.mask), (MaskSource::Transparency, &mask));
    // Colours of transparent pixels do not bleed, and the character contrasts with what is behind it.
    assert_eq!((found.picture.get(47, 30), found.picture.get(60, 30)), ([255; 3], [0; 3]));
    assert_eq!((found.original.get(30, 30), found.original.get(5, 5)), ([255; 3], found.behind));
    assert!(found.behind[0] < 160);
    // The square extends below the picture, and there the character is not stretched.
    let below = found.reference(Rect::new(0, 32, 64, 64), 64);
    assert_eq!((below.get(30, 20), below.get(30, 50), below.get(30, 63)), ([255; 3], found.behind, found.behind));
    assert!(bench.warned().contains(&"character.no_person"));
}

#[test]
fn an_alpha_channel_that_cuts_nothing_out_is_none() {
    let bench = Bench::new();
    save_cut_out(&bench.path("a.png"), &Picture::filled(8, 8, [9, 90, 9]), &Mask::filled(8, 8, 255)).unwrap();
    let found = bench.load("a.png", &blind()).unwrap();
    assert_eq!((found.source, found.square()), (MaskSource::WholePicture, None));
    // Outside a picture with a background, the mean of its border shows.
    assert_eq!(found.reference(Rect::new(4, 4, 8, 8), 8).get(7, 7), [9, 90, 9]);
}

#[test]
fn what_the_user_says_is_checked_and_wins() {
    let bench = Bench::new();
    let large = Picture::filled(2600, 20, [80; 3]);
    save_picture(&bench.path("a.png"), &large).unwrap();
    let outside = CharacterOptions { at: Some((5.0, 20.0)), ..blind() };
    assert_eq!(bench.load("a.png", &outside).unwrap_err().code(), "settings.invalid");
    let mut pose = Pose::default();
    pose.body[Joint::Neck as usize] = perception::pose::Keypoint { x: 1300.0, y: 10.0, z: 0.0, confidence: 1.0 };
    let file = bench.path("pose.json");
    save_poses(&file, &PoseTrack { width: 2600, height: 20, frames: vec![Some(pose)] }).unwrap();
    let found = bench.load("a.png", &CharacterOptions { pose: Some(file.clone()), ..blind() }).unwrap();
    // The picture was scaled to 2560 pixels, and the pose with it.
    assert_eq!((found.picture.width(), found.pose.unwrap().joint(Joint::Neck).x), (2560, 1280.0));
    save_picture(&bench.path("b.png"), &Picture::filled(9, 9, [80; 3])).unwrap();
    let other = CharacterOptions { pose: Some(file), ..blind() };
    assert_eq!(bench.load("b.png", &other).unwrap_err().code(), "signals.size_mismatch");
}

#[test]
fn without_networks_there_is_an_error_unless_it_may_go_on() {
    let bench = Bench::new();
    save_picture(&bench.path("a.png"), &Picture::filled(9, 9, [80; 3])).unwrap();
    assert_eq!(bench.load("a.png", &CharacterOptions::default()).unwrap_err().code(), "fetch.offline");
    bench.load("a.png", &blind()).unwrap();
    assert_eq!(bench.warned(), ["fetch.offline", "character.no_person"]);
}

#[test]
fn one_of_two_people_is_taken() {
    let Some(bench) = Bench::with_networks() else { return };
    let demo = bench.demo();
    let mut both = Picture::filled(560, 256, demo.get(0, 0));
    paste(&mut both, &demo, 304, 0);
    let smaller = resize_picture(&demo, 200, 200, Filter::Lanczos);
    paste(&mut both, &smaller, 20, 40);
    save_picture(&bench.path("a.png"), &both).unwrap();
    let centre = |found: &Character| found.square().unwrap().centre().0;
    let largest = bench.load("a.png", &CharacterOptions::default()).unwrap();
    assert!(centre(&largest) > 380.0, "{}", centre(&largest));
    assert_eq!(bench.warned(), ["character.several_people"]);
    assert_eq!(covered(&largest.mask, 0..280), 0, "the other person is in the mask");
    let at = CharacterOptions { at: Some((120.0, 120.0)), ..CharacterOptions::default() };
    let chosen = bench.load("a.png", &at).unwrap();
    assert!(centre(&chosen) < 180.0, "{}", centre(&chosen));
    assert_eq!(covered(&chosen.mask, 300..560), 0, "the other person is in the mask");
}

#[test]
fn a_small_figure_is_found_and_a_face_alone_is_warned_of() {
    let Some(bench) = Bench::with_networks() else { return };
    let demo = bench.demo();
    let mut wide = Picture::filled(1536, 256, demo.get(0, 0));
    paste(&mut wide, &resize_picture(&demo, 64, 64, Filter::Lanczos), 1020, 190);
    save_picture(&bench.path("wide.png"), &wide).unwrap();
    let small = bench.load("wide.png", &CharacterOptions::default()).unwrap();
    let neck = small.pose.as_ref().unwrap().joint(Joint::Neck);
    assert!((neck.x - 1052.0).abs() < 8.0 && neck.y > 195.0, "{neck:?}");
    assert!(bench.warned().is_empty(), "{:?}", bench.warned());
    let face = resize_picture(&crop_filled(&demo, Rect::<()>::new(96, 20, 64, 56), [0; 3]), 256, 224, Filter::Lanczos);
    save_picture(&bench.path("face.png"), &face).unwrap();
    bench.load("face.png", &CharacterOptions::default()).unwrap();
    let warned = bench.warned();
    assert!(warned.contains(&"character.partly_seen") || warned.contains(&"character.no_person"), "{warned:?}");
}

/// The covered pixels in some columns.
fn covered(mask: &Mask, columns: std::ops::Range<usize>) -> usize {
    (0..mask.height()).map(|y| mask.row(y)[columns.clone()].iter().filter(|value| **value > 60).count()).sum()
}

//! Tests the storing, finding, replacing and removing of files.

use super::*;

const SIZES: [usize; 2] = [20, 10];

fn key(name: &str) -> PackKey<'_> {
    PackKey { name, sizes: SIZES, form: Form::Linear }
}

fn pack(value: f32) -> Pack<f32> {
    Pack::new(Cpu::detect(), &[value; 200], SIZES, Form::Linear)
}

fn bytes(pack: &Pack<f32>) -> Vec<u8> {
    let mut bytes = vec![];
    pack.write([0; 32], &mut bytes).unwrap();
    bytes
}

fn open(root: &Path, weights: &str) -> PackFolder {
    PackFolder::open(root, Fingerprint::of_text(weights))
}

fn packs_of(folder: &PackFolder) -> Vec<PathBuf> {
    files(&folder.folder).filter(|path| path.extension().is_some_and(|extension| extension == PACK)).collect()
}

#[test]
fn a_pack_is_found_by_what_it_is_of_and_for() {
    let root = tempfile::tempdir().unwrap();
    let folder = open(root.path(), "a");
    assert!(folder.find::<f32>(&key("w")).is_none());
    assert_eq!(bytes(&folder.keep(&key("w"), &pack(2.0)).unwrap()), bytes(&pack(2.0)));
    // As in another process.
    let folder = open(root.path(), "a");
    assert_eq!(bytes(&folder.find(&key("w")).unwrap()), bytes(&pack(2.0)));
    assert!(folder.find::<f32>(&key("v")).is_none(), "another weight");
    assert!(folder.find::<f32>(&PackKey { sizes: [10, 20], ..key("w") }).is_none(), "another shape");
    assert!(folder.find::<f32>(&PackKey { form: Form::Geglu, ..key("w") }).is_none(), "another form");
    assert!(folder.find::<kernels::bf16>(&key("w")).is_none(), "another type");
    assert!(open(root.path(), "b").find::<f32>(&key("w")).is_none(), "other weights");
    assert_eq!(folder.trouble(), None);
}

#[test]
fn a_damaged_pack_is_replaced() {
    let root = tempfile::tempdir().unwrap();
    let good = bytes(&open(root.path(), "a").keep(&key("w"), &pack(2.0)).unwrap());
    let path = packs_of(&open(root.path(), "a")).remove(0);
    let mut damaged = std::fs::read(&path).unwrap();
    for length in [damaged.len(), damaged.len() - 1, 70, 10, 0] {
        damaged.truncate(length);
        if let Some(last) = damaged.last_mut() {
            *last ^= 1;
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &damaged).unwrap();
        let folder = open(root.path(), "a");
        assert!(folder.find::<f32>(&key("w")).is_none(), "{length} bytes");
        assert_eq!(bytes(&folder.keep(&key("w"), &pack(2.0)).unwrap()), good);
        assert_eq!(folder.trouble(), None);
    }
    assert_eq!(packs_of(&open(root.path(), "a")), [path]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_and_does_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    for folder in [open(&file, "a"), open(&file, "a")] {
        assert_eq!(folder.trouble(), None);
        assert!(folder.find::<f32>(&key("w")).is_none());
        assert!(folder.keep(&key("w"), &pack(2.0)).is_none());
        assert!(folder.trouble().is_some_and(|trouble| trouble.contains("file")), "{:?}", folder.trouble());
    }
    let folder = open(&file, "a");
    folder.note_whole();
    assert!(folder.trouble().is_some());
}

#[test]
fn nothing_is_made_before_there_is_something_to_keep() {
    let root = tempfile::tempdir().unwrap();
    open(root.path(), "a").find::<f32>(&key("w"));
    assert_eq!(files(root.path()).count(), 0);
}

#[test]
fn only_packs_that_nobody_used_for_a_month_go() {
    let root = tempfile::tempdir().unwrap();
    let age = |path: &Path, age: Duration| {
        File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    };
    let [old, new] = ["old", "new"].map(|weights| {
        let folder = open(root.path(), weights);
        folder.keep(&key("w"), &pack(1.0));
        folder.note_whole();
        folder
    });
    // A foreign folder that contains a file of the same name.
    let others = root.path().join("others");
    std::fs::create_dir(&others).unwrap();
    std::fs::write(others.join(USED), "").unwrap();
    let [left, fresh] = ["left", "fresh"].map(|name| new.folder.join(name.to_owned() + HALF));
    for path in [&left, &fresh] {
        std::fs::write(path, "").unwrap();
    }
    age(&old.folder.join(USED), KEPT + DEAD);
    age(&others.join(USED), KEPT + DEAD);
    age(&new.folder.join(USED), KEPT + DEAD);
    age(&left, 2 * DEAD);
    // A foreign file in a folder that looks like a cache.
    let strange = root.path().join("0".repeat(64));
    std::fs::create_dir(&strange).unwrap();
    for name in [USED, "notes.pack"] {
        std::fs::write(strange.join(name), "").unwrap();
        age(&strange.join(name), KEPT + DEAD);
    }
    // A cache that is opened counts as used now.
    open(root.path(), "new");
    assert!(!is_older(&new.folder.join(USED), DEAD, SystemTime::now()));
    assert!(strange.join("notes.pack").exists());
    assert!(!old.folder.exists() && others.join(USED).exists());
    assert!(new.is_whole() && new.find::<f32>(&key("w")).is_some());
    assert!(!left.exists() && fresh.exists());
}

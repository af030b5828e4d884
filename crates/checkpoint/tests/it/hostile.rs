//! Tests pickles that would do harm if a program executed them, and pickles with inconsistent numbers.

use std::io::Cursor;
use std::time::{Duration, Instant};

use stuntdouble_checkpoint::{Checkpoint, CheckpointError};

use crate::crafted::{entry, global, int, legacy_file, storage, tensor, text, zip_file, zip_file_of};

fn read(file: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::read(Cursor::new(file))
}

/// In both formats, the pickle is refused at once with this code, and the message contains these names.
fn check(pickle: &[u8], code: &str, named: &[&str]) {
    for file in [zip_file(pickle, &[0; 16]), legacy_file(pickle)] {
        let start = Instant::now();
        let error = read(&file).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        for name in named {
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(!error.help().is_empty() && start.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn the_crafted_files_are_read_when_nothing_is_wrong() {
    let pickle = entry(&tensor(0, &[2, 2], &[2, 1]));
    for file in [zip_file(&pickle, &[0; 16]), legacy_file(&pickle)] {
        let tensors = read(&file).unwrap().tensors;
        assert_eq!((tensors[0].name.as_str(), &tensors[0].shape[..]), ("weight", &[2, 2][..]));
    }
}

#[test]
fn calls_of_functions_are_refused_and_nothing_happens() {
    let mark = std::env::temp_dir().join(format!("checkpoint-hostile-{}", std::process::id()));
    let command = text(&format!("touch {}", mark.display()));
    let call = |global: &[u8], argument: &[u8]| entry(&[global, b"(", argument, b"tR"].concat());
    let check_call = |module: &str, name: &str, argument: &[u8]| {
        let global_name = format!("`{module}.{name}`");
        check(&call(&global(module, name), argument), "checkpoint.refused", &[&global_name, "`weight`"]);
    };
    check_call("os", "system", &command);
    check_call("posix", "system", &command);
    check_call("subprocess", "Popen", &command);
    check_call("builtins", "eval", &text("__import__('os').abort()"));
    check_call("builtins", "getattr", &[global("torch", "FloatStorage"), text("mro")].concat());
    check_call("torch", "load", &text("other.pth"));
    // A chain: a second call uses the result of a first one.
    let chain = [global("operator", "attrgetter"), b"(".to_vec(), text("system"), b"tR(".to_vec()].concat();
    check(
        &entry(&[&chain[..], &global("posix", "environ"), b"tR"].concat()),
        "checkpoint.refused",
        &["operator.attrgetter"],
    );
    // The name comes from the stack, as in newer protocols.
    check(
        &entry(&[text("posix"), text("system"), b"\x93".to_vec(), command.clone(), b"\x85R".to_vec()].concat()),
        "checkpoint.refused",
        &["posix.system"],
    );
    // Old instructions that call a function without `REDUCE`.
    check(&entry(&[b"(", &command[..], b"ios\nsystem\n"].concat()), "checkpoint.refused", &["`INST`", "`weight`"]);
    check(&entry(&[&global("torch", "FloatStorage")[..], b")\x81"].concat()), "checkpoint.refused", &["`NEWOBJ`"]);
    assert!(!mark.exists());
}

#[test]
fn permitted_names_are_not_called_in_other_ways() {
    let rebuild = global("torch._utils", "_rebuild_tensor_v2");
    check(&entry(&[&rebuild[..], b"()tR"].concat()), "checkpoint.refused", &["_rebuild_tensor_v2", "found 1"]);
    check(&entry(&[&global("torch", "FloatStorage")[..], b")R"].concat()), "checkpoint.refused", &["cannot be called"]);
    check(&entry(&[&text("no function")[..], b")R"].concat()), "checkpoint.damaged", &["a call to a string"]);
    check(&entry(&[&tensor(0, &[4], &[1])[..], b"}b"].concat()), "checkpoint.damaged", &["a state for a tensor"]);
    let hooked = tensor(0, &[4], &[1]);
    let with_hook = [&hooked[..hooked.len() - 3], b"}", &text("hook"), b"Ns", b"tR"].concat();
    check(&entry(&with_hook), "checkpoint.refused", &["hooks"]);
}

#[test]
fn persistent_ids_of_another_kind_are_refused() {
    let float = global("torch", "FloatStorage");
    check(&entry(&[&text("a path")[..], b"Q"].concat()), "checkpoint.refused", &["persistent_load", "a string"]);
    check(&entry(b"K\x07Q"), "checkpoint.refused", &["an integer"]);
    check(&entry(b"(Pstorage\n"), "checkpoint.refused", &["`PERSID`"]);
    check(&entry(&storage(&text("FloatStorage"), 4)), "checkpoint.refused", &["storage class is unknown"]);
    check(&entry(&storage(&float, -4)), "checkpoint.refused", &["number of values is missing"]);
    check(&entry(&storage(&global("torch", "QInt8Storage"), 4)), "checkpoint.refused", &["torch.QInt8Storage"]);
}

#[test]
fn what_is_too_much_is_refused_before_memory_is_taken() {
    let huge = u32::MAX.to_le_bytes();
    check(&entry(&[b"X".as_slice(), &huge, b"a"].concat()), "checkpoint.limit", &["4294967295"]);
    check(
        &entry(&[b"\x8d".as_slice(), &u64::MAX.to_le_bytes(), b"a"].concat()),
        "checkpoint.limit",
        &["a string", "`weight`"],
    );
    check(&entry(&[b"\x8b".as_slice(), &huge, b"a"].concat()), "checkpoint.limit", &["an integer"]);
    check(&entry(&[b'('; 100]), "checkpoint.limit", &["nesting depth"]);
    check(&[b"\x80\x02".to_vec(), b"N0".repeat(1_100_000)].concat(), "checkpoint.limit", &["instructions"]);
    check(&[b"c".to_vec(), vec![b'a'; 10_000]].concat(), "checkpoint.limit", &["a name"]);
    let axes = vec![1; 17];
    check(&entry(&tensor(0, &axes, &axes)), "checkpoint.limit", &["axes"]);
}

#[test]
fn repetition_and_self_containment_cost_nothing() {
    // Each tuple contains the previous one twice. Written out, it would have 2^1000 items.
    let bomb: Vec<u8> = b"K\x00".iter().copied().chain((0..1000).flat_map(|_| *b"q\x00h\x00\x86")).collect();
    let doubled: Vec<u8> = b"K\x00".iter().copied().chain((0..1000).flat_map(|_| *b"2\x86")).collect();
    for tuples in [bomb, doubled] {
        check(&entry(&tuples), "checkpoint.unknown_form", &["`weight` is a tuple"]);
    }
    // A dictionary and a list that contain themselves, and a deep nest of lists.
    check(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.", "checkpoint.unknown_form", &["`a` is a dictionary"]);
    check(&entry(b"]q\x01h\x01a"), "checkpoint.unknown_form", &["`weight` is a list"]);
    let nest: Vec<u8> = [b"]".repeat(100_000), b"a".repeat(99_999)].concat();
    check(&entry(&nest), "checkpoint.unknown_form", &["a list"]);
    check(&entry(b"h\x63"), "checkpoint.damaged", &["a reference to an undefined value"]);
}

#[test]
fn tensors_that_leave_their_storage_are_refused_by_name() {
    let check_tensor = |offset, shape: &[i32], strides: &[i32]| {
        check(&entry(&tensor(offset, shape, strides)), "checkpoint.tensor", &["`weight`"]);
    };
    check_tensor(1, &[4], &[1]);
    check_tensor(-1, &[4], &[1]);
    check_tensor(5, &[0], &[1]);
    check_tensor(3, &[4], &[-1]);
    check_tensor(0, &[-4], &[1]);
    check_tensor(0, &[2, 2], &[3, 1]);
    check_tensor(0, &[2], &[i32::MAX]);
    check_tensor(0, &[i32::MAX, i32::MAX, i32::MAX], &[i32::MAX, i32::MAX, i32::MAX]);
    check_tensor(0, &[2, 2], &[1]);
    // A tensor that repeats one number could have any size in a small file.
    check_tensor(0, &[i32::MAX], &[0]);
    let short = zip_file(&entry(&tensor(0, &[4], &[1])), &[0; 12]);
    let error = read(&short).unwrap_err().to_string();
    assert!(error.contains("length 4, found 3"), "{error}");
}

#[test]
fn archives_of_another_kind_are_refused() {
    let check_archive = |members: &[(&str, &[u8])], code: &str, named: &str| {
        let error = read(&zip_file_of(members)).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    let pickle = entry(&tensor(0, &[4], &[1]));
    check_archive(&[("a/b.txt", b"")], "checkpoint.unknown_form", "exactly one `data.pkl`");
    check_archive(&[("a/data.pkl", &pickle), ("b/data.pkl", &pickle)], "checkpoint.unknown_form", "exactly one");
    check_archive(&[("a/data.pkl", &pickle), ("a/constants.pkl", b"")], "checkpoint.unknown_form", "TorchScript");
    check_archive(&[("a/data.pkl", &pickle), ("a/byteorder", b"big")], "checkpoint.unknown_form", "`big`");
    check_archive(&[("a/data.pkl", &pickle)], "checkpoint.tensor", "storage `0`");
    let twice =
        [b"\x80\x02}(".to_vec(), text("w"), tensor(0, &[4], &[1]), text("w"), tensor(0, &[4], &[1]), b"u.".to_vec()];
    check(&twice.concat(), "checkpoint.damaged", &["two entries named `w`"]);
    check(&[b"\x80\x02}(".to_vec(), int(1), int(2), b"u.".to_vec()].concat(), "checkpoint.unknown_form", &["as a key"]);
}

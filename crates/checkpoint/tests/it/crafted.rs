//! Builds pickles by hand, and files that contain these pickles.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A file in the zip format with this pickle and one storage `0` with these bytes.
pub(crate) fn zip_file(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    zip_file_of(&[("a/data.pkl", pickle), ("a/byteorder", b"little"), ("a/data/0", storage)])
}

/// A zip file with these uncompressed members.
pub(crate) fn zip_file_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A file in the legacy format with this pickle and, if the pickle names a storage, one storage `0` of four numbers.
pub(crate) fn legacy_file(pickle: &[u8]) -> Vec<u8> {
    let mut file = vec![0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];
    file.extend([0x80, 2, b'M', 0xe9, 3, b'.']);
    file.extend([0x80, 2, b'}']);
    file.extend(text("little_endian"));
    file.extend([0x88, b's', b'.']);
    file.extend(pickle);
    file.extend([0x80, 2, b']']);
    if !pickle.windows(7).any(|seven| seven == b"Storage") {
        file.push(b'.');
        return file;
    }
    file.extend(text("0"));
    file.extend(b"a.");
    file.extend(4_u64.to_le_bytes());
    file.extend([0; 16]);
    file
}

/// `BINUNICODE`.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// `GLOBAL`.
pub(crate) fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// `BININT`.
pub(crate) fn int(value: i32) -> Vec<u8> {
    [b"J".as_slice(), &value.to_le_bytes()].concat()
}

/// A dictionary with one entry `weight`, whose value these instructions build.
pub(crate) fn entry(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02}(".as_slice(), &text("weight"), value, b"u."].concat()
}

/// A persistent ID of storage `0` with this class and number of values.
pub(crate) fn storage(class: &[u8], count: i32) -> Vec<u8> {
    [b"(".as_slice(), &text("storage"), class, &text("0"), &text("cpu"), &int(count), b"tQ"].concat()
}

/// A tensor of four 32-bit numbers with this offset, shape and strides.
pub(crate) fn tensor(offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let tuple =
        |values: &[i32]| [b"(".to_vec(), values.iter().flat_map(|value| int(*value)).collect(), b"t".to_vec()].concat();
    let storage = storage(&global("torch", "FloatStorage"), 4);
    let rebuild = global("torch._utils", "_rebuild_tensor_v2");
    [&rebuild[..], b"(", &storage, &int(offset), &tuple(shape), &tuple(strides), b"\x89}tR"].concat()
}

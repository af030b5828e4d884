//! Reads and writes files of packed weights. Later runs map these files into memory instead of packing the weights
//! again.
//!
//! | field | bytes |
//! |---|---|
//! | [`MAGIC`]; [`LAYOUT`] and how channels are split | 8, 8 |
//! | label, chosen by the caller: what was packed and for what | 32 |
//! | length of the data, its CRC-32 | 8, 8 |
//! | the elements of each matrix, each starting at a multiple of 64 bytes | |
//!
//! Elements are in native byte order; with another byte order, the magic number does not match. A mapped file must not
//! change. A file is therefore written under a temporary name and renamed when it is complete. Existing files are
//! replaced, but never modified.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::{Mmap, MmapOptions};
use rayon::prelude::*;

use crate::memory::buffer::Buffer;
use crate::simd::element::Element;

const MAGIC: u64 = u64::from_be_bytes(*b"stntpack");
/// Version of the format. Increment it when the order of the elements or their computation changes. A test compares
/// checksums of packed weights and fails on such a change.
const LAYOUT: u64 = 1;
/// Maximum steps of channels in one segment of a packed matrix.
pub(crate) const CHUNK: usize = 512;
/// Bytes of the header, and alignment of the parts.
const ALIGN: usize = 64;
/// Bytes of a label.
pub(crate) const LABEL: usize = 32;
/// Bytes per checksum task.
const CHECKED: usize = 4 << 20;

/// Why a file cannot be used as the requested packed weights. The caller can always pack again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackFileError {
    /// The file cannot be mapped.
    #[error("the file of packed weights cannot be mapped into memory")]
    Io(#[from] io::Error),
    /// The file is complete, but holds other packed weights or another version of the format.
    #[error("the file contains other packed weights or has another format version")]
    Other,
    /// The file is damaged, or is not a file of packed weights.
    #[error("the file of packed weights is damaged")]
    Damaged,
}

/// The bytes of a header.
fn header(label: [u8; LABEL], length: usize, checksum: u32) -> [u8; ALIGN] {
    let mut header = [0; ALIGN];
    header[..8].copy_from_slice(&MAGIC.to_ne_bytes());
    header[8..16].copy_from_slice(&(LAYOUT << 32 | CHUNK as u64).to_ne_bytes());
    header[16..48].copy_from_slice(&label);
    header[48..56].copy_from_slice(&(length as u64).to_ne_bytes());
    header[56..].copy_from_slice(&u64::from(checksum).to_ne_bytes());
    header
}

/// Writes a header and `parts`.
pub(crate) fn write(parts: &[&[u8]], label: [u8; LABEL], to: &mut impl Write) -> io::Result<()> {
    let mut sum = crc32fast::Hasher::new();
    let fill = |part: &[u8]| &[0; ALIGN][..part.len().next_multiple_of(ALIGN) - part.len()];
    for part in parts {
        sum.combine(&checksum(part));
        sum.update(fill(part));
    }
    let length = parts.iter().map(|part| part.len().next_multiple_of(ALIGN)).sum();
    to.write_all(&header(label, length, sum.finalize()))?;
    for part in parts {
        to.write_all(part)?;
        to.write_all(fill(part))?;
    }
    Ok(())
}

fn checksum(bytes: &[u8]) -> crc32fast::Hasher {
    let of_piece = |piece: &[u8]| {
        let mut sum = crc32fast::Hasher::new();
        sum.update(piece);
        sum
    };
    let joined = |mut first: crc32fast::Hasher, second: crc32fast::Hasher| {
        first.combine(&second);
        first
    };
    bytes.par_chunks(CHECKED).map(of_piece).reduce(crc32fast::Hasher::new, joined)
}

/// A mapped file whose parts are taken in order.
pub(crate) struct Mapping {
    map: Arc<Mmap>,
    at: usize,
}

impl Mapping {
    /// Maps a file that [`write`] made with this label. With `is_known` the checksum is not verified.
    pub(crate) fn open(file: &File, label: [u8; LABEL], is_known: bool) -> Result<Self, PackFileError> {
        // SAFETY: a map must not change while it is borrowed. It is read-only here, but shows what others write to the
        // file. Nobody does, because these files are never written to once they have their names (module
        // documentation). If somebody does all the same, elements change, and all their bit patterns are valid values.
        // If a page cannot be read because the file was truncated or the disk fails, the system terminates the process,
        // as it does for the executable's own file.
        let map = unsafe { MmapOptions::new().populate().map(file) }?;
        let (found, rest) = map.split_at_checked(ALIGN).ok_or(PackFileError::Damaged)?;
        let expected = header(label, rest.len(), 0);
        if found[..8] != expected[..8] || found[48..56] != expected[48..56] {
            return Err(PackFileError::Damaged);
        }
        if found[..48] != expected[..48] {
            return Err(PackFileError::Other);
        }
        if !is_known && *found != header(label, rest.len(), checksum(rest).finalize()) {
            return Err(PackFileError::Damaged);
        }
        Ok(Self { map: Arc::new(map), at: ALIGN })
    }

    /// Takes the next part, of `len` elements.
    pub(crate) fn take<T: Element>(&mut self, len: usize) -> Result<Panels<T>, PackFileError> {
        const { assert!(ALIGN.is_multiple_of(align_of::<T>())) };
        let bytes = len.checked_mul(size_of::<T>()).ok_or(PackFileError::Other)?;
        let part = self.map.get(self.at..).and_then(|rest| rest.get(..bytes)).ok_or(PackFileError::Other)?;
        // A part starts at a multiple of `ALIGN` in page-aligned memory, so it is aligned.
        let data = NonNull::from(part).cast::<T>();
        self.at += bytes.next_multiple_of(ALIGN);
        Ok(Panels::Mapped(Mapped { map: self.map.clone(), data, len }))
    }

    /// Whether all parts were taken.
    pub(crate) fn is_done(&self) -> bool {
        self.at == self.map.len()
    }
}

/// The elements of a packed matrix.
pub(crate) enum Panels<T: Element> {
    Owned(Buffer<T>),
    Mapped(Mapped<T>),
}

/// Elements in a mapped file.
pub(crate) struct Mapped<T> {
    /// Keeps the mapping alive.
    #[expect(dead_code, reason = "it is held, not read")]
    map: Arc<Mmap>,
    data: NonNull<T>,
    len: usize,
}

// SAFETY: the elements are only read, and the map is `Send` and `Sync`.
unsafe impl<T: Element> Send for Mapped<T> {}
// SAFETY: as above.
unsafe impl<T: Element> Sync for Mapped<T> {}

impl<T: Element> Deref for Panels<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Self::Owned(buffer) => buffer,
            // SAFETY: `data` points to `len` aligned elements in the map (`take`), whose bit patterns are all valid;
            // the map lives as long as `self`.
            Self::Mapped(Mapped { data, len, .. }) => unsafe { std::slice::from_raw_parts(data.as_ptr(), *len) },
        }
    }
}

/// The bytes of a slice of elements.
pub(crate) fn as_bytes<T: Element>(numbers: &[T]) -> &[u8] {
    // SAFETY: elements have no padding bytes, and bytes have no alignment.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

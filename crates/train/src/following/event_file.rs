//! Writes TensorBoard event files, which are records of protocol buffer messages. Only the few fields for numbers are
//! written.
//!
//! ```text
//! record   u64 length, u32 masked checksum of the length, the message, u32 masked checksum of it; little-endian
//! Event    1 double wall_time, 2 int64 step, 3 string file_version, 5 Summary summary, 7 SessionLog session_log
//! Summary  1 Value (repeated)
//! Value    1 string tag, 2 float simple_value
//! SessionLog  1 enum status, of which START = 1
//! ```

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::crc32c::masked;

const VERSION: &str = "brain.Event:2";
/// Wire types of fields.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// A file to which numbers are appended.
pub(super) struct EventFile {
    file: File,
}

impl EventFile {
    /// Creates a file in a folder. In TensorBoard's order it follows the existing ones. `now` is in seconds since 1970.
    pub(super) fn create(folder: &Path, now: f64) -> std::io::Result<Self> {
        let open = |number: u32| {
            let name = format!("events.out.tfevents.{:010}.{number:03}.stuntdouble", now as u64);
            File::options().write(true).create_new(true).open(folder.join(name))
        };
        let mut number = 0;
        let file = loop {
            match open(number) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                opened => break opened?,
            }
        };
        let mut events = Self { file };
        let mut message = event(now, 0);
        bytes_field(&mut message, 3, VERSION.as_bytes());
        events.record(&message)?;
        Ok(events)
    }

    /// Records that a run is resumed after `step`. TensorBoard then drops later steps of earlier files.
    pub(super) fn start(&mut self, now: f64, step: u64) -> std::io::Result<()> {
        let mut session = vec![];
        key(&mut session, 1, VARINT);
        varint(&mut session, 1);
        let mut message = event(now, step + 1);
        bytes_field(&mut message, 7, &session);
        self.record(&message)
    }

    /// Writes the numbers of a step. Values that are not finite are written too: TensorBoard shows them as such.
    pub(super) fn scalars(&mut self, now: f64, step: u64, numbers: &[(String, f64)]) -> std::io::Result<()> {
        let mut summary = vec![];
        for (tag, number) in numbers {
            let mut value = vec![];
            bytes_field(&mut value, 1, tag.as_bytes());
            key(&mut value, 2, FIXED_32);
            value.extend((*number as f32).to_le_bytes());
            bytes_field(&mut summary, 1, &value);
        }
        let mut message = event(now, step);
        bytes_field(&mut message, 5, &summary);
        self.record(&message)
    }

    fn record(&mut self, message: &[u8]) -> std::io::Result<()> {
        let length = (message.len() as u64).to_le_bytes();
        let sums = [masked(&length), masked(message)].map(u32::to_le_bytes);
        // Written in one piece, so that a reader seldom meets half a record.
        self.file.write_all(&[&length[..], &sums[0], message, &sums[1]].concat())
    }
}

fn event(now: f64, step: u64) -> Vec<u8> {
    let mut message = vec![];
    key(&mut message, 1, FIXED_64);
    message.extend(now.to_le_bytes());
    key(&mut message, 2, VARINT);
    varint(&mut message, step);
    message
}

fn key(message: &mut Vec<u8>, field: u64, wire: u64) {
    varint(message, field << 3 | wire);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

fn bytes_field(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    key(message, field, BYTES);
    varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A raw field of a message.
    #[derive(Debug, PartialEq)]
    enum Field {
        Number(u64),
        Bytes(Vec<u8>),
    }

    /// Parses any message by the rules of the wire format.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
            let (digits, rest) = bytes.split_at(length);
            *bytes = rest;
            digits.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
        }
        let mut found = vec![];
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let length = match key & 7 {
                0 => {
                    found.push((key >> 3, Field::Number(varint(&mut bytes))));
                    continue;
                }
                1 => 8,
                2 => varint(&mut bytes) as usize,
                5 => 4,
                other => panic!("wire type {other}"),
            };
            let (value, rest) = bytes.split_at(length);
            found.push((key >> 3, Field::Bytes(value.to_vec())));
            bytes = rest;
        }
        found
    }

    /// The messages of a file whose checksums match.
    fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut found = vec![];
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let message = bytes[12..12 + length].to_vec();
            for (what, at) in [(&bytes[..8], 8), (&message[..], 12 + length)] {
                let sum = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
                let unmasked = sum.wrapping_sub(0xa282_ead8).rotate_left(15);
                assert_eq!(unmasked, super::super::crc32c::crc32c(what));
            }
            found.push(message);
            bytes = &bytes[16 + length..];
        }
        found
    }

    fn number(value: f64) -> Field {
        Field::Bytes(value.to_le_bytes().to_vec())
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = EventFile::create(folder.path(), 1.7e9).unwrap();
        file.start(1.7e9, 299).unwrap();
        file.scalars(1.7e9 + 0.5, 300, &[("train/loss".into(), 0.25), ("held_out/draft".into(), f64::NAN)]).unwrap();
        let path = folder.path().join("events.out.tfevents.1700000000.000.stuntdouble");
        let found: Vec<_> = messages(&std::fs::read(path).unwrap()).iter().map(|message| fields(message)).collect();
        let version = Field::Bytes(b"brain.Event:2".to_vec());
        assert_eq!(found[0], [(1, number(1.7e9)), (2, Field::Number(0)), (3, version)]);
        assert_eq!(found[1], [(1, number(1.7e9)), (2, Field::Number(300)), (7, Field::Bytes(vec![8, 1]))]);
        assert_eq!(found[2][..2], [(1, number(1.7e9 + 0.5)), (2, Field::Number(300))]);
        let (5, Field::Bytes(summary)) = &found[2][2] else { panic!("{:?}", found[2]) };
        let values: Vec<_> = fields(summary)
            .into_iter()
            .map(|value| if let (1, Field::Bytes(value)) = value { fields(&value) } else { panic!("{value:?}") })
            .collect();
        let float = |value: f32| Field::Bytes(value.to_le_bytes().to_vec());
        assert_eq!(values[0], [(1, Field::Bytes(b"train/loss".to_vec())), (2, float(0.25))]);
        assert_eq!(values[1][1], (2, float(f32::NAN)));
    }

    #[test]
    fn files_of_one_second_have_names_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            EventFile::create(folder.path(), 5.0).unwrap();
        }
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.last().unwrap(), "events.out.tfevents.0000000005.002.stuntdouble");
    }
}

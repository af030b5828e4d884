//! Defines the SHA-256 digest of files and streams, as a type rather than a string.

use sha2::Digest as _;
use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes everything that `reader` returns.
    ///
    /// # Errors
    /// The errors of the reader.
    pub fn of_reader(reader: impl Read) -> io::Result<Self> {
        Ok(copy_and_digest(reader, &mut io::sink(), |_| {})?.0)
    }

    /// Hashes a file.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn of_file(path: &std::path::Path) -> io::Result<Self> {
        Self::of_reader(std::fs::File::open(path)?)
    }

    /// The first 12 hexadecimal digits: enough to distinguish versions in a folder name.
    pub(crate) fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a SHA-256 hash, expected 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0u8; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Copies `reader` to `writer`. Returns the hash and the number of bytes. Calls `seen` with the number of bytes after
/// each block.
pub(crate) fn copy_and_digest(
    mut reader: impl Read,
    writer: &mut impl Write,
    mut seen: impl FnMut(u64),
) -> io::Result<(Digest, u64)> {
    let mut hasher = sha2::Sha256::new();
    let mut block = vec![0u8; 1 << 18];
    let mut total = 0u64;
    loop {
        let count = match reader.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&block[..count]);
        writer.write_all(&block[..count])?;
        total += count as u64;
        seen(total);
    }
    Ok((Digest(hasher.finalize().into()), total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_test_vectors() {
        let check = |input: &[u8], expected: &str| {
            assert_eq!(Digest::of_reader(input).unwrap(), expected.parse().unwrap());
            assert_eq!(Digest::of_reader(input).unwrap().to_string(), expected);
        };
        check(b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check(b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn what_is_not_a_hash_is_refused() {
        for text in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"ä".repeat(32)] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}

//! Writes the clean aperture of an MP4 file, so that a video of odd size is stored with even sides and shown at its odd
//! size.
//!
//! H.264 with chroma at half resolution is the only format that every browser plays, and a video in this format can be
//! cropped only in steps of two pixels. This module therefore duplicates the last row or column, and the container's
//! `clap` box (ISO/IEC 14496-12, 12.1.4) says which part to show. Players that ignore the box show one extra row or
//! column, which is a copy of its neighbour.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use crate::container::mp4::boxes;

/// Bytes of a `clap` box.
const INSERTED: u32 = 40;

/// Copies an MP4 file whose index comes before its data. Marks the top left `shown` pixels of the `coded` ones as the
/// visible part.
pub(crate) fn copy_with_aperture(
    from: &mut (impl Read + Seek),
    to: &mut impl Write,
    coded: (u32, u32),
    shown: (u32, u32),
) -> io::Result<()> {
    let mut head = [0; 8];
    loop {
        from.read_exact(&mut head)?;
        let size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        match &head[4..] {
            b"moov" => {
                let mut movie = vec![0; size.saturating_sub(8) as usize];
                from.read_exact(&mut movie)?;
                let clap = clap(coded, shown);
                to.write_all(&boxed(b"moov", &edited(&movie, &clap)?)?)?;
                io::copy(from, to)?;
                return Ok(());
            }
            b"mdat" => return Err(invalid("the index comes after the data")),
            _ if size < 8 => return Err(invalid("a box without a size before the index")),
            _ => {
                from.seek(SeekFrom::Current(-8))?;
                io::copy(&mut from.by_ref().take(size), to)?;
            }
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn boxed(name: &[u8; 4], content: &[u8]) -> io::Result<Vec<u8>> {
    let size = u32::try_from(content.len() + 8).map_err(|_| invalid("an index over 4 GiB"))?;
    Ok([&size.to_be_bytes(), &name[..], content].concat())
}

/// The same boxes, with `clap` added to each video sample description and all data shifted by `INSERTED` bytes.
fn edited(content: &[u8], clap: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(content.len() + clap.len());
    for (name, content) in boxes(content) {
        let content = match &name {
            b"trak" | b"mdia" | b"minf" | b"stbl" => edited(content, clap)?,
            b"stsd" => {
                let (counts, entries) = content.split_at_checked(8).ok_or_else(|| invalid("a short `stsd` box"))?;
                let mut described = counts.to_vec();
                for (codec, entry) in boxes(entries) {
                    let more = if &codec == b"avc1" { clap } else { &[] };
                    described.extend(boxed(&codec, &[entry, more].concat())?);
                }
                described
            }
            b"stco" => moved(content, 4)?,
            b"co64" => moved(content, 8)?,
            _ => content.to_vec(),
        };
        out.extend(boxed(&name, &content)?);
    }
    Ok(out)
}

/// Shifts the offsets in a table, `width` bytes each.
fn moved(content: &[u8], width: usize) -> io::Result<Vec<u8>> {
    let (counts, offsets) = content.split_at_checked(8).ok_or_else(|| invalid("a short table of offsets"))?;
    let mut out = counts.to_vec();
    for offset in offsets.chunks_exact(width) {
        let value = offset.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte)) + u64::from(INSERTED);
        if width == 4 && value > u64::from(u32::MAX) {
            return Err(invalid("a file over 4 GiB with short offsets"));
        }
        out.extend(&value.to_be_bytes()[8 - width..]);
    }
    Ok(out)
}

fn clap(coded: (u32, u32), shown: (u32, u32)) -> Vec<u8> {
    // The centre of the visible part lies half the difference to the left of the stored centre, and half above it.
    let (x, y) = (shown.0 as i32 - coded.0 as i32, shown.1 as i32 - coded.1 as i32);
    let words = [INSERTED, u32::from_be_bytes(*b"clap"), shown.0, 1, shown.1, 1, x as u32, 2, y as u32, 2];
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn the_aperture_is_inserted_and_the_data_found_again() {
        let entry = [&[0; 24][..], &[0, 4, 0, 4], &[0; 50]].concat();
        let description = [&[0; 8][..], &boxed(b"avc1", &entry).unwrap()].concat();
        let offsets = [0, 1, 500_u32].iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
        let table = [boxed(b"stsd", &description).unwrap(), boxed(b"stco", &offsets).unwrap()].concat();
        let nested = [b"stbl", b"minf", b"mdia", b"trak", b"moov"]
            .iter()
            .fold(table, |inner, name| boxed(name, &inner).unwrap());
        let start = boxed(b"ftyp", b"isom").unwrap();
        let file = [&start[..], &nested, &boxed(b"mdat", b"data").unwrap()].concat();
        let mut out = Vec::new();
        copy_with_aperture(&mut Cursor::new(&file), &mut out, (4, 4), (3, 4)).unwrap();
        assert_eq!(out.len(), file.len() + 40);
        assert!(out.ends_with(b"mdatdata"));
        let place = |name: &[u8]| out.windows(4).position(|window| window == name).unwrap();
        assert_eq!(out[place(b"stco") + 12..][..4], 540_u32.to_be_bytes());
        let words: Vec<i32> = out[place(b"clap") + 4..][..32]
            .chunks(4)
            .map(|word| i32::from_be_bytes(word.try_into().unwrap()))
            .collect();
        assert_eq!(words, [3, 1, 4, 1, -1, 2, 0, 2]);
        let unordered = [boxed(b"mdat", b"data").unwrap(), nested].concat();
        assert!(copy_with_aperture(&mut Cursor::new(&unordered), &mut Vec::new(), (4, 4), (3, 4)).is_err());
    }
}

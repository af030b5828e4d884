//! Counts the blocks of a GIF file without decoding, to find its number of frames, their durations, and whether the
//! file is complete.

use std::io::{BufRead, Read};

use crate::geometry::Pts;

/// What the walk over the blocks found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GifWalk {
    /// Frames with complete data.
    pub(crate) frames: u64,
    /// The sum of their delays.
    pub(crate) duration: Pts,
    /// True when the trailer was reached.
    pub(crate) whole: bool,
}

/// Walks over the blocks up to the trailer, the end of the bytes or `most` frames.
pub(crate) fn walk(file: &mut impl BufRead, most: u64) -> GifWalk {
    let mut found = GifWalk::default();
    // The walk stops where the file breaks off. What it found until then is valid.
    let _ = walk_blocks(file, most, &mut found);
    found
}

fn walk_blocks(file: &mut impl BufRead, most: u64, found: &mut GifWalk) -> Option<()> {
    let mut bytes = file.by_ref().bytes().map_while(std::result::Result::ok);
    let header: Vec<u8> = bytes.by_ref().take(13).collect();
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    pass(&mut bytes, colours(*header.get(10)?))?;
    let mut delay = DEFAULT_DELAY;
    while found.frames < most {
        let mut is_frame = false;
        match bytes.next()? {
            0x21 if bytes.next()? == 0xf9 => {
                // Graphic control: length, flags, delay in hundredths of a second, transparent colour.
                let block: Vec<u8> = bytes.by_ref().take(5).collect();
                let hundredths = i64::from(u16::from_le_bytes([*block.get(2)?, *block.get(3)?]));
                delay = if hundredths < 2 { DEFAULT_DELAY } else { Pts(10_000 * hundredths) };
                pass(&mut bytes, usize::from(*block.first()?).saturating_sub(4))?;
            }
            0x21 => {}
            0x2c => {
                is_frame = true;
                let place: Vec<u8> = bytes.by_ref().take(9).collect();
                pass(&mut bytes, colours(*place.get(8)?) + 1)?;
            }
            0x3b => {
                found.whole = true;
                return Some(());
            }
            _ => return None,
        }
        loop {
            match bytes.next()? {
                0 => break,
                length => pass(&mut bytes, usize::from(length))?,
            }
        }
        if is_frame {
            found.frames += 1;
            found.duration.0 += delay.0;
            delay = DEFAULT_DELAY;
        }
    }
    Some(())
}

/// The delay that players, including ffmpeg, use in place of a delay under two hundredths.
const DEFAULT_DELAY: Pts = Pts(100_000);

fn pass(bytes: &mut impl Iterator<Item = u8>, count: usize) -> Option<()> {
    (bytes.take(count).count() == count).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_delays_are_counted_without_decoding() {
        let mut gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
        gif.extend(b"\x21\xf9\x04\0\x0a\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
        let one = walk(&mut gif.as_slice(), 9);
        assert_eq!((one.frames, one.duration, one.whole), (1, Pts(100_000), false));
        gif.extend(b"\x21\xf9\x04\0\x1e\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
        let cut = walk(&mut &gif[..gif.len() - 1], 9);
        assert_eq!((cut.frames, cut.whole), (1, false));
        gif.push(0x3b);
        let two = walk(&mut gif.as_slice(), 9);
        let expected = GifWalk { frames: 2, duration: Pts(400_000), whole: true };
        assert_eq!(two, expected);
    }
}

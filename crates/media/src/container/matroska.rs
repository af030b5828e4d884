//! Reads and writes raw pictures in a Matroska stream, which is the format of the pipes between this program and ffmpeg
//! in both directions.
//!
//! Matroska (RFC 9559) stores a time with each picture; raw video does not. Each cluster contains one picture. This
//! program writes times in microseconds, but ffmpeg always writes whole milliseconds. The decoding ffmpeg process
//! therefore multiplies all times by a thousand before it writes its stream, so a "millisecond" of that stream is a
//! microsecond.

use std::io::{self, ErrorKind, Read, Write};

use crate::geometry::Rate;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const CLUSTER: u32 = 0x1f43_b675;
const CLUSTER_TIME: u32 = 0xe7;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_DURATION: u32 = 0x9b;

/// An element's name and size. A size of `None` means "until an element of a higher level".
pub(crate) type Element = (u32, Option<u64>);

/// Reads the next element's name and size; `None` at the end of the stream.
pub(crate) fn read_element(stream: &mut impl Read) -> io::Result<Option<Element>> {
    let mut first = [0];
    if stream.read(&mut first)? == 0 {
        return Ok(None);
    }
    let length = first[0].leading_zeros() as usize + 1;
    if length > 4 {
        return Err(invalid("an element's name is longer than 4 bytes"));
    }
    let id = read_number(stream, first[0], length)? as u32;
    stream.read_exact(&mut first)?;
    let length = first[0].leading_zeros() as usize + 1;
    if length > 8 {
        return Err(invalid("an element's size is longer than 8 bytes"));
    }
    let mask = (1_u64 << (7 * length)) - 1;
    let size = read_number(stream, first[0], length)? & mask;
    Ok(Some((id, (size != mask).then_some(size))))
}

/// Reads a number of `length` bytes, highest byte first. `first` was read already.
fn read_number(stream: &mut impl Read, first: u8, length: usize) -> io::Result<u64> {
    let mut bytes = [0; 8];
    bytes[8 - length] = first;
    stream.read_exact(&mut bytes[9 - length..])?;
    Ok(u64::from_be_bytes(bytes))
}

/// The value of an unsigned element.
pub(crate) fn read_unsigned(stream: &mut impl Read, size: u64) -> io::Result<u64> {
    if size > 8 {
        return Err(invalid("a number is longer than 8 bytes"));
    }
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes[8 - size as usize..])?;
    Ok(u64::from_be_bytes(bytes))
}

fn skip(stream: &mut impl Read, size: u64) -> io::Result<()> {
    if io::copy(&mut stream.take(size), &mut io::sink())? == size {
        Ok(())
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Reads pictures of 3 bytes a pixel from the stream that ffmpeg writes.
#[derive(Debug)]
pub(crate) struct PictureStream<R> {
    stream: R,
    size: (u64, u64),
    cluster_time: i64,
}

impl<R: Read> PictureStream<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, size: (0, 0), cluster_time: 0 }
    }

    /// Columns and rows, known once a picture has been read.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.size.0 as usize, self.size.1 as usize)
    }

    /// The bytes and the time of the next picture, in ticks of the stream; `None` after the last one.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream breaks off, `InvalidData` when it is not what we requested from ffmpeg.
    pub(crate) fn next_picture(&mut self) -> io::Result<Option<(i64, Vec<u8>)>> {
        // To enter an element, just read on. Every element that matters has a unique name, so levels need no
        // bookkeeping.
        while let Some((id, size)) = read_element(&mut self.stream)? {
            let known = || size.ok_or_else(|| invalid("an element without a size"));
            match id {
                SEGMENT | TRACKS | TRACK | VIDEO | CLUSTER | BLOCK_GROUP => {}
                PIXEL_WIDTH => self.size.0 = read_unsigned(&mut self.stream, known()?)?,
                PIXEL_HEIGHT => self.size.1 = read_unsigned(&mut self.stream, known()?)?,
                CLUSTER_TIME => self.cluster_time = read_unsigned(&mut self.stream, known()?)? as i64,
                BLOCK | SIMPLE_BLOCK => return self.block(known()?).map(Some),
                _ => skip(&mut self.stream, known()?)?,
            }
        }
        Ok(None)
    }

    fn block(&mut self, size: u64) -> io::Result<(i64, Vec<u8>)> {
        let expected = self.size.0.checked_mul(self.size.1).and_then(|cells| cells.checked_mul(3));
        if size < 4 || expected != Some(size - 4) || size > 1 << 32 {
            return Err(invalid("a picture does not have the size of its track"));
        }
        let mut head = [0; 4];
        self.stream.read_exact(&mut head)?;
        let mut bytes = vec![0; size as usize - 4];
        self.stream.read_exact(&mut bytes)?;
        Ok((self.cluster_time + i64::from(i16::from_be_bytes([head[1], head[2]])), bytes))
    }
}

/// Writes the start of a stream of `width` x `height` pictures.
pub(crate) fn write_head(out: &mut impl Write, width: usize, height: usize, rate: Rate) -> io::Result<()> {
    let mut ebml = Vec::new();
    put(&mut ebml, 0x4282, b"matroska");
    put_unsigned(&mut ebml, 0x4287, 4);
    put_unsigned(&mut ebml, 0x4285, 2);
    let mut head = Vec::new();
    put(&mut head, EBML, &ebml);
    head.extend(SEGMENT.to_be_bytes());
    head.extend([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let mut info = Vec::new();
    put_unsigned(&mut info, 0x2a_d7b1, 1000); // nanoseconds a tick
    put(&mut head, INFO, &info);
    let mut video = Vec::new();
    put_unsigned(&mut video, PIXEL_WIDTH, width as u64);
    put_unsigned(&mut video, PIXEL_HEIGHT, height as u64);
    put(&mut video, 0x2e_b524, b"RGB\x18");
    let mut track = Vec::new();
    put_unsigned(&mut track, 0xd7, 1);
    put_unsigned(&mut track, 0x73c5, 1);
    put_unsigned(&mut track, 0x83, 1);
    // A hint of the rate for the encoder. Every picture has its own time.
    let nanoseconds = 1_000_000_000 * u64::from(rate.denominator) / u64::from(rate.numerator.max(1));
    put_unsigned(&mut track, 0x23_e383, nanoseconds.max(1));
    put(&mut track, 0x86, b"V_UNCOMPRESSED");
    put(&mut track, VIDEO, &video);
    let mut tracks = Vec::new();
    put(&mut tracks, TRACK, &track);
    put(&mut head, TRACKS, &tracks);
    out.write_all(&head)
}

/// Writes one picture with its time and duration in microseconds.
pub(crate) fn write_picture(out: &mut impl Write, time: u64, duration: u64, bytes: &[u8]) -> io::Result<()> {
    let mut after = Vec::new();
    put_unsigned(&mut after, BLOCK_DURATION, duration);
    let block = 4 + bytes.len() as u64;
    let group = 4 - 3 + 8 + block + after.len() as u64;
    let mut head = Vec::new();
    let mut time_element = Vec::new();
    put_unsigned(&mut time_element, CLUSTER_TIME, time);
    put_head(&mut head, CLUSTER, time_element.len() as u64 + 9 + group);
    head.extend(time_element);
    put_head(&mut head, BLOCK_GROUP, group);
    put_head(&mut head, BLOCK, block);
    head.extend([0x81, 0, 0, 0]); // track 1, no offset from the cluster's time, no flags
    out.write_all(&head)?;
    out.write_all(bytes)?;
    out.write_all(&after)
}

fn put_head(out: &mut Vec<u8>, id: u32, size: u64) {
    out.extend(id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0));
    out.extend((size | 1 << 56).to_be_bytes());
}

fn put(out: &mut Vec<u8>, id: u32, content: &[u8]) {
    put_head(out, id, content.len() as u64);
    out.extend(content);
}

fn put_unsigned(out: &mut Vec<u8>, id: u32, value: u64) {
    put(out, id, &value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { numerator: 25, denominator: 1 };

    #[test]
    fn a_stream_that_breaks_off_gives_no_half_picture() {
        let mut stream = Vec::new();
        write_head(&mut stream, 2, 1, RATE).unwrap();
        let head = stream.len();
        write_picture(&mut stream, 7, 1, &[1, 2, 3, 4, 5, 6]).unwrap();
        for cut in head + 1..stream.len() - 17 {
            // Between two elements, only the exit code of the process distinguishes a break from the end.
            match PictureStream::new(&stream[..cut]).next_picture() {
                Ok(picture) => assert_eq!(picture, None, "{cut}"),
                Err(failed) => assert_eq!(failed.kind(), ErrorKind::UnexpectedEof, "{cut}"),
            }
        }
        write_picture(&mut stream, 7, 1, &[1, 2, 3]).unwrap();
        let mut reader = PictureStream::new(stream.as_slice());
        assert_eq!(reader.next_picture().unwrap(), Some((7, vec![1, 2, 3, 4, 5, 6])));
        assert_eq!(reader.next_picture().unwrap_err().kind(), ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn pictures_and_times_come_back(
            width in 1_usize..9, height in 1_usize..9, times in proptest::collection::vec(0_u64..1 << 50, 0..5)
        ) {
            let mut stream = Vec::new();
            write_head(&mut stream, width, height, RATE).unwrap();
            for (index, time) in times.iter().enumerate() {
                write_picture(&mut stream, *time, 40_000, &vec![index as u8; 3 * width * height]).unwrap();
            }
            let mut reader = PictureStream::new(stream.as_slice());
            for (index, time) in times.iter().enumerate() {
                let expected = (*time as i64, vec![index as u8; 3 * width * height]);
                prop_assert_eq!(reader.next_picture().unwrap(), Some(expected));
                prop_assert_eq!(reader.size(), (width, height));
            }
            prop_assert_eq!(reader.next_picture().unwrap(), None);
        }
    }
}

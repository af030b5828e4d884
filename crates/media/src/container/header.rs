//! Reads a container's header, because ffmpeg hides damage: it decodes a truncated file without an error if the file
//! ends between two frames.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::container::matroska::{read_element, read_unsigned};
use crate::container::mp4::Mp4Header;
use crate::error::{Error, Result};
use crate::geometry::{Pts, Rate};
use crate::sniff::Container;
use crate::{container::gif, container::mp4};

/// Facts from a header; `None` where it does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HeaderFacts {
    /// Frames that a decoder must return.
    pub(crate) frames: Option<u64>,
    /// When the last frame ends, on the container's time line.
    pub(crate) end: Option<Pts>,
    /// The constant rate.
    pub(crate) rate: Option<Rate>,
    /// Whether the rate is not constant.
    pub(crate) variable: Option<bool>,
    /// The visible part of the coded picture: left, top, width, height.
    pub(crate) crop: Option<[u32; 4]>,
    /// The file ends early: where it ends, and where it should end.
    pub(crate) cut: Option<(String, String)>,
    /// Why the file cannot be decoded at all.
    pub(crate) broken: Option<&'static str>,
}

/// Reads what the header says.
pub(crate) fn read_facts(path: &Path, container: Container) -> Result<HeaderFacts> {
    let read = || -> io::Result<HeaderFacts> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut file = BufReader::new(file);
        let mut facts = match container {
            Container::Mp4 => mp4_facts(&mut file, length)?,
            Container::Gif => gif_facts(&mut file, length),
            _ => HeaderFacts::default(),
        };
        let needed = match container {
            Container::Matroska => matroska_length(&mut file).unwrap_or(None),
            Container::Avi => riff_length(&mut file).ok(),
            Container::Flash => flash_length(&mut file, length).ok(),
            Container::MpegTransport => Some(transport_length(&mut file, length)?),
            _ => None,
        };
        if let Some(needed) = needed.filter(|&needed| needed > length) {
            facts.cut = Some(missing_bytes(length, needed));
        }
        Ok(facts)
    };
    read().map_err(|source| Error::reading(path, source))
}

fn missing_bytes(found: u64, needed: u64) -> (String, String) {
    (format!("{found} bytes"), format!("{needed} bytes"))
}

fn mp4_facts(file: &mut (impl Read + Seek), length: u64) -> io::Result<HeaderFacts> {
    let header = mp4::read_header(file, length)?;
    let cut = (header.bytes_needed > length).then(|| missing_bytes(length, header.bytes_needed));
    let broken = match header {
        Mp4Header { has_index: false, .. } => Some("it has no index (`moov` box)"),
        Mp4Header { is_index_damaged: true, .. } => Some("the boxes of its index (`moov` box) are inconsistent"),
        _ => None,
    };
    Ok(HeaderFacts {
        frames: header.frames,
        end: header.end,
        rate: header.rate,
        variable: header.variable,
        crop: header.crop,
        cut,
        broken,
    })
}

fn gif_facts(file: &mut impl BufRead, length: u64) -> HeaderFacts {
    let walk = gif::walk(file, u64::MAX);
    HeaderFacts {
        frames: Some(walk.frames),
        end: Some(walk.duration),
        cut: (!walk.whole)
            .then(|| (format!("{} complete frames in {length} bytes", walk.frames), "an end marker".to_owned())),
        ..HeaderFacts::default()
    }
}

/// The end of a Matroska segment, if it states its size.
fn matroska_length(file: &mut (impl Read + Seek)) -> io::Result<Option<u64>> {
    while let Some((id, size)) = read_element(file)? {
        match (id, size) {
            (0x1853_8067, None) => return Ok(None),
            (0x1853_8067, Some(size)) => return Ok(file.stream_position()?.checked_add(size)),
            (_, Some(size)) if size <= 1 << 20 => drop(file.seek_relative_forward(size)?),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// The end of the last RIFF chunk of an AVI file, which may have several.
fn riff_length(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    let mut end = 0;
    let mut head = [0; 8];
    loop {
        file.seek(SeekFrom::Start(end))?;
        match file.read_exact(&mut head) {
            Ok(()) if head.starts_with(b"RIFF") => {
                let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
                end += 8 + size + size % 2;
            }
            _ => return Ok(end),
        }
    }
}

/// Where the tags of an FLV file end, or how long its metadata says that the file is.
fn flash_length(file: &mut (impl Read + Seek), length: u64) -> io::Result<u64> {
    let mut start = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut start)?;
    let size =
        start.windows(9).position(|window| window == b"filesize\0").and_then(|place| start.get(place + 9..place + 17));
    let stated = size.and_then(|size| size.try_into().ok()).map_or(0.0, f64::from_be_bytes);
    if stated.is_finite() && stated > length as f64 && stated < 1e15 {
        return Ok(stated as u64);
    }
    file.seek(SeekFrom::Start(5))?;
    let mut at = read_unsigned(file, 4)? + 4;
    while at < length {
        file.seek(SeekFrom::Start(at))?;
        let head = read_unsigned(file, 4).unwrap_or(0);
        // Type, three bytes of size, seven bytes of time and stream, the data, and the whole tag's size again.
        at += 11 + (head & 0xff_ffff) + 4;
    }
    Ok(at)
}

/// A transport stream consists of a whole number of packets.
fn transport_length(file: &mut impl Read, length: u64) -> io::Result<u64> {
    let mut first = [0];
    file.read_exact(&mut first)?;
    let packet = if first == [0x47] { 188 } else { 192 };
    Ok(length.next_multiple_of(packet))
}

/// Reads a file from front to back.
trait SeekForward {
    fn seek_relative_forward(&mut self, bytes: u64) -> io::Result<u64>;
}

impl<F: Seek> SeekForward for F {
    fn seek_relative_forward(&mut self, bytes: u64) -> io::Result<u64> {
        self.seek(SeekFrom::Current(bytes as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn containers_say_how_long_they_are() {
        let matroska = b"\x1a\x45\xdf\xa3\x82\0\0\x18\x53\x80\x67\x42\x00rest";
        assert_eq!(matroska_length(&mut Cursor::new(matroska)).unwrap(), Some(13 + 0x200));
        let unknown = b"\x1a\x45\xdf\xa3\x82\0\0\x18\x53\x80\x67\xffrest";
        assert_eq!(matroska_length(&mut Cursor::new(unknown)).unwrap(), None);
        assert_eq!(riff_length(&mut Cursor::new(b"RIFF\x04\0\0\0AVI RIFF\x09\0\0\0AVIX")).unwrap(), 12 + 18);
        let flash = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x09\0\0\x05\0\0\0\0\0\0\0abcde\0\0\0\x10";
        assert_eq!(flash_length(&mut Cursor::new(flash), flash.len() as u64).unwrap(), flash.len() as u64);
        let cut = &flash[..flash.len() - 7];
        assert_eq!(flash_length(&mut Cursor::new(cut), cut.len() as u64).unwrap(), flash.len() as u64);
        assert_eq!(transport_length(&mut Cursor::new(b"\x47"), 189).unwrap(), 376);
    }
}

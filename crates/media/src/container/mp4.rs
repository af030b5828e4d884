//! Reads the header of an MP4 or MOV file (ISO/IEC 14496-12): the number of displayed frames, the time at which the
//! display ends, and the number of bytes that the file must have.

use std::io::{self, Read, Seek, SeekFrom};

use crate::geometry::{Pts, Rate};

/// Largest header that is read into memory.
const MOST_HEADER_BYTES: u64 = 256 << 20;

/// Greatest number of frames that are counted: 19 days at 30 frames a second.
const MOST_SAMPLES: u64 = 50_000_000;

/// The facts of an MP4 file's video track.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Mp4Header {
    /// True when the file has a `moov` box.
    pub(crate) has_index: bool,
    /// True when its boxes contradict each other.
    pub(crate) is_index_damaged: bool,
    /// The file length that boxes and samples require.
    pub(crate) bytes_needed: u64,
    /// Number of frames shown; unknown for fragmented files and files with several edits.
    pub(crate) frames: Option<u64>,
    /// When the last frame ends, on the movie's time line.
    pub(crate) end: Option<Pts>,
    /// Frames a second, if all frames but the last have the same duration.
    pub(crate) rate: Option<Rate>,
    /// True if their durations differ.
    pub(crate) variable: Option<bool>,
    /// The clean aperture: left, top, width, height in coded pixels.
    pub(crate) crop: Option<[u32; 4]>,
}

/// Reads the header of a file that is `length` bytes long.
pub(crate) fn read_header(file: &mut (impl Read + Seek), length: u64) -> io::Result<Mp4Header> {
    let mut header = Mp4Header::default();
    let mut at = 0;
    while at + 8 <= length {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 16];
        file.read_exact(&mut head[..8])?;
        let name = [head[4], head[5], head[6], head[7]];
        let (skip, size) = match u64::from(be32(&head, 0).unwrap_or(0)) {
            0 => (8, length - at),
            1 => {
                if file.read_exact(&mut head[8..]).is_err() {
                    break;
                }
                (16, be64(&head, 8).unwrap_or(0))
            }
            size => (8, size),
        };
        if size < skip || !name.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == 0xa9) {
            break; // not a box; ffmpeg will report the problem
        }
        header.bytes_needed = header.bytes_needed.max(at.saturating_add(size));
        if &name == b"moov" && at.saturating_add(size) <= length && size <= MOST_HEADER_BYTES {
            let mut moov = vec![0; (size - skip) as usize];
            file.read_exact(&mut moov)?;
            header.has_index = true;
            header.is_index_damaged |= is_overrun(&moov, &[b"trak", b"mdia", b"minf", b"stbl"]);
            read_movie(&moov, &mut header);
        }
        at = at.saturating_add(size);
    }
    Ok(header)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The boxes directly inside some bytes: names and contents.
pub(crate) fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let size = be32(rest, 0)? as usize;
        let name = rest.get(4..8)?.try_into().ok()?;
        let content = rest.get(8..size)?;
        rest = &rest[size..];
        Some((name, content))
    })
}

fn child<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(bytes, |bytes, name| boxes(bytes).find(|(found, _)| found == *name).map(|(_, content)| content))
}

/// True when a box is longer than the bytes that contain it. Looks into one kind of box on each level.
fn is_overrun(bytes: &[u8], levels: &[&[u8; 4]]) -> bool {
    let mut covered = 0;
    for (name, content) in boxes(bytes) {
        covered += 8 + content.len();
        if let Some((level, below)) = levels.split_first()
            && name == **level
            && is_overrun(content, below)
        {
            return true;
        }
    }
    be32(bytes, covered).is_some_and(|size| size as usize > bytes.len() - covered)
}

fn read_movie(moov: &[u8], header: &mut Mp4Header) {
    let movie_scale = child(moov, &[b"mvhd"]).and_then(time_scale).unwrap_or(1000);
    let fragmented = child(moov, &[b"mvex"]).is_some();
    let mut seen_video = false;
    for (_, track) in boxes(moov).filter(|(name, _)| name == b"trak") {
        let is_video = child(track, &[b"mdia", b"hdlr"]).and_then(|bytes| bytes.get(8..12)) == Some(b"vide");
        if let Some(table) = child(track, &[b"mdia", b"minf", b"stbl"]) {
            header.bytes_needed = header.bytes_needed.max(samples_end(table).unwrap_or(0));
            if is_video && !seen_video {
                seen_video = true;
                header.crop = clean_aperture(table);
                if !fragmented {
                    let _ = read_times(track, table, movie_scale, header);
                }
            }
        }
    }
}

/// The time scale of an `mvhd` or `mdhd` box.
fn time_scale(bytes: &[u8]) -> Option<u64> {
    let at = if *bytes.first()? == 1 { 20 } else { 12 };
    be32(bytes, at).map(u64::from).filter(|&scale| scale > 0)
}

/// The end of the last sample that a table lists.
fn samples_end(table: &[u8]) -> Option<u64> {
    let sizes = child(table, &[b"stsz"])?;
    let (fixed, count) = (u64::from(be32(sizes, 4)?), be32(sizes, 8)? as usize);
    let (offsets, wide) = match child(table, &[b"stco"]) {
        Some(offsets) => (offsets, false),
        None => (child(table, &[b"co64"])?, true),
    };
    let runs = child(table, &[b"stsc"])?;
    let run_count = be32(runs, 4)? as usize;
    let (mut run, mut sample, mut end) = (0, 0, 0);
    for chunk in 0..be32(offsets, 4)? as usize {
        while run + 1 < run_count && be32(runs, 8 + 12 * (run + 1))? as usize <= chunk + 1 {
            run += 1;
        }
        let samples = (be32(runs, 12 + 12 * run)? as usize).min(count.saturating_sub(sample));
        let start = if wide { be64(offsets, 8 + 8 * chunk)? } else { u64::from(be32(offsets, 8 + 4 * chunk)?) };
        let bytes = if fixed > 0 {
            fixed.saturating_mul(samples as u64)
        } else {
            let mut bytes = 0;
            for place in sample..sample + samples {
                bytes += u64::from(be32(sizes, 12 + 4 * place)?);
            }
            bytes
        };
        sample += samples;
        end = end.max(start.saturating_add(bytes));
    }
    Some(end)
}

/// Left, top, width and height of the clean aperture of the first sample description.
fn clean_aperture(table: &[u8]) -> Option<[u32; 4]> {
    let (_, entry) = boxes(child(table, &[b"stsd"])?.get(8..)?).next()?;
    let (width, height) = (be32(entry, 24)? >> 16, be32(entry, 24)? & 0xffff);
    let clap = child(entry.get(78..)?, &[b"clap"])?;
    let fraction = |at: usize| Some(f64::from(be32(clap, at)? as i32) / f64::from(be32(clap, at + 4)?.max(1) as i32));
    let (clean_width, clean_height) = (fraction(0)?, fraction(8)?);
    let left = (f64::from(width) - clean_width) / 2.0 + fraction(16)?;
    let top = (f64::from(height) - clean_height) / 2.0 + fraction(24)?;
    let whole = [left, top, clean_width, clean_height].map(|value| value.round());
    let inside = whole[0] >= 0.0
        && whole[1] >= 0.0
        && whole[2] >= 1.0
        && whole[3] >= 1.0
        && whole[0] + whole[2] <= f64::from(width)
        && whole[1] + whole[3] <= f64::from(height);
    inside.then(|| whole.map(|value| value as u32))
}

/// Runs `(count, value)` of a time table, such as `stts`.
fn runs(bytes: Option<&[u8]>) -> impl Iterator<Item = (u64, i64)> {
    let bytes = bytes.unwrap_or_default();
    let count = be32(bytes, 4).unwrap_or(0) as usize;
    (0..count).map_while(move |run| {
        Some((u64::from(be32(bytes, 8 + 8 * run)?), i64::from(be32(bytes, 12 + 8 * run)? as i32)))
    })
}

fn read_times(track: &[u8], table: &[u8], movie_scale: u64, header: &mut Mp4Header) -> Option<()> {
    let scale = child(track, &[b"mdia", b"mdhd"]).and_then(time_scale)?;
    let in_time = |ticks: i128, scale: u64| (ticks * 1_000_000 / i128::from(scale)) as i64;
    // The first edits may only be a delay. After that, one edit shows a part of the track.
    let (mut delay, mut shown, mut edits) = (0_i128, None, 0);
    if let Some(list) = child(track, &[b"edts", b"elst"]) {
        let wide = *list.first()? == 1;
        for edit in 0..(be32(list, 4)? as usize).min(64) {
            let (duration, start) = if wide {
                (be64(list, 8 + 20 * edit)?, be64(list, 16 + 20 * edit)? as i64)
            } else {
                (u64::from(be32(list, 8 + 12 * edit)?), i64::from(be32(list, 12 + 12 * edit)? as i32))
            };
            if start < 0 && edits == 0 {
                delay += i128::from(duration);
            } else {
                edits += 1;
                shown = Some((start, duration));
            }
        }
    }
    if edits > 1 {
        return None;
    }
    let samples = Some(u64::from(be32(child(table, &[b"stsz"])?, 8)?)).filter(|&count| count <= MOST_SAMPLES)?;
    let media_start = shown.map_or(0, |(start, _)| start);
    let media_end = match shown {
        Some((start, duration)) if duration > 0 => {
            i128::from(start) + i128::from(duration) * i128::from(scale) / i128::from(movie_scale)
        }
        _ => i128::MAX,
    };
    let (mut frames, mut last_end, mut decode_time, mut index) = (0, 0_i128, 0_i64, 0_u64);
    let mut offsets = runs(child(table, &[b"ctts"])).flat_map(|(count, value)| (0..count).map(move |_| value));
    let (mut first_step, mut variable) = (None, false);
    for (count, step) in runs(child(table, &[b"stts"])) {
        // A longer last frame alone does not make the rate variable.
        let is_tail = index + count >= samples && count == 1;
        variable |= !is_tail && *first_step.get_or_insert(step) != step;
        for _ in 0..count.min(samples.saturating_sub(index)) {
            let shown_at = decode_time.saturating_add(offsets.next().unwrap_or(0));
            let middle = i128::from(shown_at) + i128::from(step / 2);
            if middle >= i128::from(media_start) && middle < media_end {
                frames += 1;
                last_end = last_end.max(i128::from(shown_at) + i128::from(step));
            }
            decode_time = decode_time.saturating_add(step);
            index += 1;
        }
    }
    let end = last_end.min(media_end) - i128::from(media_start);
    header.frames = Some(frames);
    header.end = Some(Pts(in_time(end, scale) + in_time(delay, movie_scale)));
    header.variable = Some(variable);
    let step = first_step.filter(|&step| step > 0 && !variable).and_then(|step| u32::try_from(step).ok());
    header.rate = step.and_then(|step| Some(Rate { numerator: u32::try_from(scale).ok()?, denominator: step }));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn full(name: &[u8; 4], words: &[u32]) -> Vec<u8> {
        boxed(name, &words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>())
    }

    fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat()
    }

    /// Four samples of 10 ticks (scale 100), shown in the order 0 2 1 3 after a start of 10 ticks.
    fn movie(edit: &[u32], chunk: u32) -> Vec<u8> {
        let table = [
            full(b"stsz", &[0, 0, 4, 5, 6, 7, 8]),
            full(b"stsc", &[0, 1, 1, 4, 1]),
            full(b"stco", &[0, 1, chunk]),
            full(b"stts", &[0, 1, 4, 10]),
            full(b"ctts", &[0, 3, 1, 10, 1, 20, 2, 5]),
        ];
        let media = [
            full(b"mdhd", &[0, 0, 0, 100, 40]),
            full(b"hdlr", &[0, 0, u32::from_be_bytes(*b"vide")]),
            boxed(b"minf", &boxed(b"stbl", &table.concat())),
        ];
        let track = [boxed(b"edts", &full(b"elst", edit)), boxed(b"mdia", &media.concat())];
        boxed(b"moov", &[full(b"mvhd", &[0, 0, 0, 1000, 400]), boxed(b"trak", &track.concat())].concat())
    }

    fn read(bytes: &[u8]) -> Mp4Header {
        read_header(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn a_box_larger_than_the_one_around_it_is_noticed() {
        let whole = movie(&[0, 1, 400, 10, 0x10000], 8);
        assert!(!read(&whole).is_index_damaged);
        for name in [b"mvhd", b"trak", b"mdia", b"minf", b"stbl", b"stsz", b"ctts"] {
            let mut bytes = whole.clone();
            let place = bytes.windows(4).position(|window| window == name).unwrap();
            bytes[place - 4] = 1;
            assert!(read(&bytes).is_index_damaged, "{name:?}");
        }
    }

    #[test]
    fn edits_choose_the_frames_that_are_shown() {
        // Presentation times 10, 30, 25, 35. All of it, from tick 10 for 400 ms:
        let header = read(&movie(&[0, 1, 400, 10, 0x10000], 8));
        assert_eq!((header.frames, header.end), (Some(4), Some(Pts(350_000))));
        assert_eq!(header.rate, Some(Rate { numerator: 100, denominator: 10 }));
        // 200 ms of delay, then 220 ms of the track: the frames at 10 and 25 only.
        let header = read(&movie(&[0, 2, 200, u32::MAX, 0x10000, 220, 10, 0x10000], 8));
        assert_eq!((header.frames, header.end), (Some(2), Some(Pts(420_000))));
        // Two edits: the number of frames is unknown.
        let header = read(&movie(&[0, 2, 100, 10, 0x10000, 100, 10, 0x10000], 8));
        assert_eq!((header.frames, header.end, header.has_index), (None, None, true));
    }

    #[test]
    fn the_file_must_reach_to_its_last_sample() {
        assert_eq!(read(&movie(&[0, 0], 1000)).bytes_needed, 1026);
        let cut = boxed(b"mdat", &[0; 100]);
        let header = read(&cut[..50]);
        assert_eq!((header.has_index, header.bytes_needed), (false, 108));
    }

    #[test]
    fn no_bytes_make_the_reader_fail() {
        let whole = movie(&[0, 1, 400, 10, 0x10000], 8);
        for place in 0..whole.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] = value;
                let _ = read_header(&mut Cursor::new(&bytes), bytes.len() as u64).unwrap();
            }
        }
    }
}

//! Recognises a file type from the first bytes. File names and extensions can be wrong, and a playlist disguised as a
//! video must not be opened.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};

/// A video container that we let ffmpeg open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each name is the container's own")]
pub enum Container {
    Mp4,
    Matroska,
    Avi,
    MpegTransport,
    MpegProgram,
    MpegVideo,
    Flash,
    WindowsMedia,
    Ogg,
    Gif,
    Yuv4Mpeg,
    Ivf,
    Nut,
    Mxf,
}

impl Container {
    /// ffmpeg's name of the only demuxer that may read it.
    pub(crate) fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::MpegTransport => "mpegts",
            Self::MpegProgram => "mpeg",
            Self::MpegVideo => "mpegvideo",
            Self::Flash => "flv",
            Self::WindowsMedia => "asf",
            Self::Ogg => "ogg",
            Self::Gif => "gif",
            Self::Yuv4Mpeg => "yuv4mpegpipe",
            Self::Ivf => "ivf",
            Self::Nut => "nut",
            Self::Mxf => "mxf",
        }
    }
}

/// The kind of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// An empty file.
    Empty,
    /// A video container.
    Video(Container),
    /// A still picture; the name of its format.
    Picture(&'static str),
    /// A playlist that points to other files.
    Playlist(&'static str),
    /// Readable text of another kind.
    Text,
    /// Anything else, described as far as known.
    Other(&'static str),
}

impl Content {
    /// A few words for an error message.
    pub fn describe(&self) -> String {
        match self {
            Self::Empty => "an empty file".into(),
            Self::Video(container) => format!("a video ({container:?})"),
            Self::Picture(format) => format!("a {format} picture"),
            Self::Playlist(kind) => format!("a playlist ({kind})"),
            Self::Text => "text".into(),
            Self::Other(kind) => (*kind).into(),
        }
    }
}

/// Recognises a file by its first bytes.
///
/// # Errors
/// [`Error::Unreadable`].
pub fn sniff_file(path: &Path) -> Result<Content> {
    let mut head = Vec::new();
    let mut file = crate::file::open(path)?;
    file.by_ref().take(4096).read_to_end(&mut head).map_err(|source| Error::reading(path, source))?;
    let content = sniff(&head);
    // Still and animated GIFs share a magic number, so count the frames.
    if content == Content::Video(Container::Gif) {
        file.seek(SeekFrom::Start(0)).map_err(|source| Error::reading(path, source))?;
        if crate::container::gif::walk(&mut std::io::BufReader::new(file), 2).frames == 1 {
            return Ok(Content::Picture("GIF"));
        }
    }
    Ok(content)
}

/// Reads the first bytes of a file: 4096, or all if it is shorter.
pub fn sniff(head: &[u8]) -> Content {
    use Content::{Empty, Other, Picture, Playlist, Text, Video};
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if head.is_empty() {
        return Empty;
    }
    if at(4, b"ftyp") {
        return match head.get(8..12).unwrap_or_default() {
            b"avif" | b"avis" => Picture("AVIF"),
            b"heic" | b"heix" | b"mif1" | b"msf1" => Picture("HEIF"),
            b"M4A " | b"M4B " => Other("an MPEG-4 sound file"),
            _ => Video(Container::Mp4),
        };
    }
    let mp4_boxes: [&[u8]; 6] = [b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];
    let magics: [(&[u8], Content); 26] = [
        (b"\x1a\x45\xdf\xa3", Video(Container::Matroska)),
        (b"\x00\x00\x01\xba", Video(Container::MpegProgram)),
        (b"\x00\x00\x01\xb3", Video(Container::MpegVideo)),
        (b"FLV\x01", Video(Container::Flash)),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Video(Container::WindowsMedia)),
        (b"OggS", Video(Container::Ogg)),
        (b"GIF87a", Video(Container::Gif)),
        (b"GIF89a", Video(Container::Gif)),
        (b"YUV4MPEG2", Video(Container::Yuv4Mpeg)),
        (b"DKIF", Video(Container::Ivf)),
        (b"nut/multimedia container", Video(Container::Nut)),
        (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", Video(Container::Mxf)),
        (b"\x89PNG\r\n\x1a\n", Picture("PNG")),
        (b"\xff\xd8\xff", Picture("JPEG")),
        (b"BM", Picture("BMP")),
        (b"II*\x00", Picture("TIFF")),
        (b"MM\x00*", Picture("TIFF")),
        (b"8BPS", Picture("Photoshop")),
        (b"\xff\x0a", Picture("JPEG XL")),
        (b"\x00\x00\x00\x0cJXL ", Picture("JPEG XL")),
        (b"#EXTM3U", Playlist("HLS")),
        (b"ffconcat", Playlist("ffconcat")),
        (b"PK\x03\x04", Other("a zip archive")),
        (b"%PDF", Other("a PDF document")),
        (b"ID3", Other("an MP3 sound file")),
        (b"fLaC", Other("a FLAC sound file")),
    ];
    if let Some((_, content)) = magics.into_iter().find(|(magic, _)| starts(magic)) {
        return content;
    }
    if starts(b"RIFF") {
        return match head.get(8..12).unwrap_or_default() {
            b"AVI " => Video(Container::Avi),
            b"WEBP" => Picture("WebP"),
            b"WAVE" => Other("a WAV sound file"),
            _ => Other("a RIFF file of an unknown kind"),
        };
    }
    if mp4_boxes.iter().any(|name| at(4, name)) {
        return Video(Container::Mp4);
    }
    // Transport streams repeat 0x47 every 188 bytes. The 192-byte variant puts 4 bytes of time stamp before each
    // packet.
    let repeats = |start: usize, step: usize| {
        head.len() > start + 2 * step && (start..head.len()).step_by(step).take(5).all(|place| head[place] == 0x47)
    };
    if repeats(0, 188) || repeats(4, 192) {
        return Video(Container::MpegTransport);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if text.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)) {
        let trimmed = text.trim_ascii_start();
        return match () {
            () if trimmed.starts_with(b"#EXT") => Playlist("HLS"),
            () if trimmed.starts_with(b"ffconcat") => Playlist("ffconcat"),
            () if trimmed.windows(4).any(|word| word == b"<MPD") => Playlist("DASH"),
            () => Text,
        };
    }
    Other("a file of an unknown kind")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let check = |head: &[u8], expected: Content| assert_eq!(sniff(head), expected, "{head:?}");
        check(b"", Content::Empty);
        check(b"\0\0\0\x20ftypisom", Content::Video(Container::Mp4));
        check(b"\0\0\0\x20ftypavif", Content::Picture("AVIF"));
        check(b"\0\0\0\x08moov", Content::Video(Container::Mp4));
        check(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd", Content::Playlist("HLS"));
        check(b"\xef\xbb\xbf  ffconcat version 1.0\n", Content::Playlist("ffconcat"));
        check(b"<?xml version='1.0'?><MPD xmlns=''>", Content::Playlist("DASH"));
        check(b"hello, I am a film", Content::Text);
        check(b"\x01\x02\x03", Content::Other("a file of an unknown kind"));
        check(b"RIFF\0\0\0\0AVI LIST", Content::Video(Container::Avi));
        let mut stream = vec![0; 4096];
        stream.iter_mut().step_by(188).for_each(|byte| *byte = 0x47);
        check(&stream, Content::Video(Container::MpegTransport));
    }
}

//! Finds ffmpeg, and builds the arguments with which ffmpeg opens untrusted files.
//!
//! By default ffmpeg hides damage, follows playlists to other files, and trusts sizes in headers. In this module,
//! strict decoding makes every error fatal. The file's first bytes determine the demuxer. Only listed protocols,
//! demuxers and decoders are allowed. Frames, streams and memory are limited.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::child::{ChildLimits, Running};
use crate::error::{Error, Result};
use crate::sniff::Container;

/// How long ffmpeg may be silent before it is killed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Allowed decoders. Audio and subtitles are never decoded, but ffmpeg inspects them to describe them.
const DECODERS: &str = "h264,hevc,vp8,vp9,av1,libdav1d,libaom-av1,mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4v1,\
    msmpeg4v2,msmpeg4,mjpeg,png,apng,gif,prores,dnxhd,cfhd,ffv1,huffyuv,ffvhuff,utvideo,rawvideo,v210,qtrle,rpza,\
    svq1,svq3,cinepak,theora,vc1,wmv1,wmv2,wmv3,flv,vp6,vp6f,h263,dvvideo,jpeg2000,magicyuv,\
    aac,mp3,mp3float,mp2,mp2float,opus,libopus,vorbis,libvorbis,flac,alac,ac3,eac3,dca,amrnb,amrwb,wmav1,wmav2,\
    pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_u8,pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav,\
    adpcm_ima_qt,adpcm_swf,nellymoser,speex,mov_text,subrip,srt,webvtt,ass,ssa,text,dvbsub,dvdsub,pgssub,ccaption";

/// An ffmpeg program that was started successfully.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ffmpeg {
    path: PathBuf,
    version: String,
    release: Option<(u32, u32)>,
}

impl Ffmpeg {
    /// Uses `explicit`, or else the first ffmpeg on the `PATH`, and reads its version.
    ///
    /// # Errors
    /// [`Error::FfmpegMissing`] when there is none, [`Error::FfmpegFailed`] when it does not run.
    pub fn find(explicit: Option<&Path>) -> Result<Self> {
        let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let path = match explicit {
            Some(path) if path.is_file() => path.to_path_buf(),
            Some(path) => return Err(Error::FfmpegMissing { looked: format!("`{}`", path.display()) }),
            None => std::env::split_paths(&folders)
                .map(|folder| folder.join(&name))
                .find(|candidate| candidate.is_file())
                .ok_or_else(|| Error::FfmpegMissing { looked: "the folders in `PATH`".into() })?,
        };
        // The child process runs in another folder.
        let path = std::path::absolute(&path).map_err(|source| Error::reading(&path, source))?;
        let said = ask(&path, &["-version"])?;
        let version = said.lines().next().and_then(|line| line.strip_prefix("ffmpeg version "));
        let Some(version) = version.and_then(|line| line.split(' ').next()) else {
            let reason = format!("`{}` does not report its version", path.display());
            return Err(Error::FfmpegFailed { reason });
        };
        Ok(Self { path, version: version.to_owned(), release: release(version) })
    }

    /// The path of the program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version, as it reports it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// True when all these filters were built in.
    ///
    /// # Errors
    /// [`Error::FfmpegFailed`].
    pub fn has_filters(&self, names: &[&str]) -> Result<bool> {
        self.lists("-filters", names)
    }

    /// True when all these encoders were built in. Videos are written with `libx264`.
    ///
    /// # Errors
    /// [`Error::FfmpegFailed`].
    pub fn has_encoders(&self, names: &[&str]) -> Result<bool> {
        self.lists("-encoders", names)
    }

    fn lists(&self, list: &str, names: &[&str]) -> Result<bool> {
        let said = ask(&self.path, &["-hide_banner", list])?;
        let second_words: Vec<_> = said.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        Ok(names.iter().all(|name| second_words.contains(name)))
    }

    /// Newer releases crop to the container's clean aperture themselves, but only to even sizes. So we do it.
    pub(crate) fn leave_aperture_alone(&self) -> Vec<OsString> {
        let cuts = self.release.is_none_or(|release| release >= (7, 1));
        if cuts { ["-apply_cropping", "codec"].map(OsString::from).into() } else { Vec::new() }
    }

    /// The option that keeps every frame and its time.
    pub(crate) fn keep_times(&self) -> [OsString; 2] {
        let old = self.release.is_some_and(|release| release < (5, 1));
        [if old { "-vsync" } else { "-fps_mode" }.into(), "passthrough".into()]
    }
}

/// Major and minor number of a version such as `5.1.9-0+deb12u1` or `n7.1`; builds from a branch have none.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('n').split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

/// Returns what the program prints on its standard output.
fn ask(path: &Path, arguments: &[&str]) -> Result<String> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let limits = ChildLimits::for_frames_of(0, 0, false);
    let mut running = Running::start(path, &arguments, limits, (Stdio::null(), Stdio::piped()))?;
    let mut said = Vec::new();
    if let Some(stdout) = running.stdout.take() {
        let read = running.waiting(PATIENCE, |_| std::io::Read::read_to_end(&mut { stdout }, &mut said));
        read.map_err(|failed| Error::FfmpegFailed { reason: failed.to_string() })?;
    }
    let ended = running.end(PATIENCE).map_err(|failed| Error::FfmpegFailed { reason: failed.to_string() })?;
    if !ended.status.success() {
        return Err(Error::FfmpegFailed { reason: format!("`{}`: {}", path.display(), ended.notes.reason()) });
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Options before the input, which limit how far a file is trusted.
pub(crate) fn input_arguments(path: &Path, container: Container, max_pixels: u64, strict: bool) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    if strict {
        arguments.extend(["-xerror", "-err_detect", "crccheck+bitstream+buffer+explode"].map(OsString::from));
    }
    let demuxer = container.demuxer();
    let options = [
        ("-protocol_whitelist", "file,pipe"),
        ("-format_whitelist", demuxer),
        ("-codec_whitelist", DECODERS),
        ("-max_streams", "32"),
    ];
    arguments.extend(options.iter().flat_map(|(option, value)| [OsString::from(option), value.into()]));
    arguments.extend(["-max_pixels".into(), max_pixels.to_string().into()]);
    arguments.extend(["-f", demuxer, "-i"].map(OsString::from));
    let mut input = OsString::from("file:");
    input.push(path);
    arguments.push(input);
    arguments
}

/// Options before everything else.
pub(crate) fn common_arguments(level: &str) -> Vec<OsString> {
    ["-nostdin", "-hide_banner", "-nostats", "-loglevel", level, "-max_alloc", "1073741824"].map(OsString::from).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(release("5.1.9-0+deb12u1"), Some((5, 1)));
        assert_eq!(release("n9.0.2-17-g2a571b6068-20260930"), Some((9, 0)));
        assert_eq!(release("7"), Some((7, 0)));
        assert_eq!(release("N-118193-g5f38c82536"), None);
    }

    #[test]
    fn a_missing_ffmpeg_has_its_code() {
        assert_eq!(Ffmpeg::find(Some(Path::new("/no/such/ffmpeg"))).unwrap_err().code(), "ffmpeg.missing");
    }
}

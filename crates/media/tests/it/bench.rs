//! Provides a temporary folder, an ffmpeg that makes test videos, and the helper functions that all tests share.

use std::path::{Path, PathBuf};
use std::process::Command;

use stuntdouble_media::Result;
use stuntdouble_media::ffmpeg::Ffmpeg;
use stuntdouble_media::geometry::Pts;
use stuntdouble_media::probe::DecodeOptions;
use stuntdouble_media::reader::{FrameReader, VideoFrame};
use stuntdouble_media::writer::{VideoSettings, VideoWriter};

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) ffmpeg: Ffmpeg,
}

impl Bench {
    /// `None`, with a message, if there is no ffmpeg. `STUNTDOUBLE_FFMPEG` names one outside the `PATH`.
    pub(crate) fn new() -> Option<Self> {
        let explicit = std::env::var_os("STUNTDOUBLE_FFMPEG").map(PathBuf::from);
        match Ffmpeg::find(explicit.as_deref()) {
            Ok(ffmpeg) => Some(Self { folder: tempfile::tempdir().unwrap(), ffmpeg }),
            Err(failed) => {
                println!("skipped: {failed}");
                None
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs ffmpeg in the folder. The last argument names the file that it writes.
    pub(crate) fn make(&self, arguments: &str) -> PathBuf {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let run = Command::new(self.ffmpeg.path())
            .args(["-nostdin", "-v", "error", "-y"])
            .args(&words)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{arguments}: {}", String::from_utf8_lossy(&run.stderr));
        self.path(words[words.len() - 1])
    }

    /// Two seconds of a test picture and a tone.
    pub(crate) fn clip(&self, name: &str) -> PathBuf {
        let source = "-f lavfi -i testsrc2=s=160x120:r=30000/1001:d=2 -f lavfi -i sine=d=2";
        self.make(&format!("{source} -c:v libx264 -g 12 -pix_fmt yuv420p -c:a aac {name}"))
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn open(&self, path: &Path) -> Result<FrameReader> {
        FrameReader::open(&self.ffmpeg, path, &DecodeOptions::default())
    }

    pub(crate) fn frames(&self, path: &Path) -> Vec<VideoFrame> {
        self.open(path).unwrap().map(|frame| frame.unwrap()).collect()
    }

    pub(crate) fn times(&self, path: &Path) -> Vec<Pts> {
        self.frames(path).into_iter().map(|frame| frame.pts).collect()
    }

    /// Decodes and encodes everything, including audio, as the program does.
    pub(crate) fn convert(&self, from: &Path, to: &Path) -> Result<()> {
        let mut reader = self.open(from)?;
        let settings = VideoSettings { audio_from: Some(from.to_path_buf()), ..VideoSettings::like(reader.info()) };
        let mut writer = VideoWriter::create(&self.ffmpeg, to, &settings)?;
        for frame in &mut reader {
            let frame = frame?;
            writer.push(&frame.picture, frame.pts)?;
        }
        writer.finish()
    }

    /// The digest of the packets of the first audio stream.
    pub(crate) fn sound(&self, path: &Path) -> String {
        let run = Command::new(self.ffmpeg.path())
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(path)
            .args(["-map", "0:a:0", "-c", "copy", "-f", "md5", "-"])
            .output()
            .unwrap();
        String::from_utf8(run.stdout).unwrap()
    }

    /// How ffmpeg describes a file.
    pub(crate) fn describe(&self, path: &Path) -> String {
        let run = Command::new(self.ffmpeg.path()).args(["-nostdin", "-hide_banner", "-i"]).arg(path).output().unwrap();
        String::from_utf8_lossy(&run.stderr).into_owned()
    }
}

//! Provides a folder of small valid inputs, and command lines for the real program. Each test case makes one input
//! invalid and states what it expects.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use media::ffmpeg::Ffmpeg;
use media::image_file::save_picture;
use media::picture::{Mask, Picture};
use perception::pose::{Keypoint, Pose};
use perception::signals::SignalsFolder;

use crate::ended::Ended;
use crate::line::Line;

/// Frames of the driving video.
pub(crate) const FRAMES: usize = 4;
/// Columns and rows of its frames.
pub(crate) const SIZE: (usize, usize) = (64, 48);

/// The valid inputs, and the failures so far.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    ffmpeg: Option<Ffmpeg>,
    complaints: RefCell<Vec<String>>,
    cases: Cell<usize>,
    slowest: Cell<Duration>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            ffmpeg: Ffmpeg::find(std::env::var_os("STUNTDOUBLE_FFMPEG").map(PathBuf::from).as_deref()).ok(),
            complaints: RefCell::default(),
            cases: Cell::default(),
            slowest: Cell::default(),
        };
        bench.frames("frames", SIZE);
        save_picture(&bench.path("character.png"), &figure((40, 64), 20)).unwrap();
        bench.signals("signals");
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Copies a file under another name.
    pub(crate) fn copy(&self, from: &str, to: &str) -> PathBuf {
        std::fs::copy(self.path(from), self.path(to)).unwrap();
        self.path(to)
    }

    /// Makes an empty folder.
    pub(crate) fn make_folder(&self, name: &str) -> PathBuf {
        std::fs::create_dir_all(self.path(name)).unwrap();
        self.path(name)
    }

    /// The driving video as numbered pictures.
    pub(crate) fn frames(&self, name: &str, size: (usize, usize)) -> PathBuf {
        let folder = self.make_folder(name);
        for index in 0..FRAMES {
            save_picture(&folder.join(format!("{index:05}.png")), &figure(size, 10 + 3 * index)).unwrap();
        }
        folder
    }

    /// Valid signals for the driving video.
    pub(crate) fn signals(&self, name: &str) -> PathBuf {
        let folder = SignalsFolder::new(self.path(name), FRAMES, SIZE);
        let mask = |index: usize| {
            Mask::from_fn(SIZE.0, SIZE.1, |x, y| if inside(SIZE, 10 + 3 * index, x, y) { 255 } else { 0 })
        };
        for index in 0..FRAMES {
            folder.save_person(index, &mask(index)).unwrap();
        }
        let mut pose = Pose::default();
        for (index, point) in pose.body.iter_mut().enumerate() {
            let place = index as f32;
            *point = Keypoint { x: 12.0 + place % 3.0 * 4.0, y: 10.0 + 1.5 * place, z: 0.0, confidence: 0.9 };
        }
        folder.save_poses(vec![Some(pose); FRAMES]).unwrap();
        self.path(name)
    }

    /// The ffmpeg for making videos; none, with a message, if there is none.
    pub(crate) fn has_ffmpeg(&self) -> bool {
        if self.ffmpeg.is_none() {
            eprintln!("ran fewer cases: no ffmpeg");
        }
        self.ffmpeg.is_some()
    }

    /// Runs ffmpeg in the folder. The last argument names the file that it writes.
    pub(crate) fn make(&self, arguments: &str) -> PathBuf {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let run = Command::new(self.ffmpeg.as_ref().unwrap().path())
            .args(["-nostdin", "-v", "error", "-y"])
            .args(&words)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{arguments}: {}", String::from_utf8_lossy(&run.stderr));
        self.path(words[words.len() - 1])
    }

    /// The driving video as a file of [`FRAMES`] frames with audio.
    pub(crate) fn take(&self, name: &str) -> PathBuf {
        let sources = "-framerate 25 -i frames/%05d.png -f lavfi -i sine=d=0.16";
        self.make(&format!("{sources} -c:v libx264 -bf 0 -g 2 -pix_fmt yuv420p -c:a aac {name}"))
    }

    /// A `replace` command that works.
    pub(crate) fn replace(&self) -> Line {
        Line::new(&["replace".as_ref()])
            .with("--character", self.path("character.png"))
            .with("--video", self.path("frames"))
            .with("--signals", self.path("signals"))
            .with("--preset", "tiny")
            .with("--output", "out.mp4")
    }

    /// The same as `animate`, which needs the pose networks.
    pub(crate) fn animate(&self) -> Line {
        self.replace().named("animate")
    }

    /// A `perceive`, which needs the pose networks.
    pub(crate) fn perceive(&self, video: &Path) -> Line {
        Line::new(&["perceive".as_ref(), video.as_ref()]).with("--output", "seen")
    }

    /// Any other command.
    pub(crate) fn command(&self, words: &[&str]) -> Line {
        Line::new(&words.iter().map(OsStr::new).collect::<Vec<_>>())
    }

    /// Expects an error with this code and exit status, a line of help, and no files left behind.
    pub(crate) fn refuse(&self, what: &str, line: &Line, code: &str, exit: i32) {
        self.refuse_as_one_of(what, line, &[code], exit);
    }

    /// The same for cases where several codes are right.
    pub(crate) fn refuse_as_one_of(&self, what: &str, line: &Line, codes: &[&str], exit: i32) {
        self.cases.set(self.cases.get() + 1);
        // Both views show the same error. The plain one is checked in the first case.
        let views: &[bool] = if self.cases.get() == 1 { &[true, false] } else { &[true] };
        for &json in views {
            let (ended, left) = self.run(what, line, json);
            let error = ended.error(json);
            if !codes.contains(&error.code.as_str()) || ended.exit != Some(exit) {
                let complaint = format!("`{}` and {:?}, expected {codes:?} and {exit}", error.code, ended.exit);
                self.complain(what, &complaint, &ended);
            }
            if error.help.is_empty() || error.help.contains('\n') {
                self.complain(what, &format!("help `{}`", error.help), &ended);
            }
            if !left.is_empty() {
                self.complain(what, &format!("left {left:?}"), &ended);
            }
            if json {
                eprintln!("{what}: `{}`, exit {:?}, {:.1} s", error.code, ended.exit, ended.took.as_secs_f64());
            }
        }
    }

    /// Expects success, a result, and warnings with these codes.
    pub(crate) fn accept(&self, what: &str, line: &Line, result: &str, warnings: &[&str]) {
        let (ended, left) = self.run(what, line, true);
        let missing: Vec<_> = warnings.iter().filter(|code| !ended.stdout.contains(&format!("\"{code}\""))).collect();
        if ended.exit != Some(0) || !left.iter().any(|path| path == Path::new(result)) || !missing.is_empty() {
            self.complain(what, &format!("exit {:?}, not warned of {missing:?}", ended.exit), &ended);
        }
        eprintln!("{what}: accepted, {:.1} s", ended.took.as_secs_f64());
    }

    /// Runs a command that a case needs first.
    pub(crate) fn prepare(&self, line: &Line) {
        let place = tempfile::tempdir().unwrap();
        let done = self.program(line, place.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// True if the user has downloaded the networks for persons before; otherwise reports that the test was skipped.
    pub(crate) fn has_pose_networks(&self) -> bool {
        let list = Command::new(env!("CARGO_BIN_EXE_stuntdouble")).args(["models", "list"]).output().unwrap();
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let names = [
            "blazepose-detector",
            "blazepose-landmarks-full",
            "hand-landmarks",
            "face-landmarks",
            "selfie-segmentation",
        ];
        let present = |name: &str| list.lines().any(|line| line.starts_with(name) && line.contains(" present "));
        let all = names.into_iter().all(present);
        if !all {
            eprintln!("ran fewer cases: the pose networks are not in the cache");
        }
        all
    }

    /// Panics if anything failed.
    pub(crate) fn finish(self) {
        let complaints = self.complaints.borrow();
        eprintln!("{} wrong inputs, the slowest run took {:.1} s", self.cases.get(), self.slowest.get().as_secs_f64());
        assert!(complaints.is_empty(), "of {} wrong inputs:\n{}", self.cases.get(), complaints.join("\n"));
    }

    fn complain(&self, what: &str, complaint: &str, ended: &Ended) {
        let mut text = format!("{what}: {complaint}");
        for line in ended.stdout.lines().chain(ended.stderr.lines()).rev().take(4) {
            let _ = write!(text, "\n    {line}");
        }
        self.complaints.borrow_mut().push(text);
    }

    fn program(&self, line: &Line, place: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stuntdouble"));
        command.args(line.arguments()).current_dir(place).env("STUNTDOUBLE_OFFLINE", "1");
        if !line.user_cache {
            command.env("STUNTDOUBLE_CACHE", self.path("cache")).env("HF_HUB_CACHE", self.path("hub"));
        }
        command.envs(line.environment.iter().cloned());
        command
    }

    /// Runs a command in an empty folder. Also returns what is then in it and in the folder for temporary files.
    fn run(&self, what: &str, line: &Line, json: bool) -> (Ended, Vec<PathBuf>) {
        let (place, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut command = self.program(line, place.path());
        command.env("TMPDIR", temporary.path());
        if json {
            command.arg("--json");
        }
        let before = listing(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = Ended::of(command.spawn().unwrap());
        self.slowest.set(self.slowest.get().max(ended.took));
        if ended.exit.is_none() {
            self.complain(what, &format!("killed by a signal after {:?}", ended.took), &ended);
        }
        if ended.stderr.contains("panicked") {
            self.complain(what, "a panic", &ended);
        }
        let after = listing(self.folder.path());
        if before != after {
            let changed: Vec<_> = after.iter().filter(|(path, file)| before.get(*path) != Some(*file)).collect();
            self.complain(what, &format!("the inputs changed: {changed:?}, {} files before", before.len()), &ended);
        }
        let left = listing(place.path()).into_keys().chain(listing(temporary.path()).into_keys()).collect();
        (ended, left)
    }
}

/// A picture with a light figure from column `left` on.
pub(crate) fn figure(size: (usize, usize), left: usize) -> Picture {
    Picture::from_fn(size.0, size.1, |x, y| match inside(size, left, x, y) {
        true => [220, 180, 150],
        false => [(x * 3) as u8, (y * 3) as u8, 90],
    })
}

fn inside(size: (usize, usize), left: usize, x: usize, y: usize) -> bool {
    (left..left + 12).contains(&x) && (size.1 / 8..size.1 * 7 / 8).contains(&y)
}

/// Everything below a folder: relative paths, with size and time of files.
fn listing(folder: &Path) -> BTreeMap<PathBuf, Option<(u64, std::time::SystemTime)>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            found.insert(
                path.strip_prefix(folder).unwrap().to_path_buf(),
                data.is_file().then(|| (data.len(), data.modified().unwrap())),
            );
            if data.is_dir() {
                waiting.push(path);
            }
        }
    }
    found
}

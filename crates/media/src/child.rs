//! Runs ffmpeg as a child process under limits: the user's environment variables are removed, and memory, files, time
//! and the captured output are bounded.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Limits of a child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChildLimits {
    /// Bytes of address space.
    pub(crate) address_space: u64,
    /// Whether it may write files.
    pub(crate) writes_files: bool,
}

impl ChildLimits {
    /// 2 GiB for the program and small frames, and room for the many copies of a large frame that a codec keeps.
    pub(crate) fn for_frames_of(pixels: u64, bytes_a_pixel: u64, writes_files: bool) -> Self {
        Self { address_space: (2 << 30) + pixels.saturating_mul(bytes_a_pixel), writes_files }
    }
}

/// Lines that ffmpeg printed, each truncated; the first and the last ones are kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    /// The first lines.
    pub(crate) first: Vec<String>,
    /// The last lines.
    pub(crate) last: VecDeque<String>,
    /// The first lines of level error or worse, or about corrupt input, without their level.
    pub(crate) errors: Vec<String>,
}

impl Notes {
    fn add(&mut self, line: &str) {
        let serious = line.contains("[error] ") || line.contains("[fatal] ") || line.contains("corrupt");
        // A stream that is not decoded, such as subtitles, may have a codec that is not on our list.
        let serious = serious && !line.contains("not on whitelist");
        if serious && self.errors.len() < 16 {
            self.errors.push(without_tags(line));
        }
        if self.first.len() < 400 {
            self.first.push(line.to_owned());
        }
        if self.last.len() == 12 {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }

    /// The line that best describes a failure.
    pub(crate) fn reason(&self) -> String {
        let last = || self.last.iter().rev().find(|line| !line.trim().is_empty()).map(|line| without_tags(line));
        self.errors.first().cloned().or_else(last).unwrap_or_else(|| "no message".into())
    }

    /// True when any kept line contains the text.
    pub(crate) fn mention(&self, text: &str) -> bool {
        self.first.iter().chain(&self.last).chain(&self.errors).any(|line| line.contains(text))
    }
}

/// A line without `[component @ 0x...]` and `[level]` at its start, which differ from run to run.
fn without_tags(line: &str) -> String {
    let mut rest = line.trim();
    while let Some((_, after)) = rest.strip_prefix('[').and_then(|inside| inside.split_once("] ")) {
        rest = after;
    }
    rest.chars().take(200).collect()
}

#[derive(Debug, Default)]
struct Watch {
    deadline: Option<Instant>,
    fired: bool,
    over: bool,
}

/// A running ffmpeg. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Running {
    child: Arc<Mutex<Child>>,
    watch: Arc<(Mutex<Watch>, Condvar)>,
    watcher: Option<JoinHandle<()>>,
    listener: Option<JoinHandle<Notes>>,
    /// Takes the pipe that the process reads, if it was requested.
    pub(crate) stdin: Option<ChildStdin>,
    /// Takes the pipe that the process writes, if it was requested.
    pub(crate) stdout: Option<ChildStdout>,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) notes: Notes,
    /// It was killed because it exceeded its time limit.
    pub(crate) timed_out: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// Starts `program` with an empty environment in the root folder.
    pub(crate) fn start(
        program: &Path,
        arguments: &[std::ffi::OsString],
        limits: ChildLimits,
        pipes: (Stdio, Stdio),
    ) -> Result<Self> {
        let mut command = Command::new(program);
        // Many small memory arenas would count against the address space.
        command.args(arguments).env_clear().env("MALLOC_ARENA_MAX", "2").current_dir("/");
        command.stdin(pipes.0).stdout(pipes.1).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|failed| Error::FfmpegFailed {
            reason: format!("`{}` cannot be started: {failed}", program.display()),
        })?;
        limit(&child, limits);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        let watch = Arc::new((Mutex::new(Watch::default()), Condvar::new()));
        let watcher = std::thread::spawn({
            let (child, watch) = (Arc::clone(&child), Arc::clone(&watch));
            move || keep_watch(&child, &watch)
        });
        let listener = stderr.map(|stderr| std::thread::spawn(move || listen(stderr)));
        Ok(Self { child, watch, watcher: Some(watcher), listener, stdin, stdout })
    }

    /// Does something that waits for the process. After `patience` the process is killed, which ends the wait.
    pub(crate) fn waiting<T>(&mut self, patience: Duration, work: impl FnOnce(&mut Self) -> T) -> T {
        self.set_deadline(Some(Instant::now() + patience));
        let result = work(self);
        self.set_deadline(None);
        result
    }

    fn set_deadline(&self, deadline: Option<Instant>) {
        lock(&self.watch.0).deadline = deadline;
        self.watch.1.notify_all();
    }

    /// Waits without holding the lock that the watcher needs.
    fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = lock(&self.child).try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills the process.
    pub(crate) fn kill(&self) {
        // It fails only when the process has ended already.
        let _ = lock(&self.child).kill();
    }

    /// Closes the pipes and waits for the end of the process, which must come within `patience`.
    pub(crate) fn end(mut self, patience: Duration) -> io::Result<Ended> {
        drop(self.stdin.take());
        drop(self.stdout.take());
        // The listener's end of the pipe closes when the process ends, so waiting for it holds no lock.
        let (notes, status) = self.waiting(patience, |running| {
            let notes = running.listener.take().map(JoinHandle::join);
            (notes, running.wait())
        });
        let status = status?;
        let notes = notes.and_then(std::result::Result::ok).unwrap_or_default();
        let timed_out = lock(&self.watch.0).fired;
        Ok(Ended { status, notes, timed_out })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = lock(&self.child).wait();
        lock(&self.watch.0).over = true;
        self.watch.1.notify_all();
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

/// Kills the process when a deadline passes.
fn keep_watch(child: &Mutex<Child>, watch: &(Mutex<Watch>, Condvar)) {
    let mut state = lock(&watch.0);
    while !state.over {
        state = match state.deadline {
            None => watch.1.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let now = Instant::now();
                if now >= deadline && !state.fired {
                    state.fired = true;
                    let _ = lock(child).kill();
                }
                let pause = if state.fired { Duration::from_secs(3600) } else { deadline - now };
                watch.1.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

fn listen(stderr: impl Read) -> Notes {
    let mut notes = Notes::default();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.by_ref().take(4096).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return notes,
            Ok(_) => notes.add(String::from_utf8_lossy(&line).trim_end()),
        }
    }
}

/// Sets the limits from outside, right after the start. The kernel applies them to everything that the process requests
/// later.
#[cfg(target_os = "linux")]
fn limit(child: &Child, limits: ChildLimits) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let set = |resource: Resource, most: u64| {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        if let Some(process) = Pid::from_raw(child.id() as i32) {
            // It fails only when the process is gone.
            let _ = prlimit(Some(process), resource, limit);
        }
    };
    set(Resource::As, limits.address_space);
    set(Resource::Nofile, 64);
    set(Resource::Core, 0);
    if !limits.writes_files {
        set(Resource::Fsize, 0);
    }
}

#[cfg(not(target_os = "linux"))]
fn limit(_child: &Child, _limits: ChildLimits) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        let limits = ChildLimits::for_frames_of(0, 0, false);
        let arguments = ["-c".into(), script.into()];
        Running::start(Path::new("/bin/sh"), &arguments, limits, (Stdio::null(), Stdio::piped())).unwrap()
    }

    #[test]
    fn errors_are_picked_out_of_the_notes() {
        let ended = shell("echo plain >&2; echo '[mov @ 0x55d1] [error] moov atom not found' >&2; exit 3")
            .end(Duration::from_secs(20))
            .unwrap();
        assert_eq!((ended.status.code(), ended.timed_out), (Some(3), false));
        assert_eq!(ended.notes.reason(), "moov atom not found");
        assert!(ended.notes.mention("plain"));
    }

    #[test]
    fn a_process_that_hangs_is_killed() {
        let ended = shell("exec sleep 600").end(Duration::from_millis(50)).unwrap();
        assert!(ended.timed_out && !ended.status.success());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_environment_is_empty_and_files_stay_unwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        let mut running = shell(&format!("sleep 0.2; env; echo hello > {}; ulimit -n", file.display()));
        let mut said = String::new();
        running.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("MALLOC_ARENA_MAX=2") && !said.contains("HOME="), "{said}");
        assert!(std::fs::read(&file).unwrap_or_default().is_empty());
    }
}

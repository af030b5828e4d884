//! Records how the program ended, and its messages.

use std::process::Child;
use std::time::{Duration, Instant};

/// A program that takes longer hangs. A case takes seconds; the rest is for busy machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// The end of a process.
pub(crate) struct Ended {
    /// The exit status; none when a signal ended it.
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// An error as the user sees it.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) code: String,
    pub(crate) help: String,
}

impl Ended {
    /// Waits for the end of a program and reads its output. Kills it when it takes too long.
    pub(crate) fn of(mut child: Child) -> Self {
        let read = |mut pipe: Box<dyn std::io::Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = vec![];
                let _ = pipe.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let stdout = read(Box::new(child.stdout.take().unwrap()));
        let stderr = read(Box::new(child.stderr.take().unwrap()));
        let started = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if started.elapsed() > PATIENCE => {
                    child.kill().unwrap();
                    break child.wait().unwrap();
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let took = started.elapsed();
        Self { exit: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap(), took }
    }

    /// The error from the last line of JSON, or the last error in plain text.
    pub(crate) fn error(&self, json: bool) -> Told {
        if json { self.json_error() } else { self.text_error() }
    }

    fn json_error(&self) -> Told {
        let last = self.stdout.lines().last().unwrap_or_default();
        let event: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
        let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        if event["event"] == "error" { Told { code: field("code"), help: field("help") } } else { Told::default() }
    }

    fn text_error(&self) -> Told {
        let error = self.stderr.rsplit_once("error[").map(|(_, error)| error).unwrap_or_default();
        let code = error.split_once("]: ").map(|(code, _)| code).unwrap_or_default();
        let help = error.split_once("\nhelp: ").map(|(_, help)| help).unwrap_or_default();
        Told { code: code.into(), help: help.trim_end().into() }
    }
}

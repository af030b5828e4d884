//! Tests several processes that download at the same time, and processes that die. The test program starts a copy of
//! itself as the second process.

use crate::server::{Plan, Server};
use crate::{bytes, files_below, hub_store, silent};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use stuntdouble_fetch::Progress;

const SIZE: usize = 400_000;
const CHILD: &str = "FETCH_TEST_CHILD";

fn body() -> Vec<u8> {
    bytes(SIZE, 21)
}

/// Starts this test program again, as a process that downloads from `hub` into `folder`.
fn start(folder: &Path, hub: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::the_other_process", "--nocapture"])
        .env(CHILD, format!("{hub} {}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Not a test: this is what the other process does. In an ordinary run it does nothing.
#[test]
fn the_other_process() {
    let Ok(job) = std::env::var(CHILD) else { return };
    let (hub, folder) = job.split_once(' ').unwrap();
    let path = hub_store(Path::new(folder), hub, &body())
        .fetch("model", &mut |event| {
            if matches!(event, Progress::Waiting { .. }) {
                writeln!(std::io::stdout(), "waiting").unwrap();
            }
        })
        .unwrap();
    assert_eq!(std::fs::read(path).unwrap(), body());
}

#[test]
fn two_processes_at_once_download_once() {
    let folder = tempfile::tempdir().unwrap();
    let (release, held) = mpsc::channel();
    // The download remains half done until one process reports that it waits for the other.
    let server = Server::start(body(), vec![Plan::HoldAfter(SIZE / 2, held), Plan::Status(500)]);
    let mut children = [start(folder.path(), &server.address), start(folder.path(), &server.address)];
    let (told, heard) = mpsc::channel();
    for child in &mut children {
        let (lines, told) = (BufReader::new(child.stdout.take().unwrap()).lines(), told.clone());
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(told.send(line))));
    }
    let limit = Duration::from_secs(60);
    while !heard.recv_timeout(limit).expect("one of the processes waits").contains("waiting") {}
    release.send(()).unwrap();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(files_below(folder.path()), ["model.bin"]);
}

#[test]
fn after_a_kill_the_next_process_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (_release, held) = mpsc::channel();
    let server = Server::start(body(), vec![Plan::HoldAfter(SIZE / 2, held), Plan::Right]);
    let mut child = start(folder.path(), &server.address);
    let half = |folder: &Path| {
        let parts = std::fs::read_dir(folder.join("partial")).into_iter().flatten().flatten();
        parts.into_iter().any(|part| part.metadata().is_ok_and(|metadata| metadata.len() == SIZE as u64 / 2))
    };
    let started = Instant::now();
    while !half(folder.path()) {
        assert!(started.elapsed() < Duration::from_secs(60), "half of the file never came");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(_release); // The server closes the connection of the dead process.

    let path = hub_store(folder.path(), &server.address, &body()).fetch("model", &mut silent).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), body());
    assert_eq!(server.ranges(), [None, Some(format!("bytes={}-", SIZE / 2))]);
    assert_eq!(files_below(folder.path()), ["model.bin"]);
}

#[test]
fn threads_with_stores_of_their_own_do_not_collide() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(body(), vec![Plan::Right]);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| hub_store(folder.path(), &server.address, &body()).fetch("model", &mut silent).unwrap());
        }
    });
    assert_eq!(server.requests().len(), 1);
}

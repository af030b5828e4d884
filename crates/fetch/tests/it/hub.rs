//! Tests downloads from a hub: resuming, a wrong hash, an interrupted connection, offline mode, and the shared cache.

use crate::server::{Plan, Server};
use crate::{bytes, catalogue, files_below, hub_source, hub_store, options, sha256, silent};
use std::net::TcpListener;
use stuntdouble_fetch::{Error, Progress, Store};

const SIZE: usize = 300_000;

#[test]
fn a_file_is_fetched_once_and_then_believed() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 1));
    let server = Server::start(body.clone(), vec![Plan::Right]);
    let store = hub_store(folder.path(), &server.address, &body);
    assert_eq!(store.path_if_verified("model").unwrap(), None);
    assert_eq!(store.verify("model").unwrap_err().code(), "fetch.missing");

    let mut last = None;
    let path = store
        .fetch("model", &mut |event| {
            if let Progress::Bytes { done, total, .. } = event {
                assert!(last.is_none_or(|last| last < done) && done <= total);
                last = Some(done);
            }
        })
        .unwrap();
    assert_eq!(last, Some(SIZE as u64));
    assert_eq!(std::fs::read(&path).unwrap(), body);
    assert_eq!(server.requests()[0].path, "/owner/name/resolve/main/dir/model.bin");
    assert_eq!(store.path_if_verified("model").unwrap().as_ref(), Some(&path));
    assert_eq!(store.verify("model").unwrap(), path);
    assert_eq!(store.fetch("model", &mut silent).unwrap(), path);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(files_below(folder.path()), ["model.bin"]);
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 2));
    let server = Server::start(body.clone(), vec![Plan::CutAfter(100_000), Plan::CutAfter(50_000), Plan::Right]);
    let store = hub_store(folder.path(), &server.address, &body);
    let mut cuts = Vec::new();
    let path = store
        .fetch("model", &mut |event| {
            if let Progress::Resuming { cuts: count, .. } = event {
                cuts.push(count);
            }
        })
        .unwrap();
    assert_eq!(cuts, [1, 2]);
    assert_eq!(std::fs::read(path).unwrap(), body);
    assert_eq!(server.ranges(), [None, Some("bytes=100000-".to_owned()), Some("bytes=150000-".to_owned())]);
}

#[test]
fn after_too_many_cuts_the_next_run_goes_on() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 3));
    let server = Server::start(body.clone(), vec![Plan::CutAfter(10_000)]);
    let error = hub_store(folder.path(), &server.address, &body).fetch("model", &mut silent).unwrap_err();
    let Error::Connection { cuts: 5, done: 50_000, total: 300_000, .. } = error else { panic!("{error}") };
    assert_eq!(error.code(), "fetch.connection");

    let server = Server::start(body.clone(), vec![Plan::Right]);
    let path = hub_store(folder.path(), &server.address, &body).fetch("model", &mut silent).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), body);
    assert_eq!(server.ranges(), [Some("bytes=50000-".to_owned())]);
}

#[test]
fn a_server_without_ranges_is_asked_for_the_whole() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 4));
    let server = Server::start(body.clone(), vec![Plan::CutAfter(70_000), Plan::IgnoreRange]);
    let path = hub_store(folder.path(), &server.address, &body).fetch("model", &mut silent).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), body);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 5));
    let server = Server::start(body.clone(), vec![Plan::Status(503), Plan::Status(429), Plan::Right]);
    assert!(hub_store(folder.path(), &server.address, &body).fetch("model", &mut silent).is_ok());
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_file_with_another_hash_is_refused_and_not_kept() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 6));
    let server = Server::start(body.clone(), vec![Plan::Other(bytes(SIZE, 7))]);
    let store = hub_store(folder.path(), &server.address, &body);
    let error = store.fetch("model", &mut silent).unwrap_err();
    assert_eq!(error.code(), "fetch.hash_mismatch");
    assert!(error.to_string().contains(&sha256(&body).to_string()), "{error}");
    assert!(error.to_string().contains(&sha256(&bytes(SIZE, 7)).to_string()), "{error}");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(store.path_if_verified("model").unwrap(), None);
    assert!(files_below(folder.path()).is_empty());
}

#[test]
fn a_file_with_another_length_is_refused_early() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 8));
    for plan in [Plan::Other(b"<html>sign in</html>".to_vec()), Plan::NoLength(bytes(SIZE + 1, 8))] {
        let server = Server::start(body.clone(), vec![plan]);
        let error = hub_store(folder.path(), &server.address, &body).fetch("model", &mut silent).unwrap_err();
        assert_eq!(error.code(), "fetch.hash_mismatch");
        assert!(error.to_string().contains("expected 300000 bytes"), "{error}");
        assert!(files_below(folder.path()).is_empty());
    }
}

#[test]
fn a_spoilt_part_of_an_earlier_run_is_thrown_away_once() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 9));
    let part = folder.path().join("partial").join(format!("{}.part", sha256(&body)));
    std::fs::create_dir_all(part.parent().unwrap()).unwrap();
    for left in [vec![0u8; 1000], vec![0u8; SIZE], vec![0u8; SIZE + 1]] {
        std::fs::write(&part, left).unwrap();
        let server = Server::start(body.clone(), vec![Plan::Right]);
        let store = hub_store(folder.path(), &server.address, &body);
        let path = store.fetch("model", &mut silent).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), body);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn refusals_are_final_and_name_the_status() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 10));
    for (status, help) in [(404, "the address of the hub"), (401, "a hub token"), (403, "a hub token")] {
        let server = Server::start(body.clone(), vec![Plan::Status(status)]);
        let error = hub_store(folder.path(), &server.address, &body).fetch("model", &mut silent).unwrap_err();
        assert_eq!(error.code(), "fetch.http_status");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(error.help().contains(help), "{}", error.help());
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_server_that_does_not_exist_is_a_cut_connection() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 11));
    let address = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let error = hub_store(folder.path(), &address, &body).fetch("model", &mut silent).unwrap_err();
    let Error::Connection { cuts: 3, done: 0, .. } = error else { panic!("{error}") };
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 12));
    let storage = Server::start(body.clone(), vec![Plan::Right]);
    // Another host name for the same machine. A redirect to it leaves the hub.
    let elsewhere = format!("{}/stored", storage.address.replace("127.0.0.1", "localhost"));
    let hub = Server::start(body.clone(), vec![Plan::Redirect(elsewhere)]);
    let mut options = options(&hub.address);
    options.hub_token = Some("secret".to_owned());
    let store = Store::with_catalogue(folder.path(), catalogue(&[("model", false, hub_source(&body))]), options);
    store.fetch("model", &mut silent).unwrap();
    assert_eq!(hub.requests()[0].authorization.as_deref(), Some("Bearer secret"));
    assert_eq!(storage.requests()[0].path, "/stored");
    assert_eq!(storage.requests()[0].authorization, None);
}

#[test]
fn offline_asks_nobody_and_says_where_the_file_belongs() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 13));
    let server = Server::start(body.clone(), vec![Plan::Right]);
    let catalogue = catalogue(&[("model", false, hub_source(&body))]);
    let mut offline = options(&server.address);
    offline.offline = true;
    let store = Store::with_catalogue(folder.path(), catalogue, offline);
    let error = store.fetch("model", &mut silent).unwrap_err();
    assert_eq!(error.code(), "fetch.offline");
    assert!(server.requests().is_empty());

    // A copy put by hand at the place that the error names is found.
    let Error::Offline { path, .. } = error else { panic!("{error}") };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, &body).unwrap();
    assert_eq!(store.fetch("model", &mut silent).unwrap(), path);
}

#[test]
fn a_damaged_file_is_named_by_verify_and_replaced_by_fetch() {
    let (folder, body) = (tempfile::tempdir().unwrap(), bytes(SIZE, 14));
    let server = Server::start(body.clone(), vec![Plan::Right]);
    let store = hub_store(folder.path(), &server.address, &body);
    let path = store.fetch("model", &mut silent).unwrap();
    let mut damaged = body.clone();
    damaged[SIZE / 2] ^= 1;
    for damage in [damaged, body[..SIZE - 1].to_vec(), Vec::new()] {
        std::fs::write(&path, damage).unwrap();
        assert_eq!(store.verify("model").unwrap_err().code(), "fetch.hash_mismatch");
        assert_eq!(store.path_if_verified("model").unwrap_err().code(), "fetch.hash_mismatch");
        assert_eq!(store.fetch("model", &mut silent).unwrap(), path);
        assert_eq!(std::fs::read(&path).unwrap(), body);
    }
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_file_in_the_shared_cache_is_used_in_place() {
    let (folder, shared, body) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), bytes(SIZE, 15));
    let snapshot = shared.path().join("models--owner--name/snapshots/0123abc/dir");
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::write(snapshot.join("model.bin"), &body).unwrap();
    let server = Server::start(body.clone(), vec![Plan::Right]);
    let mut with_cache = options(&server.address);
    with_cache.shared_hub_cache = Some(shared.path().to_owned());
    let store = Store::with_catalogue(folder.path(), catalogue(&[("model", false, hub_source(&body))]), with_cache);
    assert_eq!(store.fetch("model", &mut silent).unwrap(), snapshot.join("model.bin"));
    assert_eq!(store.verify("model").unwrap(), snapshot.join("model.bin"));
    assert!(server.requests().is_empty());

    // A different file there is no error. Ours is downloaded beside it.
    std::fs::write(snapshot.join("model.bin"), bytes(SIZE, 16)).unwrap();
    assert_eq!(store.path_if_verified("model").unwrap(), None);
    assert!(store.fetch("model", &mut silent).unwrap().starts_with(folder.path()));
    assert_eq!(std::fs::read(snapshot.join("model.bin")).unwrap(), bytes(SIZE, 16));
}

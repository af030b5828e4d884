//! Tests data sets in an object store: the bytes equal those on disk, even if data were lost in between.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use stuntdouble_stage::{Assets, Place, ShardPlan, inspect_shards, read_index, verify_shards, write_shards};

use crate::s3::Server;
use crate::settings;
use crate::shards::{go_on, plan};

fn variables(server: &Server) -> Vec<(String, String)> {
    let endpoint = format!("http://{}", server.address);
    [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_PAGER", "less"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn place(server: &Server) -> Place {
    Place::parse(Path::new("s3://bucket/sets/one/"), &variables(server)).unwrap()
}

fn stored(server: &Server, clips: u64) -> ShardPlan {
    ShardPlan { place: place(server), ..plan(Path::new(""), clips) }
}

fn nothing(_: u64, _: u64) -> ControlFlow<()> {
    panic!("nothing is left to render")
}

#[test]
fn a_store_gets_the_bytes_of_a_folder_and_a_lost_index_costs_nothing() {
    let (server, folder, assets) = (Server::start(), tempfile::tempdir().unwrap(), Assets::procedural());
    let whole = write_shards(&plan(folder.path(), 5), &assets, &mut go_on).unwrap();
    let mut stop = |done: u64, _: u64| if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    assert_eq!(write_shards(&stored(&server, 5), &assets, &mut stop).unwrap().shards.len(), 1);
    assert_eq!(server.names(), ["sets/one/index.json", "sets/one/stage-000000.tar"], "an unfinished shard is left");
    let mut rendered = Vec::new();
    let mut count = |done: u64, _: u64| {
        rendered.push(done);
        ControlFlow::Continue(())
    };
    assert_eq!(write_shards(&stored(&server, 5), &assets, &mut count).unwrap(), whole);
    assert_eq!(rendered, [3, 4, 5]);
    for name in server.names() {
        let on_disk = fs::read(folder.path().join(name.strip_prefix("sets/one/").unwrap())).unwrap();
        assert!(server.bytes(&name) == on_disk, "{name}");
    }
    server.delete("sets/one/index.json");
    assert_eq!(write_shards(&stored(&server, 5), &assets, &mut nothing).unwrap(), whole);
    assert_eq!(read_index(&place(&server)).unwrap(), whole);

    let other = ShardPlan { settings: settings(40, 2), ..stored(&server, 5) };
    assert_eq!(write_shards(&other, &assets, &mut nothing).unwrap_err().code(), "stage.other_data");
    server.delete("sets/one/index.json");
    let error = write_shards(&other, &assets, &mut nothing).unwrap_err();
    assert!(error.code() == "stage.other_data" && error.to_string().contains("stage-000000.tar"), "{error}");
}

#[test]
fn damaged_objects_are_found_and_made_again() {
    let (server, assets) = (Server::start(), Assets::procedural());
    assert_eq!(inspect_shards(&place(&server), 3).unwrap_err().code(), "stage.unreadable");
    let index = write_shards(&stored(&server, 3), &assets, &mut go_on).unwrap();
    let (inspection, sheet) = inspect_shards(&place(&server), 3).unwrap();
    assert!(inspection.clips == 3 && sheet.width() > 500, "{inspection:?}");

    let shard = "sets/one/stage-000001.tar";
    let whole = server.bytes(shard);
    let mut changed = whole.clone();
    changed[1000] ^= 1;
    for (damaged, told) in [(changed, "SHA-256"), (whole[..1000].to_vec(), "1000 bytes")] {
        server.damage(shard, damaged);
        for error in [verify_shards(&place(&server)).unwrap_err(), inspect_shards(&place(&server), 3).unwrap_err()] {
            let text = error.to_string();
            assert_eq!(error.code(), "stage.malformed");
            assert!(text.contains("s3://bucket/sets/one/stage-000001.tar") && text.contains(told), "{text}");
        }
    }
    assert_eq!(write_shards(&stored(&server, 3), &assets, &mut go_on).unwrap(), index);
    assert!(server.bytes(shard) == whole);
    // A missing object is rendered again, too.
    server.delete("sets/one/stage-000000.tar");
    assert_eq!(verify_shards(&place(&server)).unwrap_err().code(), "stage.unreadable");
    assert_eq!(write_shards(&stored(&server, 3), &assets, &mut go_on).unwrap(), index);
    assert_eq!(verify_shards(&place(&server)).unwrap(), index);
}

#[test]
fn an_interrupted_upload_leaves_nothing_and_the_next_run_sends_that_shard_again() {
    let (server, assets) = (Server::start(), Assets::procedural());
    // A busy store is asked again.
    server.refuse("PUT /bucket/sets/one/stage-000000.tar", 503);
    server.refuse("POST /bucket/sets/one/stage-000001.tar uploadId", 403);
    let error = write_shards(&stored(&server, 4), &assets, &mut go_on).unwrap_err();
    assert_eq!(error.code(), "stage.store");
    assert!(error.to_string().ends_with(": `s3://bucket/sets/one/stage-000001.tar`"), "{error}");
    assert!(error.help().contains("AWS_*"), "{}", error.help());
    assert_eq!((server.names().len(), server.unfinished()), (2, 0));
    server.requests();
    let mut rendered = Vec::new();
    let mut count = |done: u64, _: u64| {
        rendered.push(done);
        ControlFlow::Continue(())
    };
    let index = write_shards(&stored(&server, 4), &assets, &mut count).unwrap();
    assert_eq!(rendered, [3, 4]);
    let expected = [
        "GET /bucket delimiter list-type prefix",
        "GET /bucket/sets/one/index.json",
        "POST /bucket/sets/one/stage-000001.tar uploads",
        "PUT /bucket/sets/one/stage-000001.tar partNumber uploadId",
        "POST /bucket/sets/one/stage-000001.tar uploadId",
        "PUT /bucket/sets/one/index.json",
    ];
    assert_eq!(server.requests(), expected);
    assert_eq!(verify_shards(&place(&server)).unwrap(), index);
}

#[test]
fn an_address_without_a_bucket_or_with_empty_parts_is_refused() {
    for typed in ["s3://", "s3:///set", "s3://bucket/a//b", "s3://bucket/../b"] {
        assert_eq!(Place::parse(Path::new(typed), &[]).unwrap_err().code(), "stage.bad_place", "{typed}");
    }
    let place = place(&Server::start());
    assert_eq!((place.to_string().as_str(), place.folder()), ("s3://bucket/sets/one", None));
}

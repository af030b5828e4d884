//! Tests files written by PyTorch, files crafted to do harm, and damaged files.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod crafted;
mod hostile;
mod mutation;
mod written_by_pytorch;

use std::path::PathBuf;

/// A file made by `tests/fixtures/make_fixtures.py`.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

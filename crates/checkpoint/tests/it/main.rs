//! Files that PyTorch wrote, files that somebody wrote to do harm, and files that were damaged.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod crafted;
mod hostile;
mod mutation;
mod written_by_pytorch;

use std::path::PathBuf;

/// A file that `tests/fixtures/make_fixtures.py` made.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

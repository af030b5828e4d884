//! Tests suites end to end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod suites;
mod videos;

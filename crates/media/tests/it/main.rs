//! Tests of the crate through its public interface. Tests that need ffmpeg, or data from outside the repository, report
//! that they were skipped if it is missing.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]
#![expect(clippy::print_stdout, reason = "skipped tests say so")]

mod bench;
mod formats;
mod hostile;
mod parity;
mod round_trip;

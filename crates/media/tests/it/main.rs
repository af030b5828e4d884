//! Tests the crate through its public interface. If ffmpeg or data outside the repository are missing, the tests that
//! need them report that they were skipped.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]
#![expect(clippy::print_stdout, reason = "skipped tests say so")]

mod bench;
mod formats;
mod hostile;
mod parity;
mod round_trip;

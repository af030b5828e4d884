//! Tests of the crate as its users see it. Those that need ffmpeg, or data from outside the repository, say so and pass
//! when there is none.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]
#![expect(clippy::print_stdout, reason = "skipped tests say so")]

mod bench;
mod formats;
mod hostile;
mod parity;
mod round_trip;

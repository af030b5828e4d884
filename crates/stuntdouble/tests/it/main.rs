//! The pipeline from end to end on a rendered clip, without network: truth as the user's own signals, preset `tiny`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests may panic, and say what they skip")]

mod cli;
mod pipeline;

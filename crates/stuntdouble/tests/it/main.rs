//! The pipeline from end to end on a rendered clip, without network: truth as the user's own signals, preset `tiny`. The
//! program itself on wrong and hostile inputs.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests may panic, and say what they skip"
)]

mod bench;
mod cli;
mod ended;
mod evaluate;
mod hostile;
mod line;
mod pipeline;
mod precision;

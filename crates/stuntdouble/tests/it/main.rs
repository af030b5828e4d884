//! Tests the pipeline end to end on a rendered clip, without network access. The ground truth serves as user-supplied
//! signals, with preset `tiny`. The program is also tested with wrong and hostile inputs.

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
mod examples;
mod hostile;
mod line;
#[cfg(unix)]
mod messages;
mod pipeline;
mod precision;

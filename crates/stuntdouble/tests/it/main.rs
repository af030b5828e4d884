//! End-to-end tests of the pipeline on a rendered clip, without network: the truth serves as the user's own signals,
//! with preset `tiny`. The program is also tested with wrong and hostile inputs.

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

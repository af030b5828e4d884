//! The program: maps what was typed to jobs, and errors to exit codes.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}

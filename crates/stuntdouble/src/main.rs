//! Runs the program: turns the command line into jobs, and errors into exit codes.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}

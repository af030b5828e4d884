//! Runs the development and CI tasks as `cargo xtask COMMAND`. The tasks need only cargo, unless the description of a
//! command says otherwise.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod cargo;
mod checks;
mod expression;
mod gpu;
mod libtorch;
mod licences;
mod python;
mod structure;
mod tests;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test                  all tests, with cargo-nextest if it is installed; arguments after it go to the test runner
  ci                    what CI runs: formatting, licences, clippy, documentation, tests
  licences              checks the licence of every crate in the dependency tree, by default and with object stores
  python                builds the Python package and runs its tests
  structure             looks for circles between files, folders of more than 20 files, functions of more than 100 lines,
                        and sentences of ARCHITECTURE.md that are not true
  parity DIR            runs a folder of parity fixtures; the exit code is the runner's
  parity --full DIR     runs published weights at full width (about 9 GB) against the public pipeline's results
  libtorch cpu|cuda     builds with libtorch (fetched with pip); arguments after `--` replace those of cargo,
                        as in: cargo xtask libtorch cpu -- test -p stuntdouble-train --features libtorch
  gpu FOLDER            fills a folder with all that a bare host with a card needs to train the finisher:
                        --assets PACK --perceptual FILE [--start WEIGHTS] [--flavour cpu|cuda]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test", rest @ ..] => tests::run(rest),
        ["ci"] => checks::run(),
        ["licences"] => licences::run(),
        ["python"] => python::run(),
        ["structure"] => structure::run(),
        ["parity", folder, rest @ ..] => {
            let command = ["run", "--release", "--package", "parity", "--", folder];
            cargo::status(&[&command, rest].concat(), &[])
        }
        ["libtorch", flavour @ ("cpu" | "cuda")] => libtorch::run(flavour, &[]),
        ["libtorch", flavour @ ("cpu" | "cuda"), "--", rest @ ..] => libtorch::run(flavour, rest),
        ["gpu", rest @ ..] => gpu::run(rest),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

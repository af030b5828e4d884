//! Runs the development and CI tasks as `cargo xtask COMMAND`. The tasks need only cargo, unless the description of a
//! command says otherwise.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod cargo;
mod checks;
mod documents;
mod expression;
mod gpu;
mod libtorch;
mod licences;
mod python;
mod release;
mod structure;
mod tests;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test                  runs all tests, with cargo-nextest if it is installed; further arguments go to the test runner
  ci                    runs what CI runs: formatting, licences, documents, clippy, documentation, tests
  documents             checks the links between the documents and their spelling, and builds the book
  licences              checks the licence of every crate in the dependency tree, by default and with object stores
  python                builds the Python package and runs its tests
  structure             reports cycles between files, folders of more than 20 files, functions of more than 100 lines,
                        and false statements in ARCHITECTURE.md
  release [FOLDER]      packs the program for this platform, with licences, completions, man pages and SHA256SUMS
  parity DIR            runs a folder of parity fixtures and returns the exit code of the runner
  parity --full DIR     runs published weights at full width (about 9 GB) against the public pipeline's results
  libtorch cpu|cuda     builds with libtorch (fetched with pip); arguments after `--` replace those of cargo,
                        as in: cargo xtask libtorch cpu -- test -p stuntdouble-train --features libtorch
  gpu FOLDER            creates a folder with everything that a host with a GPU needs to train the finisher:
                        --assets PACK --perceptual FILE [--start WEIGHTS] [--flavour cpu|cuda]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test", rest @ ..] => tests::run(rest),
        ["ci"] => checks::run(),
        ["documents"] => documents::run(),
        ["release", rest @ ..] => release::run(rest),
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

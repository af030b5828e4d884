//! Runs the parity cases of a folder with `parity DIR`, or published weights at full width with `parity --full DIR`.
//! The program prints one JSON line per case, then the counts. The exit code is 1 if a case failed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use parity::outcome::Outcome;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (folder, is_full) = match &arguments[..] {
        [folder] => (folder, false),
        [flag, folder] if flag.as_os_str() == "--full" => (folder, true),
        _ => {
            eprintln!("usage: parity [--full] DIR");
            return ExitCode::from(2);
        }
    };
    // A panic in a case is printed as that case's outcome.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut passed, mut failed) = (0, 0);
    let report = |outcome: Outcome| {
        let line = if is_full { outcome.whole_line() } else { outcome.line() };
        match serde_json::to_string(&line) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("parity: {}: {error}", outcome.case),
        }
        if outcome.passed() {
            passed += 1;
        } else {
            failed += 1;
        }
    };
    let result = if is_full { parity::full::run(folder, report) } else { parity::run(folder, report) };
    if let Err(error) = result {
        eprintln!("parity: {error:#}");
        return ExitCode::FAILURE;
    }
    // Every operation is built. The count stays for programs that parse this line.
    println!("{passed} passed, {failed} failed, 0 skipped");
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

//! Shows how another program uses the library: replaces the person of a video and reports progress.
//!
//! `cargo run --release -p stuntdouble --example embed -- CHARACTER VIDEO OUTPUT CACHE`
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use stuntdouble::events::Event;
use stuntdouble::{Error, Events, Host, Job, Report, Settings};

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [character, video, output, cache] = arguments.as_slice() else {
        return Err(Error::Usage { reason: "expected CHARACTER VIDEO OUTPUT CACHE".into() });
    };
    let job = Job::replace(character, video, output).with_settings(Settings { quick: true, ..Settings::default() });
    let report = run(&job, &Host::with_cache(cache))?;
    println!("{} frames, {} without a person", report.frames, report.frames_without_person);
    Ok(())
}

/// Runs a job and prints what it reports.
pub(crate) fn run(job: &Job, host: &Host) -> Result<Report, Error> {
    let events = Events::listened(|event| match event {
        Event::Progress { step, done, total } => println!("{}: {done} of {total}", step.title()),
        Event::Warning { code, message } => println!("warning {code}: {message}"),
        _ => {}
    });
    // Another thread may stop the job: `events.cancel_flag().store(true, Relaxed)`. What is finished stays in the run folder,
    // and the same job goes on from there.
    let report = job.run(host, &events)?;
    for warning in &report.warnings {
        println!("in the report: {}", warning.code);
    }
    Ok(report)
}

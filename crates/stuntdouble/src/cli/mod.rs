//! Implements the command line. [`arguments`] defines the arguments; this module turns them into a job and runs it.

mod arguments;
mod bench;
mod doctor;
mod environment;
mod evaluate;
mod methods;
mod models;
mod prompts;
mod shell;
mod stage;
mod training;
mod training_data;
mod view;

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Parser;
use clap::error::ErrorKind;
use stuntdouble::Error;
use stuntdouble::demo;
use stuntdouble::events::{Event, Events};
use stuntdouble::pipeline::{self, Job};

use arguments::{Arguments, Command};

/// Parses the arguments, runs the command, and reports an error.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) if !told.use_stderr() || told.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            told.exit()
        }
        Err(wrong) => {
            let json = std::env::args_os().any(|argument| argument == "--json");
            return report(&misunderstood(&wrong), &view::events(json));
        }
    };
    let events = view::events(arguments.json);
    let flag = events.cancel_flag();
    let handler = ctrlc::set_handler(move || {
        // A second Ctrl-C does not wait for the step to end. Finished clips are kept in both cases.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    if let Err(reason) = handler {
        events.warn(
            "run.no_signal_handler",
            format!("Ctrl-C will stop the program at once, because the signal handler failed: {reason}"),
        );
    }
    match run(arguments, &events) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, &events),
    }
}

fn report(error: &Error, events: &Events) -> ExitCode {
    events.send(Event::Error { code: error.code(), message: error.to_string(), help: error.help() });
    ExitCode::from(error.exit_code())
}

/// The parser's message in one line, without its hints.
fn misunderstood(wrong: &clap::Error) -> Error {
    let text = wrong.render().to_string();
    let said = text.split("\n\nUsage:").next().and_then(|text| text.split("\n\nFor more").next()).unwrap_or_default();
    let words: Vec<&str> = said.trim_start_matches("error: ").split_whitespace().collect();
    Error::Usage { reason: words.join(" ") }
}

fn run(arguments: Arguments, events: &Events) -> Result<(), Error> {
    let environment = environment::read();
    let offline = arguments.offline || environment.offline;
    let store = environment.store(offline);
    match arguments.command {
        Command::Replace(options) => {
            let job = options.into_job(pipeline::Mode::Replace, &environment.cache)?;
            pipeline::run(&job, &store, &environment.tools(), events).map(drop)
        }
        Command::Animate(options) => {
            let job = options.into_job(pipeline::Mode::Animate, &environment.cache)?;
            pipeline::run(&job, &store, &environment.tools(), events).map(drop)
        }
        Command::Perceive(options) => {
            pipeline::perceive_only(&options.into_job()?, &store, &environment.tools(), events).map(drop)
        }
        Command::Demo(options) => {
            let job: Job = demo::job(&options.output)?;
            pipeline::run(&job, &store, &environment.tools(), events).map(drop)
        }
        Command::Models(command) => models::run(command, &store, events),
        Command::Train(options) => training::run(options, &store, &environment.tools(), events),
        Command::Stage(command) => stage::run(command, &environment.bucket, events),
        Command::Evaluate(options) => evaluate::run(options, &store, &environment.tools(), events, arguments.json),
        Command::Bench(options) => bench::run(&options.into_job(&environment.cache)?, events, arguments.json),
        Command::ShellFiles { folder } => shell::write(&folder),
        Command::Doctor => doctor::run(&store, &environment, arguments.json),
    }
}

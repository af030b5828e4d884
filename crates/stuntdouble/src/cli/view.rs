//! Shows events on the terminal: as a progress bar, as plain lines, or as one JSON object per line.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use stuntdouble::events::{Event, Events, Step};

/// For people on standard error, or for programs on standard output.
pub(crate) fn events(json: bool) -> Events {
    if json {
        return Events::listened(|event| {
            line(&serde_json::to_string(event).unwrap_or_default(), &mut std::io::stdout());
        });
    }
    let mut terminal = Terminal::default();
    Events::listened(move |event| terminal.show(event))
}

/// Prints a line of a command's result, as `println!` does. If nobody reads it any more, the program ends, quietly: what is printed
/// is all that such commands do.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::view::print_line(format_args!($($text)*))
    };
}
pub(super) use say;

/// For [`say!`].
pub(super) fn print_line(text: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A progress bar on a terminal, plain lines elsewhere.
#[derive(Default)]
struct Terminal {
    bar: Option<(Step, ProgressBar)>,
    last_percent: Option<(Step, u64)>,
}

fn line(text: &str, out: &mut dyn Write) {
    // The reader of our output may be gone. The job's files matter more.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

impl Terminal {
    fn show(&mut self, event: &Event) {
        let mut out = std::io::stderr();
        match event {
            Event::Progress { step, done, total } if out.is_terminal() => self.show_bar(*step, *done, *total),
            Event::Progress { step, done, total } => {
                let percent = if *total == 0 { *done / 100 * 10 } else { done * 100 / total / 10 * 10 };
                if self.last_percent.replace((*step, percent)) != Some((*step, percent)) {
                    line(&format!("{}: {done} of {total}", step.title()), &mut out);
                }
            }
            Event::Warning { code, message } => self.print(&format!("warning[{code}]: {message}")),
            Event::Note { message } => self.print(message),
            Event::Done { output } => {
                self.clear();
                line(&format!("done: {output}"), &mut out);
            }
            Event::Error { code, message, help } => {
                self.clear();
                line(&format!("error[{code}]: {message}\nhelp: {help}"), &mut out);
            }
        }
    }

    fn show_bar(&mut self, step: Step, done: u64, total: u64) {
        if self.bar.as_ref().is_none_or(|(current, _)| *current != step) {
            self.clear();
            let style = ProgressStyle::with_template("{msg:12} {wide_bar} {pos}/{len} {eta}");
            let bar = ProgressBar::new(total).with_message(step.title());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.bar = Some((step, bar));
        }
        if let Some((_, bar)) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some((_, bar)) => bar.suspend(|| line(text, &mut std::io::stderr())),
            None => line(text, &mut std::io::stderr()),
        }
    }

    fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

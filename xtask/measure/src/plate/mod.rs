//! Compares clean plates with the results of other methods, and draws contact sheets.
//!
//! `STUNTDOUBLE_SHARED=DIR cargo run --release -p measure -- plate OUT [stage] [backgrounds] [clips] [speed] [NAME ...]`
//!
//! `stage` renders clips whose clean plates are known exactly. `backgrounds` moves an artificial hole over footage
//! without people. `clips` removes people from real footage, where the result can only be judged by eye. `speed`
//! measures the time without drawing sheets. The names select cases. If the data for one of these four parts are
//! missing, the program skips the part and reports the number of skipped parts.
#![expect(clippy::print_stdout, reason = "the tables are what the tool is for")]

mod backgrounds;
mod clips;
mod folder;
mod rendered;
mod score;

use std::error::Error;
use std::path::PathBuf;

/// The requested work.
struct Request {
    out: PathBuf,
    shared: Option<PathBuf>,
    parts: Vec<String>,
    names: Vec<String>,
}

impl Request {
    fn read(arguments: &[String]) -> Result<Self, Box<dyn Error>> {
        let mut words = arguments.iter().cloned();
        let out = PathBuf::from(words.next().ok_or("the first argument is the folder for sheets")?);
        let (parts, names) =
            words.partition(|word| ["stage", "backgrounds", "clips", "speed"].contains(&word.as_str()));
        Ok(Self { out, shared: std::env::var_os("STUNTDOUBLE_SHARED").map(PathBuf::from), parts, names })
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }

    fn wants_case(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let request = Request::read(arguments)?;
    std::fs::create_dir_all(&request.out)?;
    let mut ran = 0;
    if request.wants("stage") {
        ran += rendered::run(&request)?;
    }
    if request.wants("backgrounds") {
        ran += backgrounds::run(&request)?;
    }
    if request.wants("clips") {
        ran += clips::run(&request)?;
    }
    if request.parts.iter().any(|part| part == "speed") {
        ran += clips::speed(&request)?;
    }
    println!("{ran} cases ran");
    Ok(())
}

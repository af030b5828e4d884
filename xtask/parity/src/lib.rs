//! Compares this project's networks, schedules and resizing with tensors dumped from the public reference
//! implementations.
//!
//! A folder contains safetensors files and `index.json`, which names cases, operations, settings, sizes and tolerances.
//! All sizes are read from `index.json`. An unknown operation, setting, argument or input is a failure, never a silent
//! pass.

pub mod case;
pub mod full;
pub mod index;
pub mod operations;
pub mod outcome;
pub mod settings;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use case::Case;
use index::{CaseEntry, Index};
use outcome::{Outcome, Verdict, compare};

/// Runs every case of a folder and passes on each outcome as it comes.
///
/// # Errors
/// When the index cannot be read or names no case. An error inside a case is that case's outcome.
pub fn run(folder: &Path, mut report: impl FnMut(Outcome)) -> Result<()> {
    let path = folder.join("index.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let index: Index = serde_json::from_str(&text).with_context(|| format!("in `{}`", path.display()))?;
    ensure!(!index.cases.is_empty(), "`{}` names no case", path.display());
    for entry in &index.cases {
        let verdict = catch_unwind(AssertUnwindSafe(|| run_case(entry, &index, folder)))
            .unwrap_or_else(|panic| Verdict::Error(format!("panic: {}", panic_text(&*panic))));
        report(Outcome { case: entry.name.clone(), op: entry.op.clone(), verdict });
    }
    Ok(())
}

fn run_case(entry: &CaseEntry, index: &Index, folder: &Path) -> Verdict {
    let verdict = || -> Result<Verdict> {
        let case = Case::open(entry, index, folder)?;
        let found = operations::run(&entry.op, &case)?;
        Ok(Verdict::Compared(compare(entry, &case, &found)?))
    };
    verdict().unwrap_or_else(|error| Verdict::Error(format!("{error:#}")))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}

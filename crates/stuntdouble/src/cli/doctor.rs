//! Implements the command `doctor`, which reports what is installed, what is missing, and what to do.

use std::path::Path;

use fetch::Store;
use media::ffmpeg::Ffmpeg;
use stuntdouble::{Error, bundled};

use super::environment::Environment;
use super::view::say;

/// One line of the report.
struct Finding {
    what: String,
    state: String,
    /// What to do; none if nothing is necessary.
    help: Option<String>,
}

/// Checks everything and prints the report.
pub(super) fn run(store: &Store, environment: &Environment, json: bool) -> Result<(), Error> {
    let mut findings = vec![ffmpeg(store, environment), processor(), weights()];
    findings.push(Finding { what: "cache".into(), state: environment.cache.display().to_string(), help: None });
    findings.push(packs(&environment.cache.join("packs")));
    for entry in store.catalogue().select("perception")? {
        let (state, help) = match store.path_if_verified(&entry.name) {
            Ok(Some(path)) => (path.display().to_string(), None),
            Ok(None) => ("not installed, will be fetched at first use".into(), None),
            Err(error) => (error.to_string(), Some(error.help())),
        };
        findings.push(Finding { what: entry.name.clone(), state, help });
    }
    for finding in findings {
        if json {
            let Finding { what, state, help } = finding;
            say!("{}", serde_json::json!({ "event": "finding", "what": what, "state": state, "help": help }));
        } else {
            say!("{:26} {}", finding.what, finding.state);
            if let Some(help) = finding.help {
                say!("{:26} help: {help}", "");
            }
        }
    }
    Ok(())
}

fn ffmpeg(store: &Store, environment: &Environment) -> Finding {
    let fetched = store.path_if_verified("ffmpeg").ok().flatten();
    let (origin, found) = match (&environment.ffmpeg, Ffmpeg::find(None), fetched) {
        (Some(path), _, _) => ("STUNTDOUBLE_FFMPEG", Ffmpeg::find(Some(path))),
        (None, Ok(found), _) => ("PATH", Ok(found)),
        (None, Err(_), Some(path)) => ("cache", Ffmpeg::find(Some(&path))),
        (None, Err(error), None) => ("not installed, a static build will be fetched at first use", Err(error)),
    };
    let (state, help) = match found {
        Ok(found) => (format!("{} (from {origin}): {}", found.version(), found.path().display()), None),
        Err(error) => (format!("{origin}: {error}"), Some(error.help().to_string())),
    };
    Finding { what: "ffmpeg".into(), state, help }
}

fn processor() -> Finding {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Finding { what: "processor".into(), state: format!("{threads} threads, {}", std::env::consts::ARCH), help: None }
}

/// Disk space used by prepacked weights.
fn packs(root: &Path) -> Finding {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries(root).flat_map(|folder| entries(&folder.path()));
    let bytes: u64 = files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum();
    let state = format!("{:.1} GB in {}, which may be deleted", bytes as f64 / 1e9, root.display());
    Finding { what: "packed weights".into(), state, help: None }
}

fn weights() -> Finding {
    let (state, help) = match bundled::verified_parts() {
        Ok(parts) => {
            let size = parts.iter().map(|part| part.len()).sum::<usize>() as f64 / 1e6;
            (format!("{} parts, {size:.1} MB, all hashes match", parts.len()), None)
        }
        Err(error) => (error.to_string(), Some(error.help())),
    };
    Finding { what: "bundled weights".into(), state, help }
}

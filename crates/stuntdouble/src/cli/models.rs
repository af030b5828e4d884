//! Implements the commands `models list|fetch|verify`.

use fetch::Store;
use stuntdouble::events::{Event, Events};
use stuntdouble::{Error, models};

use super::arguments::Models;
use super::view::say;

pub(super) fn run(command: Models, store: &Store, events: &Events) -> Result<(), Error> {
    let catalogue = store.catalogue();
    match command {
        Models::List => {
            for entry in catalogue.entries() {
                let state = match store.path_if_verified(&entry.name) {
                    Ok(Some(_)) => "present",
                    Ok(None) => "absent",
                    Err(_) => "damaged",
                };
                let size = entry.sources.first().map_or(0, |source| source.size) as f64 / 1e6;
                let origin = entry.sources.first().map(|source| source.kind.to_string()).unwrap_or_default();
                say!("{:28} {size:8.1} MB  {state:8} {:14} {origin}", entry.name, entry.licence);
            }
            Ok(())
        }
        Models::Fetch { names } => {
            for name in names {
                for entry in catalogue.select(&name)? {
                    let path = models::ensure(store, &entry.name, events)?;
                    events.send(Event::Done { output: path.display().to_string() });
                }
            }
            Ok(())
        }
        Models::Verify => {
            let mut damaged = None;
            for entry in catalogue.entries() {
                if matches!(store.path_if_verified(&entry.name), Ok(None)) {
                    continue;
                }
                match store.verify(&entry.name) {
                    Ok(path) => events.note(format!("verified: {}", path.display())),
                    Err(error) => {
                        events.warn(error.code(), error.to_string());
                        damaged.get_or_insert(error);
                    }
                }
            }
            damaged.map_or(Ok(()), |error| Err(error.into()))
        }
    }
}

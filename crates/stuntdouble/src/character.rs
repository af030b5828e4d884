//! Turns the user's pictures of the character into clean cut-outs with a pose.
//!
//! [`CharacterFiles::open`] reads the files, so that a wrong file is reported before any network runs.
//! [`CharacterFiles::look`] finds the person in each picture and cuts it out. [`load_characters`] does both.

mod completeness;
mod cut_out;
mod files;
mod picture;

use std::path::PathBuf;

use fetch::Store;

pub(crate) use cut_out::networks as cut_out_networks;
pub use files::{CharacterFiles, CharacterOptions};
pub use picture::{Character, MaskSource};

use crate::error::Error;
use crate::events::Events;
use crate::tools::Tools;

/// Reads pictures of one character and cuts the character out of each. The options apply to the first picture.
///
/// # Errors
/// [`Error::Media`] and [`Error::Signals`] for files; [`Error::Fetch`] and [`Error::Perception`] for networks.
pub fn load_characters(
    paths: &[PathBuf],
    options: &CharacterOptions,
    store: &Store,
    tools: &Tools,
    events: &Events,
) -> Result<Vec<Character>, Error> {
    CharacterFiles::open(paths, options, store, tools, events)?.look(store, events)
}

#[cfg(test)]
mod tests;

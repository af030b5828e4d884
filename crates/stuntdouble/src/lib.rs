//! Stuntdouble as a library. From one picture and one video it makes a video in which the character does what the
//! person did.
//!
//! [`pipeline::run`] runs a [`pipeline::Job`]. The crates below are re-exported.

pub mod bench;
pub mod bundled;
pub mod character;
pub mod demo;
pub mod error;
pub mod evaluation;
pub mod events;
pub mod input;
pub mod manifest;
pub mod models;
pub mod networks;
pub mod pipeline;
mod published_folder;
pub mod run_folder;
pub mod settings;
pub mod tensors;
pub mod timeline;
mod tools;

pub use error::Error;
pub use {evaluate, fetch, media, model, perception, stage, train};

//! Stuntdouble as a library. From one picture and one video it makes a video in which the character does what the
//! person did.
//!
//! A [`Job`] says what to make, a [`Host`] says what the job may use of the machine, and [`Events`] report its
//! progress. The library prints nothing and reads no environment variables. It re-exports the crates below.
//!
//! | feature | default | content |
//! |---|---|---|
//! | `cli` | yes | the program `stuntdouble` |
//! | `bundled-weights` | yes | the small networks inside the program; drafts need none |
//! | `libtorch` | no | training on libtorch |
//! | `object-store` | no | rendered data sets in S3-compatible stores |

pub mod bench;
pub mod bundled;
pub mod character;
pub mod demo;
pub mod error;
pub mod evaluation;
pub mod events;
mod host;
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
pub use events::Events;
pub use host::Host;
pub use pipeline::{Job, PerceiveJob, Report};
pub use settings::Settings;
pub use tools::Tools;
pub use {evaluate, fetch, media, model, perception, stage, train};

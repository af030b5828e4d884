//! Provides Stuntdouble as a library. From a picture of a character and a video of a person, the library makes a video
//! in which the character moves like the person.
//!
//! A [`Job`] defines what to make, a [`Host`] defines which resources of the machine the job may use, and [`Events`]
//! report its progress. The library prints nothing and reads no environment variables. The library re-exports the
//! workspace crates on which it depends.
//!
//! | feature | default | content |
//! |---|---|---|
//! | `cli` | yes | the program `stuntdouble` |
//! | `bundled-weights` | yes | the small networks, compiled into the program; drafts need no networks |
//! | `libtorch` | no | training with libtorch |
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

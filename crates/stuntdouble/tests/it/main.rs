//! The pipeline from end to end on a rendered clip, without network: truth as the user's own signals, preset `tiny`.

mod cli;
mod pipeline;

//! Implements spatial attention and temporal attention.

pub(crate) mod block;
pub(crate) mod memory;
pub(crate) mod spatial;
pub(crate) mod temporal;

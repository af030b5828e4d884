//! Provides aligned buffers, scratch memory, files of packed weights, and the partition of work into tasks.

pub(crate) mod buffer;
pub(crate) mod pack_file;
pub(crate) mod partition;

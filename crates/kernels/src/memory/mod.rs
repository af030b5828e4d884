//! Aligned buffers, scratch, packs in files, and how work is cut into tasks.

pub(crate) mod buffer;
pub(crate) mod pack_file;
pub(crate) mod partition;

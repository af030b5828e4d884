//! (crate header to be written by its owner)

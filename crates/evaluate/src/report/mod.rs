//! The output of a run: measurements, tables, sheets.

pub(crate) mod record;
pub(crate) mod sheets;
pub(crate) mod summary;
pub(crate) mod table;

//! Writes the report of a run: measurements, tables, sheets and a web page.

pub(crate) mod comparison;
pub(crate) mod film;
pub(crate) mod grid;
pub(crate) mod page;
pub(crate) mod record;
pub(crate) mod sheets;
pub(crate) mod summary;
pub(crate) mod text;

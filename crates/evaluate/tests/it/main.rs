//! Suites from end to end.

mod suites;

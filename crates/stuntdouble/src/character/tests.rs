//! Reads pictures that were made for the test.

//! Tests the behaviour on real, labelled clips. `STUNTDOUBLE_SHARED` names a folder with `data/clips`. If this variable
//! is not set, the tests report that they were skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data fails")]

mod labelled_clip;
mod region_on_clips;
mod skeleton_look;

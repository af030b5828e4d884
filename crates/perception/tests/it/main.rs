//! Behaviour on real clips with labels. They come through `STUNTDOUBLE_SHARED`, a folder with `data/clips`; without
//! it these tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data fails")]

mod labelled_clip;
mod region_on_clips;
mod skeleton_look;

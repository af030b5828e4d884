//! Tests of the crate as its users see it. Those that need ffmpeg, or data from outside the repository, say so and pass
//! when there is none.

mod bench;
mod formats;
mod hostile;
mod parity;
mod round_trip;

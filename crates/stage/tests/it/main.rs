//! Tests the renderer through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod consistency;
mod determinism;
mod hostile;
mod loaded;
#[cfg(feature = "object-store")]
mod s3;
mod shards;
#[cfg(feature = "object-store")]
mod stores;
mod videos;

use media::geometry::Rate;
use stuntdouble_stage::ClipSettings;

/// Small clips, so that a test takes a fraction of a second.
fn settings(side: usize, frames: usize) -> ClipSettings {
    ClipSettings {
        width: side,
        height: side,
        frames,
        rate: Rate { numerator: 8, denominator: 1 },
        references: 1,
        ..ClipSettings::default()
    }
}

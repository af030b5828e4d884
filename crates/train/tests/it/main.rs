//! Tests the trainer through its public interface: configurations in, checkpoints and weights out.

mod behaviour;
mod resume;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

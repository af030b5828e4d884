//! Tests the trainer through its public interface: passes configurations, and checks the resulting checkpoints and
//! weights.

mod behaviour;
mod resume;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

//! The demo: simulated gateways as real processes, and the supervisor that runs them.

pub mod play;
pub mod simulate;
pub mod supervisor;

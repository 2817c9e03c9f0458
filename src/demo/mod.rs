//! The demo: simulated gateways as real processes, and the service manager that runs them.

pub(crate) mod play;
pub(crate) mod simulate;
mod supervisor;

//! `gatelight serve`: the lights as metrics for Prometheus.
//!
//! [`metrics`] writes them (pure), [`http`] answers. One path, no bodies, every connection closed after its answer:
//! little enough that a web server would bring more to look after than it takes away.

pub mod http;
pub mod metrics;

pub use http::{Config, ServeError, Server};
pub use metrics::Counters;

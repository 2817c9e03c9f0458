//! The HTTP endpoint.

mod prometheus;

//! The HTTP endpoint.

pub(crate) mod prometheus;

//! The HTTP endpoint.

mod prometheus;
mod slow_clients;

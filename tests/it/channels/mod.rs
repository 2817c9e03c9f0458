//! Channels and the heartbeat, against servers on this machine that answer as the services document.

mod agent;
mod answers;
mod scripts;
pub(crate) mod server;

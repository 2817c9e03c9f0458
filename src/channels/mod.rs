//! Channels: messages to services outside this machine, for an owner who is away from it. Nothing is sent unless the
//! settings name a channel or a heartbeat.
//!
//! - [`feed`]: decides which notices a channel gets, by an alert policy for each channel.
//! - [`outgoing`]: a notice as a message: redacted, bounded, in the channel's language.
//! - [`outbox`]: the queue of one channel, with retries and what was reported. Pure: times are arguments.
//! - [`store`]: all queues in one file, so that they survive a restart.
//! - [`kinds`]: the requests and answers of each service.
//! - [`target`]: where a channel sends, with its secrets; read for each attempt, never kept.
//! - [`curl`]: sends a request with the system's curl.
//! - [`dispatch`]: the task that connects them. One attempt at a time for each channel.
//! - [`heartbeat`]: heartbeats for a service that notices their absence.
//!
//! curl instead of an HTTP library: it uses the system's TLS, certificates and proxies, is part of macOS and nearly every
//! Linux, and runs a few times a day. `reqwest` with rustls adds about 2 MB to a program of 7.

use crate::config::ChannelKind;

pub(crate) mod curl;
pub(crate) mod dispatch;
pub(crate) mod escape;
pub(crate) mod feed;
pub(crate) mod heartbeat;
pub(crate) mod kinds;
pub(crate) mod outbox;
pub(crate) mod outgoing;
pub(crate) mod program;
pub(crate) mod store;
pub(crate) mod target;

/// What the output of curl for a message to a service of this kind means: whether the server took it, and the server's
/// words. `None`: it is no HTTP answer.
pub fn answer(kind: ChannelKind, output: &[u8]) -> Option<(bool, String)> {
    Some(match kinds::verdict(kind, &curl::response(output)?) {
        kinds::Verdict::Delivered => (true, String::new()),
        kinds::Verdict::Later { words, .. } | kinds::Verdict::Refused { words } => {
            (false, kinds::clean_words(&words, std::iter::empty::<&str>()))
        }
    })
}

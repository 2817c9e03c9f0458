//! `gatelight serve`: the lights as metrics for Prometheus.
//!
//! [`metrics`] renders them (pure), [`http`] answers. There is one path, no request has a body, and each connection is
//! closed after its response: a web server library would be more to maintain than this.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::text::error;
use crate::watcher::Handle;
use restarts::RestartCount;

pub mod http;
pub mod metrics;
mod restarts;

pub use http::{Config, ServeError, Server};
pub use metrics::Counters;

/// How often the history is read for restarts: Prometheus' shortest usual scrape interval.
const RESTARTS_INTERVAL: Duration = Duration::from_secs(15);

/// Serves the watcher's updates until `stop` is ready. `listening` gets the address.
pub(crate) async fn serve(
    config: Config,
    handle: &Handle,
    history: &Path,
    listening: impl FnOnce(SocketAddr) -> std::io::Result<()>,
    stop: impl Future<Output = ()>,
) -> error::Result<()> {
    let mut updates = handle.subscribe();
    let counters = Arc::new(Counters::default());
    let server = Server::bind(config).await?;
    if let Some(address) = server.address() {
        listening(address)?;
    }
    let serving = server.run(handle.snapshots.clone(), Arc::clone(&counters), Timestamp::now);
    let mut restarts = RestartCount::since(Timestamp::now());
    let counting = async {
        let mut interval = tokio::time::interval(RESTARTS_INTERVAL);
        loop {
            tokio::select! {
                update = updates.next() => match update {
                    Some(update) => update.changes.iter().for_each(|change| counters.changed(change)),
                    None => break,
                },
                _ = interval.tick() => restarts.update(history, Timestamp::now(), &counters),
            }
        }
    };
    tokio::select! {
        () = serving => {}
        () = counting => {}
        () = stop => {}
    }
    Ok(())
}

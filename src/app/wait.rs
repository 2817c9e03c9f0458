//! Futures of the agent's loop for things that may not exist; without them, they are never ready.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::evidence::watch::Watch;

/// Waits until this time; forever without one.
pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Waits for the next tick; forever without an interval.
pub(super) async fn due(ticks: &mut Option<tokio::time::Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}

/// The time from now until then; zero for the past.
pub(super) fn until(at: Timestamp) -> Duration {
    at.duration_since(Timestamp::now()).try_into().unwrap_or_default()
}

/// Watches a file and its folder, because the file may be created or removed; `None` if the system has no watches.
pub(super) fn watch_file(file: &Path) -> Option<Watch> {
    let mut watch = Watch::new().ok()?;
    if let Some(folder) = file.parent() {
        let _ = watch.add_dir(folder);
        let _ = watch.add_file(file);
    }
    Some(watch)
}

/// Waits for the next change that this watch reports.
pub(super) async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => {
            if watch.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}

//! What the agent's loop waits for in addition to messages.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::evidence::watch::Watch;

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

/// Waits for the next change that this watch reports; forever without one.
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

//! The command line: arguments, output, exit codes, what the READMEs say about them.

mod failures;
mod interrupts;
mod readme;
mod restart_args_and_output;
mod screens;
mod served_profiles;
mod settings_in_force;
mod silences;
mod watch_and_status;
mod watching;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gatelight::cli::restart::Deps;
use gatelight::health::Deadlines;
use gatelight::profile::Places;
use gatelight::restart::{Ledger, Limits};
use gatelight::supervisor::Supervisors;
use gatelight::watcher::snapshot::Snapshot;
use tokio::sync::watch;

/// Limits for tests: polls every 10 ms, and only a hang reaches the others.
const fn restart_limits() -> Limits {
    const LONG: Duration = Duration::from_secs(20);
    Limits {
        exit_timeout: Duration::from_secs(1),
        margin: LONG,
        start: LONG,
        link: LONG,
        retry: LONG,
        poll: Duration::from_millis(10),
    }
}

/// What `restart` needs, with its files in this folder, without a history and without processes.
fn restart_deps(folder: &Path, snapshots: watch::Receiver<Arc<Snapshot>>, supervisors: Supervisors) -> Deps {
    Deps {
        snapshots,
        places: Places::below(folder),
        supervisors,
        ledger: Ledger::at(folder.join("restarts.json")),
        history: None,
        start_of: |_| None,
        deadlines: Deadlines::default(),
        limits: Some(restart_limits()),
    }
}

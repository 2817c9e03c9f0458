//! Queries a service manager about a monitor's job, outside the loop.

use std::time::Instant;

use tokio::sync::mpsc;

use super::monitor::Monitor;
use super::{Event, JobAnswer};
use crate::supervisor::Supervisors;

/// Starts a query of the manager, unless one is running. It ends with an [`Event::JobAnswered`]. Returns `false` if
/// there is no manager.
pub(super) fn query_manager(
    monitor: &mut Monitor,
    supervisors: &Supervisors,
    events: &mpsc::Sender<Event>,
) -> bool {
    let job = monitor.profile.job.clone();
    let Some((supervisor, job)) = job.and_then(|job| Some((supervisors.get(job.manager)?, job))) else {
        monitor.job.no_manager();
        return false;
    };
    if !monitor.job.begin_query(Instant::now()) {
        return true;
    }
    let (events, id) = (events.clone(), monitor.id);
    tokio::spawn(async move {
        let query = tokio::task::spawn_blocking(move || supervisor.query(&job));
        let answer = match query.await {
            Ok(Ok(report)) => JobAnswer::Report(Box::new(report)),
            Ok(Err(error)) => {
                tracing::debug!("manager query failed: {error}");
                JobAnswer::Failed
            }
            // it panicked; the panic is in the log
            Err(_) => JobAnswer::Failed,
        };
        let _ = events.send(Event::JobAnswered(id, answer)).await;
    });
    true
}

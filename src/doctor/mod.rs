//! What is wrong with a job file, what it leads to, and its repair.
//!
//! [`examine()`] finds; [`repair`] works out new bytes (pure); [`write`] puts them in place; [`flow`] reloads, verifies
//! and restores the old file if that fails; [`fix`] does it for every job and lets its caller approve. [`render`] has
//! the texts of steps and results.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::health::Manager;
use crate::profile::{JobFile, KeepAlive, files};
use crate::text::{Phrase, doctor as phrases};

mod diff;
mod examine;
mod finding;
pub mod fix;
pub mod flow;
mod launch;
mod live;
mod plist_layout;
pub mod render;
pub mod repair;
pub mod write;

pub use examine::{HUGE_LOG, examine};
pub use finding::{Code, Finding, Severity};
pub use live::{LiveFacts, ProcessFacts, process_facts};

use repair::{Plan, Refusal, Wanted};

/// Whether a file belongs to another user, such as a drop-in for all users. Only root may change it.
fn has_other_owner(file: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    us != 0 && std::fs::metadata(file).is_ok_and(|data| data.uid() != us)
}

/// The repair of one of a job's files; see [`repair::plan`].
fn plan(
    job: &JobFile,
    file: &Path,
    bytes: &[u8],
    wanted: Wanted,
    user_home: &Path,
) -> Result<Option<Plan>, Refusal> {
    let plan = repair::plan(job.manager, bytes, wanted, user_home)?;
    match plan {
        Some(_) if files::leaves_folder(file).unwrap_or(false) => Err(Refusal::Linked),
        Some(_) if has_other_owner(file) => Err(Refusal::OtherOwner),
        plan => Ok(plan),
    }
}

/// What `--fix` would change in a job as it was read.
pub fn wanted(job: &JobFile) -> Wanted {
    Wanted {
        replace: !repair::flags(&job.arguments).is_empty(),
        run_at_load: starts_on_demand_only(job),
        keep_alive: job.keep_alive == KeepAlive::No,
    }
}

/// Whether launchd does not start the job when it loads it. `KeepAlive` does, whatever `RunAtLoad` says: launchd.plist(5),
/// "the use of this key implicitly implies RunAtLoad".
fn starts_on_demand_only(job: &JobFile) -> bool {
    job.manager == Manager::Launchd && !job.run_at_load && job.keep_alive == KeepAlive::No
}

/// The text of a refusal.
pub const fn why(refusal: Refusal) -> Phrase {
    match refusal {
        Refusal::Unreadable => phrases::WHY_UNREADABLE,
        Refusal::Quoting => phrases::WHY_QUOTING,
        Refusal::Unproven => phrases::WHY_UNPROVEN,
        Refusal::OtherOwner => phrases::WHY_OTHER_OWNER,
        Refusal::Linked => phrases::WHY_LINKED,
        Refusal::Variable => phrases::WHY_VARIABLE,
        Refusal::Hidden => phrases::WHY_HIDDEN,
    }
}

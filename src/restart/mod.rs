//! Restarts of gateways: who may restart one, and the proof that it worked. The menu and the command line use the same.
//!
//! 1. [`obstacle`] says whether Gatelight can restart a profile at all, and if not, why.
//! 2. [`Permits::request`] admits one restart of a profile at a time, across processes: [`lease`] (a lock with the name
//!    of its holder), [`policy`] (is it of use, are there too many), [`ledger`] (the count).
//! 3. [`Permit::restart`] asks the service manager and proves the three steps of [`verified`]: the old process is gone,
//!    a new one is there, its link works, and so does every other link that was up before ([`links`]).

pub mod lease;
pub mod ledger;
pub mod links;
pub mod obstacle;
pub mod permit;
pub mod policy;
pub mod progress;
pub mod verified;
mod wording;

pub use lease::{Holder, Requester};
pub use ledger::{Ledger, Restarted};
pub(crate) use links::list_links;
pub use links::{ProfileLink, RestartGroup};
pub use obstacle::{Obstacle, obstacle};
pub use permit::{Admission, Joined, Permit, PermitRequest, Permits};
pub use policy::TooMany;
pub use progress::{RestartOutcome, RestartStep, RestartView, Restarts};
pub use verified::{Limits, Request, StartOf, restart};

/// When a live process was started, in the system's own unit: distinguishes processes that had the same PID.
pub(crate) fn start_of(pid: u32) -> Option<u64> {
    let info = crate::evidence::process::look(pid)?;
    (info.state != crate::health::ProcessState::Zombie).then_some(info.start)
}

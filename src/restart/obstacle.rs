//! Whether Gatelight can restart a profile, and if not, why. No text advises a restart that is impossible.

use crate::health::Manager;
use crate::profile::Profile;
use crate::supervisor::Access;

/// Why Gatelight cannot restart a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// No launchd job and no systemd unit starts this gateway: nothing would start it again.
    NoJob,
    /// The job's manager is not on this machine.
    NoManager(Manager),
    /// The job's manager is here, and this process cannot reach the user's instance of it: systemd without
    /// `XDG_RUNTIME_DIR` (cron, `su`, `sudo`).
    NoUserBus,
}

impl Obstacle {
    /// Its name in JSON; stable.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoJob => "unsupervised",
            Self::NoManager(_) => "no-manager",
            Self::NoUserBus => "no-user-bus",
        }
    }
}

/// Why this profile cannot be restarted from here; `None`: it can. `access`: of the manager of its job.
pub fn obstacle(profile: &Profile, access: impl Fn(Manager) -> Access) -> Option<Obstacle> {
    let Some(job) = &profile.job else { return Some(Obstacle::NoJob) };
    match access(job.manager) {
        Access::Usable => None,
        Access::Missing => Some(Obstacle::NoManager(job.manager)),
        Access::NoUserBus => Some(Obstacle::NoUserBus),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::JobFile;

    #[test]
    fn each_obstacle_and_none() {
        let profile = |job| Profile { name: "x".into(), home: "/x".into(), job, logs: Vec::new() };
        let job = Some(JobFile::named(Manager::Systemd, "/u/x.service", "x.service"));
        for (job, access, expected) in [
            (None, Access::Usable, Some(Obstacle::NoJob)),
            (job.clone(), Access::Missing, Some(Obstacle::NoManager(Manager::Systemd))),
            (job.clone(), Access::NoUserBus, Some(Obstacle::NoUserBus)),
            (job, Access::Usable, None),
        ] {
            assert_eq!(obstacle(&profile(job), |_| access), expected);
        }
    }
}

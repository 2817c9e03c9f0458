//! Admission of a restart: lease, question, count, in this order.
//!
//! 1. The lease: a second request joins the restart in progress, without a question and without being counted.
//! 2. The question: where a restart does not help, the user has to confirm it. The lease is released in the meantime.
//! 3. The count: at most [`policy::LIMIT`] within the hour, noted in the ledger before anything is touched.
//!
//! A ledger that cannot be written (a full disk) does not prevent a restart: the permit is granted, and
//! [`Permit::not_recorded`] has the error.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::lease::{self, Holder, Lease, LeaseState, Requester, Taken};
use super::ledger::{Count, Ledger, Restarted};
use super::policy::{self, TooMany};
use super::verified::{Request, restart};
use super::{RestartOutcome, RestartView};
use crate::health::{RestartHelps, Verdict};
use crate::profile::Profile;
use crate::supervisor::Supervisor;

/// Poll interval for a restart of another process.
const POLL: Duration = Duration::from_millis(100);

/// Grants permits. All processes of Gatelight that use the same ledger share the leases and the count.
#[derive(Debug, Clone)]
pub struct Permits {
    ledger: Ledger,
}

/// A request for a restart.
#[derive(Debug, Clone, Copy)]
pub struct PermitRequest<'a> {
    /// Whose gateway.
    pub profile: &'a Profile,
    /// Its state.
    pub verdict: &'a Verdict,
    /// The user wants the restart although it may not help.
    pub confirmed: bool,
    /// The user wants it although the limit is reached.
    pub force: bool,
    /// Who asks.
    pub by: Requester,
    /// When.
    pub now: Timestamp,
}

/// The answer to a request.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// The restart may begin.
    Granted(Permit),
    /// A restart is in progress; its outcome answers this request too, see [`Permits::join`]. `None`: its holder is not
    /// known.
    UnderWay(Option<Holder>),
    /// A restart does not help: the user has to confirm it.
    NeedsConfirmation(RestartHelps),
    /// The limit is reached, and the request does not force it.
    TooMany(TooMany),
}

/// The end of a restart that another request began.
#[derive(Debug)]
pub enum Joined {
    /// With this outcome.
    Over(RestartOutcome),
    /// Its process was killed or interrupted.
    Interrupted,
    /// It did not end within the limit.
    Late,
    /// The lease cannot be read.
    Unknown(io::Error),
}

/// No restart of the profile begins while this is alive.
#[derive(Debug)]
#[must_use]
pub(crate) struct Exclusion(#[expect(dead_code, reason = "held for its lock")] Option<Lease>);

/// The right to one restart of one profile.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    lease: Option<Lease>,
    not_recorded: Option<io::Error>,
}

impl Permits {
    /// With this ledger; the leases are files beside it.
    pub const fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    /// The record of past restarts.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Asks for a permit.
    pub fn request(&self, ask: &PermitRequest<'_>) -> Admission {
        let name = &ask.profile.name;
        let mut not_recorded = None;
        let lease = match self.take_lease(ask.profile) {
            Ok(Taken::Ours(lease)) => Some(lease),
            Ok(Taken::Held(holder)) => return Admission::UnderWay(holder),
            Err(error) => {
                not_recorded = Some(error);
                None
            }
        };
        if let Some(helps) = policy::needs_confirmation(ask.verdict.reason).filter(|_| !ask.confirmed) {
            return Admission::NeedsConfirmation(helps);
        }
        let restarted = Restarted {
            profile: name.clone(),
            label: ask.profile.label().map(str::to_owned),
            asked_at: ask.now,
        };
        match self.ledger.count(restarted, ask.force) {
            Ok(Count::Counted) => {}
            Ok(Count::TooMany(too_many)) => return Admission::TooMany(too_many),
            Err(error) => not_recorded = Some(error),
        }
        if let Some(lease) = &lease {
            let holder = Holder { pid: std::process::id(), by: ask.by, asked_at: ask.now };
            // the lock works without the record of its holder
            let _ = lease.begin(holder);
        }
        Admission::Granted(Permit { lease, not_recorded })
    }

    /// Prevents restarts of this profile while the guard is alive. For a stop, which is not counted. The error: a
    /// restart is in progress; with its holder, if that is known.
    pub(crate) fn exclude(&self, profile: &Profile) -> Result<Exclusion, Option<Holder>> {
        match self.take_lease(profile) {
            Ok(Taken::Ours(lease)) => Ok(Exclusion(Some(lease))),
            Ok(Taken::Held(holder)) => Err(holder),
            // a full disk must not prevent a stop
            Err(_) => Ok(Exclusion(None)),
        }
    }

    fn take_lease(&self, profile: &Profile) -> io::Result<Taken> {
        let fallback = profile.job.as_ref().map(|job| job.path.as_path());
        Lease::take(&lease::file_of(self.ledger.path(), &profile.name), fallback)
    }

    /// Waits for the outcome of the restart that [`Admission::UnderWay`] reported, at most for `limit`.
    pub async fn join(&self, profile: &str, limit: Duration) -> Joined {
        let until = Instant::now() + limit;
        let file = lease::file_of(self.ledger.path(), profile);
        loop {
            match lease::watch(&file) {
                Ok(LeaseState::Over(Some(outcome))) => return Joined::Over(outcome),
                Ok(LeaseState::Over(None)) => return Joined::Interrupted,
                Ok(LeaseState::UnderWay) if Instant::now() < until => tokio::time::sleep(POLL).await,
                Ok(LeaseState::UnderWay) => return Joined::Late,
                Err(error) => return Joined::Unknown(error),
            }
        }
    }
}

impl Permit {
    /// The error if the ledger or the lease could not be written: this restart is not counted, or excludes no other one.
    pub const fn not_recorded(&self) -> Option<&io::Error> {
        self.not_recorded.as_ref()
    }

    /// Restarts, proves each step, and stores the outcome for requests that joined.
    pub async fn restart(
        self,
        request: Request,
        supervisor: Arc<dyn Supervisor>,
        snapshots: watch::Receiver<Arc<crate::watcher::snapshot::Snapshot>>,
        progress: impl FnMut(RestartView),
    ) -> RestartOutcome {
        let outcome = restart(request, supervisor, snapshots, progress).await;
        self.finish(&outcome);
        outcome
    }

    /// Ends the restart with this outcome.
    pub fn finish(self, outcome: &RestartOutcome) {
        if let Some(lease) = self.lease {
            // without the outcome, waiting requests report an interruption
            let _ = lease.finish(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::health::{Manager, Reason};
    use crate::profile::JobFile;
    use crate::restart::RestartStep;
    use crate::text::Message;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn profile(name: &str) -> Profile {
        let job = JobFile::named(Manager::Launchd, "/nowhere/x.plist", format!("ai.hermes.gateway-{name}"));
        Profile { name: name.into(), home: "/nowhere".into(), job: Some(job), logs: Vec::new() }
    }

    fn verdict(reason: Reason) -> Verdict {
        Verdict { reason, pid: Some(41), ..Verdict::unknown(at(0)) }
    }

    struct Room {
        _folder: tempfile::TempDir,
        permits: Permits,
    }

    impl Room {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let permits = Permits::new(Ledger::at(folder.path().join("data/restarts.json")));
            Self { _folder: folder, permits }
        }

        fn ask(&self, name: &str, reason: Reason, confirmed: bool, force: bool, second: i64) -> Admission {
            let (profile, verdict) = (profile(name), verdict(reason));
            let now = at(second);
            let ask = PermitRequest {
                profile: &profile,
                verdict: &verdict,
                confirmed,
                force,
                by: Requester::App,
                now,
            };
            self.permits.request(&ask)
        }
    }

    const WORKED: RestartOutcome = RestartOutcome::Worked {
        took: SignedDuration::from_secs(4),
        pid: 42,
        killed: false,
        back: Vec::new(),
    };

    #[test]
    fn a_second_request_joins_the_first_without_a_question_or_a_count() {
        let room = Room::new();
        let Admission::Granted(permit) = room.ask("work", Reason::NotRunning, false, false, 0) else {
            panic!()
        };
        let us = Holder { pid: std::process::id(), by: Requester::App, asked_at: at(0) };
        for reason in [Reason::NotRunning, Reason::AuthRejected] {
            let second = room.ask("work", reason, false, false, 1);
            assert!(matches!(second, Admission::UnderWay(Some(holder)) if holder == us), "{second:?}");
        }
        assert!(matches!(room.ask("default", Reason::NotRunning, false, false, 1), Admission::Granted(_)));
        permit.finish(&WORKED);
        assert_eq!(room.permits.ledger().recent("work", at(1)), [at(0)]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let joined = runtime.block_on(room.permits.join("work", Duration::ZERO));
        assert!(matches!(&joined, Joined::Over(outcome) if *outcome == WORKED), "{joined:?}");
        assert!(matches!(room.ask("work", Reason::NotRunning, false, false, 2), Admission::Granted(_)));
    }

    #[test]
    fn a_permit_that_is_dropped_frees_the_profile() {
        let room = Room::new();
        drop(room.ask("work", Reason::NotRunning, false, false, 0));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let joined = runtime.block_on(room.permits.join("work", Duration::ZERO));
        assert!(matches!(joined, Joined::Interrupted), "{joined:?}");
        assert!(matches!(room.ask("work", Reason::NotRunning, false, false, 1), Admission::Granted(_)));
    }

    #[test]
    fn a_question_and_a_refusal_hold_nothing_and_count_nothing() {
        let room = Room::new();
        for _ in 0..9 {
            let asked = room.ask("work", Reason::AuthRejected, false, false, 0);
            assert!(matches!(asked, Admission::NeedsConfirmation(RestartHelps::AfterFixingCredentials)));
        }
        for second in 0..policy::LIMIT as i64 {
            let admission = room.ask("work", Reason::AuthRejected, true, false, second);
            assert!(matches!(admission, Admission::Granted(_)), "{second}: {admission:?}");
        }
        let refused = room.ask("work", Reason::NotRunning, true, false, 10);
        let limit = TooMany { count: 6, again_at: at(3600) };
        assert!(matches!(refused, Admission::TooMany(too_many) if too_many == limit), "{refused:?}");
        assert_eq!(room.permits.ledger().recent("work", at(10)).len(), 6);
        assert!(matches!(room.ask("work", Reason::NotRunning, false, true, 11), Admission::Granted(_)));
        assert_eq!(room.permits.ledger().recent("work", at(11)).len(), 7);
    }

    #[test]
    fn restart_records_can_be_read_by_others() {
        let room = Room::new();
        for (second, outcome) in [(0, Some(WORKED)), (1, None)] {
            let Admission::Granted(permit) = room.ask("work", Reason::NotRunning, false, false, second)
            else {
                panic!()
            };
            if let Some(outcome) = outcome {
                permit.finish(&outcome);
            } else {
                permit.finish(&RestartOutcome::Failed {
                    step: RestartStep::EndingOld,
                    why: Message::verbatim(""),
                });
            }
        }
        let restarted = |second| Restarted {
            profile: "work".into(),
            label: Some("ai.hermes.gateway-work".into()),
            asked_at: at(second),
        };
        assert_eq!(room.permits.ledger().all(at(2)), [restarted(0), restarted(1)]);
    }

    #[test]
    fn a_ledger_that_cannot_be_written_stops_no_restart() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), "no folder").unwrap();
        let permits = Permits::new(Ledger::at(folder.path().join("data/restarts.json")));
        let (profile, verdict) = (profile("work"), verdict(Reason::NotRunning));
        let ask = PermitRequest {
            profile: &profile,
            verdict: &verdict,
            confirmed: false,
            force: false,
            by: Requester::CommandLine,
            now: at(0),
        };
        let Admission::Granted(permit) = permits.request(&ask) else { panic!() };
        assert!(permit.not_recorded().is_some());
        permit.finish(&WORKED);
    }
}

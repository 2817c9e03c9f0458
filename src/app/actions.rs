//! Carries out requests of the user interface, each in its own task. The results come back as [`Done`].

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::engine::Engine;
use super::messages::{Answer, Change, CheckedJobFiles, EngineRequest};
use super::{diagnostics, job_files, open, settings_edit, wrong_light};
use crate::health::{Light, Manager, RestartHelps};
use crate::log;
use crate::order::Collect as _;
use crate::report::{self, check_replaceable, write_private};
use crate::restart::RestartView;
use crate::restart::start_of;
use crate::restart::{
    Admission, Ledger, Permit, PermitRequest, Permits, Request, Requester, RestartGroup, TooMany, obstacle,
    policy,
};
use crate::supervisor::{Supervisor, Supervisors};
use crate::text::error::io;
use crate::text::error::{self, Context as _};
use crate::watcher::Handle;
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// A second request within this time confirms a restart that does not help.
const CONFIRM_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How long the outcome of a restart stays in the menu.
const SHOWN_FOR: Duration = Duration::from_secs(300);

/// A result of an action.
pub(super) enum Done {
    /// A step of a restart.
    Step(String, RestartView),
    /// A restart ended.
    Restarted(String, RestartView),
    /// The outcome of this restart is shown no longer.
    Forget(String, RestartView),
    /// What the doctor found.
    JobFiles(CheckedJobFiles),
    /// What the user should know.
    Answer(Answer),
    /// Managers and job files have to be scanned again.
    Rescan,
    /// The settings file was changed from the menu.
    SettingsWritten,
}

/// A question to the user; the same request again within [`CONFIRM_WITHIN`] is a yes.
#[derive(PartialEq, Eq, Hash)]
enum Question {
    /// Restart this profile although that may not help?
    Restart(String),
    /// Do this with all profiles that are served together, of which this is the first?
    ForAll(Change, String),
}

/// Starts actions.
pub(super) struct Actions {
    engine: Engine,
    snapshots: tokio::sync::watch::Receiver<Arc<Snapshot>>,
    supervisors: Supervisors,
    permits: Permits,
    /// When each question was asked last.
    asked: HashMap<Question, Timestamp>,
    seen_files: BTreeMap<PathBuf, Option<std::time::SystemTime>>,
    done: mpsc::Sender<Done>,
}

impl Actions {
    /// No action is running yet.
    pub(super) fn new(engine: &Engine, handle: &Handle, done: mpsc::Sender<Done>) -> Self {
        Self {
            snapshots: handle.snapshots.clone(),
            supervisors: engine.supervisors(),
            permits: Permits::new(Ledger::at(engine.ledger_file())),
            asked: HashMap::new(),
            seen_files: BTreeMap::new(),
            engine: engine.clone(),
            done,
        }
    }

    /// Replaces the settings.
    pub(super) fn apply_settings(&mut self, engine: &Engine) {
        self.engine = engine.clone();
    }

    /// Starts a requested action.
    pub(super) fn start(&mut self, request: EngineRequest, snapshot: &Arc<Snapshot>) {
        match request {
            EngineRequest::Restart(name) => self.restart_confirmed(&name, snapshot),
            EngineRequest::RestartAllRed => {
                let mut others = Vec::new();
                for view in snapshot.profiles.iter().filter(|view| view.verdict.light() == Light::Red) {
                    let helps = view.verdict.reason.restart().is_some_and(RestartHelps::now);
                    let possible = RestartGroup::of(&view.profile.name, snapshot).is_some_and(|group| {
                        obstacle(&group.gateway.profile, |m| self.supervisors.access(m)).is_none()
                    });
                    if helps && possible {
                        self.restart(&view.profile.name, snapshot);
                    } else {
                        others.push(view.profile.name.clone());
                    }
                }
                if !others.is_empty() {
                    self.answer(Answer::NotRestarted(others));
                }
            }
            EngineRequest::Start(name) => self.start_gateway(&name, snapshot),
            EngineRequest::Stop(name) => self.stop_gateway(&name, snapshot),
            EngineRequest::ReportWrongLight => self.report_wrong_light(snapshot),
            EngineRequest::Repair(name) => self.repair(name),
            EngineRequest::CheckJobFiles => self.check_job_files(true),
            EngineRequest::CopyDiagnostics(name) => self.copy_diagnostics(&name, snapshot),
            EngineRequest::IgnoreLink { profile, platform, ignore } => {
                self.ignore_link(&profile, platform, ignore, snapshot);
            }
            EngineRequest::Timeline => self.timeline(),
            // the loop handles these
            EngineRequest::TestChannel(_) | EngineRequest::Woke | EngineRequest::Quit => {}
        }
    }

    /// When this profile was restarted in the last hour.
    pub(super) fn past_restarts(&self, name: &str, now: Timestamp) -> Vec<Timestamp> {
        self.permits.ledger().recent(name, now)
    }

    /// Restarts a profile automatically, and notifies the user.
    pub(super) fn restart_automatically(&mut self, name: &str, snapshot: &Arc<Snapshot>) {
        self.answer(Answer::RestartsAutomatically(name.to_owned()));
        self.restart(name, snapshot);
    }

    /// Starts a gateway that is not running: a restart without an old process, with the same permit and the same
    /// proofs.
    fn start_gateway(&mut self, name: &str, snapshot: &Arc<Snapshot>) {
        let now = Timestamp::now();
        let served = served_together(name, snapshot);
        if !self.is_confirmed_for_all(Change::Start, &served, None, now) {
            return;
        }
        if snapshot.find(name).is_some_and(is_first_load) {
            self.answer(Answer::BackgroundItem(name.to_owned()));
        }
        // the user chose this profile
        self.asked.insert(Question::Restart(name.to_owned()), now);
        self.restart(name, snapshot);
    }

    /// Stops a gateway, so that its manager does not start it again.
    fn stop_gateway(&mut self, name: &str, snapshot: &Arc<Snapshot>) {
        let Some(group) = RestartGroup::of(name, snapshot) else { return };
        let gateway = &group.gateway.profile;
        if let Some(obstacle) = obstacle(gateway, |manager| self.supervisors.access(manager)) {
            return self.answer(Answer::CannotRestart(name.to_owned(), obstacle));
        }
        let supervisor = gateway.job.as_ref().and_then(|job| self.supervisors.get(job.manager));
        let (Some(job), Some(supervisor)) = (gateway.job.clone(), supervisor) else { return };
        if !self.is_confirmed_for_all(Change::Stop, &group.names(), None, Timestamp::now()) {
            return;
        }
        let Ok(excluded) = self.permits.exclude(gateway) else {
            return self.answer(Answer::RestartedElsewhere(name.to_owned()));
        };
        tracing::info!(profile = name, "stop asked for");
        let (done, name) = (self.done.clone(), name.to_owned());
        self.answer_with(move |_| {
            let stopped = supervisor.stop(&job);
            drop(excluded);
            let _ = done.try_send(Done::Rescan);
            stopped.err().map(|error| Answer::NotStopped(name, error))
        });
    }

    /// Whether this change may begin. If the gateway serves several profiles, the answer names them, and a second
    /// request confirms. `helps`: why the restart itself needs confirmation.
    fn is_confirmed_for_all(
        &mut self,
        change: Change,
        served: &[String],
        helps: Option<RestartHelps>,
        now: Timestamp,
    ) -> bool {
        let Some(first) = served.first().filter(|_| served.len() > 1) else { return true };
        let question = Question::ForAll(change, first.clone());
        if self.asked.remove(&question).is_some_and(|at| now.duration_since(at) <= CONFIRM_WITHIN) {
            return true;
        }
        self.asked.insert(question, now);
        self.answer(Answer::ConfirmForAll(change, served.to_vec(), helps));
        false
    }

    /// Writes the files that an issue about a wrong light needs, and shows the folder.
    fn report_wrong_light(&self, snapshot: &Arc<Snapshot>) {
        let snapshot = Arc::clone(snapshot);
        self.answer(Answer::WrongLightBegun(wrong_light::RECORDING));
        self.answer_with(move |engine| {
            Some(Answer::WrongLight(wrong_light::write(engine, &snapshot, Timestamp::now())))
        });
    }

    /// Restarts the profile that the user chose. If several profiles restart together, they are named first.
    fn restart_confirmed(&mut self, name: &str, snapshot: &Arc<Snapshot>) {
        let now = Timestamp::now();
        let served = served_together(name, snapshot);
        if served.len() > 1 {
            let reason = snapshot.find(name).map(|view| view.verdict.reason);
            let helps = reason.and_then(policy::needs_confirmation);
            if !self.is_confirmed_for_all(Change::Restart, &served, helps, now) {
                return;
            }
            // the user chose this profile
            self.asked.insert(Question::Restart(name.to_owned()), now);
        }
        self.restart(name, snapshot);
    }

    fn restart(&mut self, name: &str, snapshot: &Arc<Snapshot>) {
        let (Some(view), Some(group)) = (snapshot.find(name), RestartGroup::of(name, snapshot)) else {
            return;
        };
        let gateway = &group.gateway.profile;
        let now = Timestamp::now();
        if let Some(obstacle) = obstacle(gateway, |manager| self.supervisors.access(manager)) {
            return self.answer(Answer::CannotRestart(name.to_owned(), obstacle));
        }
        let supervisor = gateway.job.as_ref().and_then(|job| self.supervisors.get(job.manager));
        let deadlines = &self.engine.config.deadlines;
        let request = Request::of(name, snapshot, now, deadlines, start_of);
        let (Some(request), Some(supervisor)) = (request, supervisor) else { return };
        let question = Question::Restart(name.to_owned());
        let confirmed = self.asked.get(&question).is_some_and(|at| now.duration_since(*at) <= CONFIRM_WITHIN);
        let ask = PermitRequest {
            profile: gateway,
            verdict: &view.verdict,
            confirmed,
            force: false,
            by: Requester::App,
            now,
        };
        match self.permits.request(&ask) {
            Admission::Granted(permit) => {
                self.asked.remove(&question);
                tracing::info!(profile = name, reason = view.verdict.reason.code(), "restart asked for");
                self.begin_restart(name, permit, request, supervisor);
            }
            // the menu shows our own restarts
            Admission::UnderWay(Some(holder)) if holder.pid == std::process::id() => {}
            Admission::UnderWay(_) => {
                self.answer(Answer::RestartedElsewhere(name.to_owned()));
            }
            Admission::NeedsConfirmation(helps) => {
                self.asked.insert(question, now);
                self.answer(Answer::ConfirmRestart(name.to_owned(), helps));
            }
            Admission::TooMany(TooMany { count, .. }) => {
                self.answer(Answer::TooManyRestarts(name.to_owned(), count));
            }
        }
    }

    fn begin_restart(&self, name: &str, permit: Permit, request: Request, supervisor: Arc<dyn Supervisor>) {
        if let Some(error) = permit.not_recorded() {
            tracing::warn!(profile = name, "restart not written to the ledger: {error}");
            log::to_stderr(&io(self.engine.lang, error));
        }
        let (done, snapshots, name) = (self.done.clone(), self.snapshots.clone(), name.to_owned());
        tokio::spawn(async move {
            let mut last = None;
            let step = |view: RestartView| {
                last = Some(view.clone());
                if view.is_under_way() {
                    let _ = done.try_send(Done::Step(name.clone(), view));
                }
            };
            permit.restart(request, supervisor, snapshots, step).await;
            if let Some(view) = last {
                let _ = done.send(Done::Restarted(name.clone(), view.clone())).await;
                tokio::time::sleep(SHOWN_FOR).await;
                let _ = done.send(Done::Forget(name, view)).await;
            }
        });
    }

    /// Whether a job file was added, removed or changed since the last call.
    pub(super) fn job_files_changed(&mut self, snapshot: &Snapshot) -> bool {
        let times: BTreeMap<PathBuf, Option<std::time::SystemTime>> = snapshot
            .profiles
            .iter()
            .filter_map(|view| view.profile.job.as_ref())
            .map(|job| (job.path.clone(), std::fs::metadata(&job.path).and_then(|meta| meta.modified()).ok()))
            .to_map();
        let changed = times != self.seen_files;
        self.seen_files = times;
        changed
    }

    /// Starts the doctor's examination of the job files. `asked`: the user asked for it and gets an answer.
    pub(super) fn check_job_files(&self, asked: bool) {
        let (engine, done) = (self.engine.clone(), self.done.clone());
        tokio::spawn(async move {
            let work = tokio::task::spawn_blocking(move || job_files::findings(&engine));
            let Ok(findings) = work.await else { return };
            let found = CheckedJobFiles::of(&findings);
            let _ = done.send(Done::JobFiles(found.clone())).await;
            if asked {
                let _ = done.send(Done::Answer(Answer::JobFilesChecked(found))).await;
            }
        });
    }

    /// Repairs one profile's job file as `doctor --fix --yes` does.
    fn repair(&self, name: String) {
        let view = self.snapshots.borrow().find(&name).cloned();
        if view.is_some_and(|view| is_launchd(&view)) {
            self.answer(Answer::BackgroundItem(name.clone()));
        }
        let done = self.done.clone();
        self.answer_with(move |engine| {
            let fixed = job_files::repair(engine, &name);
            // a scan reads the new arguments
            let _ = done.try_send(Done::Rescan);
            Some(Answer::Repaired(name, fixed))
        });
    }

    fn copy_diagnostics(&self, name: &str, snapshot: &Arc<Snapshot>) {
        let (name, snapshot) = (name.to_owned(), Arc::clone(snapshot));
        self.answer_with(move |engine| {
            let view = snapshot.find(&name)?;
            Some(Answer::Diagnostics(diagnostics::copy(engine, &snapshot, view)))
        });
    }

    /// Writes to the settings whether a link counts, and has the loop read them again.
    fn ignore_link(&self, name: &str, platform: String, ignore: bool, snapshot: &Snapshot) {
        let Some(view) = snapshot.find(name).cloned() else { return };
        let done = self.done.clone();
        self.answer_with(move |engine| {
            let (file, home) = (&engine.folders.config_file, &engine.places.user_home);
            match settings_edit::ignore_link(file, home, &view.profile, &platform, ignore) {
                Ok(()) => {
                    let _ = done.try_send(Done::SettingsWritten);
                    None
                }
                Err(error) => Some(Answer::SettingsNotWritten(error)),
            }
        });
    }

    /// Opens the page of the last 90 days.
    fn timeline(&self) {
        self.answer_with(|engine| open_timeline(engine).err().map(Answer::NoTimeline));
    }

    /// Runs this on a thread that may block.
    fn answer_with(&self, work: impl FnOnce(&Engine) -> Option<Answer> + Send + 'static) {
        let (engine, done) = (self.engine.clone(), self.done.clone());
        tokio::spawn(async move {
            if let Ok(Some(answer)) = tokio::task::spawn_blocking(move || work(&engine)).await {
                let _ = done.send(Done::Answer(answer)).await;
            }
        });
    }

    fn answer(&self, answer: Answer) {
        let _ = self.done.try_send(Done::Answer(answer));
    }
}

fn open_timeline(engine: &Engine) -> error::Result<()> {
    let page = report::Request::timeline(&engine.history_file(), engine.lang).make()?;
    let path = engine.folders.data.join("timeline.html");
    check_replaceable(&path, true)?;
    write_private(&path, page.html.as_bytes()).with_context(|| path.display().to_string())?;
    Ok(open::start_file(&path)?)
}

fn is_launchd(view: &ProfileView) -> bool {
    view.profile.job.as_ref().is_some_and(|job| job.manager == Manager::Launchd)
}

/// macOS announces a background item when a job is loaded.
fn is_first_load(view: &ProfileView) -> bool {
    is_launchd(view) && view.verdict.manager.is_none()
}

/// The profiles that one gateway serves, this one among them: they share its process, or the job that starts it.
fn served_together(name: &str, snapshot: &Snapshot) -> Vec<String> {
    RestartGroup::of(name, snapshot).map(|group| group.names()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Verdict;
    use crate::profile::{JobFile, Profile};

    #[test]
    fn profiles_that_share_a_process_or_a_job_are_served_together() {
        let now = Timestamp::UNIX_EPOCH;
        let view = |name: &str, pid, job: Option<&str>| {
            let job = job.map(|path| JobFile::named(Manager::Launchd, path, name));
            let profile = Profile { name: name.into(), home: "/h".into(), job, logs: Vec::new() };
            let verdict = Verdict { pid, ..Verdict::unknown(now) };
            ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
        };
        let profiles = vec![
            view("main", Some(7), Some("/a.plist")),
            view("served", Some(7), None),
            view("alone", Some(8), Some("/b.plist")),
            view("stopped", None, Some("/c.plist")),
            view("stopped too", None, Some("/c.plist")),
            view("nowhere", None, None),
        ];
        let snapshot = Snapshot { at: now, profiles, bad_files: Vec::new(), complete: true };
        for (name, expected) in [
            ("main", &["main", "served"][..]),
            ("served", &["main", "served"]),
            ("alone", &["alone"]),
            ("stopped", &["stopped", "stopped too"]),
            ("nowhere", &["nowhere"]),
            ("unknown", &[]),
        ] {
            assert_eq!(served_together(name, &snapshot), expected, "{name}");
        }
    }
}

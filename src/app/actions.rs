//! What the menu and the notices ask for, each in a task of its own; outcomes come back as [`Done`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::diagnostics::{self, Copied};
use super::engine::{Engine, start_of};
use super::{job_files, open};
use crate::doctor::Finding;
use crate::health::{Light, RestartHelps};
use crate::log;
use crate::report::{self, write_private};
use crate::restart::RestartView;
use crate::restart::{Admission, Ask, Ledger, Permit, Permits, Request, Requester, TooMany, obstacle};
use crate::snapshot::Snapshot;
use crate::supervisor::{Supervisor, Supervisors};
use crate::text::error::{io, words as tell};
use crate::text::{Lang, Phrase, agent as words, fill};
use crate::ui::UiCommand;
use crate::ui::notify::Content;
use crate::watcher::Handle;

/// A second request within this time confirms one that does not help.
const CONFIRM_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How long the outcome of a restart stays in the menu.
const SHOWN_FOR: Duration = Duration::from_secs(300);

/// What became of an action.
pub enum Done {
    /// A step of a restart.
    Step(String, RestartView),
    /// A restart ended.
    Restarted(String, RestartView),
    /// The outcome of this restart was shown long enough.
    Forget(String, RestartView),
    /// What the doctor found.
    Findings {
        /// How many.
        count: usize,
        /// Profiles that can be freed of `--replace`.
        repairable: BTreeSet<String>,
    },
    /// A few words for the user.
    Say(Content),
    /// The managers and job files are to be looked at anew.
    Rescan,
}

/// Begins actions.
pub struct Actions {
    engine: Engine,
    snapshots: tokio::sync::watch::Receiver<Arc<Snapshot>>,
    supervisors: Supervisors,
    permits: Permits,
    asked: HashMap<String, Timestamp>,
    seen_files: BTreeMap<PathBuf, Option<std::time::SystemTime>>,
    done: mpsc::Sender<Done>,
}

impl Actions {
    /// With nothing under way.
    pub fn new(engine: &Engine, handle: &Handle, done: mpsc::Sender<Done>) -> Self {
        Self {
            snapshots: handle.snapshots.clone(),
            supervisors: Supervisors::from_environment(),
            permits: Permits::new(Ledger::at(engine.ledger_file())),
            asked: HashMap::new(),
            seen_files: BTreeMap::new(),
            engine: engine.clone(),
            done,
        }
    }

    /// Other settings are in force.
    pub fn take_settings(&mut self, engine: &Engine) {
        self.engine = engine.clone();
    }

    fn lang(&self) -> Lang {
        self.engine.lang
    }

    /// Begins what the user asked for.
    pub fn begin(&mut self, command: UiCommand, snapshot: &Arc<Snapshot>) {
        match command {
            UiCommand::Restart(name) => self.restart(&name, snapshot),
            UiCommand::RestartAllRed => {
                let mut others = Vec::new();
                for view in snapshot.profiles.iter().filter(|view| view.verdict.light() == Light::Red) {
                    let helps = view.verdict.reason.restart().is_some_and(RestartHelps::now);
                    let possible = obstacle(&view.profile, |m| self.supervisors.access(m)).is_none();
                    if helps && possible {
                        self.restart(&view.profile.name, snapshot);
                    } else {
                        others.push(view.profile.name.as_str());
                    }
                }
                if !others.is_empty() {
                    let names = others.join(", ");
                    self.say(words::NOT_ALL_TITLE, words::NOT_ALL_BODY, &[("profiles", &names)]);
                }
            }
            UiCommand::Repair(name) => self.repair(name),
            UiCommand::CheckJobFiles => self.look_at_job_files(true),
            UiCommand::CopyDiagnostics(name) => self.copy_diagnostics(name),
            UiCommand::Timeline => self.timeline(),
            // The desktop side carries these out itself, and the last two are for the loop.
            UiCommand::OpenLog(_)
            | UiCommand::OpenSystemLog(_)
            | UiCommand::ShowJobFile(_)
            | UiCommand::Mute(..)
            | UiCommand::ToggleNotifications
            | UiCommand::ToggleLogin
            | UiCommand::ForgetMissed
            | UiCommand::OpenSettings
            | UiCommand::Woke
            | UiCommand::Quit => {}
        }
    }

    /// When this profile was restarted in the last hour.
    pub fn past_restarts(&self, name: &str, now: Timestamp) -> Vec<Timestamp> {
        self.permits.ledger().recent(name, now)
    }

    /// Restarts without being asked, and says so.
    pub fn restart_announced(&mut self, name: &str, snapshot: &Arc<Snapshot>) {
        self.say(words::AUTO_TITLE, words::AUTO_BODY, &[("profile", name)]);
        self.restart(name, snapshot);
    }

    fn restart(&mut self, name: &str, snapshot: &Arc<Snapshot>) {
        let Some(view) = snapshot.find(name) else { return };
        let now = Timestamp::now();
        let lang = self.lang();
        if let Some(obstacle) = obstacle(&view.profile, |manager| self.supervisors.access(manager)) {
            let why = crate::text::restart::obstacle(lang, obstacle);
            return self.say(
                words::NO_MANAGER_TITLE,
                words::NO_MANAGER_BODY,
                &[("profile", name), ("why", &why)],
            );
        }
        let supervisor = view.profile.job.as_ref().and_then(|job| self.supervisors.get(job.manager));
        let deadlines = &self.engine.config.deadlines;
        let request = Request::new(Arc::clone(&view.profile), now, deadlines, start_of, lang);
        let (Some(request), Some(supervisor)) = (request, supervisor) else { return };
        let confirmed = self.asked.get(name).is_some_and(|at| now.duration_since(*at) <= CONFIRM_WITHIN);
        let ask = Ask {
            profile: &view.profile,
            verdict: &view.verdict,
            confirmed,
            force: false,
            by: Requester::App,
            now,
        };
        match self.permits.request(&ask) {
            Admission::Granted(permit) => {
                self.asked.remove(name);
                tracing::info!(profile = name, reason = view.verdict.reason.code(), "restart asked for");
                self.begin_restart(name, permit, request, supervisor);
            }
            // the menu shows a restart of our own
            Admission::UnderWay(Some(holder)) if holder.pid == std::process::id() => {}
            Admission::UnderWay(_) => {
                self.say(words::TOO_MANY_TITLE, words::CLAIMED_BODY, &[("profile", name)]);
            }
            Admission::NeedsConfirmation(helps) => {
                self.asked.insert(name.to_owned(), now);
                let why = lang.pick(crate::text::restart::helps(helps));
                self.say(words::CONFIRM_TITLE, words::CONFIRM_BODY, &[("profile", name), ("why", why)]);
            }
            Admission::TooMany(TooMany { count, .. }) => {
                let values = [("profile", name), ("count", &*count.to_string())];
                self.say(words::TOO_MANY_TITLE, words::TOO_MANY_BODY, &values);
            }
        }
    }

    fn begin_restart(&self, name: &str, permit: Permit, request: Request, supervisor: Arc<dyn Supervisor>) {
        if let Some(error) = permit.not_recorded() {
            tracing::warn!(profile = name, "restart not written to the ledger: {error}");
            log::to_stderr(&io(self.lang(), error));
        }
        let (done, snapshots, name) = (self.done.clone(), self.snapshots.clone(), name.to_owned());
        tokio::spawn(async move {
            let mut last = None;
            let step = |view: RestartView| {
                last = Some(view.clone());
                if view.outcome.is_none() {
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

    /// Whether a job file was written since the last look.
    pub fn job_files_changed(&mut self, snapshot: &Snapshot) -> bool {
        let times: BTreeMap<PathBuf, Option<std::time::SystemTime>> = snapshot
            .profiles
            .iter()
            .filter_map(|view| view.profile.job.as_ref())
            .map(|job| (job.path.clone(), std::fs::metadata(&job.path).and_then(|meta| meta.modified()).ok()))
            .collect();
        let changed = times != self.seen_files;
        self.seen_files = times;
        changed
    }

    /// Has the doctor look through the job files; `told`: the user asked and gets an answer.
    pub fn look_at_job_files(&self, told: bool) {
        let (engine, done, lang) = (self.engine.clone(), self.done.clone(), self.lang());
        tokio::spawn(async move {
            let look = tokio::task::spawn_blocking(move || job_files::findings(&engine));
            let Ok(findings) = look.await else { return };
            let repairable =
                findings.iter().filter(|f| is_replace(f)).filter_map(|f| f.profile.clone()).collect();
            let count = findings.len();
            let _ = done.send(Done::Findings { count, repairable }).await;
            if told {
                let first = findings.first().map(|f| f.message.pick(lang).to_owned()).unwrap_or_default();
                let body = match count {
                    0 => lang.pick(words::CHECKED_CLEAN).to_owned(),
                    _ => fill(
                        lang.pick(words::CHECKED_BODY),
                        &[("count", &count.to_string()), ("first", &first)],
                    ),
                };
                let title = lang.pick(words::CHECKED_TITLE).to_owned();
                let _ = done.send(Done::Say(Content { title, body })).await;
            }
        });
    }

    /// Repairs one profile's job file as `doctor --fix --yes` does, and reports how it ended.
    fn repair(&self, name: String) {
        let (engine, done, lang) = (self.engine.clone(), self.done.clone(), self.lang());
        tokio::spawn(async move {
            let title = fill(lang.pick(words::REPAIR_TITLE), &[("profile", &name)]);
            let work = tokio::task::spawn_blocking(move || job_files::repair(&engine, &name));
            let Ok(fixed) = work.await else { return };
            let body = job_files::conclusion(&fixed, lang);
            let _ = done.send(Done::Say(Content { title, body })).await;
            let _ = done.send(Done::Rescan).await;
        });
    }

    fn copy_diagnostics(&self, name: String) {
        let (engine, done, lang) = (self.engine.clone(), self.done.clone(), self.lang());
        let snapshot = self.snapshots.borrow().clone();
        tokio::spawn(async move {
            let Some(view) = snapshot.find(&name).cloned() else { return };
            let work = tokio::task::spawn_blocking(move || diagnostics::copy(&engine, &view));
            let body = match work.await {
                Ok(Ok(Copied::Clipboard)) => lang.pick(words::COPIED).to_owned(),
                Ok(Ok(Copied::File(file))) => {
                    fill(lang.pick(words::COPIED_TO_FILE), &[("file", &file.display().to_string())])
                }
                Ok(Err(error)) => io(lang, &error),
                Err(_) => return,
            };
            let title = lang.pick(words::COPIED_TITLE).to_owned();
            let _ = done.send(Done::Say(Content { title, body })).await;
        });
    }

    /// Opens a page of the last 90 days.
    fn timeline(&self) {
        let (engine, done, lang) = (self.engine.clone(), self.done.clone(), self.lang());
        tokio::spawn(async move {
            let work = tokio::task::spawn_blocking(move || open_timeline(&engine));
            if let Ok(Err(error)) = work.await {
                let title = lang.pick(words::TIMELINE_TITLE).to_owned();
                let _ = done.send(Done::Say(Content { title, body: tell(lang, error.as_ref()) })).await;
            }
        });
    }

    fn say(&self, title: Phrase, body: Phrase, values: &[(&str, &str)]) {
        let lang = self.lang();
        let words = Content { title: fill(lang.pick(title), values), body: fill(lang.pick(body), values) };
        let _ = self.done.try_send(Done::Say(words));
    }
}

fn open_timeline(engine: &Engine) -> anyhow::Result<()> {
    let page = report::Request::timeline(&engine.history_file(), engine.lang).make()?;
    let path = engine.folders.data.join("timeline.html");
    write_private(&path, page.html.as_bytes()).with_context(|| path.display().to_string())?;
    Ok(open::start_file(&path)?)
}

fn is_replace(finding: &Finding) -> bool {
    finding.fixable && finding.code == crate::doctor::Code::ReplaceFlag
}

//! `gatelight restart`: restarts gateways through their manager, prints each step as it happens, and proves the result.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::names::{self, MAX_NAME};
use crate::app::engine::Engine;
use crate::evidence::clock;
use crate::health::{Deadlines, Light, Reason};
use crate::history::{Store, StoreError};
use crate::profile::Places;
use crate::redact::one_line;
use crate::restart::start_of;
use crate::restart::{
    Admission, Holder, Joined, Ledger, Limits, Permit, PermitRequest, Permits, Request, Requester,
    RestartGroup, RestartOutcome, RestartStep, RestartView, StartOf, TooMany, obstacle,
};
use crate::runtime::runtime;
use crate::supervisor::{Supervisor, Supervisors};
use crate::terminal::{self, Terminal, style};
use crate::text::error;
use crate::text::{self, COMMA, Message, Phrase, Worded as _, fill, labelled, restart as words};
use crate::watcher::COMPLETE_WITHIN;
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Version of the JSON form.
const JSON_VERSION: u32 = 1;

/// Gateways restarted at the same time; the others wait for their turn.
const AT_ONCE: usize = 8;

/// Exit code: every gateway was restarted, and its link is proven.
pub const WORKED: u8 = 0;
/// Exit code: at least one failed, or was not restarted.
pub const FAILED: u8 = 1;
/// Exit code: none failed, but at least one outcome is unknown.
pub const UNCLEAR: u8 = 3;

/// Arguments of `restart`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Args {
    /// Profiles to restart
    #[arg(value_name = "PROFILE", group = "which", add = names::candidates())]
    pub profiles: Vec<String>,
    /// Restart every profile whose light is red
    #[arg(long, group = "which")]
    pub red: bool,
    /// Restart every profile
    #[arg(long, group = "which")]
    pub all: bool,
    /// Print one JSON object for each step and outcome
    #[arg(long)]
    pub json: bool,
    /// Restart even where a restart does not help
    #[arg(short, long)]
    pub yes: bool,
    /// Restart even after 6 restarts within an hour
    #[arg(long)]
    pub force: bool,
}

/// What the command depends on.
pub struct Deps {
    /// The watcher's snapshots.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Where profiles were looked for.
    pub places: Places,
    /// The managers of this machine.
    pub supervisors: Supervisors,
    /// The restarts of the last hour.
    pub ledger: Ledger,
    /// The history; each outcome is added to it if it exists.
    pub history: Option<PathBuf>,
    /// Identifies processes.
    pub start_of: StartOf,
    /// The deadlines of the judgement.
    pub deadlines: Deadlines,
    /// Limits of the steps, in place of those that follow from job and deadlines.
    pub limits: Option<Limits>,
}

/// Runs the command on this terminal. `ask` puts a question to the user, `true` = yes. The exit code:
/// [`WORKED`], [`FAILED`], [`UNCLEAR`], [`super::USAGE`] for a name that no profile has, [`super::NO_PROFILE`].
pub async fn run(
    args: Args,
    mut deps: Deps,
    terminal: &mut Terminal<'_>,
    ask: &mut dyn FnMut(&str) -> bool,
) -> error::Result<u8> {
    // an error means that the watcher has ended or is slow: the last snapshot is used
    let _ =
        tokio::time::timeout(COMPLETE_WITHIN, deps.snapshots.wait_for(|snapshot| snapshot.complete)).await;
    let snapshot = Arc::clone(&deps.snapshots.borrow());
    let lang = terminal.lang;
    names::bad_files(&snapshot.bad_files, lang);
    let mut reporter = Reporter { terminal, json: args.json };

    let not_found = |name: Option<&str>| {
        let known = snapshot.profiles.iter().map(|view| view.profile.name.as_str());
        names::not_found(name, known, &deps.places, lang)
    };
    if snapshot.profiles.is_empty() {
        let (code, text) = not_found(None);
        reporter.line(|| json!({"version": JSON_VERSION, "code": "no-profile", "message": text}), &text);
        // with --red there was nothing to do
        return Ok(if args.red { WORKED } else { code });
    }
    let chosen = match choose(&args, &snapshot) {
        Ok(chosen) => chosen,
        Err(name) => {
            let (code, text) = not_found(Some(&name));
            let object = || {
                json!({"version": JSON_VERSION, "profile": one_line(&name, MAX_NAME), "outcome": "not-restarted",
                       "code": "no-such-profile", "message": text})
            };
            reporter.line(object, &text);
            return Ok(code);
        }
    };
    if chosen.is_empty() {
        let text = lang.pick(words::NOTHING_RED);
        reporter.line(|| json!({"version": JSON_VERSION, "message": text}), text);
        return Ok(WORKED);
    }

    let mut refused = false;
    let mut accepted = Vec::new();
    for view in chosen {
        match admit(view, &snapshot, &args, &deps, &mut reporter, ask) {
            Some(work) => accepted.push(work),
            None => refused = true,
        }
    }
    let outcomes = run_all(accepted, &deps, &mut reporter).await;
    let failed = outcomes.iter().any(|o| matches!(o, RestartOutcome::Failed { .. }));
    let unclear = outcomes.iter().any(|o| matches!(o, RestartOutcome::CannotTell { .. }));
    Ok(match (refused || failed, unclear) {
        (true, _) => FAILED,
        (false, true) => UNCLEAR,
        (false, false) => WORKED,
    })
}

/// The selected profiles, each once, in the order named. `Err`: the first unknown name.
fn choose<'a>(args: &Args, snapshot: &'a Snapshot) -> Result<Vec<&'a ProfileView>, String> {
    if args.profiles.is_empty() {
        let meant = |view: &&ProfileView| args.all || view.verdict.light() == Light::Red;
        return Ok(snapshot.profiles.iter().filter(meant).collect());
    }
    let mut chosen: Vec<&ProfileView> = Vec::new();
    for name in &args.profiles {
        let view = snapshot.find(name).ok_or_else(|| name.clone())?;
        if !chosen.iter().any(|other| other.profile.name == *name) {
            chosen.push(view);
        }
    }
    Ok(chosen)
}

/// An admitted request.
enum Work {
    /// A restart may begin.
    Begin(Box<Begin>),
    /// Another request restarts it: its outcome answers this one too.
    Join {
        /// The profile.
        name: String,
        /// The profile whose job starts its gateway.
        gateway: String,
        /// How long it may take.
        limit: Duration,
    },
}

/// A restart that may begin.
struct Begin {
    permit: Permit,
    request: Request,
    supervisor: Arc<dyn Supervisor>,
}

/// Asks for a permit and, where a restart does not help, the user. `None`: refused, and the reason is printed.
fn admit(
    view: &ProfileView,
    snapshot: &Snapshot,
    args: &Args,
    deps: &Deps,
    reporter: &mut Reporter<'_, '_>,
    ask: &mut dyn FnMut(&str) -> bool,
) -> Option<Work> {
    let name = view.profile.name.as_str();
    let now = Timestamp::now();
    let group = RestartGroup::of(name, snapshot)?;
    let gateway = &group.gateway.profile;
    if let Some(obstacle) = obstacle(gateway, |manager| deps.supervisors.access(manager)) {
        reporter.refuse(name, obstacle.code(), &obstacle.refusal().text(reporter.terminal.lang));
        return None;
    }
    let mut request = Request::of(name, snapshot, now, &deps.deadlines, deps.start_of)?;
    let supervisor = deps.supervisors.get(request.job.manager)?;
    request.limits = deps.limits.unwrap_or(request.limits);
    if group.profiles.len() > 1 {
        reporter.together(name, &group.names());
    }
    let asked = PermitRequest {
        profile: gateway,
        verdict: &view.verdict,
        confirmed: args.yes,
        force: args.force,
        by: Requester::CommandLine,
        now,
    };
    match request_permit(&Permits::new(deps.ledger.clone()), asked, view, reporter, ask)? {
        Admission::Granted(permit) => {
            if let Some(error) = permit.not_recorded() {
                let why = text::error::io(reporter.terminal.lang, error);
                reporter.note(name, &reporter.fill(words::LEDGER, &[("why", &why)]));
            }
            Some(Work::Begin(Box::new(Begin { permit, request, supervisor })))
        }
        Admission::UnderWay(holder) => {
            reporter.join(name, holder);
            let limit = request.limits.whole();
            Some(Work::Join { name: name.to_owned(), gateway: gateway.name.clone(), limit })
        }
        Admission::TooMany(TooMany { count, again_at }) => {
            let zoned = again_at.to_zoned(clock::time_zone());
            let at = zoned.strftime("%H:%M:%S").to_string();
            let text = reporter.fill(words::TOO_MANY, &[("count", &count.to_string()), ("at", &at)]);
            reporter.refuse(name, "too-many", &text);
            None
        }
        Admission::NeedsConfirmation(_) => None,
    }
}

/// Requests a permit; where a restart does not help, again with the user's confirmation. `None`: the user refused.
fn request_permit(
    permits: &Permits,
    asked: PermitRequest<'_>,
    view: &ProfileView,
    reporter: &mut Reporter<'_, '_>,
    ask: &mut dyn FnMut(&str) -> bool,
) -> Option<Admission> {
    let admission = permits.request(&asked);
    let Admission::NeedsConfirmation(helps) = admission else { return Some(admission) };
    let name = &view.profile.name;
    let said = text::reason::of(&view.verdict, reporter.terminal.lang);
    let values = [("title", said.title.as_str()), ("meaning", &said.meaning), ("advice", &said.advice)];
    let text = reporter.fill(words::DOES_NOT_HELP, &values);
    let fields = json!({"reason": view.verdict.reason.code(), "restart_helps": helps});
    reporter.about(name, text.trim_end(), None, fields);
    // programs that read JSON confirm with --yes
    if reporter.json || !ask(&reporter.fill(words::RESTART_ANYWAY, &[("name", name)])) {
        reporter.refuse(name, "not-confirmed", reporter.terminal.lang.pick(words::NOT_CONFIRMED));
        return None;
    }
    Some(permits.request(&PermitRequest { confirmed: true, ..asked }))
}

/// Runs every admitted restart, at most [`AT_ONCE`] at a time, and prints what they report.
async fn run_all(all: Vec<Work>, deps: &Deps, reporter: &mut Reporter<'_, '_>) -> Vec<RestartOutcome> {
    // each restart reports at most five times: three steps, a failed attempt, the outcome
    let (sender, mut reports) = mpsc::channel::<Report>((5 * all.len()).max(1));
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for work in all {
        let (sender, slots, snapshots) = (sender.clone(), Arc::clone(&slots), deps.snapshots.clone());
        match work {
            Work::Begin(begin) => running.spawn(async move {
                let _slot = slots.acquire().await;
                let Begin { permit, request, supervisor } = *begin;
                let name = request.profile.name.clone();
                let progress = |view| {
                    let _ = sender.try_send(Report::View(name.clone(), view));
                };
                permit.restart(request, supervisor, snapshots, progress).await
            }),
            Work::Join { name, gateway, limit } => {
                let permits = Permits::new(deps.ledger.clone());
                running.spawn(async move {
                    let outcome = joined(permits.join(&gateway, limit).await, limit);
                    let _ = sender.try_send(Report::Joined(name, outcome.clone()));
                    outcome
                })
            }
        };
    }
    drop(sender);
    while let Some(report) = reports.recv().await {
        match report {
            Report::View(name, view) => {
                if let (Some(file), Some(_)) = (&deps.history, &view.outcome)
                    && let Err(error) = add_to_history(file, &name, &view)
                {
                    // does not change the outcome of the restart
                    let text = reporter.fill(words::HISTORY, &[("why", &error.text(reporter.terminal.lang))]);
                    reporter.note(&name, &text);
                }
                reporter.view(&name, &view);
            }
            // the process that restarted it adds the outcome to the history
            Report::Joined(name, outcome) => reporter.outcome(&name, &outcome),
        }
    }
    running.join_all().await
}

/// What a running restart reports.
enum Report {
    View(String, RestartView),
    Joined(String, RestartOutcome),
}

/// The outcome for a request that joined the restart of another one.
fn joined(joined: Joined, limit: Duration) -> RestartOutcome {
    let why = match joined {
        Joined::Over(outcome) => return outcome,
        Joined::Interrupted => Message::new(words::JOINED_SILENT),
        Joined::Late => {
            let limit = jiff::SignedDuration::try_from(limit).unwrap_or_default();
            Message::new(words::JOINED_LATE).with("limit", limit)
        }
        Joined::Unknown(error) => error.message(),
    };
    RestartOutcome::CannotTell { step: RestartStep::EndingOld, why }
}

/// Adds the outcome to the agent's history, if that exists.
fn add_to_history(file: &Path, name: &str, view: &RestartView) -> Result<(), StoreError> {
    let now = Timestamp::now();
    match Store::existing(file, now)? {
        Some(mut store) => store.record_restart(name, view, now),
        None => Ok(()),
    }
}

/// Prints lines. If the pipe is closed, the restarts continue.
struct Reporter<'a, 't> {
    terminal: &'a mut Terminal<'t>,
    json: bool,
}

impl Reporter<'_, '_> {
    fn fill(&self, phrase: Phrase, values: &[(&str, &str)]) -> String {
        fill(self.terminal.lang.pick(phrase), values)
    }

    fn line(&mut self, object: impl FnOnce() -> Value, text: &str) {
        let _ = if self.json {
            writeln!(self.terminal.out, "{}", object())
        } else {
            self.terminal.wrapped_lines(text)
        };
        let _ = self.terminal.out.flush();
    }

    /// Prints a text about a profile, in the colour of `light`; as JSON with these fields beside it.
    fn about(&mut self, name: &str, text: &str, light: Option<Light>, fields: Value) {
        let object = || {
            let mut object = json!({"version": JSON_VERSION, "profile": name, "message": text});
            if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
                object.extend(fields);
            }
            object
        };
        let color = self.terminal.color;
        let shown = light.map_or_else(|| text.to_owned(), |light| style::in_light(text, light, color));
        self.line(object, &labelled(self.terminal.lang, &one_line(name, MAX_NAME), &shown));
    }

    fn refuse(&mut self, name: &str, code: &str, text: &str) {
        self.about(name, text, None, json!({"outcome": "not-restarted", "code": code}));
    }

    fn note(&mut self, name: &str, text: &str) {
        self.about(name, text, None, Value::Null);
    }

    /// Names the profiles that restart together.
    fn together(&mut self, name: &str, names: &[String]) {
        let shown: Vec<String> = names.iter().map(|name| one_line(name, MAX_NAME)).collect();
        let shown = shown.join(self.terminal.lang.pick(COMMA));
        let text = self.fill(words::TOGETHER, &[("profiles", &shown)]);
        self.about(name, &text, None, json!({"together": names}));
    }

    /// Reports that another process restarts it; its outcome follows.
    fn join(&mut self, name: &str, holder: Option<Holder>) {
        let text = self.terminal.lang.pick(words::UNDER_WAY);
        self.about(name, text, None, json!({"step": "joining", "holder": holder}));
    }

    fn view(&mut self, name: &str, view: &RestartView) {
        if let Some(outcome) = &view.outcome {
            return self.outcome(name, outcome);
        }
        let text = format!("{}…", view.step.progress(view.retrying).text(self.terminal.lang));
        let fields = json!({"step": view.step.code(), "retrying": view.retrying.map(Reason::code)});
        self.about(name, &text, None, fields);
    }

    fn outcome(&mut self, name: &str, outcome: &RestartOutcome) {
        let lang = self.terminal.lang;
        let light = match outcome {
            RestartOutcome::Worked { .. } => Light::Green,
            RestartOutcome::Failed { .. } => Light::Red,
            RestartOutcome::CannotTell { .. } => Light::Amber,
        };
        let mut fields = match outcome {
            RestartOutcome::Worked { took, pid, killed, back } => {
                json!({"took_s": took.as_secs_f64(), "pid": pid, "killed": killed, "back": back})
            }
            RestartOutcome::Failed { step, why } | RestartOutcome::CannotTell { step, why } => {
                json!({"step": step.code(), "why": why.text(lang)})
            }
        };
        fields["outcome"] = outcome.code().into();
        self.about(name, &outcome.text(lang), Some(light), fields);
    }
}

/// Runs the command on this machine.
pub(super) fn run_here(args: Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    runtime()?.block_on(async {
        let handle = engine.watch(Vec::new())?;
        let deps = Deps {
            snapshots: handle.snapshots.clone(),
            places: engine.places.clone(),
            supervisors: Supervisors::from_environment(),
            ledger: Ledger::at(engine.ledger_file()),
            history: Some(engine.history_file()),
            start_of,
            deadlines: engine.config.deadlines.clone(),
            limits: None,
        };
        let mut ask = |question: &str| terminal::confirm(question).unwrap_or(false);
        run(args, deps, terminal, &mut ask).await
    })
}

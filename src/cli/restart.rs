//! `gatelight restart`: restarts gateways through their manager, tells each step as it happens, and proves the result.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::app::engine::Engine;
use crate::health::{Deadlines, Light, Reason, RestartHelps};
use crate::history::{Store, StoreError};
use crate::profile::Places;
use crate::restart::start_of;
use crate::restart::{
    Admission, Ask, Holder, Joined, Ledger, Limits, Permit, Permits, Request, Requester, RestartOutcome,
    RestartStep, RestartView, StartOf, Together, TooMany, obstacle,
};
use crate::runtime::runtime;
use crate::supervisor::{Supervisor, Supervisors};
use crate::terminal::{self, Terminal, style};
use crate::text::error;
use crate::text::{self, Lang, Message, Phrase, Worded as _, fill, restart as words};
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
/// Exit code: none failed, but of at least one nobody can tell.
pub const UNCLEAR: u8 = 3;

/// Restart gateways, and prove that they are back
#[derive(Debug, Clone, Default, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Args {
    /// Profiles to restart
    #[arg(value_name = "PROFILE", group = "which", add = super::names::candidates())]
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

/// What the command works with.
pub struct Deps {
    /// The watcher's word.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Where profiles were looked for.
    pub places: Places,
    /// The managers of this machine.
    pub supervisors: Supervisors,
    /// When gateways were restarted before.
    pub ledger: Ledger,
    /// The history, which is told of each outcome where there is one.
    pub history: Option<PathBuf>,
    /// How processes are told apart.
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
    // An error means that the watcher is gone or slow: what is known by now has to do.
    let _ =
        tokio::time::timeout(COMPLETE_WITHIN, deps.snapshots.wait_for(|snapshot| snapshot.complete)).await;
    let snapshot = Arc::clone(&deps.snapshots.borrow());
    let lang = terminal.lang;
    let mut reporter = Reporter { terminal, json: args.json };

    let not_found = |name: Option<&str>| {
        let known = snapshot.profiles.iter().map(|view| view.profile.name.as_str());
        super::names::not_found(name, known, &deps.places, lang)
    };
    if snapshot.profiles.is_empty() {
        let (code, text) = not_found(None);
        reporter.line(|| json!({"version": JSON_VERSION, "code": "no-profile", "message": text}), &text);
        // to restart what is red, where nothing is, is done
        return Ok(if args.red { WORKED } else { code });
    }
    let chosen = match choose(&args, &snapshot) {
        Ok(chosen) => chosen,
        Err(name) => {
            let (code, text) = not_found(Some(&name));
            reporter.refuse(&crate::redact::one_line(&name, 80), "no-such-profile", &text);
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

/// The profiles meant, each once, in the order named. `Err`: the first name that is none.
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
    let (now, lang) = (Timestamp::now(), reporter.terminal.lang);
    let together = Together::of(name, snapshot)?;
    let gateway = &together.gateway.profile;
    if let Some(obstacle) = obstacle(gateway, |manager| deps.supervisors.access(manager)) {
        reporter.refuse(name, obstacle.code(), &obstacle.refusal().text(lang));
        return None;
    }
    let mut request = Request::of(name, snapshot, now, &deps.deadlines, deps.start_of)?;
    let supervisor = deps.supervisors.get(request.job.manager)?;
    if let Some(limits) = deps.limits {
        request.limits = limits;
    }
    if together.profiles.len() > 1 {
        reporter.together(name, &together.names());
    }
    let mut asked = Ask {
        profile: gateway,
        verdict: &view.verdict,
        confirmed: args.yes,
        force: args.force,
        by: Requester::CommandLine,
        now,
    };
    let permits = Permits::new(deps.ledger.clone());
    let mut admission = permits.request(&asked);
    if let Admission::NeedsConfirmation(helps) = admission {
        explain(view, helps, reporter);
        // JSON is for programs: they pass --yes, or the answer is no
        if args.json || !ask(&reporter.fill(words::RESTART_ANYWAY, &[("name", name)])) {
            reporter.refuse(name, "not-confirmed", lang.pick(words::NOT_CONFIRMED));
            return None;
        }
        asked.confirmed = true;
        admission = permits.request(&asked);
    }
    match admission {
        Admission::Granted(permit) => {
            if let Some(error) = permit.not_recorded() {
                let why = text::error::io(lang, error);
                let text = reporter.fill(words::LEDGER, &[("why", &why)]);
                reporter.note(name, &text);
            }
            Some(Work::Begin(Box::new(Begin { permit, request, supervisor })))
        }
        Admission::UnderWay(holder) => {
            reporter.join(name, holder);
            let limit = request.limits.whole();
            Some(Work::Join { name: name.to_owned(), gateway: gateway.name.clone(), limit })
        }
        Admission::TooMany(TooMany { count, again_at }) => {
            let zoned = again_at.to_zoned(jiff::tz::TimeZone::system());
            let at = zoned.strftime("%H:%M:%S").to_string();
            let text = reporter.fill(words::TOO_MANY, &[("count", &count.to_string()), ("at", &at)]);
            reporter.refuse(name, "too-many", &text);
            None
        }
        Admission::NeedsConfirmation(_) => None,
    }
}

fn explain(view: &ProfileView, helps: RestartHelps, reporter: &mut Reporter<'_, '_>) {
    let said = crate::text::reason::of(&view.verdict, reporter.terminal.lang);
    let values = [("title", said.title.as_str()), ("meaning", &said.meaning), ("advice", &said.advice)];
    let text = reporter.fill(words::DOES_NOT_HELP, &values);
    let name = &view.profile.name;
    reporter.line(
        || {
            json!({"version": JSON_VERSION, "profile": name, "reason": view.verdict.reason.code(), "restart_helps": helps,
                   "message": text.trim_end()})
        },
        &format!("{name}: {}", text.trim_end()),
    );
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
                    && let Err(error) = note_down(file, &name, &view)
                {
                    // the restart itself is what was asked for
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

/// Adds the outcome to the history that the agent keeps; where there is none, none is begun.
fn note_down(file: &Path, name: &str, view: &RestartView) -> Result<(), StoreError> {
    let now = Timestamp::now();
    match Store::existing(file, now)? {
        Some(mut store) => store.record_restart(name, view, now),
        None => Ok(()),
    }
}

/// Writes lines. Where nobody reads them any more (a broken pipe), the restarts go on all the same.
struct Reporter<'a, 't> {
    terminal: &'a mut Terminal<'t>,
    json: bool,
}

impl Reporter<'_, '_> {
    fn fill(&self, phrase: Phrase, values: &[(&str, &str)]) -> String {
        fill(self.terminal.lang.pick(phrase), values)
    }

    fn line(&mut self, object: impl FnOnce() -> serde_json::Value, text: &str) {
        let _ = if self.json {
            writeln!(self.terminal.out, "{}", object())
        } else {
            self.terminal.wrapped_lines(text)
        };
        let _ = self.terminal.out.flush();
    }

    fn refuse(&mut self, name: &str, code: &str, text: &str) {
        let object = || json!({"version": JSON_VERSION, "profile": name, "outcome": "not-restarted", "code": code, "message": text});
        self.line(object, &format!("{name}: {text}"));
    }

    fn note(&mut self, name: &str, text: &str) {
        let object = || json!({"version": JSON_VERSION, "profile": name, "message": text});
        self.line(object, &format!("{name}: {text}"));
    }

    /// Names the profiles that restart together.
    fn together(&mut self, name: &str, names: &[String]) {
        let shown: Vec<String> = names.iter().map(|name| crate::redact::one_line(name, 80)).collect();
        let text = self.fill(words::TOGETHER, &[("profiles", &shown.join(", "))]);
        let object = || json!({"version": JSON_VERSION, "profile": name, "together": names, "message": text});
        self.line(object, &format!("{name}: {text}"));
    }

    /// Says that another process restarts it, whose outcome is waited for.
    fn join(&mut self, name: &str, holder: Option<Holder>) {
        let text = self.terminal.lang.pick(words::UNDER_WAY);
        let object = || json!({"version": JSON_VERSION, "profile": name, "step": "joining", "holder": holder, "message": text});
        self.line(object, &format!("{name}: {text}"));
    }

    fn view(&mut self, name: &str, view: &RestartView) {
        if let Some(outcome) = &view.outcome {
            return self.outcome(name, outcome);
        }
        let text = format!("{}…", view.step.progress(view.retrying).text(self.terminal.lang));
        let object = || {
            let retrying = view.retrying.map(Reason::code);
            json!({"version": JSON_VERSION, "profile": name, "step": view.step.code(),
                   "retrying": retrying, "message": text})
        };
        self.line(object, &format!("{name}: {text}"));
    }

    fn outcome(&mut self, name: &str, outcome: &RestartOutcome) {
        let lang = self.terminal.lang;
        let text = outcome.text(lang);
        let light = match outcome {
            RestartOutcome::Worked { .. } => Light::Green,
            RestartOutcome::Failed { .. } => Light::Red,
            RestartOutcome::CannotTell { .. } => Light::Amber,
        };
        let shown = style::in_light(&text, light, self.terminal.color);
        self.line(|| outcome_json(name, outcome, &text, lang), &format!("{name}: {shown}"));
    }
}

fn outcome_json(name: &str, outcome: &RestartOutcome, text: &str, lang: Lang) -> serde_json::Value {
    let version = JSON_VERSION;
    match outcome {
        RestartOutcome::Worked { took, pid, killed, back } => {
            json!({"version": version, "profile": name, "outcome": "worked",
            "took_s": took.as_secs_f64(), "pid": pid, "killed": killed, "back": back, "message": text})
        }
        RestartOutcome::Failed { step, why } => {
            json!({"version": version, "profile": name, "outcome": "failed",
            "step": step.code(), "why": why.text(lang), "message": text})
        }
        RestartOutcome::CannotTell { step, why } => json!({"version": version, "profile": name,
            "outcome": "cannot-tell", "step": step.code(), "why": why.text(lang), "message": text}),
    }
}

/// Runs the command on this machine.
pub(super) fn run_here(args: Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    runtime()?.block_on(async {
        let handle = engine.watch(Vec::new(), None)?;
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

//! `gatelight restart`: restarts gateways through their manager, tells each step as it happens, and proves the result.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::app::engine::{Engine, runtime, start_of};
use crate::health::{Deadlines, Light, Reason, RestartHelps};
use crate::history::{Store, StoreError};
use crate::profile::Places;
use crate::snapshot::{ProfileView, RestartOutcome, RestartStep, RestartView, Snapshot};
use crate::supervisor::ledger::{Claim, Joined, Ledger};
use crate::supervisor::policy::{Ask, Decision, Desk};
use crate::supervisor::restart::{Limits, Request, StartOf, restart};
use crate::supervisor::{Supervisor, Supervisors};
use crate::terminal::{self, Terminal};
use crate::text::{self, Lang, Phrase, fill, restart as words};

/// Version of the JSON form.
const JSON_VERSION: u32 = 1;

/// Gateways restarted at the same time; the others wait for their turn.
const AT_ONCE: usize = 8;

/// Between two looks at a restart of another process.
const JOIN_PAUSE: Duration = Duration::from_millis(100);

/// How long the first look at every profile may take before the command goes on with what is known.
const FIRST_LOOK: Duration = Duration::from_secs(15);

/// Exit code: every gateway was restarted, and its link is proven.
pub const WORKED: u8 = 0;
/// Exit code: at least one failed, or was not restarted.
pub const FAILED: u8 = 1;
/// Exit code: none failed, but of at least one nobody can tell.
pub const UNCLEAR: u8 = 3;

/// Restart gateways, and prove that they are back
#[derive(Debug, Clone, Default, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Args {
    /// Profiles to restart, by name
    #[arg(value_name = "PROFILE", group = "which")]
    pub profiles: Vec<String>,
    /// Restart every profile whose light is red
    #[arg(long, group = "which")]
    pub red: bool,
    /// Restart every profile
    #[arg(long, group = "which")]
    pub all: bool,
    /// Print each step and outcome as one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Restart even where that does not help
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
    /// The language.
    pub lang: Lang,
}

/// Runs the command. `out` gets its words; `ask` puts a question to the user, `true` = yes. The exit code:
/// [`WORKED`], [`FAILED`], [`UNCLEAR`], [`super::USAGE`] for a name that no profile has, [`super::NO_PROFILE`].
pub async fn run(
    args: Args,
    mut deps: Deps,
    out: &mut dyn Write,
    ask: &mut dyn FnMut(&str) -> bool,
) -> anyhow::Result<u8> {
    // An error means that the watcher is gone or slow: what is known by now has to do.
    let _ = tokio::time::timeout(FIRST_LOOK, deps.snapshots.wait_for(|snapshot| snapshot.complete)).await;
    let snapshot = Arc::clone(&deps.snapshots.borrow());
    let mut teller = Teller { out, json: args.json, lang: deps.lang };

    let not_found = |name: Option<&str>| {
        let known = snapshot.profiles.iter().map(|view| view.profile.name.as_str());
        super::status::not_found(name, known, &deps.places, deps.lang)
    };
    if snapshot.profiles.is_empty() {
        let (code, text) = not_found(None);
        teller.line(|| json!({"version": JSON_VERSION, "code": "no-profile", "message": text}), &text);
        // to restart what is red, where nothing is, is done
        return Ok(if args.red { WORKED } else { code });
    }
    let chosen = match choose(&args, &snapshot) {
        Ok(chosen) => chosen,
        Err(name) => {
            let (code, text) = not_found(Some(&name));
            teller.refuse(&crate::evidence::redact::one_line(&name, 80), "no-such-profile", &text);
            return Ok(code);
        }
    };
    if chosen.is_empty() {
        let text = deps.lang.pick(words::NOTHING_RED);
        teller.line(|| json!({"version": JSON_VERSION, "message": text}), text);
        return Ok(WORKED);
    }

    let mut refused = false;
    let mut accepted = Vec::new();
    let mut desk = Desk::default();
    for view in chosen {
        match admit(view, &args, &deps, &mut desk, &mut teller, ask) {
            Some(work) => accepted.push(work),
            None => refused = true,
        }
    }
    let outcomes = work_off(accepted, &deps, &mut teller).await;
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

/// What is to be done for a profile.
enum Work {
    /// A restart may begin.
    Begin(Box<Order>),
    /// Another process restarts it: its outcome is the answer to this request too.
    Join {
        /// The profile.
        name: String,
        /// How long it may take.
        limit: Duration,
    },
}

/// A restart that may begin; the claim is `None` where the ledger cannot be written.
struct Order {
    request: Request,
    supervisor: Arc<dyn Supervisor>,
    claim: Option<Claim>,
}

/// Whether this one is restarted; what stands against it is told.
fn admit(
    view: &ProfileView,
    args: &Args,
    deps: &Deps,
    desk: &mut Desk,
    teller: &mut Teller<'_>,
    ask: &mut dyn FnMut(&str) -> bool,
) -> Option<Work> {
    let name = view.profile.name.as_str();
    let now = Timestamp::now();
    let profile = Arc::clone(&view.profile);
    let Some(mut request) = Request::new(profile, now, &deps.deadlines, deps.start_of, deps.lang) else {
        teller.refuse(name, "unsupervised", deps.lang.pick(words::UNSUPERVISED));
        return None;
    };
    if let Some(limits) = deps.limits {
        request.limits = limits;
    }
    let manager = request.job.manager;
    let Some(supervisor) = deps.supervisors.get(manager) else {
        let text = teller.fill(words::NO_MANAGER, &[("manager", manager.word())]);
        teller.refuse(name, "no-manager", &text);
        return None;
    };

    let claim = match deps.ledger.claim(name) {
        Ok(Some(claim)) => Some(claim),
        Ok(None) => {
            teller.join(name);
            return Some(Work::Join { name: name.to_owned(), limit: request.limits.whole() });
        }
        // Told when the restart is noted down. A full disk must not keep anybody from mending a gateway by hand.
        Err(_) => None,
    };
    let history = deps.ledger.recent(name, now);
    let mut asked = Ask { reason: view.verdict.reason, yes: args.yes, force: args.force };
    let mut decision = desk.ask(name, asked, &history, now);
    if let Decision::Confirm(helps) = decision {
        explain(view, helps, teller);
        // JSON is for programs: they say --yes or take no for an answer
        if !args.json && ask(&teller.fill(words::RESTART_ANYWAY, &[("name", name)])) {
            asked.yes = true;
            decision = desk.ask(name, asked, &history, now);
        } else {
            teller.refuse(name, "not-confirmed", deps.lang.pick(words::NOT_CONFIRMED));
            return None;
        }
    }
    if let Decision::Begin(_) = decision {
        match deps.ledger.reserve(name, now, args.force) {
            Ok(None) => {}
            Ok(Some(too_many)) => decision = too_many,
            Err(error) => {
                let text = teller.fill(words::LEDGER, &[("why", &text::error::io(deps.lang, &error))]);
                teller.note(name, &text);
            }
        }
    }
    match decision {
        Decision::Begin(_) => Some(Work::Begin(Box::new(Order { request, supervisor, claim }))),
        Decision::TooMany { count, again_at } => {
            let zoned = again_at.to_zoned(jiff::tz::TimeZone::system());
            let at = zoned.strftime("%H:%M:%S").to_string();
            let text = teller.fill(words::TOO_MANY, &[("count", &count.to_string()), ("at", &at)]);
            teller.refuse(name, "too-many", &text);
            None
        }
        Decision::Join(_) | Decision::Confirm(_) => None,
    }
}

fn explain(view: &ProfileView, helps: RestartHelps, teller: &mut Teller<'_>) {
    let entry = view.verdict.reason.entry();
    let lang = teller.lang;
    let values = [
        ("title", lang.pick(entry.title)),
        ("meaning", lang.pick(entry.meaning)),
        ("advice", lang.pick(entry.advice)),
    ];
    let text = teller.fill(words::DOES_NOT_HELP, &values);
    let name = &view.profile.name;
    teller.line(
        || {
            json!({"version": JSON_VERSION, "profile": name, "reason": entry.code, "restart_helps": helps,
                   "message": text.trim_end()})
        },
        &format!("{name}: {}", text.trim_end()),
    );
}

async fn work_off(all: Vec<Work>, deps: &Deps, teller: &mut Teller<'_>) -> Vec<RestartOutcome> {
    // each restart tells five things at most: three steps, an attempt that failed, the outcome
    let (tell, mut told) = mpsc::channel::<Told>((5 * all.len()).max(1));
    let turn = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for work in all {
        let (tell, turn, snapshots) = (tell.clone(), Arc::clone(&turn), deps.snapshots.clone());
        match work {
            Work::Begin(order) => running.spawn(async move {
                let _turn = turn.acquire().await;
                let Order { request, supervisor, claim } = *order;
                let name = request.profile.name.clone();
                let outcome = restart(request, supervisor, snapshots, |view| {
                    let _ = tell.try_send(Told::View(name.clone(), view));
                })
                .await;
                // who asked meanwhile waits for this; where it cannot be written, he is told that nobody knows
                let _ = claim.map(|claim| claim.settle(&outcome));
                outcome
            }),
            Work::Join { name, limit } => {
                let (ledger, lang) = (deps.ledger.clone(), deps.lang);
                running.spawn(async move {
                    let outcome = join(&ledger, &name, limit, lang).await;
                    let _ = tell.try_send(Told::Joined(name, outcome.clone()));
                    outcome
                })
            }
        };
    }
    drop(tell);
    while let Some(told) = told.recv().await {
        match told {
            Told::View(name, view) => {
                if let (Some(file), Some(_)) = (&deps.history, &view.outcome)
                    && let Err(error) = note_down(file, &name, &view)
                {
                    // the restart itself is what was asked for
                    let text = teller.fill(words::HISTORY, &[("why", &error.text(teller.lang))]);
                    teller.note(&name, &text);
                }
                teller.view(&name, &view);
            }
            // the history hears of it from the process that restarted it
            Told::Joined(name, outcome) => teller.outcome(&name, &outcome),
        }
    }
    running.join_all().await
}

/// What is to be told.
enum Told {
    View(String, RestartView),
    Joined(String, RestartOutcome),
}

/// Waits for the outcome of a restart that another process has begun.
async fn join(ledger: &Ledger, name: &str, limit: Duration, lang: Lang) -> RestartOutcome {
    let until = Instant::now() + limit;
    let why = loop {
        match ledger.joined(name) {
            Ok(Joined::Over(Some(outcome))) => return outcome,
            Ok(Joined::Over(None)) => break lang.pick(words::JOINED_SILENT).to_owned(),
            Ok(Joined::UnderWay) if Instant::now() < until => tokio::time::sleep(JOIN_PAUSE).await,
            Ok(Joined::UnderWay) => {
                let limit = text::duration(lang, jiff::SignedDuration::try_from(limit).unwrap_or_default());
                break fill(lang.pick(words::JOINED_LATE), &[("limit", &limit)]);
            }
            Err(error) => break text::error::io(lang, &error),
        }
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
struct Teller<'a> {
    out: &'a mut dyn Write,
    json: bool,
    lang: Lang,
}

impl Teller<'_> {
    fn fill(&self, phrase: Phrase, values: &[(&str, &str)]) -> String {
        fill(self.lang.pick(phrase), values)
    }

    fn line(&mut self, object: impl FnOnce() -> serde_json::Value, text: &str) {
        let _ = if self.json { writeln!(self.out, "{}", object()) } else { writeln!(self.out, "{text}") };
        let _ = self.out.flush();
    }

    fn refuse(&mut self, name: &str, code: &str, text: &str) {
        let object = || json!({"version": JSON_VERSION, "profile": name, "outcome": "not-restarted", "code": code, "message": text});
        self.line(object, &format!("{name}: {text}"));
    }

    fn note(&mut self, name: &str, text: &str) {
        let object = || json!({"version": JSON_VERSION, "profile": name, "message": text});
        self.line(object, &format!("{name}: {text}"));
    }

    /// Says that another process restarts it, whose outcome is waited for.
    fn join(&mut self, name: &str) {
        let text = self.lang.pick(words::UNDER_WAY);
        let object = || json!({"version": JSON_VERSION, "profile": name, "step": "joining", "message": text});
        self.line(object, &format!("{name}: {text}"));
    }

    fn view(&mut self, name: &str, view: &RestartView) {
        if let Some(outcome) = &view.outcome {
            return self.outcome(name, outcome);
        }
        let text = format!("{}…", words::step(self.lang, view.step, view.retrying));
        let object = || {
            let retrying = view.retrying.map(Reason::code);
            json!({"version": JSON_VERSION, "profile": name, "step": step_word(view.step),
                   "retrying": retrying, "message": text})
        };
        self.line(object, &format!("{name}: {text}"));
    }

    fn outcome(&mut self, name: &str, outcome: &RestartOutcome) {
        let text = words::outcome(self.lang, outcome);
        self.line(|| outcome_json(name, outcome, &text), &format!("{name}: {text}"));
    }
}

/// The word for a step in JSON.
const fn step_word(step: RestartStep) -> &'static str {
    match step {
        RestartStep::EndingOld => "ending-old",
        RestartStep::StartingNew => "starting-new",
        RestartStep::ProvingLink => "proving-link",
    }
}

fn outcome_json(name: &str, outcome: &RestartOutcome, text: &str) -> serde_json::Value {
    let version = JSON_VERSION;
    match outcome {
        RestartOutcome::Worked { took, pid, killed } => {
            json!({"version": version, "profile": name, "outcome": "worked",
            "took_s": took.as_secs_f64(), "pid": pid, "killed": killed, "message": text})
        }
        RestartOutcome::Failed { step, why } => {
            json!({"version": version, "profile": name, "outcome": "failed",
            "step": step_word(*step), "why": why, "message": text})
        }
        RestartOutcome::CannotTell { step, why } => json!({"version": version, "profile": name,
            "outcome": "cannot-tell", "step": step_word(*step), "why": why, "message": text}),
    }
}

/// Runs the command on this machine.
pub(super) fn run_here(args: Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
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
            lang: engine.lang,
        };
        let mut ask = |question: &str| terminal::confirm(question).unwrap_or(false);
        run(args, deps, terminal.out, &mut ask).await
    })
}

//! What each fuzz target does with its bytes: read them as the program would, and hold what must always hold.
//! Also driven by `tests/it/hostile/fuzz_targets.rs`, on random bytes and on this folder's corpus.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use gatelight::config::Config;
use gatelight::evidence::carriers::Past;
use gatelight::evidence::logbook::{LogBook, Scanner};
use gatelight::evidence::patterns::{Patterns, wordings};
use gatelight::evidence::{line, state_files};
use gatelight::health::{Core, Deadlines, Evidence, Platforms, ProcessState};
use gatelight::profile::{launchd, systemd, unit_file};
use gatelight::recording::Recording;
use gatelight::redact::{clean_line, one_line, redact};
use gatelight::supervisor::{launchd::parse, systemd as systemctl};
use jiff::{SignedDuration, Timestamp};

/// Every target: its name, which is that of its file and its corpus, and its body.
#[allow(clippy::type_complexity)]
pub(super) const ALL: [(&str, fn(&[u8])); 9] = [
    ("hostile", hostile),
    ("lines", lines),
    ("redaction", redaction),
    ("recordings", recordings),
    ("state_files", state),
    ("plists", plists),
    ("units", units),
    ("managers", managers),
    ("settings", settings),
];

fn patterns() -> Arc<Patterns> {
    static PATTERNS: OnceLock<Arc<Patterns>> = OnceLock::new();
    Arc::clone(PATTERNS.get_or_init(|| Arc::new(Patterns::new(&[]).expect("the built-in patterns"))))
}

/// Log lines: whole, in blocks, and judged.
pub(super) fn lines(data: &[u8]) {
    for text in data.split(|b| *b == b'\n') {
        if let Some(head) = line::head(text) {
            assert!(text.ends_with(head.message));
        }
    }
    let now = Timestamp::UNIX_EPOCH;
    let mut core = Core::new("default".into(), &Platforms::built_in(), Deadlines::default(), now);
    let mut book = LogBook::new(patterns());
    let events = book.read([("agent.log", data)], now);
    let found = events.len();
    for event in events {
        assert!(event.record.proof.line.chars().count() <= 400);
        assert!(!event.record.proof.line.contains(char::is_control));
        core.step(now, event.into_evidence());
    }
    let mut alone = 0;
    Scanner::new(patterns()).read_past("agent.log", data, &Past::default(), now, &mut |_| alone += 1);
    assert!(found <= alone, "an event that only the second reading finds");
    core.tick(now.saturating_add(SignedDuration::from_hours(1)).unwrap_or(now));
}

/// A record that carries the text of people, in the place of `{}`; whether with its line breaks.
pub(super) const CARRIERS: [(&str, bool); 14] = [
    ("INFO gateway.platforms.feishu: [Feishu] Inbound dm message received: text='{}'", false),
    ("INFO hermes_plugins.feishu_platform.adapter: [Feishu] Received raw message {}", false),
    ("INFO gateway.run: inbound message: platform=feishu user=u msg='{}'", false),
    ("INFO gateway.run: response ready: {}", false),
    ("INFO agent.loop: conversation turn: {}", false),
    ("WARNING agent.loop: Turn ended: {}", false),
    ("ERROR hermes_plugins.feishu_platform.adapter: [Feishu] Failed to send file {}: boom", false),
    ("ERROR hermes_plugins.feishu_platform.adapter: [Feishu] Failed to download image {}", false),
    ("ERROR gateway.platforms.feishu: [Feishu] Failed to inject text document content from {}", false),
    // loggers of which nothing is evidence
    ("ERROR tools.shell: {}", false),
    ("WARNING gateway_plugin: {}", false),
    ("INFO Larkish: {}", false),
    ("INFO gateway.platforms.feishu_comment: [Feishu-Comment] reply: {}", true),
    ("ERROR agent.tools: Tool terminal returned error (1.20s): {}", true),
];

/// What a forger puts before a wording; the last ones only where line breaks stay.
pub(super) const FORMS: [&str; 9] = [
    "",
    "see ",
    "x: ",
    "RuntimeError: ",
    "x\n",
    "x\nTraceback (most recent call last):\nRuntimeError: ",
    "x\n2026-11-22 11:00:10,500 {level} {logger}: ",
    "x\n[Lark] [2026-11-22 11:00:10,500] [{level}] ",
    "x\n2026-11-22 11:00:10,400 INFO gateway.run: response ready: y\n2026-11-22 11:01:40,000 {level} {logger}: ",
];

/// Forms from here on need the line breaks of the text.
const FORGED_HEADS: usize = 6;

const LEVELS: [&str; 3] = ["INFO", "WARNING", "ERROR"];

/// Loggers that patterns name.
const LOGGERS: [&str; 5] =
    ["Lark", "gateway.run", "hermes_plugins.feishu_platform.adapter", "asyncio", "RuntimeError"];

/// What the gateway went through before: lines of its own.
pub(super) const BEFORE: [&[&str]; 4] = [
    &[],
    &["ERROR Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]"],
    &["WARNING gateway.kanban: kanban notifier tick failed: Executor shutdown has been called"],
    &["ERROR Lark: connect failed, err: 514: auth failed"],
];

/// Every text that a pattern looks for.
pub(super) fn texts() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let quoted = wordings().flat_map(|line| line.split('"').skip(1).step_by(2));
        let filled = quoted.map(|text| {
            let text = text.replace("{p}", "feishu").replace("{P}", "Feishu").replace("{t}", "default");
            text.replace("{n}", "x")
        });
        let mut texts: Vec<String> = filled.filter(|text| text.len() > 3).collect();
        texts.sort();
        texts.dedup();
        texts
    })
}

/// A hostile record. All of its parts are numbers, taken modulo what there is to choose from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hostile {
    pub(super) before: usize,
    pub(super) carrier: usize,
    pub(super) form: usize,
    pub(super) text: usize,
    pub(super) level: usize,
    pub(super) logger: usize,
    /// At which of its line breaks a reader finds the rest later.
    pub(super) cut: usize,
}

impl Hostile {
    /// The record's level, and its text from the level on.
    fn record(&self) -> (&'static str, String) {
        let (carrier, breaks) = CARRIERS[self.carrier % CARRIERS.len()];
        let forms = if breaks { FORMS.len() } else { FORGED_HEADS };
        let form = FORMS[self.form % forms]
            .replace("{level}", LEVELS[self.level % LEVELS.len()])
            .replace("{logger}", LOGGERS[self.logger % LOGGERS.len()]);
        let text = &texts()[self.text % texts().len()];
        let said = carrier.replace("{}", &format!("{form}{text}"));
        (carrier.split(' ').next().unwrap_or_default(), said)
    }

    /// The same without anything hostile.
    fn harmless(&self) -> (&'static str, String) {
        let (carrier, _) = CARRIERS[self.carrier % CARRIERS.len()];
        (carrier.split(' ').next().unwrap_or_default(), carrier.replace("{}", "good morning"))
    }

    /// No light differs from that which a harmless text leads to, whenever the reader comes.
    pub(super) fn check(&self) {
        let harmless = self.play(self.harmless(), None);
        for cut in [None, Some(self.cut)] {
            assert_eq!(self.play(self.record(), cut), harmless, "{self:?}: {:?}", self.record());
        }
    }

    /// The lights after the record, an hour later, and after a real loss.
    fn play(&self, (level, record): (&str, String), cut: Option<usize>) -> [String; 3] {
        let mut at: Timestamp = "2026-11-22T11:00:00Z".parse().expect("a time");
        let platforms = Platforms::built_in();
        let mut core = Core::new("default".into(), &platforms, Deadlines::default(), at);
        let mut book = LogBook::new(patterns());
        let mut write = |core: &mut Core, at: Timestamp, level: &str, record: &str| {
            let line = format!("{} {record}\n", at.strftime("%Y-%m-%d %H:%M:%S,000"));
            // as hermes_logging.py of 0.19 spreads them
            let logger = record.split([' ', ':']).nth(1).unwrap_or_default();
            let in_gateway = ["gateway", "hermes_plugins", "plugins.platforms"];
            let mut files = vec!["agent.log"];
            files.extend((level != "INFO").then_some("errors.log"));
            files.extend(in_gateway.iter().any(|start| logger.starts_with(start)).then_some("gateway.log"));
            let breaks: Vec<usize> = line.match_indices('\n').map(|(at, _)| at + 1).collect();
            let split = cut.map_or(line.len(), |cut| breaks[cut % breaks.len()]);
            for part in [&line[..split], &line[split..]] {
                for event in book.read(files.iter().map(|file| (*file, part.as_bytes())), at) {
                    core.step(at, event.into_evidence());
                }
            }
        };
        let start = [
            "INFO gateway.run: Starting Hermes Gateway...",
            "INFO gateway.run: Connecting to feishu...",
            "INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2 [conn_id=1]",
        ];
        core.step(
            at,
            Evidence::Process {
                pid: 7,
                start: Some(1),
                started_at: Some(at),
                state: ProcessState::Running,
                exit: None,
            },
        );
        for own in start.iter().chain(BEFORE[self.before % BEFORE.len()]) {
            at += SignedDuration::from_secs(2);
            write(&mut core, at, own.split(' ').next().unwrap_or_default(), own);
        }
        at += SignedDuration::from_secs(2);
        write(&mut core, at, level, &record);
        let shown = |core: &Core| {
            let verdict = core.verdict();
            let links = verdict.links.iter().map(|link| (&link.platform, link.light, link.reason));
            format!("{:?} {:?} {:?}", verdict.light(), verdict.reason, links.collect::<Vec<_>>())
        };
        let after = shown(&core);
        at += SignedDuration::from_hours(1);
        core.tick(at);
        let later = shown(&core);
        write(&mut core, at, "ERROR", "ERROR Lark: receive message loop exit, err: x [conn_id=1]");
        [after, later, shown(&core)]
    }
}

/// Records that strangers fill: see [`Hostile`].
pub(super) fn hostile(data: &[u8]) {
    let mut bytes = data.iter().copied();
    let mut next = || usize::from(bytes.next().unwrap_or(0)) << 8 | usize::from(bytes.next().unwrap_or(0));
    let (before, carrier, form, text) = (next(), next(), next(), next());
    Hostile { before, carrier, form, text, level: next(), logger: next(), cut: next() }.check();
}

/// Text that is shown.
pub(super) fn redaction(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // a mask may join what stood apart, which another pass hides as well; that comes to an end
    let mut shown = redact(&text).into_owned();
    let mut passes = 0;
    loop {
        let again = redact(&shown).into_owned();
        if again == shown {
            break;
        }
        (shown, passes) = (again, passes + 1);
        assert!(passes <= text.len(), "it never settles");
    }
    for shown in [one_line(&text, 100), clean_line(&text, 100)] {
        assert!(shown.chars().count() <= 100 && !shown.contains(char::is_control));
    }
}

/// Recordings: read and played.
pub(super) fn recordings(data: &[u8]) {
    if let Ok(recording) = Recording::read(data) {
        let mut last = None;
        recording.play(patterns(), Deadlines::default(), &mut |change| {
            assert!(last.is_none_or(|at| at <= change.at), "time falls");
            last = Some(change.at);
        });
    }
}

/// The gateway's own files.
pub(super) fn state(data: &[u8]) {
    if let Some(value) = state_files::parse(data) {
        let names =
            ["gateway.pid", "gateway_state.json", "state/gateway.heartbeat", ".gateway-planned-stop.json"];
        for name in names {
            if let Some(evidence) = state_files::evidence(name, Some(&value), &patterns()) {
                let now = Timestamp::UNIX_EPOCH;
                Core::new("default".into(), &Platforms::built_in(), Deadlines::default(), now)
                    .step(now, evidence);
            }
        }
    }
    state_files::starts(&String::from_utf8_lossy(data));
}

/// Property lists of launchd, XML and binary.
pub(super) fn plists(data: &[u8]) {
    let path = Path::new("/Users/me/Library/LaunchAgents/ai.hermes.gateway.plist");
    launchd::looks_like_gateway(path, data);
    launchd::read(path, data, Path::new("/Users/me"));
}

/// Unit files of systemd, a drop-in after the first NUL.
pub(super) fn units(data: &[u8]) {
    let files: Vec<Vec<u8>> = data.splitn(2, |b| *b == 0).map(<[u8]>::to_vec).collect();
    let path = Path::new("/home/me/.config/systemd/user/hermes-gateway.service");
    let variables = |_: &Path| files.first().cloned();
    let _ = systemd::read(path, "hermes-gateway@me.service", &files, Path::new("/home/me"), &variables);
    let text = String::from_utf8_lossy(data);
    unit_file::settings(&text);
    for line in text.lines() {
        unit_file::exec_words(line, Path::new("/home/me"));
        unit_file::unit_words(line, Path::new("/home/me"));
    }
}

/// What launchctl and systemctl answer.
pub(super) fn managers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    parse::print(&text);
    parse::list(&text);
    parse::list_label(&text);
    parse::is_disabled(&text, "ai.hermes.gateway");
    parse::manager_name(&text);
    parse::unknown_subcommand(&text);
    if let Some(unit) = systemctl::parse(&text) {
        unit.state();
    }
}

/// The settings file.
pub(super) fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = Config::parse(&text, Path::new("/home/me/config.toml"), Path::new("/home/me")) {
        assert!(!error.text(gatelight::text::Lang::En).is_empty());
    }
}

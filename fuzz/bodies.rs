//! What each fuzz target does with its bytes: read them as the program would, and hold what must always hold.
//! Also driven by `tests/it/hostile/fuzz_targets.rs`, on random bytes and on this folder's corpus.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use gatelight::channels;
use gatelight::config::{ChannelKind, Config};
use gatelight::evidence::carriers::Past;
use gatelight::evidence::log_event::LogEvent;
use gatelight::evidence::logbook::{LogBook, Scanner};
use gatelight::evidence::patterns::Patterns;
use gatelight::evidence::{line, locks, state_files};
use gatelight::health::{Core, Deadlines, Evidence, LogRecord, Platforms, ProcessState, platform};
use gatelight::profile::{launchd, systemd, unit_file};
use gatelight::recording::Recording;
use gatelight::redact::{clean_line, one_line, redact};
use gatelight::serve::http;
use gatelight::supervisor::{launchd::parse, systemd as systemctl};
use jiff::{SignedDuration, Timestamp};

/// Every target: its name, which is that of its file and its corpus, and its body.
#[allow(clippy::type_complexity)]
pub(super) const ALL: [(&str, fn(&[u8])); 13] = [
    ("hostile", hostile),
    ("lines", lines),
    ("redaction", redaction),
    ("recordings", recordings),
    ("state_files", state),
    ("plists", plists),
    ("units", units),
    ("managers", managers),
    ("settings", settings),
    ("requests", requests),
    ("answers", answers),
    ("platforms", platform_files),
    ("lock_files", lock_files),
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
        assert!(event.record.proof.line.quote().chars().count() <= 400);
        assert!(!event.record.proof.line.quote().contains(char::is_control));
        core.step(now, event.into_evidence());
    }
    let mut alone = 0;
    Scanner::new(patterns()).read_past("agent.log", data, &Past::default(), now, &mut |_| alone += 1);
    assert!(found <= alone, "an event that only the second reading finds");
    core.tick(now.saturating_add(SignedDuration::from_hours(1)).unwrap_or(now));
}

/// A record that carries the text of people, in the place of `{}`, and how many of [`FORMS`] it can take.
pub(super) const CARRIERS: [(&str, usize); 22] = [
    ("INFO gateway.platforms.feishu: [Feishu] Inbound dm message received: text='{}'", WITHOUT_HEADS),
    ("INFO hermes_plugins.feishu_platform.adapter: [Feishu] Received raw message {}", WITHOUT_HEADS),
    ("INFO gateway.run: inbound message: platform=feishu user=u msg='{}'", WITHOUT_HEADS),
    ("INFO gateway.run: response ready: {}", WITHOUT_HEADS),
    ("INFO agent.loop: conversation turn: {}", WITHOUT_HEADS),
    ("WARNING agent.loop: Turn ended: {}", WITHOUT_HEADS),
    ("ERROR hermes_plugins.feishu_platform.adapter: [Feishu] Failed to send file {}: boom", WITHOUT_HEADS),
    ("ERROR hermes_plugins.feishu_platform.adapter: [Feishu] Failed to download image {}", WITHOUT_HEADS),
    (
        "ERROR gateway.platforms.feishu: [Feishu] Failed to inject text document content from {}",
        WITHOUT_HEADS,
    ),
    // loggers of which nothing is evidence
    ("ERROR tools.shell: {}", WITHOUT_HEADS),
    ("WARNING gateway_plugin: {}", WITHOUT_HEADS),
    ("INFO Larkish: {}", WITHOUT_HEADS),
    ("INFO gateway.platforms.feishu_comment: [Feishu-Comment] reply: {}", FORMS.len()),
    ("ERROR agent.tools: Tool terminal returned error (1.20s): {}", FORMS.len()),
    // other platforms
    (
        "WARNING hermes_plugins.telegram_platform.adapter: [Telegram] Failed to send document {}: boom",
        WITHOUT_HEADS,
    ),
    (
        "ERROR hermes_plugins.discord_platform.adapter: [Discord] Failed to download attachment {}",
        WITHOUT_HEADS,
    ),
    ("ERROR hermes_plugins.slack_platform.adapter: [Slack] Failed to upload {}", WITHOUT_HEADS),
    ("WARNING hermes_plugins.wecom_platform.adapter: [Wecom] Failed to cache {}", WITHOUT_HEADS),
    ("ERROR gateway.platforms.qqbot.adapter: [QQBot:x] Failed to send image {}", WITHOUT_HEADS),
    ("INFO gateway.run: inbound message: platform=feishu user={} chat=c msg='x'", WITHOUT_HEADS),
    // the beginning of what a pattern looks for, in a record about something else
    ("ERROR cron.scheduler: Job '{}' failed: x", ON_ONE_LINE),
    ("WARNING gateway.run: Hook {} failed", ON_ONE_LINE),
];

/// What a forger puts before a wording; the last ones only where line breaks stay.
pub(super) const FORMS: [&str; 10] = [
    "",
    "see ",
    "x: ",
    "RuntimeError: ",
    "2026-11-22 11:00:10,500 {level} {logger}: ",
    "x\n",
    "x\nTraceback (most recent call last):\nRuntimeError: ",
    "x\n2026-11-22 11:00:10,500 {level} {logger}: ",
    "x\n[Lark] [2026-11-22 11:00:10,500] [{level}] ",
    "x\n2026-11-22 11:00:10,400 INFO gateway.run: response ready: y\n2026-11-22 11:01:40,000 {level} {logger}: ",
];

/// The forms without a line break: others need a record that is known to keep them.
const ON_ONE_LINE: usize = 5;

/// The forms without a forged head behind a line break.
const WITHOUT_HEADS: usize = 7;

const LEVELS: [&str; 3] = ["INFO", "WARNING", "ERROR"];

/// What the gateway went through before: lines of its own.
pub(super) const BEFORE: [&[&str]; 4] = [
    &[],
    &["ERROR Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]"],
    &["WARNING gateway.kanban: kanban notifier tick failed: Executor shutdown has been called"],
    &["ERROR Lark: connect failed, err: 514: auth failed"],
];

/// A message that a pattern of the tables fits.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The platform, or `patterns` for those about the gateway.
    pub(crate) table: String,
    /// What it means.
    pub(crate) word: String,
    pub(crate) level: String,
    /// The log that it stands in.
    pub(crate) log: String,
    /// Empty: none, as in the older layout.
    pub(crate) logger: String,
    pub(crate) message: String,
}

/// For every pattern, each of its beginnings with each of its wordings.
pub(crate) fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let gateway = include_str!("../resources/patterns.toml");
        let tables = platform::built_in_files().chain([gateway]);
        tables.flat_map(|text| samples_of(&text.parse().expect("a table of patterns"))).collect()
    })
}

fn samples_of(table: &toml::Table) -> Vec<Sample> {
    let id = table.get("id").and_then(toml::Value::as_str).unwrap_or("patterns");
    let lines = table.get("line").and_then(toml::Value::as_array).into_iter().flatten();
    let mut samples = Vec::new();
    for line in lines.filter_map(toml::Value::as_table) {
        let text = |key: &str| line.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let loggers = Some(strings(line, "loggers")).filter(|own| !own.is_empty());
        let loggers = loggers.unwrap_or_else(|| strings(table, "loggers"));
        let logger = match loggers.iter().find(|logger| !logger.is_empty()).map_or("", String::as_str) {
            "gateway" => "gateway.run",
            "hermes_plugins" => "hermes_plugins.feishu_platform.adapter",
            other => other,
        };
        let code = match (line.get("digits"), line.get("codes").and_then(|codes| codes.get(0)?.as_integer()))
        {
            _ if line.get("code").is_none() => String::new(),
            (Some(_), _) => "404: ".to_owned(),
            (None, Some(code)) => format!("{code}: "),
            (None, None) => "1000040345: ".to_owned(),
        };
        let word = text("word") + &text("signal");
        let log = Some(text("file")).filter(|file| !file.is_empty()).unwrap_or("agent.log".to_owned());
        let level = Some(text("level")).filter(|level| !level.is_empty()).unwrap_or("INFO".to_owned());
        let or_nothing = |texts: Vec<String>| if texts.is_empty() { vec![String::new()] } else { texts };
        for start in strings(line, "starts") {
            let start = start.replace("{p}", "feishu").replace("{P}", "Feishu");
            let start = start
                .replace("{t}", "default")
                .replace("{n}", "x")
                .replace("{a}", "102000001")
                .replace("{i}", "1")
                .replace("{s}", "1.74s");
            for middle in or_nothing(strings(line, "contains")) {
                for end in or_nothing(strings(line, "ends")) {
                    let about =
                        strings(line, "about").first().map_or(String::new(), |text| format!("{text}: "));
                    let body = format!("{start}{code}{about}{middle}");
                    let colon = !body.is_empty() && !end.is_empty() && !body.ends_with(": ") && body != end;
                    let message = match (body == end, colon) {
                        (true, _) => body,
                        (false, true) => format!("{body}: {end}"),
                        (false, false) => format!("{body}{end}"),
                    };
                    samples.push(Sample {
                        table: id.to_owned(),
                        log: log.clone(),
                        word: word.clone(),
                        level: level.clone(),
                        logger: logger.to_owned(),
                        message,
                    });
                }
            }
        }
    }
    samples
}

fn strings(table: &toml::Table, key: &str) -> Vec<String> {
    let all = table.get(key).and_then(toml::Value::as_array).into_iter().flatten();
    all.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A hostile record. All of its parts are numbers, taken modulo what there is to choose from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hostile {
    pub(super) before: usize,
    pub(super) carrier: usize,
    pub(super) form: usize,
    pub(super) text: usize,
    /// 0: that of the pattern.
    pub(super) level: usize,
    /// 0: that of the pattern, else that of another one.
    pub(super) logger: usize,
    /// At which of its line breaks a reader finds the rest later.
    pub(super) cut: usize,
}

impl Hostile {
    /// The record's level, and its text from the level on.
    fn record(&self) -> (&'static str, String) {
        let (carrier, forms) = CARRIERS[self.carrier % CARRIERS.len()];
        let sample = &samples()[self.text % samples().len()];
        let level = match self.level % 4 {
            0 => sample.level.as_str(),
            other => LEVELS[other - 1],
        };
        let logger = match self.logger % 3 {
            0 => sample,
            _ => &samples()[self.logger % samples().len()],
        };
        let logger = Some(logger.logger.as_str()).filter(|logger| !logger.is_empty()).unwrap_or("Lark");
        let form = FORMS[self.form % forms].replace("{level}", level).replace("{logger}", logger);
        let said = carrier.replace("{}", &format!("{form}{}", sample.message));
        (carrier.split(' ').next().unwrap_or_default(), said)
    }

    /// The same without anything hostile.
    fn harmless(&self) -> (&'static str, String) {
        let (carrier, _) = CARRIERS[self.carrier % CARRIERS.len()];
        (carrier.split(' ').next().unwrap_or_default(), carrier.replace("{}", "good morning"))
    }

    /// No light differs from that which a harmless text leads to, whenever the reader comes.
    pub(super) fn check(&self) {
        static HARMLESS: Mutex<BTreeMap<(usize, usize), Arc<Played>>> = Mutex::new(BTreeMap::new());
        let key = (self.before % BEFORE.len(), self.carrier % CARRIERS.len());
        let mut known = HARMLESS.lock().expect("no panic before");
        let harmless = Arc::clone(known.entry(key).or_insert_with(|| {
            let read = self.read(&self.harmless(), None);
            Arc::new(Played { shown: self.shown(&read), said: read.said() })
        }));
        drop(known);
        for cut in [None, Some(self.cut)] {
            let read = self.read(&self.record(), cut);
            // The same evidence leads to the same lights: only what differs has to be judged.
            if read.said() != harmless.said {
                assert_eq!(self.shown(&read), harmless.shown, "{self:?}: {:?}", self.record());
            }
        }
    }

    /// Reads the record and, an hour later, a real loss.
    fn read(&self, (level, record): &(&str, String), cut: Option<usize>) -> Read {
        let mut log = Log::after(self.before % BEFORE.len());
        let first = log.write(level, record, cut);
        let first_at = log.at;
        log.at += SignedDuration::from_hours(1);
        let loss = log.write("ERROR", "ERROR Lark: receive message loop exit, err: x [conn_id=1]", None);
        Read { first, first_at, loss, loss_at: log.at }
    }

    /// The lights after the record, an hour later, and after the loss.
    fn shown(&self, read: &Read) -> [String; 3] {
        let mut core = gateway_after(self.before % BEFORE.len()).0.clone();
        take(&mut core, read.first_at, &read.first);
        let after = shown(&core);
        core.tick(read.first_at + SignedDuration::from_hours(1));
        let later = shown(&core);
        take(&mut core, read.loss_at, &read.loss);
        [after, later, shown(&core)]
    }
}

/// What was read of a record, and of a real loss after it.
struct Read {
    first: Vec<LogEvent>,
    first_at: Timestamp,
    loss: Vec<LogEvent>,
    loss_at: Timestamp,
}

impl Read {
    /// What the core learns from it, without the texts that prove it: no light depends on those.
    fn said(&self) -> String {
        let said = |event: &LogEvent| {
            let LogRecord { signal, home, tag, connection, other_pid, at_info, stamp, .. } = &event.record;
            format!("{signal:?} {home:?} {tag:?} {connection:?} {other_pid:?} {at_info} {stamp:?}")
        };
        let all = |events: &[LogEvent]| events.iter().map(said).collect::<Vec<_>>();
        format!("{} {:?} {} {:?}", self.first_at, all(&self.first), self.loss_at, all(&self.loss))
    }
}

/// What a harmless record leads to.
struct Played {
    shown: [String; 3],
    said: String,
}

/// The logs that Hermes 0.19 writes, and their reader.
struct Log {
    book: LogBook,
    at: Timestamp,
}

impl Log {
    /// Nothing is read yet, and the gateway has written the lines of [`BEFORE`] at this place.
    fn after(before: usize) -> Self {
        Self { book: LogBook::new(patterns()), at: gateway_after(before).1 }
    }

    /// Writes a record two seconds after the last one, to the logs in which Hermes 0.19 (hermes_logging.py) writes it. The
    /// reader comes at its `cut`-th line break and at its end. Returns what it finds.
    fn write(&mut self, level: &str, record: &str, cut: Option<usize>) -> Vec<LogEvent> {
        self.at += SignedDuration::from_secs(2);
        let line = format!("{} {record}\n", self.at.strftime("%Y-%m-%d %H:%M:%S,000"));
        let logger = record.split([' ', ':']).nth(1).unwrap_or_default();
        let in_gateway = ["gateway", "hermes_plugins", "plugins.platforms"];
        let mut files = vec!["agent.log"];
        files.extend((level != "INFO").then_some("errors.log"));
        files.extend(in_gateway.iter().any(|start| logger.starts_with(start)).then_some("gateway.log"));
        let breaks: Vec<usize> = line.match_indices('\n').map(|(at, _)| at + 1).collect();
        let split = cut.map_or(line.len(), |cut| breaks[cut % breaks.len()]);
        let mut found = Vec::new();
        for part in [&line[..split], &line[split..]] {
            found.extend(self.book.read(files.iter().map(|file| (*file, part.as_bytes())), self.at));
        }
        found
    }
}

/// A gateway with a link for each platform of the tables, after the lines of [`BEFORE`] at this place, and its time.
fn gateway_after(before: usize) -> &'static (Core, Timestamp) {
    static GATEWAYS: OnceLock<Vec<(Core, Timestamp)>> = OnceLock::new();
    let gateways =
        GATEWAYS.get_or_init(|| BEFORE.iter().map(|lines| gateway_with_every_link(lines)).collect());
    &gateways[before]
}

fn gateway_with_every_link(after: &[&str]) -> (Core, Timestamp) {
    let at: Timestamp = "2026-11-22T11:00:00Z".parse().expect("a time");
    let mut core = Core::new("default".into(), &Platforms::built_in(), Deadlines::default(), at);
    let state = ProcessState::Running;
    core.step(at, Evidence::Process { pid: 7, start: Some(1), started_at: Some(at), state, exit: None });
    let mut lines = vec![
        "INFO gateway.run: Starting Hermes Gateway...".to_owned(),
        "INFO gateway.run: Connecting to feishu...".to_owned(),
        "INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2 [conn_id=1]".to_owned(),
    ];
    let mut known = vec!["feishu", "generic", "patterns"];
    for sample in samples() {
        if !known.contains(&sample.table.as_str()) {
            known.push(&sample.table);
            lines.push(format!("INFO gateway.run: ✓ {} connected", sample.table));
            let proof = samples().iter().find(|one| one.table == sample.table && one.word == "proof");
            if let Some(proof) = proof.filter(|proof| !proof.logger.is_empty()) {
                lines.push(format!("INFO {}: {}", proof.logger, proof.message));
            }
        }
    }
    lines.extend(after.iter().map(|line| (*line).to_owned()));
    let mut log = Log { book: LogBook::new(patterns()), at };
    for line in &lines {
        let found = log.write(line.split(' ').next().unwrap_or_default(), line, None);
        take(&mut core, log.at, &found);
    }
    (core, log.at)
}

fn take(core: &mut Core, at: Timestamp, events: &[LogEvent]) {
    for event in events {
        core.step(at, event.clone().into_evidence());
    }
}

/// The light, its reason, and those of every link.
fn shown(core: &Core) -> String {
    let verdict = core.verdict();
    let links = verdict.links.iter().map(|link| (&link.platform, link.light, link.reason));
    format!("{:?} {:?} {:?}", verdict.light(), verdict.reason, links.collect::<Vec<_>>())
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

/// Requests to `gatelight serve`.
pub(super) fn requests(data: &[u8]) {
    const TOKEN: &str = "abcdefghijklmnop0123";
    for token in [None, Some(TOKEN.as_bytes())] {
        let mut told = false;
        let response = http::respond(data, token, |_| {
            told = true;
            "metrics\n".to_owned()
        });
        let response = String::from_utf8(response).expect("text");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 ") && !head.contains('\0'), "{head}");
        // nothing of the request comes back as a header
        assert!(head.lines().count() <= 7, "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
        assert!(body.is_empty() || length.parse() == Ok(body.len()), "{response}");
        let knows_token = data.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
        assert!(!told || token.is_none() || knows_token, "metrics without a token");
        assert!(!told || head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

/// What curl writes of the answers of services.
pub(super) fn answers(data: &[u8]) {
    for kind in [
        ChannelKind::FeishuBot,
        ChannelKind::DingtalkBot,
        ChannelKind::WecomBot,
        ChannelKind::Telegram,
        ChannelKind::Ntfy,
        ChannelKind::Bark,
        ChannelKind::Webhook,
    ] {
        for output in [data, &[b"HTTP/1.1 200 OK\r\n\r\n", data].concat()] {
            if let Some((taken, words)) = channels::answer(kind, output) {
                assert!(words.chars().count() <= 200 && !words.contains(char::is_control), "{words}");
                assert!(taken != (words.len() > 2), "{taken}: {words}");
            }
        }
    }
}

/// Files of platforms, as somebody may write one.
pub(super) fn platform_files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = toml::from_str::<platform::Rules>(&text);
    let generic = platform::built_in_files().next().expect("the generic rules");
    if let Ok(patterns) = Patterns::with_platforms(&[], [generic, &text]) {
        let mut book = LogBook::new(Arc::new(patterns));
        let message: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
        let record = format!("2026-11-22 11:00:00,000 ERROR gateway.run: {message}\n");
        book.read([("agent.log", record.as_bytes())], Timestamp::UNIX_EPOCH);
    }
}

/// Lock files: the name on the first line, the content on the others.
pub(super) fn lock_files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, content) = text.split_once('\n').unwrap_or((&text, ""));
    if let Some((holder, lock)) = locks::parse(name, content.as_bytes()) {
        assert_eq!(holder.pid, lock.pid);
        assert!(!lock.scope.contains(['/', '\0']) && !lock.id.contains(['/', '\0']));
        assert!(lock.scope.len() <= 64 && lock.id.len() <= 64);
    }
}

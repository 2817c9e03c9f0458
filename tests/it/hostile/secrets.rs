//! No secret leaves: tokens of every known form are planted in every input and searched for in every output: menu,
//! notifications, terminal, JSON, recording, diagnosis, history, report, metrics.

#![allow(clippy::needless_raw_string_hashes)]
#![allow(clippy::needless_range_loop)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};

use aho_corasick::AhoCorasick;
use gatelight::alerts::{Event, Policy};
use gatelight::diagnose::{Diagnosis, LogLine, render};
use gatelight::evidence::anonymise::Anonymiser;
use gatelight::evidence::logbook::LogBook;
use gatelight::evidence::state_files;
use gatelight::health::{Change, Core, Deadlines, Evidence, Light, Manager, ProcessState, Verdict};
use gatelight::history::store::Store;
use gatelight::history::{Record, Window};
use gatelight::profile::{JobFile, Profile};
use gatelight::restart::{RestartOutcome, RestartStep, RestartView};
use gatelight::text::{Lang, Message};
use gatelight::ui::menu::{Locale, MenuState};
use gatelight::ui::notify::NotificationRequest;
use gatelight::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// How secrets look where a gateway, its SDK or a library under it may log them; `{}` is the secret itself.
const SHAPES: [&str; 72] = [
    "wss://msg-frontier.feishu.cn/ws/v2?fpid=493&aid=552564&device_id=76&access_key={}&service_id=33&ticket=x",
    "wss://msg-frontier.feishu.cn/ws/v2?service_id=33554678&ticket={} [conn_id=76]",
    r#"{"app_id": "x", "app_secret": "{}"}"#,
    r#"{"code":0,"tenant_access_token":"{}","expire":7200}"#,
    r#"{\"app_access_token\": \"{}\"}"#,
    "{'verification_token': '{}', 'n': 1}",
    "encrypt_key={}",
    "FEISHU_APP_SECRET={} python -m hermes_cli",
    "OPENAI_API_KEY: {}",
    "Authorization: Bearer {}",
    r#"headers={'Authorization': 'Bearer {}'}"#,
    "authorization: Basic {}",
    "t-{}",
    "u-{}",
    "sk-{}",
    "sk-proj-{}",
    "ghp_{}",
    "github_pat_{}",
    "xoxb-{}",
    "AKIA{}",
    "AIza{}abcdefgh",
    "glpat-{}",
    "hf_{}",
    "eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl",
    "http://user:{}@proxy.example:8080/x",
    "cli_{}",
    "--app-secret {} --replace",
    r"-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
    "Cookie: session={}; other=1",
    "password={}, retry",
    "gho_{}",
    "ghu_{}",
    "ghs_{}",
    "ghr_{}",
    "xoxa-{}",
    "xoxe-{}",
    "xoxp-{}",
    "xoxr-{}",
    "xoxs-{}",
    "xapp-{}",
    "npm_{}",
    "tvly-{}",
    "fc-{}",
    "gsk_{}",
    "xai-{}",
    "pplx-{}",
    "sk_live_{}",
    "ntn_{}",
    "SG.{}.x",
    "hvs.{}",
    "lin_api_{}",
    r#"builder().app_secret("{}").build()"#,
    "?a=1%26token%253D{}%2526b",
    r"{\u0022app_secret\u0022:\u0022{}\u0022}",
    "{&quot;app_secret&quot;:&quot;{}&quot;}",
    "{%22app_secret%22%3A%22{}%22}",
    "https://api.telegram.org/bot7463521098:{}/sendMessage",
    "https://open.feishu.cn/open-apis/bot/v2/hook/{}",
    "https://hooks.slack.com/services/T0000/B0000/{}",
    "https%3A%2F%2Fhooks.slack.com%2Fservices%2FT0000%2F{}",
    "https://discord.com/api/webhooks/1234567890/{}",
    "https://oapi.dingtalk.com/robot/send?access_token={}",
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={}",
    "{'ticket': '{}'}",
    "wss://x/ws?service_id=1&ticket={}",
    "curl -u me:{} https://x",
    "TAVILY_KEY={}",
    "MY_SESSION={}",
    r#"content={"text":"{}"}"#,
    r#""content":"{\"text\":\"say {} please\"}""#,
    "reply='say {} please'",
    "quote='say {} please'",
];

/// Entries of a job file's environment in which a value was or could be missed, and one argument; `{}` is the secret.
const VARIABLES: [&str; 8] = [
    "<key>A_KEY</key><!-- mine --><string>{}</string>",
    "<key>SESSION</key><string><![CDATA[{}]]></string>",
    "<key>MNEMONIC</key><string >{}</string>",
    "<key>X</key><array><string>{}</string></array>",
    "<key>Y</key>\n<string>\n{}\n</string>",
    "<!-- {} -->",
    "<key>PATH</key><string>/bin:{}</string>",
    "<key>Z</key><string xml:space=\"{}\">z</string>",
];

/// Records over several lines; `{}` is the secret, or the text of a message.
const RECORDS_OVER_LINES: [&str; 3] = [
    "2026-11-22 11:00:01,000 ERROR x: -----BEGIN RSA PRIVATE KEY-----\n{}\n{}==\n-----END RSA PRIVATE KEY-----",
    "2026-11-22 11:00:01,000 ERROR x: {\n  \"app_secret\":\n    \"{}\"\n}",
    "2026-11-22 11:00:01,000 INFO x: [Feishu-Comment] reply: id=7 text=come\nat {} sharp\n{}",
];

/// Records that become evidence, with a place for something secret.
const RECORDS: [&str; 10] = [
    "2026-11-22 11:00:01,000 INFO Lark: connected to {}",
    "2026-11-22 11:00:01,000 ERROR Lark: receive message loop exit, err: {}",
    "2026-11-22 11:00:01,000 ERROR Lark: connect failed, err: {}",
    "[Lark] [2026-11-22 11:00:01,000] [ERROR] receive message loop exit, err: {}",
    "2026-11-22 11:00:01,000 INFO gateway.platforms.feishu: [Feishu] Inbound dm message received: text='{}'",
    "2026-11-22 11:00:01,000 ERROR gateway.run: {}: Executor shutdown has been called",
    "2026-11-22 11:00:01,000 ERROR gateway.run: [Feishu] Failed to connect: {}",
    "2026-06-09 15:34:12 ERROR Feishu WebSocket connection lost {}",
    "2026-11-22 11:00:01,000 ERROR gateway.run: Gateway hit a non-retryable startup conflict: {}",
    "2026-11-22 11:00:01,000 WARNING gateway.run: Received SIGTERM as a planned gateway stop {}",
];

fn now() -> Timestamp {
    "2026-11-22T11:00:02Z".parse().unwrap()
}

/// A secret: long enough for every shape, with digits, like nothing else in any output.
fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z]{4}[0-9]{2}[A-Za-z0-9]{22}[0-9]".prop_map(|s| s)
}

/// The secret of this number: as long as those of [`secret`], and unlike every other.
fn numbered(n: usize) -> String {
    format!("Zq{n:02}XWvK81mPdLf3RtY7uHbN{n:02}c")
}

/// Finds the numbered ones.
static NUMBERED: LazyLock<Search> = LazyLock::new(|| Search::of((0..100).map(numbered)));

/// The secret, plain or with characters that are removed before it is shown.
fn planted(shape: &str, secret: &str, cut: usize) -> String {
    let (front, back) = secret.split_at(12);
    let secret = match cut {
        1 => format!("{front}\u{1b}[31m{back}"),
        2 => format!("{front}\u{1b}[0m\u{1b}[K{back}"),
        _ => secret.to_owned(),
    };
    shape.replace("{}", &secret)
}

/// Finds secrets, and long parts of them, in one pass over a text.
pub(super) struct Search(AhoCorasick);

impl Search {
    /// For these secrets. Ten consecutive characters of a longer one count.
    pub(super) fn of(secrets: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut parts = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref();
            parts.extend(secret.windows(secret.len().min(10)).map(<[u8]>::to_vec));
        }
        Self(AhoCorasick::new(parts).unwrap())
    }

    /// The first part of a secret in the text.
    pub(super) fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.0.find(text).map(|found| &text[found.range()])
    }
}

fn profile(job: Option<JobFile>) -> Arc<Profile> {
    Arc::new(Profile { name: "work".into(), home: "/nowhere/.hermes".into(), job, logs: Vec::new() })
}

fn job(text: &str) -> JobFile {
    JobFile {
        arguments: vec!["/bin/sh".into(), "-c".into(), text.to_owned()],
        gateway_words: vec!["hermes".into(), text.to_owned()],
        environment: vec![("FEISHU_APP_SECRET".into(), text.to_owned()), ("X".into(), text.to_owned())],
        ..JobFile::named(Manager::Launchd, "/nowhere/ai.hermes.gateway.plist", "ai.hermes.gateway")
    }
}

/// The changes of the core after these lines and this state file.
pub(super) fn changes(lines: &[String], state_message: &str) -> (Core, Vec<Change>) {
    let mut core = crate::support::new_core(Deadlines::default(), now());
    let mut book = LogBook::new(crate::support::patterns());
    let mut changes = core.step(
        now(),
        Evidence::Process {
            pid: 7,
            start: None,
            started_at: Some(now()),
            state: ProcessState::Running,
            exit: None,
        },
    );
    let mut at = now();
    for line in lines {
        at += SignedDuration::from_secs(1);
        let block = format!("{line}\n");
        let events = book.read([("agent.log", block.as_bytes())], at);
        for event in events {
            changes.extend(core.step(at, event.into_evidence()));
        }
    }
    let state = serde_json::json!({"pid": 7, "gateway_state": "running", "platforms": {"feishu": {
        "state": "fatal", "error_code": state_message, "error_message": state_message}}});
    let evidence =
        state_files::evidence("gateway_state.json", Some(&state), &crate::support::patterns()).unwrap();
    changes.extend(core.step(at, evidence));
    changes.extend(core.tick(at + SignedDuration::from_mins(10)));
    (core, changes)
}

fn diagnosis(snapshot: &Snapshot, now: Timestamp, text: &str) -> String {
    let log = [LogLine { at: Some(now), file: "agent.log".into(), text: text.to_owned() }];
    let (job_file, told) = (format!("<key>X</key><string>{text}</string>"), [text.to_owned()]);
    render(&Diagnosis {
        now,
        zone: &TimeZone::UTC,
        lang: Lang::En,
        anonymiser: &Anonymiser::default(),
        view: &snapshot.profiles[0],
        system: &[("PATH".to_owned(), text.to_owned())],
        job_file: Some(&job_file),
        manager: &told,
        findings: &told,
        log: &log,
        record: None,
        span: SignedDuration::from_hours(24),
        own_log: &told,
        recording: None,
    })
}

/// Everything that users can see of these changes.
pub(super) fn everything_that_comes_out(
    core: &Core,
    changes: &[Change],
    text: &str,
    history: &Path,
) -> Vec<(&'static str, String)> {
    let zone = TimeZone::UTC;
    let end = core.now();
    let profile = profile(Some(job(text)));
    let outcome =
        RestartOutcome::Failed { step: RestartStep::ProvingLink, why: Message::verbatim("no link") };
    let restart =
        RestartView { asked_at: end, step: RestartStep::ProvingLink, retrying: None, outcome: Some(outcome) };
    let state = MenuState { restarts: [(profile.name.clone(), restart)].into(), ..MenuState::default() };
    let view = |verdict: Verdict| ProfileView { profile: Arc::clone(&profile), verdict: verdict.into() };
    let mut out = Vec::new();
    let mut policy =
        Policy::new(gatelight::config::Config::default().notices, jiff::tz::TimeZone::UTC, now());
    policy.step(now(), Event::Started);
    let mut store = Store::open(history, now()).unwrap();
    let counters = gatelight::serve::metrics::Counters::default();
    let mut all = Vec::new();
    for change in changes {
        let change = ProfileChange { profile: Arc::clone(&profile), change: change.clone(), history: false };
        for notice in policy.step(change.change.at, Event::Change(Box::new(change.clone()))) {
            for lang in [Lang::En, Lang::Zh] {
                out.push((
                    "notice",
                    format!("{:?} {:?}", NotificationRequest::of(&notice, lang), notice.actions()),
                ));
            }
        }
        store.record_change(&change).unwrap();
        counters.changed(&change);
        out.push(("hook", gatelight::app::hook::event(&change, Lang::En).to_string()));
        for json in [false, true] {
            let mut shown = Vec::new();
            let mut terminal = gatelight::terminal::Terminal {
                out: &mut shown,
                lang: Lang::Zh,
                color: true,
                symbols: true,
                width: None,
            };
            gatelight::cli::watch::Printer::new(now(), json).change(&change, &mut terminal).unwrap();
            out.push(("watch", String::from_utf8(shown).unwrap()));
        }
        all.push(change);
    }
    out.extend(
        policy
            .tick(end + SignedDuration::from_hours(9))
            .iter()
            .map(|n| ("reminder", format!("{:?}", NotificationRequest::of(n, Lang::En)))),
    );
    let verdicts = changes.iter().map(|change| change.to.clone()).chain([core.verdict().clone()]);
    for verdict in verdicts {
        let snapshot =
            Snapshot { at: end, profiles: vec![view(verdict)], bad_files: Vec::new(), complete: true };
        for lang in [Lang::En, Lang::Zh] {
            let look = Locale { lang, zone: zone.clone() };
            out.push(("menu", format!("{:?}", gatelight::ui::menu::menu(&snapshot, &state, &look, end))));
            out.push(("tooltip", gatelight::ui::menu::tooltip(&snapshot, &state, lang)));
            let swiftbar =
                gatelight::cli::swiftbar::swiftbar(&snapshot, &[], lang, Path::new("/bin/gatelight"));
            out.push(("swiftbar", swiftbar));
        }
        out.push((
            "json",
            gatelight::cli::status::json(&snapshot, &gatelight::app::watching::Watching::default()).unwrap(),
        ));
        let format = gatelight::serve::metrics::Format::accepted("");
        out.push(("metrics", gatelight::serve::metrics::render(&snapshot, &counters, end, format)));
        out.push(("diagnosis", diagnosis(&snapshot, end, text)));
    }
    let window = Window::last(SignedDuration::from_hours(24), end);
    // unobserved time has no incidents
    store.record_observed(now(), end).unwrap();
    let record = store.read(window.from, end).unwrap();
    drop(store);
    out.push(("history", gatelight::history::render::render(&record, window, Lang::En, &zone, true)));
    out.push((
        "history --json",
        gatelight::history::export::json(&record, window, end, Lang::En).to_string(),
    ));
    out.push(("history --csv", gatelight::history::export::csv(&record, window)));
    out.push((
        "report",
        gatelight::report::render(&gatelight::report::ReportInput {
            record: Record::from_changes(all, end, &[]),
            window,
            made_at: end,
            from_logs: false,
            lang: Lang::En,
            zone,
            version: "1".into(),
        }),
    ));
    for file in std::fs::read_dir(history.parent().unwrap()).unwrap() {
        out.push((
            "history file",
            String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned(),
        ));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.min(120), ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_comes_out_holds_a_secret(
        secret in secret(),
        shape in 0..SHAPES.len(),
        cut in 0..4_usize,
        records in proptest::collection::vec(0..RECORDS.len(), 1..4),
    ) {
        let text = planted(SHAPES[shape], &secret, cut);
        let search = Search::of([&secret]);
        prop_assume!(cut == 0 || cut == 3 || search.find(&text).is_none() || text.contains('\u{1b}'));
        let lines: Vec<String> = records.iter().map(|at| RECORDS[*at].replace("{}", &text)).collect();
        let folder = tempfile::tempdir().unwrap();
        let (core, changes) = changes(&lines, &text);
        for (way, out) in everything_that_comes_out(&core, &changes, &text, &folder.path().join("history.db")) {
            prop_assert_eq!(search.find(&out), None, "{} shows {}: {}", way, text, out);
        }
    }
}

/// Random tests may miss a form: each one, whole and cut, in each record and once in every output.
#[test]
fn every_shape_is_hidden_in_every_record_and_every_way_out() {
    for shape in 0..SHAPES.len() {
        for cut in 0..3 {
            let text = planted(SHAPES[shape], &numbered(shape), cut);
            for record in RECORDS {
                let (core, changes) = changes(&[record.replace("{}", &text)], &text);
                let said = changes.iter().map(|change| &change.to).chain([core.verdict()]);
                for verdict in said {
                    let shown = format!("{verdict:?}");
                    assert_eq!(NUMBERED.find(&shown), None, "{record} with {text:?}: {shown}");
                }
            }
        }
        let text = planted(SHAPES[shape], &numbered(shape), shape % 3);
        let lines = [RECORDS[shape % RECORDS.len()], RECORDS[(shape + 5) % RECORDS.len()]];
        let lines = lines.map(|record| record.replace("{}", &text));
        let folder = tempfile::tempdir().unwrap();
        let (core, changes) = changes(&lines, &text);
        for (way, out) in everything_that_comes_out(&core, &changes, &text, &folder.path().join("history.db"))
        {
            assert_eq!(NUMBERED.find(&out), None, "{way} shows {text:?}: {out}");
        }
    }
}

/// Proves that the test can fail: ordinary text is found.
#[test]
fn ordinary_text_comes_through() {
    let word = "Q7ordinaryword9";
    let line = RECORDS[5].replace("{}", word);
    let folder = tempfile::tempdir().unwrap();
    let (core, changes) = changes(&[RECORDS[0].replace("{}", "wss://x"), line], word);
    assert!(changes.iter().any(|change| change.to.light() == Light::Green));
    let out = everything_that_comes_out(&core, &changes, word, &folder.path().join("history.db"));
    let search = Search::of([word]);
    // metrics, tooltip, notifications and reminders contain no log text
    let without = ["metrics", "tooltip", "reminder", "notice"];
    let mut ways: Vec<&str> = out.iter().map(|(way, _)| *way).collect();
    ways.sort_unstable();
    ways.dedup();
    assert!(ways.len() >= 15, "{ways:?}");
    for way in ways {
        let shown = out.iter().any(|(name, text)| *name == way && search.find(text).is_some());
        let all: Vec<_> = out.iter().filter(|(name, _)| *name == way).take(2).collect();
        assert_eq!(shown, !without.contains(&way), "{way}: shows the line of a log: {all:?}");
    }
    for way in without {
        assert!(out.iter().any(|(name, text)| *name == way && text.len() > 10), "{way} is empty");
    }
}

pub(super) fn gatelight(home: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gatelight"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A log with incidents that last, for the report.
fn old_log(home: &Path) -> PathBuf {
    let (secret, now) = (numbered, Timestamp::now());
    let path = home.join("old.log");
    let mut old = String::new();
    for (n, shape) in SHAPES.iter().enumerate() {
        let stamp = |s: i64| {
            let at = now - SignedDuration::from_secs(7200 - 60 * n as i64 - s);
            at.strftime("%Y-%m-%d %H:%M:%S,000").to_string()
        };
        let text = planted(shape, &secret(n), 0);
        old += &format!("{} INFO gateway.run: Starting Hermes Gateway...\n", stamp(0));
        old += &format!("{} INFO Lark: connected to {text}\n", stamp(1));
        old += &format!("{} ERROR gateway.run: {text}: Executor shutdown has been called\n", stamp(20));
    }
    std::fs::write(&path, old).unwrap();
    path
}

/// The program itself with real files: job file, logs, state files.
#[test]
fn the_program_shows_no_secret_of_the_files_that_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let (hermes, agents) = (home.join(".hermes"), home.join("Library/LaunchAgents"));
    std::fs::create_dir_all(hermes.join("logs")).unwrap();
    std::fs::create_dir_all(hermes.join("state")).unwrap();
    std::fs::create_dir_all(&agents).unwrap();
    let secret = numbered;
    let mut log = String::new();
    let mut environment = String::new();
    for (n, shape) in SHAPES.iter().enumerate() {
        let text = planted(shape, &secret(n), n % 3);
        for record in RECORDS {
            log += &format!("{}\n", record.replace("{}", &text));
        }
        let value = secret(n);
        environment += &format!("<key>V{n}_TOKEN</key><string>{value}</string>");
    }
    for (n, record) in RECORDS_OVER_LINES.iter().enumerate() {
        log += &format!("{}\n", record.replace("{}", &secret(n)));
    }
    for (n, variable) in VARIABLES.iter().enumerate() {
        environment += &variable.replace("{}", &secret(n));
    }
    std::fs::write(hermes.join("logs/agent.log"), &log).unwrap();
    std::fs::write(hermes.join("logs/gateway.log"), &log).unwrap();
    let plist = format!(
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>Label</key><string>ai.hermes.gateway</string>\
         <key>ProgramArguments</key><array><string>/usr/bin/python3</string><string>-m</string>\
         <string>hermes_cli.main</string><string>gateway</string><string>run</string><string>--replace</string>\
         <string>--app-secret</string>\n<string>{}</string></array>\
         <key>EnvironmentVariables</key><dict>{environment}</dict></dict></plist>",
        secret(3)
    );
    std::fs::write(agents.join("ai.hermes.gateway.plist"), plist).unwrap();
    let message =
        SHAPES.iter().enumerate().map(|(n, s)| planted(s, &secret(n), 0)).collect::<Vec<_>>().join(" | ");
    let pid = std::process::id();
    let state = serde_json::json!({"pid": pid, "gateway_state": "running", "app_secret": secret(1), "x_tokens": [secret(2)],
        "note": "sk-".to_owned() + &secret(4),
        "platforms": {"feishu": {"state": "fatal", "error_code": "x", "error_message": message}}});
    std::fs::write(hermes.join("gateway_state.json"), state.to_string()).unwrap();
    let log_path = hermes.join("logs/agent.log");
    // what an agent stored of such lines
    let data = home.join(".local/share/gatelight");
    let lines: Vec<String> = log.lines().map(str::to_owned).collect();
    let (_, seen) = changes(&lines[..40], &message);
    let mut store = Store::open(&data.join("history.sqlite"), now()).unwrap();
    let now = Timestamp::now();
    for (n, mut change) in seen.into_iter().enumerate() {
        change.at = now - SignedDuration::from_secs(600 - n as i64);
        change.to.since = change.at;
        let profile =
            Arc::new(Profile { name: "default".into(), home: hermes.clone(), job: None, logs: Vec::new() });
        store.record_change(&ProfileChange { profile, change, history: false }).unwrap();
    }
    store.record_observed(now - SignedDuration::from_mins(11), now).unwrap();
    drop(store);
    let old_log = old_log(home);
    let mut silent = Vec::new();
    for arguments in [
        vec!["status"],
        vec!["status", "--json"],
        vec!["status", "--swiftbar"],
        vec!["logs", "default", "-n", "2000"],
        vec!["replay", log_path.to_str().unwrap()],
        vec!["replay", log_path.to_str().unwrap(), "--json"],
        vec!["doctor"],
        vec!["doctor", "--json"],
        vec!["doctor", "--fix", "--dry-run"],
        vec![
            "report",
            "--out",
            home.join("page.html").to_str().unwrap(),
            "--from-logs",
            old_log.to_str().unwrap(),
        ],
        vec!["report", "--out", home.join("page2.html").to_str().unwrap()],
        vec!["history", "--json"],
        vec!["history", "--csv"],
        vec!["history"],
        vec!["diagnose", "default"],
    ] {
        let mut out = gatelight(home, &arguments);
        for page in ["page.html", "page2.html"] {
            out += &std::fs::read_to_string(home.join(page)).unwrap_or_default();
            let _ = std::fs::remove_file(home.join(page));
        }
        if !out.contains("[redacted]") {
            silent.push(arguments.join(" "));
        }
        assert_eq!(NUMBERED.find(&out), None, "{arguments:?}:\n{out}");
    }
    // these show job files and colours, not log lines; all others show the lines without their secrets
    let expected = ["status --swiftbar", "doctor", "doctor --json"];
    assert_eq!(silent, expected, "ways out that show no line");
    // recordings are published in issues
    let text = recorded(home, &log);
    assert!(text.contains("[redacted]"));
    assert_eq!(NUMBERED.find(&text), None, "{text}");
}

/// Lines of a unit file in which a value was or could be missed; `{}` is the secret.
#[cfg(target_os = "linux")]
const UNIT_LINES: [&str; 12] = [
    r#"Environment="A_TOKEN={}""#,
    "Environment='B_VALUE={}'",
    "Environment=C=c D={} E=e",
    "Environment=F=abc\\\n{}",
    "Environment=\"G=one \\\n  {} two\"",
    "Environment=H=\\\n# a remark\\\n{}",
    "Environment=PATH=/bin:{}",
    "ExecStartPre=/bin/sh -c 'curl -u me:{} https://example.com'",
    "ExecStartPre=-/usr/bin/env \\\n  X={} \\\n  true",
    "SetCredential=key:{}",
    "# {}",
    "; {}",
];

#[cfg(target_os = "linux")]
#[test]
fn the_program_shows_no_secret_of_a_unit() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let units = home.join(".config/systemd/user");
    std::fs::create_dir_all(units.join("hermes-gateway.service.d")).unwrap();
    std::fs::create_dir_all(home.join(".hermes/logs")).unwrap();
    let lines = |from: usize| {
        let lines = UNIT_LINES.iter().enumerate().map(|(n, line)| line.replace("{}", &numbered(from + n)));
        lines.collect::<Vec<_>>().join("\n")
    };
    let unit = format!(
        "[Unit]\nDescription=Hermes\n[Service]\nExecStart=/usr/bin/python3 -m hermes_cli.main gateway run --replace \\\n  \
         --api-key {}\n{}\n",
        numbered(40),
        lines(0)
    );
    std::fs::write(units.join("hermes-gateway.service"), unit).unwrap();
    let drop_in = format!("[Service]\n{}\n", lines(20));
    std::fs::write(units.join("hermes-gateway.service.d/more.conf"), drop_in).unwrap();
    let mut said = String::new();
    for arguments in [
        &["status", "--json"][..],
        &["doctor"],
        &["doctor", "--json"],
        &["doctor", "--fix", "--dry-run"],
        &["diagnose", "default"],
    ] {
        let out = gatelight(home, arguments);
        assert_eq!(NUMBERED.find(&out), None, "{arguments:?}:\n{out}");
        said += &out;
    }
    assert!(said.contains("hermes-gateway.service") && said.contains("--replace"), "{said}");
}

/// A recording of the default profile, while `log` is written to its `errors.log`.
pub(super) fn recorded(home: &Path, log: &str) -> String {
    let hermes = home.join(".hermes");
    let out = home.join("seen.jsonl");
    let child = Command::new(env!("CARGO_BIN_EXE_gatelight"))
        .args(["record", "default", "--out", out.to_str().unwrap()])
        .env_clear()
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Ended(child);
    let read = || std::fs::read_to_string(&out).unwrap_or_default();
    wait_for("the recording begins", || read().contains("gateway_state.json"));
    // what arrives while it records
    wait_for("the new lines are recorded", || {
        std::fs::write(hermes.join("logs/errors.log"), log).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        read().contains("errors.log") || {
            std::fs::remove_file(hermes.join("logs/errors.log")).unwrap();
            false
        }
    });
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child.0.id() as i32).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    child.0.wait().unwrap();
    read()
}

/// A child process that is killed at the end of its test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !done() {
        assert!(std::time::Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

//! What each fuzz target does with its bytes: read them as the program would, and hold what must always hold.
//! Also driven by `tests/it/hostile/fuzz_targets.rs`, on random bytes and on this folder's corpus.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use gatelight::config::Config;
use gatelight::evidence::logbook::{LogBook, Scanner};
use gatelight::evidence::patterns::Patterns;
use gatelight::evidence::redact::{clean_line, one_line, redact};
use gatelight::evidence::{line, state_files};
use gatelight::health::{Core, Deadlines, Platforms};
use gatelight::profile::{launchd, systemd, unit_file};
use gatelight::recording::Recording;
use gatelight::supervisor::{launchd::parse, systemd as systemctl};
use jiff::Timestamp;

/// Every target: its name, which is that of its file and its corpus, and its body.
#[allow(clippy::type_complexity)]
pub(super) const ALL: [(&str, fn(&[u8])); 8] = [
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
    Scanner::new(patterns()).read_alone("agent.log", data, now, &mut |_| alone += 1);
    assert!(found <= alone, "an event that only the second reading finds");
    core.tick(now.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap_or(now));
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

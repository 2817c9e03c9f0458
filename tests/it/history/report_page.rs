//! The report page in a real browser: no console errors, names for screen readers, no requests; pictures to look at.
//!
//! Needs Chromium. `GATELIGHT_PICTURES=folder` keeps the pictures.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gatelight::health::{Proof, Reason};
use gatelight::history::{ChangeRow, Observed, ProfileRecord, Record, RestartResult, RestartRow, Window};
use gatelight::report::{ReportInput, render};
use gatelight::restart::RestartStep;
use gatelight::text::{Lang, Message};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::skips::{self, Need};

const HOSTILE: &str = "</code><script>alert(1)</script><img src=x onerror=alert(2)> \" onload='x' \u{202e}txt\u{0} &amp; <!-- ]]> \u{1b}[31m ticket=SECRET99";

fn t(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_348_800 + seconds).unwrap()
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Hostile name, source, line and platform of the third profile.
const HOSTILE_PROFILE: [&str; 4] = ["<b onclick=alert(3)>evil</b>", HOSTILE, HOSTILE, HOSTILE];
/// Harmless ones, for the pictures in the documentation.
const PLAIN_PROFILE: [&str; 4] =
    ["lab", "agent.log", "Lark: connect failed, err: app_secret is invalid", "slack"];

/// Three generated months of three profiles.
#[expect(clippy::too_many_lines, reason = "a table of what happened")]
fn sample([third, source, line, platform]: [&str; 4]) -> Record {
    let mut record = Record::default();
    let mut run = 0;
    for day in -80..0_i64 {
        // asleep or off at night; two days off altogether; each morning a new run
        if matches!(day, -40 | -39) {
            continue;
        }
        run += 1;
        let long = day > -6;
        let (from, to) = (day * DAY + 7 * HOUR, day * DAY + if long { 31 * HOUR } else { 23 * HOUR });
        record.observed.push(Observed { run, from: t(from), to: t(to.min(0)) });
    }
    let row = |at: i64, to: Reason, pid: Option<u32>, source: &str, line: &str| ChangeRow {
        at: t(at),
        run: record.observed.iter().rev().find(|w| w.from <= t(at)).map_or(1, |w| w.run),
        from: Reason::NoEvidence,
        to,
        own_light: None,
        platform: None,
        since: t(at),
        evidence: Some(Proof::new(source, line, t(at))),
        pid,
        started_at: None,
        history: false,
    };
    let up = "Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=76&access_key=[redacted]";
    let refused = "2026-11-21 09:12:44,310 ERROR Lark: connect failed, err: HTTPSConnectionPool(host='open.feishu.cn', port=443): Max retries exceeded with url: /callback/ws/endpoint (Caused by NewConnectionError('Connection refused'))";
    let dead = "2026-11-20 15:40:02,118 ERROR kanban notifier tick failed: Executor shutdown has been called";
    let mut default = Vec::new();
    let mut work = Vec::new();
    for w in &record.observed {
        let start = w.from.as_second() - t(0).as_second();
        default.push(row(start + 20, Reason::Connected, Some(700), "agent.log", up));
        work.push(row(start + 20, Reason::Connected, Some(900), "agent.log", up));
        let day = start.div_euclid(DAY);
        if day % 6 == 0 {
            work.push(row(
                start + 4 * HOUR,
                Reason::Reconnecting,
                Some(900),
                "agent.log",
                "Lark: disconnected to wss://…",
            ));
            work.push(row(
                start + 4 * HOUR + 45,
                Reason::NetworkUnreachable,
                Some(900),
                "agent.log",
                refused,
            ));
            work.push(row(start + 5 * HOUR, Reason::Connected, Some(900), "agent.log", up));
        }
        if day % 9 == 0 {
            work.push(row(start + 8 * HOUR, Reason::ExecutorShutdown, Some(900), "agent.log", dead));
            work.push(row(start + 10 * HOUR, Reason::Restarting, None, "process", "the process is gone"));
            work.push(row(start + 10 * HOUR + 14, Reason::Starting, Some(901), "process", "a new process"));
            work.push(row(start + 10 * HOUR + 31, Reason::Connected, Some(901), "agent.log", up));
        }
    }
    // the last day, in detail
    default.push(row(
        -9 * HOUR,
        Reason::Stopped,
        None,
        "agent.log",
        "Received SIGTERM as a planned gateway stop",
    ));
    default.push(row(-7 * HOUR, Reason::Starting, Some(702), "process", "a new process"));
    default.push(row(-7 * HOUR + 30, Reason::Connected, Some(702), "agent.log", up));
    work.push(row(-5 * HOUR, Reason::Reconnecting, Some(900), "agent.log", "Lark: disconnected to wss://…"));
    work.push(row(
        -5 * HOUR + 40,
        Reason::ReconnectStalled,
        Some(900),
        "agent.log",
        "Lark: trying to reconnect for the 1st time",
    ));
    work.push(row(-4 * HOUR, Reason::Restarting, None, "process", "the process is gone"));
    work.push(row(-4 * HOUR + 9, Reason::Starting, Some(905), "process", "a new process"));
    work.push(row(-4 * HOUR + 24, Reason::Connected, Some(905), "agent.log", up));
    work.push(row(-HOUR, Reason::Reconnecting, Some(905), "agent.log", "Lark: disconnected to wss://…"));
    work.push(row(-HOUR + 70, Reason::NetworkUnreachable, Some(905), "agent.log", refused));
    let third_changes = vec![
        row(-20 * HOUR, Reason::Unsupervised, Some(33), "process", "no job names this home"),
        row(-3 * HOUR, Reason::AuthRejected, Some(33), source, line),
    ];
    let restart = RestartRow {
        asked_at: t(-4 * HOUR - 3),
        ended_at: t(-4 * HOUR + 24),
        result: RestartResult::Worked,
        step: None,
        why: None,
        killed: true,
    };
    // a word that cannot be wrapped
    let failed = RestartRow {
        asked_at: t(-HOUR + 600),
        ended_at: t(-HOUR + 700),
        result: RestartResult::Failed,
        step: Some(RestartStep::ProvingLink),
        why: Some(Message::verbatim(refused)),
        killed: false,
    };
    let links = |second: &str| {
        let of = |platform: &str, at, to| ChangeRow {
            platform: Some(platform.to_owned()),
            ..row(at, to, None, "agent.log", up)
        };
        let lost = vec![
            of(second, -30 * HOUR, Reason::Connected),
            of(second, -3 * HOUR, Reason::AuthRejected),
            of(second, -2 * HOUR, Reason::Connected),
        ];
        let well = vec![of("feishu", -30 * HOUR, Reason::Connected)];
        BTreeMap::from([("feishu".to_owned(), well), (second.to_owned(), lost)])
    };
    let several = [links("telegram"), links(platform)];
    let profile = |name: &str, changes, restarts| ProfileRecord {
        name: name.into(),
        changes,
        restarts,
        ..Default::default()
    };
    record.profiles = vec![
        profile("default", default, Vec::new()),
        profile("work", work, vec![restart, failed]),
        profile(third, third_changes, Vec::new()),
    ];
    for (profile, links) in record.profiles[1..].iter_mut().zip(several) {
        profile.links = links;
    }
    for p in &mut record.profiles {
        p.changes.sort_by_key(|c| c.at);
    }
    record
}

fn page(lang: Lang) -> String {
    page_with(HOSTILE_PROFILE, lang)
}

fn page_with(third: [&str; 4], lang: Lang) -> String {
    render(&ReportInput {
        record: sample(third),
        window: Window::last(SignedDuration::from_hours(7 * 24), t(0)),
        made_at: t(0),
        from_logs: false,
        lang,
        zone: TimeZone::fixed(jiff::tz::offset(8)),
        version: "0.1.0".into(),
    })
}

#[test]
fn hostile_text_stays_text() {
    for lang in [Lang::En, Lang::Zh] {
        let page = page(lang);
        assert!(
            !page.contains("<script") && !page.contains("<img") && !page.contains("<b onclick"),
            "markup came through"
        );
        assert!(!page.contains("SECRET99"), "a secret came through");
        assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}') && !page.contains('\0'));
        assert!(!page.contains("http://") && !page.contains("https://"), "something to load");
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
    }
}

#[test]
fn an_empty_history_is_a_page_too() {
    let page = render(&ReportInput {
        record: Record::default(),
        window: Window::last(SignedDuration::from_hours(24), t(0)),
        made_at: t(0),
        from_logs: true,
        lang: Lang::En,
        zone: TimeZone::UTC,
        version: "0.1.0".into(),
    });
    assert!(page.contains("There is no history yet"));
}

/// Chromium with its debugging pipe (descriptors 3 and 4, which a shell connects to ours).
struct Browser {
    child: Child,
    input: std::process::ChildStdin,
    output: BufReader<std::process::ChildStdout>,
    session: Option<String>,
    next: u64,
    events: Vec<Value>,
}

impl Browser {
    fn start(program: &Path, folder: &Path) -> Self {
        let script = "exec \"$0\" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars \
            --disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe \
            --user-data-dir=\"$1\" about:blank 3<&0 4>&1 2>/dev/null";
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .args([program, folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut browser = Self { child, input, output, session: None, next: 0, events: Vec::new() };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser went away");
        serde_json::from_slice(&bytes).unwrap()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        loop {
            let answer = self.receive();
            if answer["id"] == json!(self.next) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn wait_for(&mut self, event: &str) {
        while !self.events.iter().any(|e| e["method"] == event) {
            let message = self.receive();
            self.events.push(message);
        }
    }

    fn script(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(result["exceptionDetails"].is_null(), "{result}");
        result["result"]["value"].clone()
    }

    fn media(&mut self, media: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"media": media, "features": features}));
    }

    fn size(&mut self, width: u32) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    fn picture(&mut self) -> Vec<u8> {
        let shot =
            self.call("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": true}));
        base64(shot["data"].as_str().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for b in text.bytes() {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

#[test]
fn the_page_in_a_browser() {
    let browsers = ["chromium", "chromium-browser", "chromium-headless-shell", "google-chrome"];
    let Some(program) = browsers.into_iter().find_map(skips::program) else {
        return skips::skip(Need::Browser, &format!("none of {browsers:?}"));
    };
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("GATELIGHT_PICTURES").map(PathBuf::from);
    let mut browser = Browser::start(&program, folder.path());
    for (lang, code) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        let file = folder.path().join(format!("report-{code}.html"));
        let third = if pictures.is_some() { PLAIN_PROFILE } else { HOSTILE_PROFILE };
        std::fs::write(&file, page_with(third, lang)).unwrap();
        browser.events.clear();
        browser.media("screen", "light");
        browser.size(1200);
        browser.call("Page.navigate", &json!({"url": format!("file://{}", file.display())}));
        browser.wait_for("Page.loadEventFired");

        shows_no_error_and_loads_nothing(&mut browser);
        speaks_to_screen_readers(&mut browser, lang);
        can_be_used_by_keyboard(&mut browser);
        for (media, scheme, width) in [
            ("screen", "light", 1200),
            ("screen", "dark", 1200),
            ("screen", "light", 390),
            ("print", "dark", 800),
        ] {
            let picture = fits_and_has_contrast(&mut browser, media, scheme, width);
            if let Some(folder) = &pictures {
                std::fs::create_dir_all(folder).unwrap();
                let name = format!("report-{code}-{media}-{scheme}-{width}.png");
                std::fs::write(folder.join(name), picture).unwrap();
            }
        }
        browser.media("print", "light");
        let pdf = browser.call("Page.printToPDF", &json!({"preferCSSPageSize": true}));
        let pdf = base64(pdf["data"].as_str().unwrap());
        assert!(pdf.starts_with(b"%PDF") && pdf.len() < 5_000_000, "a page of {} bytes to print", pdf.len());
        if let Some(folder) = &pictures {
            std::fs::write(folder.join(format!("report-{code}.pdf")), pdf).unwrap();
        }
    }
}

fn shows_no_error_and_loads_nothing(browser: &mut Browser) {
    let bad: Vec<&Value> = browser
        .events
        .iter()
        .filter(|e| {
            let method = e["method"].as_str().unwrap_or_default();
            matches!(
                method,
                "Runtime.exceptionThrown"
                    | "Runtime.consoleAPICalled"
                    | "Log.entryAdded"
                    | "Page.javascriptDialogOpening"
            )
        })
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    let loaded: Vec<String> = browser
        .events
        .iter()
        .filter(|e| e["method"] == "Network.requestWillBeSent")
        .map(|e| e["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(loaded.iter().all(|u| u.starts_with("file://") || u.starts_with("data:")), "{loaded:?}");
    assert_eq!(browser.script("document.scripts.length + document.images.length"), 0);
    assert_eq!(browser.script("document.querySelectorAll('[onclick],[onerror],[onload]').length"), 0);
    // every ID is unique, every reference exists
    assert_eq!(
        browser.script(
            "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) != i).length"
        ),
        0
    );
    assert_eq!(
        browser.script(
            "[...document.querySelectorAll('[aria-labelledby]')].flatMap(e => e.getAttribute('aria-labelledby').split(' ')).filter(id => !document.getElementById(id)).length"
        ),
        0
    );
}

fn speaks_to_screen_readers(browser: &mut Browser, lang: Lang) {
    let tree = browser.call("Accessibility.getFullAXTree", &json!({}));
    let named = |role: &str| -> Vec<(String, String)> {
        tree["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|n| n["role"]["value"] == role && n["ignored"] != true)
            .map(|n| {
                let text = |v: &Value| v["value"].as_str().unwrap_or_default().to_owned();
                (text(&n["name"]), text(&n["description"]))
            })
            .collect()
    };
    let strips: Vec<_> = [named("image"), named("img")].concat();
    assert_eq!(strips.len(), 21, "a strip is missing or the patterns are read out: {strips:?}");
    let percent = strips.iter().filter(|(name, _)| name.contains('%')).count();
    assert_eq!(percent, 21, "{strips:?}");
    for (role, least) in
        [("table", 6), ("columnheader", 37), ("rowheader", 15), ("heading", 5), ("region", 5), ("link", 3)]
    {
        let found = named(role);
        assert!(found.len() >= least, "{role}: {found:?}");
        assert!(found.iter().all(|(name, _)| !name.trim().is_empty()), "{role}: {found:?}");
    }
    assert_eq!(
        browser.script("document.documentElement.lang"),
        if lang == Lang::En { "en" } else { "zh-Hans" }
    );
}

/// Tab reaches everything in order, with a visible focus.
fn can_be_used_by_keyboard(browser: &mut Browser) {
    // the profiles, then the causes of the incidents of the first
    for wanted in ["#p0", "#p1", "#p2", "#c", "#c"] {
        for kind in ["keyDown", "keyUp"] {
            let key = json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
            browser.call("Input.dispatchKeyEvent", &key);
        }
        let at = browser.script(
            "[document.activeElement.getAttribute('href') || document.activeElement.getAttribute('role'), getComputedStyle(document.activeElement).outlineStyle]",
        );
        let href = at[0].as_str().unwrap_or_default();
        assert!(href.starts_with(wanted) && at[1] == "solid", "where the keyboard is: {at}, not {wanted}");
    }
}

/// Checks that nothing is wider than the window and that all text is legible; returns the picture.
fn fits_and_has_contrast(browser: &mut Browser, media: &str, scheme: &str, width: u32) -> Vec<u8> {
    browser.media(media, scheme);
    browser.size(width);
    let wide = browser.script("document.documentElement.scrollWidth - innerWidth");
    assert!(wide.as_f64().unwrap() <= 0.0, "{media} {scheme} {width}: {wide} px too wide");
    let over = browser.script(OVERHANGING);
    assert_eq!(over, json!([]), "{media} {scheme} {width}: stands out of its frame");
    let worst = browser.script(CONTRAST);
    assert!(worst[0].as_f64().unwrap() >= 4.5, "{media} {scheme}: {worst}");
    let picture = browser.picture();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000);
    picture
}

/// Elements that exceed their section or the page, except drawings.
const OVERHANGING: &str = r"(() => {
  const out = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || e.closest('.ticks')) continue;
    const frame = (e.closest('section') || document.body).getBoundingClientRect(), box = e.getBoundingClientRect();
    if (box.width > 0 && (box.right > frame.right + 1 || box.left < frame.left - 1)) out.push(e.outerHTML.slice(0, 80));
  }
  return out.slice(0, 5);
})()";

/// The lowest contrast (WCAG 2) of any element with text against its background.
const CONTRAST: &str = r"(() => {
  const rgb = c => (c.match(/[\d.]+/g) || []).map(Number);
  const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
  const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length == 3 || c[3] > 0) return c } return [255, 255, 255] };
  let worst = [99, ''];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
    const a = lum(rgb(getComputedStyle(e).color)), b = lum(back(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 80)];
  }
  return worst;
})()";

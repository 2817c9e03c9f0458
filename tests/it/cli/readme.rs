//! Compares the READMEs and `docs/` with the program, and both languages with each other: tables, JSON, commands, links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{CommandFactory as _, Parser as _};
use gatelight::cli::Cli;
use gatelight::health::catalogue::CATALOGUE;
use gatelight::health::{Change, Deadlines, Light, LinkVerdict, Proof, Reason, RestartHelps, Verdict};
use gatelight::profile::Profile;
use gatelight::serve::metrics::{Counters, Format, render};
use gatelight::text::Lang;
use gatelight::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::launchctl::FakeLaunchctl;
use crate::support::machine::{Machine, Stream};
use crate::support::wait_for;

/// The pages of one language.
struct Papers {
    lang: Lang,
    readme: &'static str,
    folder: &'static str,
}

const PAPERS: [Papers; 2] = [
    Papers { lang: Lang::En, readme: "README.md", folder: "docs" },
    Papers { lang: Lang::Zh, readme: "README.zh-CN.md", folder: "docs/zh-CN" },
];

impl Papers {
    fn page(&self, name: &str) -> String {
        read(&format!("{}/{name}", self.folder))
    }

    /// Paths of the README and of every page below `docs/`.
    fn paths(&self) -> Vec<String> {
        let pages = names(self.folder).into_iter().map(|name| format!("{}/{name}", self.folder));
        std::iter::once(self.readme.to_owned()).chain(pages).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| Path::new(name).extension().is_some_and(|e| e == "md")).collect()
}

#[test]
fn both_languages_have_the_same_pages_with_the_same_sections() {
    let [en, zh] = &PAPERS;
    assert_eq!(names(en.folder), names(zh.folder));
    for (en, zh) in en.paths().iter().zip(&zh.paths()) {
        let levels = |path: &str| -> Vec<usize> {
            headings(&read(path)).map(|line| line.bytes().take_while(|b| *b == b'#').count()).collect()
        };
        assert_eq!(levels(en), levels(zh), "{zh}");
    }
}

/// Lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    prose(text).filter(|line| line.starts_with('#'))
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let others = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "bundle/README.md", "benches/README.md"];
    let all = PAPERS.iter().flat_map(Papers::paths).chain(others.map(str::to_owned));
    for path in all {
        let text = read(&path);
        let links = prose(&text)
            .flat_map(|line| line.split("](").skip(1))
            .map(|rest| rest.split(')').next().unwrap());
        // ../../releases is relative to the README's page on GitHub
        for link in links.filter(|link| !link.contains("://") && !link.starts_with("../../releases")) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                _ => Path::new(&path).parent().unwrap().join(file).to_str().unwrap().to_owned(),
            };
            assert!(root().join(&target).exists(), "{path}: {link}");
            if !fragment.is_empty() {
                let text = read(&target);
                assert!(headings(&text).any(|heading| anchor(heading) == fragment), "{path}: {link}");
            }
        }
    }
}

#[test]
fn the_clone_line_names_the_repository_of_the_release() {
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find(|line| line.starts_with("repository = ")).unwrap();
    let url = line.split('"').nth(1).unwrap();
    for papers in &PAPERS {
        let readme = read(papers.readme);
        assert!(
            readme.contains(&format!("git clone {url}.git && cd gatelight\n")),
            "{}: {url}",
            papers.readme
        );
    }
}

/// The cells of the rows of all tables.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

fn light(light: Light, lang: Lang) -> String {
    let word = match light {
        Light::Green => ["green", "绿"],
        Light::Amber => ["amber", "黄"],
        Light::Red => ["red", "红"],
        Light::Grey => ["grey", "灰"],
    };
    format!("{} {}", light.symbol(), lang.pick(word))
}

fn helps(helps: Option<RestartHelps>, lang: Lang) -> &'static str {
    lang.pick(match helps {
        None => ["–", "–"],
        Some(RestartHelps::Yes) => ["yes", "有效"],
        Some(RestartHelps::ByForce) => ["yes, by force", "有效，需强制"],
        Some(RestartHelps::WhenNetworkIsBack) => ["when the network is back", "网络恢复后有效"],
        Some(RestartHelps::AfterFixingCredentials) => ["after fixing the credentials", "修正凭据后有效"],
        Some(RestartHelps::No) => ["no", "无效"],
        Some(RestartHelps::NoRepair) => ["no: repair", "无效，需修复任务文件"],
    })
}

#[test]
fn the_tables_of_reasons_are_the_catalogue() {
    for papers in &PAPERS {
        let (lang, text) = (papers.lang, papers.page("reasons.md"));
        let is_reason = |row: &Vec<&str>| row.len() == 5 && row[0].contains("`<br>");
        let shown: Vec<String> =
            rows(&text).filter(is_reason).map(|row| row.join(" | ").replace('`', "")).collect();
        let expected: Vec<String> = CATALOGUE
            .iter()
            .map(|entry| {
                let advice = lang.pick(entry.advice);
                [
                    format!("{}<br>{}", entry.code, lang.pick(entry.title)).as_str(),
                    light(entry.light, lang).as_str(),
                    helps(entry.restart, lang),
                    lang.pick(entry.meaning),
                    if advice.is_empty() { "–" } else { advice },
                ]
                .join(" | ")
                .replace('`', "")
                .replace("{platform}", lang.pick(["*platform*", "*平台*"]))
                .replace("{missing}", "*n*")
                .replace("{total}", "*m*")
            })
            .collect();
        assert_eq!(shown, expected);
    }
}

/// The text between backticks, in lines and in blocks.
fn code(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            found.push(line);
        } else {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// The arguments of a command, as far as the READMEs need a shell.
fn arguments(command: &str) -> Vec<&str> {
    let plain = command.split(" #").next().unwrap_or(command);
    let ends = |word: &&str| !matches!(*word, ">" | "|");
    plain.split_whitespace().take_while(ends).collect()
}

#[test]
fn every_command_that_is_shown_is_one() {
    for (en, zh) in PAPERS[0].paths().iter().zip(&PAPERS[1].paths()) {
        let [en, zh] = [en, zh].map(|path| commands(path));
        assert_eq!(en, zh, "both languages show the same");
    }
    let all: BTreeSet<String> = PAPERS[0].paths().iter().flat_map(|path| commands(path)).collect();
    assert!(all.len() > 25, "{all:?}");
    for papers in &PAPERS {
        let reference = papers.page("reference.md");
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            let row = rows(&reference).find(|row| row[0] == format!("`{name}`"));
            assert!(row.is_some_and(|row| row.len() == 3 && row[2].contains(name)), "no row for {name}");
        }
    }
}

/// The commands of a page.
///
/// # Panics
/// If one cannot be parsed.
fn commands(path: &str) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    let text = read(path);
    for line in code(&text).into_iter().filter(|line| line.starts_with("gatelight ")) {
        let words = arguments(line);
        // clap returns help as an error
        if words.get(1) != Some(&"help")
            && let Err(error) = Cli::try_parse_from(&words)
        {
            panic!("{path}: {line}: {error}");
        }
        shown.insert(words.iter().map(|word| word.replace("文件…", "FILE…")).collect::<Vec<_>>().join(" "));
    }
    shown
}

/// The exit code of each command of the README on a machine with one hollow gateway. `None`: it runs until Ctrl-C, and then
/// exits with 0.
fn effect(command: &str) -> Option<i32> {
    match command {
        "cargo run -- demo" | "gatelight" => None,
        // --fix changes nothing: there is no terminal to ask on
        "gatelight status" | "gatelight doctor" | "gatelight doctor --fix" => Some(1),
        "gatelight restart --red" | "gatelight logs default" | "gatelight diagnose default" => Some(0),
        other => panic!("the README shows a command that this test does not run: {other}"),
    }
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let launchctl = FakeLaunchctl::new(&json!({}));
    let machine = Machine::with_launchctl(&launchctl.program());
    let home = machine.hermes();
    let script = r#"exec "$0" simulate --home "$1" --script hollow --then clean"#;
    let program = env!("CARGO_BIN_EXE_gatelight");
    let arguments = ["/bin/sh", "-c", script, program, home.to_str().unwrap(), "gateway", "run", "--replace"];
    let more = format!(
        "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>\
         <key>RunAtLoad</key><true/><key>KeepAlive</key><true/>",
        home.display()
    );
    let arguments = arguments.map(|word| word.replace('"', "&quot;"));
    let job = machine.plist("ai.hermes.gateway", &arguments.each_ref().map(String::as_str), &more);
    launchctl.load("gui", &job);
    let now =
        |light: &str, reason: &str| machine.light("default") == Some((light.to_owned(), reason.to_owned()));
    wait_for("the gateway becomes a hollow shell", || now("red", "executor-shutdown"));
    // timestamps are compared with the start of a process with a tolerance of 2 s (evidence::collector)
    wait_for("that is older than the next process", || {
        let since: Timestamp = machine.status()["profiles"][0]["since"].as_str().unwrap().parse().unwrap();
        Timestamp::now().duration_since(since).as_secs() > 2
    });

    let readme = read(PAPERS[0].readme);
    let lines = code(&readme)
        .into_iter()
        .filter(|line| line.starts_with("gatelight") || line.starts_with("cargo run"));
    for line in lines.filter(|line| !line.contains('/')) {
        let words = self::arguments(line);
        let command = words.join(" ");
        let words = &words[if words[0] == "cargo" { 3 } else { 1 }..];
        let Some(expected) = effect(&command) else {
            let mut going = Stream::of(machine.command(words));
            // the first lines are an introduction
            while !going.line().contains("default") {}
            assert_eq!(going.interrupt(), Some(0), "{command}: {:?}", going.complaints());
            continue;
        };
        let ran = machine.run(words);
        assert_eq!(ran.code, Some(expected), "{command}: {ran:?}");
        assert!(!ran.out.is_empty(), "{command}: {ran:?}");
    }
    assert!(now("green", "connected"), "{:?}", machine.light("default"));
    assert!(fs::read_to_string(&job).unwrap().contains("--replace"), "nobody said yes");
    let fixed = machine.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
    assert!(!fs::read_to_string(&job).unwrap().contains("--replace"));
    assert!(now("green", "connected"), "{:?}", machine.light("default"));
}

fn t() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn verdict(reason: Reason) -> Verdict {
    let evidence = Some(Proof::new("agent.log", "line", t()));
    Verdict { reason, evidence, pid: Some(7), ..Verdict::unknown(t()) }
}

fn profile() -> Arc<Profile> {
    Arc::new(Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() })
}

#[test]
fn the_metrics_are_those_that_are_served() {
    let mut verdict = verdict(Reason::Connected);
    verdict.links.push(LinkVerdict::new("feishu".into(), Reason::Connected, t()));
    let view = ProfileView { profile: profile(), verdict: verdict.into() };
    let snapshot = Snapshot { at: t(), profiles: vec![view], bad_files: Vec::new(), complete: true };
    let page = render(&snapshot, &Counters::default(), t(), Format::Prometheus);
    let mut served = BTreeSet::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let inside = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
        let labels =
            inside.split(',').filter_map(|pair| pair.split('=').next()).filter(|label| !label.is_empty());
        served.insert((name.to_owned(), labels.map(str::to_owned).collect::<Vec<_>>()));
    }
    for papers in &PAPERS {
        let text = papers.page("reference.md");
        let shown: BTreeSet<(String, Vec<String>)> = rows(&text)
            .filter(|row| row[0].starts_with("`gatelight_"))
            .map(|row| {
                let labels = row[1].split('`').skip(1).step_by(2).map(str::to_owned).collect();
                (row[0].trim_matches('`').to_owned(), labels)
            })
            .collect();
        assert_eq!(shown, served);
    }
}

/// The keys of an object and of nested objects.
fn keys(value: &Value, above: &str, found: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{above}{key}");
        keys(value, &format!("{path}."), found);
        found.insert(path);
    }
}

#[test]
fn the_json_of_on_change_is_what_the_program_is_given() {
    for papers in &PAPERS {
        let (lang, text) = (papers.lang, papers.page("reference.md"));
        let (from, to) = (verdict(Reason::Connected).glance(), verdict(Reason::ExecutorShutdown));
        let change = ProfileChange {
            profile: profile(),
            change: Change { at: t(), profile: "work".into(), from, to },
            history: false,
        };
        let given = gatelight::app::hook::event(&change, lang);
        let block = text.split("```json\n").find(|block| block.contains("\"advice\"")).unwrap();
        let shown: Value = serde_json::from_str(block.split("\n```").next().unwrap()).unwrap();
        let sets = [&given, &shown].map(|value| {
            let mut found = BTreeSet::new();
            keys(value, "", &mut found);
            found
        });
        assert_eq!(sets[0], sets[1]);
        for key in ["version", "reason", "light", "title", "advice", "restart_helps", "profile"] {
            assert_eq!(given[key], shown[key], "{key}");
        }
    }
}

/// The JSON block of a page that has this key, with `…` for what is left out.
fn shown_json(text: &str, key: &str) -> Value {
    let blocks = text.split("```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let block =
        blocks.into_iter().find(|block| block.contains(key)).unwrap_or_else(|| panic!("no JSON with {key}"));
    let whole = block.replace("{…}", "{}").replace("[…]", "[]").replace(":…", ":null");
    serde_json::from_str(&whole).unwrap_or_else(|error| panic!("{error}: {whole}"))
}

/// The keys of an object, of nested objects, and of objects in lists.
fn all_keys(value: &Value, above: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{above}.{key}");
                all_keys(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| all_keys(value, above, found)),
        _ => {}
    }
}

#[test]
fn the_json_that_is_shown_has_the_keys_that_are_printed() {
    let machine = Machine::new();
    let gateway = crate::support::machine::Gateway::connected(&machine.hermes());
    gateway.executor_dies();
    wait_for("the light is red", || machine.light("default").is_some_and(|(light, _)| light == "red"));
    let mut watch = machine.watch();
    let change: Value = serde_json::from_str(&watch.line()).unwrap();
    let doctor = machine.run(&["doctor", "--json"]);
    let printed = [machine.status(), change, serde_json::from_str(&doctor.out).unwrap()];
    for papers in &PAPERS {
        let text = papers.page("reference.md");
        for (printed, key) in printed.iter().zip(["\"last_message_at\"", "\"t\":", "\"findings\""]) {
            let (mut shown, mut found) = (BTreeSet::new(), BTreeSet::new());
            all_keys(&shown_json(&text, key), "", &mut shown);
            all_keys(printed, "", &mut found);
            // the page may shorten an object to {…}
            let shortened = |key: &&String| key.starts_with(".profiles.links.evidence.");
            let found: BTreeSet<String> = found.iter().filter(|key| !shortened(key)).cloned().collect();
            assert_eq!(shown, found, "{key}");
        }
    }
}

#[test]
fn the_deadlines_are_those_of_the_program() {
    let d = Deadlines::default();
    let expected = [d.start, d.reconnect, d.attempt, d.restart, d.exit, d.heartbeat, d.suspended];
    for papers in &PAPERS {
        let text = papers.page("how-it-decides.md");
        let number =
            |cell: &str| cell.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>();
        let shown: Vec<u64> = rows(&text).filter_map(|row| number(row[1]).ok()).collect();
        assert_eq!(shown, expected.map(|d| d.as_secs()));
    }
}

#[test]
fn the_sections_of_the_settings_are_named() {
    let settings = read("resources/settings.toml");
    let sections = settings.lines().filter_map(|line| {
        let line = line.trim_start_matches("#:").trim_start_matches('#').trim();
        (line.starts_with('[') && line.ends_with(']')).then_some(line)
    });
    let sections: Vec<&str> = sections.collect();
    assert!(sections.len() > 5, "{sections:?}");
    for papers in &PAPERS {
        let text = papers.page("reference.md");
        for section in &sections {
            // `[platforms.telegram]` stands for every `[platforms.NAME]`
            let name = section.split('.').next().unwrap();
            let named = |cell: &str| cell.trim_matches('`').split('.').next() == Some(name);
            assert!(rows(&text).any(|row| named(row[0])), "{section}: {}", papers.folder);
        }
    }
}

#[test]
fn the_numbers_of_recordings_and_platforms_are_right() {
    let recordings = files_below("tests/recordings", "jsonl");
    // one of them is for every other platform
    let platforms = files_below("resources/platforms", "toml") - 1;
    for papers in &PAPERS {
        let (testing, deciding) = (papers.page("testing.md"), papers.page("how-it-decides.md"));
        // in hundreds, so that a new recording does not change the page
        let hundreds = format!(" {} ", recordings / 100 * 100);
        assert!(testing.contains(&hundreds), "{recordings} recordings: {}", papers.folder);
        assert!(deciding.contains(&format!("{platforms} ")), "{platforms} platforms: {}", papers.folder);
    }
}

fn files_below(folder: &str, extension: &str) -> usize {
    fn count(folder: &Path, extension: &str) -> usize {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let one = |path: PathBuf| {
            if path.is_dir() {
                return count(&path, extension);
            }
            usize::from(path.extension().is_some_and(|e| e == extension))
        };
        entries.map(one).sum()
    }
    count(&root().join(folder), extension)
}

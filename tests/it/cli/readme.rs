//! Both READMEs against the program: the reasons, the metrics, the JSON of `on_change`, every command that they show. What
//! they say cannot drift from what it does, nor one from the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser as _};
use gatelight::cli::Cli;
use gatelight::health::catalogue::CATALOGUE;
use gatelight::health::{Change, Light, Proof, Reason, RestartHelps, Verdict};
use gatelight::profile::Profile;
use gatelight::serve::metrics::{Counters, Format, render};
use gatelight::text::Lang;
use gatelight::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};
use jiff::Timestamp;
use serde_json::Value;

const READMES: [(Lang, &str); 2] =
    [(Lang::En, include_str!("../../../README.md")), (Lang::Zh, include_str!("../../../README.zh-CN.md"))];

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
        Some(RestartHelps::AfterFixingCredentials) => ["after mending the credentials", "修正凭据后有效"],
        Some(RestartHelps::No) => ["no", "无效"],
        Some(RestartHelps::NoRepair) => ["no: repair", "无效，需修复任务文件"],
    })
}

#[test]
fn the_tables_of_reasons_are_the_catalogue() {
    for (lang, text) in READMES {
        let is_reason = |row: &Vec<&str>| row.len() == 5 && row[0].contains("`<br>");
        let shown: Vec<String> =
            rows(text).filter(is_reason).map(|row| row.join(" | ").replace('`', "")).collect();
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

/// What stands between backticks, in lines and in blocks.
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

/// The words of a command as a shell would give them, as far as the READMEs need a shell.
fn arguments(command: &str) -> Vec<&str> {
    let plain = command.split(" #").next().unwrap_or(command);
    let ends = |word: &&str| !matches!(*word, ">" | "|");
    plain.split_whitespace().take_while(ends).collect()
}

#[test]
fn every_command_that_is_shown_is_one() {
    let mut shown = [BTreeSet::new(), BTreeSet::new()];
    for ((_, text), shown) in READMES.iter().zip(&mut shown) {
        for line in code(text).into_iter().filter(|line| line.starts_with("gatelight")) {
            let words = arguments(line);
            // the name alone, also of files (`gatelight.service`)
            if words[0] != "gatelight" || words.len() == 1 {
                continue;
            }
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{line}: {error}");
            }
            shown.insert(
                words.iter().map(|word| word.replace("文件…", "FILE…")).collect::<Vec<_>>().join(" "),
            );
        }
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            let row = rows(text).find(|row| row[0] == format!("`{name}`"));
            assert!(row.is_some_and(|row| row.len() == 3 && row[2].contains(name)), "no row for {name}");
        }
    }
    assert_eq!(shown[0], shown[1], "both show the same");
    assert!(shown[0].len() > 15, "{shown:?}");
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
    let view = ProfileView { profile: profile(), verdict: verdict(Reason::Connected) };
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
    for (_, text) in READMES {
        let shown: BTreeSet<(String, Vec<String>)> = rows(text)
            .filter(|row| row[0].starts_with("`gatelight_"))
            .map(|row| {
                let labels = row[1].split('`').skip(1).step_by(2).map(str::to_owned).collect();
                (row[0].trim_matches('`').to_owned(), labels)
            })
            .collect();
        assert_eq!(shown, served);
    }
}

/// The keys of an object, and of the objects in it.
fn keys(value: &Value, above: &str, found: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{above}{key}");
        keys(value, &format!("{path}."), found);
        found.insert(path);
    }
}

#[test]
fn the_json_of_on_change_is_what_the_program_is_given() {
    for (lang, text) in READMES {
        let (from, to) = (verdict(Reason::Connected), verdict(Reason::ExecutorShutdown));
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

//! `gatelight status --swiftbar`: the lights in the format of SwiftBar and xbar plug-ins.
//!
//! The format: a line for the menu bar, `---`, a line per menu row; parameters after `|`; `--` before a row puts it
//! into the row above (SwiftBar's README, "Plugin Output Format").

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;

use crate::health::{Light, RestartHelps};
use crate::redact;
use crate::text::status::NEXT_STEPS;
use crate::text::{self, Lang, diagnose as phrases};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// The complete output. `errors`: what is wrong besides the lights, one row each. `program`: the path of this program, for
/// rows with an action.
pub fn swiftbar(snapshot: &Snapshot, errors: &[String], lang: Lang, program: &Path) -> String {
    let worst = snapshot.worst();
    let total = snapshot.profiles.len();
    let good = snapshot.profiles.iter().filter(|p| p.verdict.light() == Light::Green).count();
    let count = if good == total { String::new() } else { format!(" {good}/{total}") };
    let warning = if errors.is_empty() { "" } else { " !" };
    let mut out = format!("{}{count}{warning} | color={}\n---\n", worst.symbol(), color(worst));
    for error in errors {
        let _ = writeln!(out, "{}", row(error, 200));
    }
    for view in &snapshot.profiles {
        profile(&mut out, view, lang, snapshot.at, program);
    }
    if total == 0 {
        let _ = writeln!(out, "{}", lang.pick(phrases::NO_PROFILES));
        for (command, why) in NEXT_STEPS {
            let _ = writeln!(out, "--{}", text::labelled(lang, command, lang.pick(why)));
        }
    }
    let _ = writeln!(out, "---\n{}", action(lang.pick(phrases::REPORT), program, &["report", "--open"]));
    let _ = writeln!(out, "{} | refresh=true", lang.pick(phrases::REFRESH));
    out
}

/// The output if the lights could not be determined.
pub(super) fn broken(error: &str) -> String {
    format!("{} ! | color={}\n---\n{}\n", Light::Grey.symbol(), color(Light::Grey), row(error, 200))
}

fn profile(out: &mut String, view: &ProfileView, lang: Lang, now: Timestamp, program: &Path) {
    let verdict = &view.verdict;
    let said = text::reason::of(verdict, lang);
    let light = verdict.light();
    let name = row(&view.profile.name, 60);
    let since = text::duration(lang, now.duration_since(verdict.since).max(jiff::SignedDuration::ZERO));
    let title = &said.title;
    let _ = writeln!(out, "{} {name}: {title} · {since} | color={}", light.symbol(), color(light));
    let _ = writeln!(out, "--{}", row(&said.meaning, 200));
    if !said.advice.is_empty() {
        let _ = writeln!(out, "--{}", row(&said.advice, 200));
    }
    if let Some(proof) = &verdict.evidence {
        let line = row(&text::proof::labelled(lang, proof), 120);
        let _ = writeln!(out, "--{line} | font=Menlo size=11");
    }
    // `gatelight restart` refuses a gateway without a job
    if view.profile.job.is_some() && verdict.reason.restart().is_some_and(RestartHelps::now) {
        let _ = writeln!(
            out,
            "--{}",
            action(lang.pick(phrases::RESTART), program, &["restart", &view.profile.name])
        );
    }
}

/// Colours legible on light and dark menu bars.
const fn color(light: Light) -> &'static str {
    match light {
        Light::Green => "#2a9d5c",
        Light::Amber => "#d98e04",
        Light::Red => "#e5484d",
        Light::Grey => "#8e8e93",
    }
}

/// The text of a row: one line without the characters of the format, `|` (parameters) and a leading `--` (nesting).
fn row(text: &str, max: usize) -> String {
    let text = redact::clean_line(text, max).replace('|', "¦");
    text.trim_start_matches(['-', ' ']).to_owned()
}

/// A row that runs this program in a terminal.
fn action(title: &str, program: &Path, arguments: &[&str]) -> String {
    let quoted = |text: &str| format!("\"{}\"", redact::one_line(text, 400).replace(['"', '|', '\\'], ""));
    let mut out = format!("{title} | bash={}", quoted(&program.to_string_lossy()));
    for (i, argument) in arguments.iter().enumerate() {
        let _ = write!(out, " param{}={}", i + 1, quoted(argument));
    }
    out.push_str(" terminal=true refresh=true");
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::{Manager, Proof, Reason, Verdict};
    use crate::profile::{JobFile, Profile};

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn job() -> JobFile {
        JobFile::named(Manager::Launchd, "/a.plist", "a")
    }

    fn snapshot(profiles: &[(&str, Reason, &str)]) -> Snapshot {
        let view = |(name, reason, line): &(&str, Reason, &str)| {
            let job = (*name != "loose").then(job);
            let profile = Profile { name: (*name).into(), home: "/h".into(), job, logs: Vec::new() };
            let mut verdict = Verdict { reason: *reason, ..Verdict::unknown(t(0)) };
            verdict.evidence = Some(Proof::new("agent.log", *line, t(0)));
            ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
        };
        Snapshot {
            at: t(75),
            profiles: profiles.iter().map(view).collect(),
            bad_files: Vec::new(),
            complete: true,
        }
    }

    #[test]
    fn rows() {
        let all = snapshot(&[
            ("default", Reason::Connected, "up"),
            ("work", Reason::ExecutorShutdown, "a | bash=evil\n--x"),
        ]);
        assert_eq!(
            swiftbar(&all, &[], Lang::En, Path::new("/opt/g l/gatelight")),
            "✖ 1/2 | color=#e5484d\n---\n\
             ● default: connected · 1 min 15 s | color=#2a9d5c\n\
             --The link is up.\n\
             --agent.log: up | font=Menlo size=11\n\
             ✖ work: executor dead: a hollow shell · 1 min 15 s | color=#e5484d\n\
             --The gateway's executor is shut down: it looks connected, but cannot answer any message.\n\
             --Restart it: only a new process fixes this.\n\
             --agent.log: a ¦ bash=evil --x | font=Menlo size=11\n\
             --Restart | bash=\"/opt/g l/gatelight\" param1=\"restart\" param2=\"work\" terminal=true refresh=true\n\
             ---\nTimeline… | bash=\"/opt/g l/gatelight\" param1=\"report\" param2=\"--open\" terminal=true refresh=true\n\
             Refresh | refresh=true\n"
        );
        let good = swiftbar(&snapshot(&[("d", Reason::Connected, "x")]), &[], Lang::Zh, Path::new("/g"));
        assert!(good.starts_with("● | color=#2a9d5c\n---\n"), "{good}");
        let loose = snapshot(&[("loose", Reason::ExecutorShutdown, "x")]);
        assert!(!swiftbar(&loose, &[], Lang::En, Path::new("/g")).contains("--Restart |"));
        let none = swiftbar(&snapshot(&[]), &[], Lang::Zh, Path::new("/g"));
        assert!(none.starts_with("○ | color=#8e8e93\n---\n未找到 Hermes profile\n"), "{none}");
    }

    #[test]
    fn hostile_names_stay_names() {
        for name in ["a\" terminal=false bash=\"/bin/sh", "a|b", "--a", "a\n---\nb", "a\\\""] {
            let out = swiftbar(
                &snapshot(&[(name, Reason::NotRunning, "x")]),
                &[name.to_owned()],
                Lang::En,
                Path::new("/g"),
            );
            for line in out.lines() {
                assert!(line.matches('|').count() <= 1, "{line}");
                assert_eq!(
                    line.split_once(" | bash=").map_or(0, |(_, p)| p.matches('"').count()) % 2,
                    0,
                    "{line}"
                );
                let parameters = line.split_once(" | ").map_or("", |(_, p)| p);
                assert!(!parameters.contains("bash=\"/bin/sh"), "{line}");
            }
            assert_eq!(out.lines().filter(|l| *l == "---").count(), 2, "{out}");
        }
    }
}

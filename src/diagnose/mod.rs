//! `gatelight diagnose`: everything that an issue about a wrong or red light needs, as Markdown.
//!
//! [`gather`] collects it, [`render`] is pure. [`clean`] removes secrets, user names, home paths and people's
//! identifiers from every line before it is added.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::evidence::anonymise::Anonymiser;
use crate::evidence::clean_lines::Lines;
use crate::health::Note;
use crate::history::{Record, Window, render};
use crate::redact;
use crate::text::status::light;
use crate::text::{self, COLON, Lang, diagnose as phrases, fill};
use crate::watcher::snapshot::ProfileView;

mod gather;
pub(crate) mod log;
mod system;

pub(crate) use gather::{Sources, anonymiser};

/// Longest report, in characters; GitHub accepts 65,536 in an issue.
const MAX_CHARS: usize = 60_000;
const MAX_LINE: usize = 300;
const LOG_LINES: usize = 120;
const JOB_LINES: usize = 150;

/// One line of the merged log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its timestamp.
    pub at: Option<Timestamp>,
    /// Its file's name.
    pub file: String,
    /// The line.
    pub text: String,
}

/// The content of a report.
pub struct Diagnosis<'a> {
    /// Now.
    pub now: Timestamp,
    /// The zone in which times are shown.
    pub zone: &'a TimeZone,
    /// The language.
    pub lang: Lang,
    /// Removes names.
    pub anonymiser: &'a Anonymiser,
    /// The profile and its verdict.
    pub view: &'a ProfileView,
    /// Names and values: versions of Gatelight, Hermes and the system, locale.
    pub system: &'a [(String, String)],
    /// The job file's text.
    pub job_file: Option<&'a str>,
    /// The service manager's report, one fact per line.
    pub manager: &'a [String],
    /// The findings of the doctor, one per line.
    pub findings: &'a [String],
    /// The merged log, oldest first; see [`around`].
    pub log: &'a [LogLine],
    /// The history.
    pub record: Option<&'a Record>,
    /// How far back the history goes.
    pub span: SignedDuration,
    /// The end of Gatelight's own log, oldest line first.
    pub own_log: &'a [String],
    /// A recording that was made for attaching.
    pub recording: Option<&'a str>,
}

/// One line without secrets, names and control characters.
fn clean(line: &str, anonymiser: &Anonymiser) -> String {
    anonymiser.line(line, MAX_LINE)
}

/// At most `most` lines around a time, up to half of them after it. Lines without a time belong to the line before
/// them.
fn around(lines: &[LogLine], at: Timestamp, most: usize) -> &[LogLine] {
    let mut last = None;
    let mut split = lines.len();
    for (i, line) in lines.iter().enumerate() {
        last = line.at.or(last);
        if last.is_some_and(|t| t > at) {
            split = i;
            break;
        }
    }
    let after = (lines.len() - split).min(most / 2);
    let from = split.saturating_sub(most - after);
    let to = (from + most).min(lines.len());
    &lines[from..to]
}

/// Writes a fenced block whose fence is longer than any in its lines.
fn fenced(out: &mut String, kind: &str, lines: &[String]) {
    let longest = lines.iter().flat_map(|l| l.split(|c| c != '`').map(str::len)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{fence}{kind}\n{}\n{fence}\n", lines.join("\n"));
}

/// A code span whose ticks are longer than any in the text (CommonMark 0.31, 6.1).
fn span(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    if text.is_empty() { "–".into() } else { format!("{ticks}{pad}{text}{pad}{ticks}") }
}

/// The report, at most [`MAX_CHARS`] characters.
pub fn render(d: &Diagnosis<'_>) -> String {
    let lang = d.lang;
    let name = clean(&d.view.profile.name, d.anonymiser);
    let mut out = String::new();
    let _ = writeln!(out, "## {}\n", fill(lang.pick(phrases::TITLE), &[("name", &span(&name))]));
    let _ = writeln!(out, "_{}_\n", lang.pick(phrases::NOTE));
    verdict(&mut out, d);
    let _ = writeln!(out, "### {}\n", lang.pick(phrases::VERSIONS));
    for (name, value) in d.system {
        let value = span(&clean(value, d.anonymiser));
        let _ = writeln!(out, "- {}{}{value}", clean(name, d.anonymiser), lang.pick(COLON));
    }
    out.push('\n');
    list(&mut out, d, phrases::MANAGER, d.manager);
    list(&mut out, d, phrases::FINDINGS, d.findings);
    job(&mut out, d);
    if let Some(record) = d.record {
        let of = text::duration(lang, d.span);
        let _ = writeln!(out, "### {}\n", fill(lang.pick(phrases::HISTORY), &[("span", &of)]));
        let own = record.clone().only(&d.view.profile.name);
        let history = render::render(&own, Window::last(d.span, d.now), lang, d.zone, true);
        let lines: Vec<String> = history.lines().take(80).map(|l| clean(l, d.anonymiser)).collect();
        fenced(&mut out, "text", &lines);
    }
    let own_log: Vec<String> = d.own_log.iter().map(|line| clean(line, d.anonymiser)).collect();
    if !own_log.is_empty() {
        let _ = writeln!(out, "### {}\n", lang.pick(phrases::OWN_LOG));
        fenced(&mut out, "text", &own_log);
    }
    log_lines(&mut out, d);
    if let Some(path) = d.recording {
        let said = fill(lang.pick(phrases::ATTACH), &[("path", &span(&clean(path, d.anonymiser)))]);
        let _ = writeln!(out, "### {}\n\n{said}", lang.pick(phrases::RECORDING));
    }
    out
}

fn verdict(out: &mut String, d: &Diagnosis<'_>) {
    let (lang, v) = (d.lang, &d.view.verdict);
    let none = || "–".to_owned();
    let evidence = v.evidence.as_ref().map_or_else(none, |e| {
        let (line, source) = (
            clean(&text::proof::line(lang, e), d.anonymiser),
            clean(text::proof::source(lang, &e.source), d.anonymiser),
        );
        format!("{} ({}, {})", span(&line), span(&source), render::local(e.at, d.zone))
    });
    let manager = v.manager.map_or("–", crate::health::Manager::word);
    let process = v.pid.map_or_else(none, |pid| {
        let up = d.view.uptime(d.now).map_or_else(none, |u| text::duration(lang, u));
        format!("PID {pid}, {up}, {manager}")
    });
    let notes: Vec<String> = v.notes.iter().map(|n| note(n, lang)).collect();
    let reports: Vec<String> =
        v.reason.reports().iter().map(|number| format!("NousResearch/hermes-agent#{number}")).collect();
    let _ = writeln!(out, "### {}\n", lang.pick(phrases::VERDICT));
    for (field, value) in [
        (phrases::LIGHT, format!("{} {}", v.light().symbol(), lang.pick(light(v.light())))),
        (phrases::REASON, format!("`{}` – {}", v.reason.code(), text::reason::title_of(v, lang))),
        (phrases::SINCE, render::local(v.since, d.zone)),
        (phrases::EVIDENCE, evidence),
        (phrases::NOTES, if notes.is_empty() { none() } else { notes.join("; ") }),
        (phrases::PROCESS, process),
        (phrases::REPORTS, if reports.is_empty() { none() } else { reports.join(", ") }),
    ] {
        let _ = writeln!(out, "- {}{}{value}", lang.pick(field), lang.pick(COLON));
    }
    out.push('\n');
}

fn note(note: &Note, lang: Lang) -> String {
    match note {
        Note::Also(reason, ..) => format!("`{}`", reason.code()),
        Note::SecondInstance(_) => lang.pick(phrases::SECOND).to_owned(),
        Note::InfoHidden => lang.pick(phrases::HIDDEN).to_owned(),
        Note::DroppedAtStart => lang.pick(phrases::DROPPED).to_owned(),
        Note::Unreadable(file) => text::proof::unreadable(lang, file),
    }
}

fn list(out: &mut String, d: &Diagnosis<'_>, heading: text::Phrase, lines: &[String]) {
    let _ = writeln!(out, "### {}\n", d.lang.pick(heading));
    for line in lines.iter().take(40) {
        let _ = writeln!(out, "- {}", span(&clean(line, d.anonymiser)));
    }
    if lines.is_empty() {
        let _ = writeln!(out, "- {}", d.lang.pick(phrases::NOTHING));
    }
    out.push('\n');
}

fn job(out: &mut String, d: &Diagnosis<'_>) {
    let _ = writeln!(out, "### {}\n", d.lang.pick(phrases::JOB));
    let file = d.view.profile.job.as_ref();
    if let Some(file) = file {
        let _ = writeln!(out, "{}\n", span(&clean(&file.path.to_string_lossy(), d.anonymiser)));
    }
    match d.job_file {
        Some(text) => {
            // escape sequences are removed first: they may cut a word into pieces
            let head: String = text.chars().take(64 * 1024).collect();
            let lines: Vec<String> = head.lines().map(|line| redact::one_line(line, 4_000)).collect();
            let redacted = redact::job_file(&lines.join("\n"));
            let all: Vec<&str> = redacted.lines().collect();
            let mut lines: Vec<String> = all.iter().take(JOB_LINES).map(|l| clean(l, d.anonymiser)).collect();
            if all.len() > JOB_LINES {
                lines.push(fill(d.lang.pick(phrases::CUT), &[("n", &(all.len() - JOB_LINES).to_string())]));
            }
            let kind = if redacted.trim_start().starts_with('<') { "xml" } else { "ini" };
            fenced(out, kind, &lines);
        }
        None => {
            let _ = writeln!(out, "{}\n", d.lang.pick(phrases::NOTHING));
        }
    }
}

fn log_lines(out: &mut String, d: &Diagnosis<'_>) {
    let at = d.view.verdict.since;
    let time = render::local(at, d.zone);
    let _ = writeln!(out, "### {}\n", fill(d.lang.pick(phrases::LOG), &[("time", &time)]));
    let mut before = Lines::default();
    let mut lines: Vec<String> = around(d.log, at, LOG_LINES)
        .iter()
        .map(|l| {
            let text = d.anonymiser.next_line(&mut before, &l.file, &l.text, MAX_LINE);
            format!("{}: {text}", clean(&l.file, d.anonymiser))
        })
        .collect();
    // the oldest lines are dropped first
    let room = MAX_CHARS.saturating_sub(out.chars().count() + 2_000);
    let mut length: usize = lines.iter().map(|l| l.chars().count() + 1).sum();
    let mut cut = 0;
    while length > room && cut < lines.len() {
        length -= lines[cut].chars().count() + 1;
        cut += 1;
    }
    lines.drain(..cut);
    if lines.is_empty() {
        lines.push(d.lang.pick(phrases::NOTHING).to_owned());
    }
    fenced(out, "text", &lines);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::evidence::anonymise::Facts;
    use crate::health::{Manager, Proof, Reason, Verdict};
    use crate::history::stats::tests::{change, t};
    use crate::history::{Observed, ProfileRecord};
    use crate::profile::{JobFile, Profile};

    fn facts() -> Facts {
        Facts {
            homes: vec!["/Users/bob".into(), "/srv/people/bob".into()],
            users: vec!["bob".into(), "Bob Smith".into(), "张伟".into(), "hermes".into()],
            hosts: vec!["Bobs-MacBook-Pro.local".into(), "Bobs-MacBook-Pro".into()],
        }
    }

    fn view() -> ProfileView {
        let path = "/Users/bob/Library/LaunchAgents/ai.hermes.gateway.plist";
        let job = JobFile::named(Manager::Launchd, path, "ai.hermes.gateway");
        let profile = Profile {
            name: "work".into(),
            home: "/Users/bob/.hermes".into(),
            job: Some(job),
            logs: Vec::new(),
        };
        let mut verdict =
            Verdict { reason: Reason::ExecutorShutdown, since: t(100), ..Verdict::unknown(t(0)) };
        verdict.evidence = Some(Proof::new("agent.log", "Executor shutdown ``` in /Users/bob", t(100)));
        verdict.pid = Some(77);
        verdict.notes = vec![Note::Also(Reason::NotLoaded, None, None), Note::InfoHidden];
        ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
    }

    fn rendered(lang: Lang, log: &[LogLine], job: &str, extra: &str) -> String {
        let mut row = change(10, 1, Reason::NotRunning);
        row.evidence = Some(Proof::new("agent.log", extra, t(10)));
        let record = Record {
            observed: vec![Observed { run: 1, from: t(0), to: t(200) }],
            profiles: vec![ProfileRecord { name: "work".into(), changes: vec![row], ..Default::default() }],
        };
        let (anonymiser, view) = (Anonymiser::new(facts()), view());
        render(&Diagnosis {
            now: t(200),
            zone: &TimeZone::UTC,
            lang,
            anonymiser: &anonymiser,
            view: &view,
            system: &[("macOS".into(), "15.1".into()), ("x".into(), extra.to_owned())],
            job_file: Some(job),
            manager: &[extra.to_owned()],
            findings: &["replace-flag: --replace in /Users/bob/x".to_owned(), extra.to_owned()],
            log,
            record: Some(&record),
            span: SignedDuration::from_hours(24),
            own_log: &[extra.to_owned(), "WARN gatelight: /Users/bob/x".to_owned()],
            recording: Some("/Users/bob/work.jsonl"),
        })
    }

    fn line(at: i64, text: &str) -> LogLine {
        LogLine { at: Some(t(at)), file: "agent.log".into(), text: text.into() }
    }

    #[test]
    fn fences_close_and_names_are_gone() {
        for lang in [Lang::En, Lang::Zh] {
            let out = rendered(
                lang,
                &[line(90, "a"), line(100, "```"), line(110, "ticket=zz99")],
                "<plist>\n````\n</plist>",
                "y",
            );
            assert!(out.contains("`executor-shutdown`") && out.contains("~/Library/LaunchAgents"), "{out}");
            assert!(out.contains("```xml\n<plist>\n[redacted]\n</plist>\n```\n"), "{out}");
            assert!(out.contains("````text\nagent.log: a\n"), "{out}");
            assert!(out.contains("agent.log: ticket=[redacted]"), "{out}");
            assert!(out.contains("WARN gatelight: ~/x"), "{out}");
            assert!(!out.contains("bob"), "{out}");
            // every opened fence is closed
            let mut open: Option<usize> = None;
            for l in out.lines() {
                let ticks = l.bytes().take_while(|b| *b == b'`').count();
                match open {
                    None if ticks >= 3 && !l[ticks..].contains('`') => open = Some(ticks),
                    Some(n) if ticks >= n && l.len() == ticks => open = None,
                    _ => {}
                }
            }
            assert_eq!(open, None, "{out}");
        }
    }

    #[test]
    fn the_lines_around_a_time() {
        let lines: Vec<LogLine> = (0..1000).map(|n| line(n, "x")).collect();
        let part = around(&lines, t(500), 120);
        assert_eq!((part[0].at, part[119].at, part.len()), (Some(t(441)), Some(t(560)), 120));
        let part = around(&lines, t(5000), 120);
        assert_eq!((part[0].at, part.len()), (Some(t(880)), 120));
        assert_eq!(around(&lines, t(-1), 120).len(), 120);
        assert!(around(&[], t(0), 120).is_empty());
    }

    #[test]
    fn it_is_bounded() {
        let lines: Vec<LogLine> = (0..5000).map(|n| line(n, &"网`".repeat(400))).collect();
        let job = "<key>x</key>\n".repeat(5000);
        let out = rendered(Lang::Zh, &lines, &job, &"z".repeat(10_000));
        assert!(out.chars().count() <= MAX_CHARS, "{}", out.chars().count());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn planted_names_and_tokens_never_survive(
            name in "qz[a-z]{3,7}[0-9]?",
            secret in "[A-Za-z0-9]{19}[0-9]",
            before in "([ -~]{0,20}[ /:'(\"=@._-])?",
            after in "([ /:'),\"@._-][ -~]{0,20})?",
            upper in any::<bool>(),
        ) {
            let shown = if upper { name.to_ascii_uppercase() } else { name.clone() };
            let anonymiser = Anonymiser::new(Facts { homes: vec![format!("/Users/{name}").into()], users: vec![name.clone()], hosts: vec![format!("{name}-mac.local")] });
            for text in [
                format!("{before}{shown}{after}"),
                format!("{before}/Users/{name}/x{after}"),
                format!("{before}{name}-mac.local{after}"),
                format!("x app_secret={secret} /Users/{name} token: {secret}"),
            ] {
                let out = clean(&text, &anonymiser).to_ascii_lowercase();
                prop_assert!(!out.contains(&name), "{} → {}", text, out);
                prop_assert!(!out.contains(&secret.to_ascii_lowercase()), "{} → {}", text, out);
            }
        }
    }
}

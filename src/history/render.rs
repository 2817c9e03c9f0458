//! A history as text for a terminal. The page of `report` uses the same sentences.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::stats::{self, Analysis, Cause, End, Incident, Window};
use super::{Record, RestartResult};
use crate::health::Light;
use crate::redact;
use crate::text::reason::{platform, title_naming};
use crate::text::{self, COMMA, Lang, fill, history as say};

/// The history as text. `symbols`: with the symbol of each light.
pub fn render(record: &Record, window: Window, lang: Lang, zone: &TimeZone, symbols: bool) -> String {
    let mut out = String::new();
    for profile in &record.profiles {
        let analysis = stats::analyse(profile, &record.observed, window);
        let _ = writeln!(out, "{}", redact::one_line(&profile.name, 80));
        for (n, line) in figures(&analysis, lang).into_iter().enumerate() {
            if symbols && n == 0 && analysis.figures.share_green().is_some() {
                let _ = writeln!(out, "  {} {line}", Light::Green.symbol());
            } else {
                let _ = writeln!(out, "  {line}");
            }
        }
        for (name, analysis) in stats::analyse_links(profile, &record.observed, window) {
            let _ = writeln!(out, "    {}", link(&name, &analysis, lang));
        }
        for found in &analysis.incidents {
            for (n, line) in incident(found, lang, zone, symbols).into_iter().enumerate() {
                let indent = if n == 0 { "  " } else { "      " };
                let _ = writeln!(out, "{indent}{line}");
            }
        }
        out.push('\n');
    }
    if record.profiles.is_empty() {
        out.push_str(lang.pick(say::NONE_YET));
        out.push('\n');
    }
    out
}

/// A share of 1 in percent with one decimal, rounded down: `100%` only if it is whole.
pub fn percent(share: f64) -> String {
    let tenths = (share * 1_000.0).floor();
    if tenths >= 1_000.0 { "100%".into() } else { format!("{:.1}%", tenths / 10.0) }
}

/// The figures as sentences.
pub fn figures(analysis: &Analysis, lang: Lang) -> Vec<String> {
    let f = &analysis.figures;
    let span = |s| text::duration(lang, s);
    let Some(share) = f.share_green() else {
        return vec![lang.pick(say::NOT_SEEN).to_owned()];
    };
    let seen = fill(
        lang.pick(say::SEEN),
        &[("seen", &span(f.known())), ("window", &span(f.window.length())), ("unknown", &span(f.unknown))],
    );
    let mut lines = vec![fill(lang.pick(say::SHARE), &[("share", &percent(share))]), seen];
    let mut line = count(f.incidents, lang);
    for (phrase, value) in [(say::MTBF, f.mtbf), (say::MTTR, f.mttr)] {
        if let Some(value) = value {
            line.push_str(" · ");
            line.push_str(&fill(lang.pick(phrase), &[("span", &span(value))]));
        }
    }
    lines.push(line);
    if !f.causes.is_empty() {
        let list: Vec<String> = f.causes.iter().take(3).map(|c| cause(c, lang)).collect();
        lines.push(fill(lang.pick(say::CAUSES), &[("list", &list.join(lang.pick(COMMA)))]));
    }
    lines
}

/// The figures of one link in a line.
pub fn link(name: &str, analysis: &Analysis, lang: Lang) -> String {
    let f = &analysis.figures;
    let Some(share) = f.share_green() else {
        return text::labelled(lang, &platform(lang, name), lang.pick(say::NOT_SEEN));
    };
    let share = fill(lang.pick(say::SHARE), &[("share", &percent(share))]);
    let mut line = format!("{share} · {}", count(f.incidents, lang));
    if let Some(mttr) = f.mttr {
        let span = text::duration(lang, mttr);
        line = format!("{line} · {}", fill(lang.pick(say::MTTR), &[("span", &span)]));
    }
    text::labelled(lang, &platform(lang, name), &line)
}

/// A cause with its number of incidents.
pub fn cause(cause: &Cause, lang: Lang) -> String {
    let title = title_naming(lang, cause.reason, cause.platform.as_deref());
    fill(lang.pick(say::CAUSE_TIMES), &[("title", &title), ("n", &cause.incidents.to_string())])
}

/// A number of incidents.
pub fn count(incidents: usize, lang: Lang) -> String {
    match incidents {
        0 => lang.pick(say::NO_INCIDENTS).to_owned(),
        1 => lang.pick(say::INCIDENT).to_owned(),
        n => fill(lang.pick(say::INCIDENTS), &[("n", &n.to_string())]),
    }
}

/// How an incident ended.
pub fn ended(end: End, lang: Lang) -> &'static str {
    lang.pick(match end {
        End::Recovered => say::RECOVERED,
        End::Stopped => say::STOPPED,
        End::Unseen => say::UNSEEN,
        End::Ongoing => say::ONGOING,
    })
}

/// What brought the gateway back, or was tried.
pub fn done(i: &Incident, lang: Lang) -> Vec<String> {
    let mut lines: Vec<String> = i
        .restarts
        .iter()
        .map(|r| {
            let phrase = match r.result {
                RestartResult::Worked if r.killed => say::RESTART_KILLED,
                RestartResult::Worked => say::RESTART_WORKED,
                RestartResult::Failed => say::RESTART_FAILED,
                RestartResult::CannotTell => say::RESTART_UNCLEAR,
            };
            let took = text::duration(lang, r.ended_at.duration_since(r.asked_at));
            let why = r.why.as_ref().map_or(String::new(), |why| why.text(lang));
            fill(lang.pick(phrase), &[("span", &took), ("why", &why)])
        })
        .collect();
    match i.new_processes {
        0 if i.restarts.is_empty() && i.end == End::Recovered => {
            lines.push(lang.pick(say::BY_ITSELF).to_owned());
        }
        1 if i.restarts.is_empty() => lines.push(lang.pick(say::NEW_PROCESS).to_owned()),
        n if n > i.restarts.len() => {
            lines.push(fill(lang.pick(say::NEW_PROCESSES), &[("n", &n.to_string())]));
        }
        _ => {}
    }
    lines
}

/// The other red reasons of an incident.
pub fn also(i: &Incident, lang: Lang) -> Option<String> {
    let title = |(reason, platform): &(_, Option<String>)| title_naming(lang, *reason, platform.as_deref());
    let titles: Vec<String> = i.others.iter().map(title).collect();
    let list = titles.join(lang.pick(COMMA));
    (!titles.is_empty()).then(|| fill(lang.pick(say::ALSO), &[("list", &list)]))
}

/// A wall-clock time: `2026-11-22 14:05:09`.
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// An incident as lines; the first is its heading.
fn incident(i: &Incident, lang: Lang, zone: &TimeZone, symbols: bool) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {}{} · {} · {}",
        local(i.from, zone),
        if symbols { format!("{} ", i.cause.light().symbol()) } else { String::new() },
        title_naming(lang, i.cause, i.platform.as_deref()),
        text::duration(lang, i.seen),
        ended(i.end, lang)
    )];
    if i.began < i.from {
        lines.push(fill(lang.pick(say::BEGAN), &[("time", &local(i.began, zone))]));
    }
    lines.extend(also(i, lang));
    lines.extend(i.evidence.as_ref().map(|proof| text::proof::labelled(lang, proof)));
    lines.extend(done(i, lang));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Reason;
    use crate::history::ChangeRow;
    use crate::history::stats::tests::{change, observed, profile, t};

    fn seen_for_4000_s(changes: Vec<ChangeRow>) -> Record {
        Record { observed: vec![observed(1, 0, 4000)], profiles: vec![profile(changes)] }
    }

    #[test]
    fn not_quite_all_is_never_all() {
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.999_999), "99.9%");
        assert_eq!(percent(0.5), "50.0%");
        assert_eq!(percent(0.0), "0.0%");
    }

    #[test]
    fn the_first_reason_is_shown_beside_the_longest() {
        let record = seen_for_4000_s(vec![
            change(0, 1, Reason::Connected),
            change(1000, 1, Reason::ExecutorShutdown),
            change(1010, 1, Reason::NotRunning),
        ]);
        let text = render(&record, Window { from: t(0), to: t(4000) }, Lang::En, &TimeZone::UTC, true);
        assert!(text.contains("✖ not running · 50 min · ongoing"), "{text}");
        assert!(text.contains("also: executor dead: a hollow shell"), "{text}");
    }

    #[test]
    fn it_reads_in_both_languages() {
        let record = seen_for_4000_s(vec![
            change(0, 1, Reason::Connected),
            change(1000, 1, Reason::NetworkUnreachable),
            change(1600, 1, Reason::Connected),
        ]);
        let window = Window { from: t(0), to: t(5000) };
        assert_eq!(
            render(&record, window, Lang::En, &TimeZone::UTC, true),
            "work\n  ● green 85.0% of the time observed\n  observed 1 h 6 min 40 s of 1 h 23 min 20 s; unknown 16 min 40 s\n  \
             1 incident · mean time between failures 56 min 40 s · mean time to recovery 10 min\n  \
             most common causes: Feishu cannot be reached (1)\n  \
             2027-01-15 08:16:40 ✖ Feishu cannot be reached · 10 min · recovered\n      \
             agent.log: line at 1000\n      recovered without a restart\n\n"
        );
        let zh = render(&record, window, Lang::Zh, &TimeZone::UTC, false);
        assert!(zh.contains(":40 无法连接飞书 ·") && !zh.contains('●') && zh.contains("自行恢复"), "{zh}");
    }
}

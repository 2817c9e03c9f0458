//! The lights as text: a row for each profile, worst first; each reason is explained once; a summary at the end.

use std::io;

use jiff::{SignedDuration, Timestamp};

use super::note_text;
use crate::cli::names::MAX_NAME;
use crate::health::{Light, LinkVerdict, Reason, RestartHelps};
use crate::order::Order as _;
use crate::profile::Profile;
use crate::profile::shell::quoted;
use crate::redact::one_line;
use crate::restart::Obstacle;
use crate::terminal::layout::{clip, pad, width, wrap};
use crate::terminal::{Terminal, style};
use crate::text::{self, Lang, Worded as _, fill, status as words};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Indent of the details below a profile.
const INDENT: &str = "    ";
/// Space between two columns.
const GAP: &str = "  ";
/// Widest column of names.
const WIDEST_NAME: usize = 24;
/// Narrowest column of titles: where less is left, each row is running text.
const NARROWEST_TITLE: usize = 12;
/// Longest line of a log, in characters.
const MAX_PROOF: usize = 400;
/// Most names in the command of the summary; for more profiles it uses `--red`.
const MAX_NAMES: usize = 6;

/// Prints every profile of a snapshot. `obstacle`: why Gatelight cannot restart a profile.
pub fn show(
    snapshot: &Snapshot,
    obstacle: &dyn Fn(&Profile) -> Option<Obstacle>,
    terminal: &mut Terminal<'_>,
) -> io::Result<()> {
    let rows = sorted(snapshot, obstacle, terminal.lang);
    let columns = Columns::of(&rows, terminal);
    let mut explained: Option<&Row<'_>> = None;
    for (at, row) in rows.iter().enumerate() {
        row.show(&columns, snapshot, terminal)?;
        let next = rows.get(at + 1);
        if row.light() != Light::Green && next.is_none_or(|next| !next.is_explained_with(row)) {
            row.explain(explained.is_some_and(|before| before.has_same_reason(row)), terminal)?;
            explained = Some(row);
        }
    }
    let summary = summary(&rows, terminal.lang);
    if !summary.is_empty() {
        writeln!(terminal.out)?;
        terminal.wrapped(&summary, "", "")?;
    }
    Ok(())
}

/// One profile.
struct Row<'a> {
    view: &'a ProfileView,
    obstacle: Option<Obstacle>,
    name: String,
    title: String,
    held: String,
    facts: String,
}

/// The profiles, worst first. Those with the same explanation follow each other, those with an obstacle come last.
fn sorted<'a>(
    snapshot: &'a Snapshot,
    obstacle: &dyn Fn(&Profile) -> Option<Obstacle>,
    lang: Lang,
) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'_>> = snapshot
        .profiles
        .iter()
        .map(|view| Row {
            view,
            obstacle: obstacle(&view.profile).filter(|_| helps_now(view)),
            name: clip(&one_line(&view.profile.name, MAX_NAME), WIDEST_NAME),
            title: text::reason::title_of(&view.verdict, lang),
            held: held_since(view.verdict.since, snapshot.at, lang),
            facts: facts(view, snapshot.at, lang),
        })
        .collect();
    let place = |row: &Row<'_>| {
        let reason = rows.iter().position(|other| other.has_same_reason(row));
        let whole = rows.iter().position(|other| other.is_explained_with(row));
        (std::cmp::Reverse(row.light()), reason, row.obstacle.is_some(), whole)
    };
    let places: Vec<_> = rows.iter().map(place).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.order_by_key(|at| (places[*at], *at));
    let mut taken: Vec<Option<Row<'_>>> = rows.drain(..).map(Some).collect();
    order.into_iter().filter_map(|at| taken[at].take()).collect()
}

fn helps_now(view: &ProfileView) -> bool {
    view.verdict.reason.restart().is_some_and(RestartHelps::now)
}

/// How long a verdict has held; empty if it is as old as this snapshot, because its true age is unknown.
fn held_since(since: Timestamp, now: Timestamp, lang: Lang) -> String {
    if now.duration_since(since).as_secs() < 1 { String::new() } else { held(since, now, lang) }
}

/// A time span, from an hour on without seconds.
fn held(since: Timestamp, now: Timestamp, lang: Lang) -> String {
    let seconds = now.duration_since(since).max(SignedDuration::ZERO).as_secs();
    let shown = if seconds < 3_600 { seconds } else { seconds - seconds % 60 };
    text::duration(lang, SignedDuration::from_secs(shown))
}

fn facts(view: &ProfileView, now: Timestamp, lang: Lang) -> String {
    let verdict = &view.verdict;
    let mut facts = Vec::new();
    facts.extend(verdict.pid.map(|pid| format!("PID {pid}")));
    facts.extend(
        verdict.started_at.map(|start| fill(lang.pick(words::UP_FOR), &[("span", &held(start, now, lang))])),
    );
    facts.extend(verdict.version.as_ref().map(|version| text::status::hermes(version, lang)));
    facts.extend(verdict.manager.map(|manager| manager.word().to_owned()));
    facts.extend(
        verdict
            .served_by
            .as_ref()
            .map(|gateway| fill(lang.pick(words::SERVED_BY), &[("name", &one_line(gateway, MAX_NAME))])),
    );
    facts.join(" · ")
}

/// The widths of the columns.
struct Columns {
    name: usize,
    /// `None`: there is no room for columns.
    title: Option<usize>,
    held: usize,
    /// Whether the facts fit into the row.
    facts: bool,
}

impl Columns {
    fn of(rows: &[Row<'_>], terminal: &Terminal<'_>) -> Self {
        let widest = |text: for<'r> fn(&'r Row<'_>) -> &'r str| {
            rows.iter().map(|row| width(text(row))).max().unwrap_or(0)
        };
        let (name, title) = (widest(|row| &row.name), widest(|row| &row.title));
        let (held, facts) = (widest(|row| &row.held), widest(|row| &row.facts));
        let light = width(&style::light(Light::Green, terminal));
        let others = light + 1 + name + 2 * GAP.len() + held;
        let room = terminal.width.map(|all| all.saturating_sub(others));
        Self {
            name,
            title: match room {
                None => Some(title),
                Some(room) => {
                    Some(title.min(room)).filter(|room| title == 0 || *room >= NARROWEST_TITLE.min(title))
                }
            },
            held,
            facts: room.is_none_or(|room| title + GAP.len() + facts <= room),
        }
    }
}

impl Row<'_> {
    fn light(&self) -> Light {
        self.view.verdict.light()
    }

    fn has_same_reason(&self, other: &Row<'_>) -> bool {
        let (one, two) = (&self.view.verdict, &other.view.verdict);
        one.glance().is_same_as(&two.glance()) && one.missing == two.missing
    }

    /// Whether both have the same explanation.
    fn is_explained_with(&self, other: &Row<'_>) -> bool {
        self.has_same_reason(other) && self.obstacle == other.obstacle
    }

    fn show(&self, columns: &Columns, snapshot: &Snapshot, terminal: &mut Terminal<'_>) -> io::Result<()> {
        let verdict = &self.view.verdict;
        self.head(columns, terminal)?;
        if !columns.facts && !self.facts.is_empty() {
            detail(&self.facts, true, terminal)?;
        }
        if verdict.links.len() > 1 {
            links(&verdict.links, snapshot.at, terminal)?;
        }
        if self.light() == Light::Green {
            return Ok(());
        }
        if let Some(proof) = verdict.evidence.as_ref().filter(|proof| !proof.line.is_empty()) {
            let text = text::proof::labelled(terminal.lang, proof);
            detail(&one_line(&text, MAX_PROOF), true, terminal)?;
        }
        for note in &verdict.notes {
            let text = note_text(note, &self.view.profile.name, snapshot, terminal.lang);
            detail(&one_line(&text, MAX_PROOF), true, terminal)?;
        }
        Ok(())
    }

    /// The row itself: in columns, or as running text if there is no room for them.
    fn head(&self, columns: &Columns, terminal: &mut Terminal<'_>) -> io::Result<()> {
        let color = terminal.color;
        let light = style::light(self.light(), terminal);
        let in_light = |text: &str| style::in_light(text, self.light(), color);
        let Some(room) = columns.title else {
            let name = style::bold(&self.name, color);
            writeln!(terminal.out, "{light} {name}")?;
            let room = terminal.width.map(|all| all.saturating_sub(INDENT.len()));
            for line in wrap(&format!("{}{GAP}{}", self.title, self.held), room, "", "") {
                writeln!(terminal.out, "{INDENT}{}", in_light(&line))?;
            }
            return Ok(());
        };
        let name = style::bold(&pad(&self.name, columns.name), color);
        let mut title = wrap(&self.title, Some(room), "", "").into_iter();
        let first = in_light(&pad(&title.next().unwrap_or_default(), room));
        let mut line = format!("{light} {name}{GAP}{first}{GAP}");
        if columns.facts && !self.facts.is_empty() {
            let facts = style::dim(&self.facts, color);
            line = format!("{line}{}{GAP}{facts}", pad(&self.held, columns.held));
        } else {
            line += &self.held;
        }
        writeln!(terminal.out, "{}", line.trim_end())?;
        let below = width(&light) + 1 + columns.name + GAP.len();
        for rest in title {
            writeln!(terminal.out, "{:below$}{}", "", in_light(&rest))?;
        }
        Ok(())
    }

    /// What the reason means, and what to do or what prevents it. `again`: the meaning was printed for another profile.
    fn explain(&self, again: bool, terminal: &mut Terminal<'_>) -> io::Result<()> {
        let lang = terminal.lang;
        let verdict = &self.view.verdict;
        let said = text::reason::of(verdict, lang);
        let helps = verdict.reason.restart();
        let mut sentences = Vec::new();
        if helps.is_some() && !again {
            sentences.push(said.meaning);
        }
        if let Some(obstacle) = self.obstacle {
            sentences.push(obstacle.text(lang));
        } else {
            // where a restart helps, the advice is to restart
            let unhelpful = helps.filter(|helps| !helps.now());
            sentences.extend(unhelpful.map(|helps| lang.pick(text::restart::helps(helps)).to_owned()));
            sentences.push(said.advice);
        }
        let text = sentences.join(lang.pick(words::BETWEEN_SENTENCES));
        if text.trim().is_empty() { Ok(()) } else { detail(text.trim(), false, terminal) }
    }
}

fn detail(text: &str, secondary: bool, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let room = terminal.width.map(|all| all.saturating_sub(INDENT.len()));
    for line in wrap(text, room, "", "") {
        let shown = if secondary { style::dim(&line, terminal.color) } else { line };
        writeln!(terminal.out, "{INDENT}{shown}")?;
    }
    Ok(())
}

/// The links of a profile that has several.
fn links(links: &[LinkVerdict], now: Timestamp, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let lang = terminal.lang;
    let rows: Vec<[String; 3]> = links
        .iter()
        .map(|link| {
            let title = text::reason::title(lang, link.reason, Some(&link.platform));
            [text::reason::platform(lang, &link.platform), title, held_since(link.since, now, lang)]
        })
        .collect();
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or_default();
    for (link, [name, title, held]) in links.iter().zip(&rows) {
        let first = format!("{INDENT}{} {}{GAP}", style::light(link.light, terminal), pad(name, widest(0)));
        let before = width(&first);
        if terminal.width.is_none_or(|all| before + widest(1) + GAP.len() + widest(2) <= all) {
            let line = format!("{first}{}{GAP}{held}", pad(title, widest(1)));
            writeln!(terminal.out, "{}", line.trim_end())?;
        } else {
            let text = format!("{title}{GAP}{held}");
            terminal.wrapped(text.trim_end(), &first, &" ".repeat(before))?;
        }
    }
    Ok(())
}

/// The number of profiles with each light, and the next command.
fn summary(rows: &[Row<'_>], lang: Lang) -> String {
    let counts = [Light::Red, Light::Amber, Light::Grey, Light::Green].into_iter().filter_map(|light| {
        let count = rows.iter().filter(|row| row.light() == light).count();
        let phrase = match light {
            Light::Red => words::COUNT_RED,
            Light::Amber => words::COUNT_AMBER,
            Light::Grey => words::COUNT_GREY,
            Light::Green => words::COUNT_GREEN,
        };
        (count > 0).then(|| fill(lang.pick(phrase), &[("n", &count.to_string())]))
    });
    let counts = counts.collect::<Vec<_>>().join(lang.pick(text::COMMA));
    let counts = fill(lang.pick(words::SUM), &[("counts", &counts)]);
    match next(rows) {
        Some((phrase, command)) => {
            let next = fill(lang.pick(phrase), &[("command", &command)]);
            [counts, next].join(lang.pick(words::BETWEEN_SENTENCES))
        }
        None if rows.len() < 2 => String::new(),
        None => counts,
    }
}

/// The command to run next, and its description.
fn next(rows: &[Row<'_>]) -> Option<(text::Phrase, String)> {
    let red: Vec<&Row<'_>> = rows.iter().filter(|row| row.light() == Light::Red).collect();
    let can_restart: Vec<&&Row<'_>> =
        red.iter().filter(|row| helps_now(row.view) && row.obstacle.is_none()).collect();
    let needs_repair = |row: &&&Row<'_>| row.view.verdict.reason.restart() == Some(RestartHelps::NoRepair);
    let names = |rows: &[&&Row<'_>]| rows.iter().map(|row| shown_name(row)).collect::<Vec<_>>().join(" ");
    if !can_restart.is_empty() {
        let all = can_restart.len() == red.len() && red.len() > 1 || can_restart.len() > MAX_NAMES;
        let which = if all { "--red".to_owned() } else { names(&can_restart) };
        return Some((words::NEXT_RESTART, format!("gatelight restart {which}")));
    }
    let repairs: Vec<&&Row<'_>> = red.iter().filter(needs_repair).collect();
    if !repairs.is_empty() {
        return Some((words::NEXT_REPAIR, "gatelight doctor --fix".to_owned()));
    }
    if let Some(first) = red.first() {
        let name = shown_name(first);
        return Some((words::NEXT_LOGS, format!("gatelight logs {name}")));
    }
    if rows.iter().any(|row| row.light() == Light::Amber) {
        return Some((words::NEXT_WATCH, "gatelight watch".to_owned()));
    }
    let unknown = rows.iter().find(|row| row.view.verdict.reason == Reason::NoEvidence)?;
    Some((words::NEXT_DIAGNOSE, format!("gatelight diagnose {}", shown_name(unknown))))
}

/// The name of a profile for a command line.
fn shown_name(row: &Row<'_>) -> String {
    quoted(&one_line(&row.view.profile.name, MAX_NAME))
}

//! Writes the page. [`super::escape`] escapes everything from outside.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::escape::{escape, untrusted};
use super::{MAX_INCIDENTS, MAX_PROFILES, ReportInput, strip};
use crate::health::{Light, Reason};
use crate::history::render::{also, cause, count, done, ended, local, percent};
use crate::history::stats::{self, Analysis, Incident, Mark, MarkKind};
use crate::history::{ChangeRow, ProfileRecord, Window};
use crate::order::{Collect as _, Order as _};
use crate::redact;
use crate::text::reason::{platform, title_naming, wording};
use crate::text::{self, COMMA, Lang, fill, history as shared, report as phrases, status};

const CSS: &str = include_str!("../../resources/report.css");

/// Marks a page as written by Gatelight.
pub(super) const GENERATOR: &str = "<meta name=\"generator\" content=\"Gatelight\">";

const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn page(input: &ReportInput) -> String {
    let lang = input.lang;
    let title = escape(lang.pick(if input.from_logs { phrases::TITLE_LOGS } else { phrases::TITLE }));
    let code = match lang {
        Lang::En => "en",
        Lang::Zh => "zh-Hans",
    };
    let made = fill(
        lang.pick(if input.from_logs { phrases::MADE_LOGS } else { phrases::MADE }),
        &[
            ("time", &local(input.made_at, &input.zone)),
            ("version", &input.version),
            ("zone", &input.made_at.to_zoned(input.zone.clone()).strftime("UTC%:z").to_string()),
        ],
    );
    let mut out = String::with_capacity(64 * 1024);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n{GENERATOR}\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n"
    );
    let mut sections: Vec<Section<'_>> =
        input.record.profiles.iter().take(MAX_PROFILES).map(|p| Section::of(p, input)).collect();
    // worst first, unknown last
    sections.order_by_key(|section| std::cmp::Reverse(section.light()));
    if !sections.is_empty() {
        let _ = writeln!(out, "<p class=\"summary\">{}</p>", escape(&summary(input, &sections)));
    }
    let _ = write!(out, "<p>{}</p>\n</header>\n{}\n", escape(&made), strip::PATTERNS);
    if sections.len() > 1 {
        overview(&mut out, &sections, lang);
    }
    out.push_str("<main>\n");
    let causes = causes(&sections);
    for (i, section) in sections.iter().enumerate() {
        profile(&mut out, input, i, section, &causes);
    }
    if sections.is_empty() {
        let _ = writeln!(out, "<p class=\"none\">{}</p>", escape(lang.pick(shared::NONE_YET)));
    }
    out.push_str("</main>\n");
    if !sections.is_empty() {
        meanings(&mut out, &causes, lang);
        legend(&mut out, lang);
    }
    let _ = write!(out, "<footer><p>{}</p></footer>\n</body>\n</html>\n", escape(lang.pick(phrases::FOOT)));
    out
}

/// One profile with its figures in each period.
struct Section<'a> {
    profile: &'a ProfileRecord,
    name: String,
    periods: [(&'static str, Analysis); 3],
    /// The links of each period, by platform, where the profile has several.
    links: [Vec<(String, Analysis)>; 3],
    listed: Vec<Incident>,
    /// The change that holds at the end, if it was observed within the last minutes.
    last: Option<&'a ChangeRow>,
}

impl<'a> Section<'a> {
    fn of(profile: &'a ProfileRecord, input: &ReportInput) -> Self {
        let watched = &input.record.observed;
        let window = |days| Window::last(DAY * days, input.window.to);
        let periods = [(phrases::LAST_DAY, 1), (phrases::LAST_WEEK, 7), (phrases::LAST_QUARTER, 90)]
            .map(|(phrase, days)| (input.lang.pick(phrase), stats::analyse(profile, watched, window(days))));
        let last = last_change(profile, &periods[0].1);
        Self {
            profile,
            name: redact::clean_line(&profile.name, 80),
            periods,
            links: [1, 7, 90].map(|days| stats::analyse_links(profile, watched, window(days))),
            listed: stats::analyse(profile, watched, input.window).incidents,
            last,
        }
    }

    /// Light and reason at the end.
    fn last_state(&self, lang: Lang) -> String {
        self.last.map_or_else(
            || lang.pick(phrases::UNKNOWN_SHORT).to_owned(),
            |change| {
                let title = title_naming(lang, change.to, change.platform.as_deref());
                format!("{} {title}", change.light().symbol())
            },
        )
    }

    fn light(&self) -> Option<Light> {
        self.last.map(ChangeRow::light)
    }
}

fn last_change<'a>(profile: &'a ProfileRecord, day: &Analysis) -> Option<&'a ChangeRow> {
    let end = day.spans.last()?.to;
    let (to, change) =
        day.spans.iter().rev().find_map(|span| Some((span.to, profile.changes.get(span.change?)?)))?;
    (end.duration_since(to) <= stats::STILL_OBSERVED).then_some(change)
}

/// The number of profiles with each light at the end, and the number of incidents.
fn summary(input: &ReportInput, sections: &[Section<'_>]) -> String {
    let lang = input.lang;
    let lights = [
        (Some(Light::Red), status::COUNT_RED),
        (Some(Light::Amber), status::COUNT_AMBER),
        (Some(Light::Green), status::COUNT_GREEN),
        (Some(Light::Grey), status::COUNT_GREY),
        (None, phrases::COUNT_UNKNOWN),
    ];
    let counted = lights.into_iter().filter_map(|(light, phrase)| {
        let n = sections.iter().filter(|section| section.light() == light).count();
        (n > 0).then(|| fill(lang.pick(phrase), &[("n", &n.to_string())]))
    });
    let lights = counted.collect::<Vec<_>>().join(lang.pick(COMMA));
    let incidents = count(sections.iter().map(|section| section.listed.len()).sum(), lang);
    let span = text::duration(lang, input.window.length());
    fill(lang.pick(phrases::SUMMARY), &[("lights", &lights), ("incidents", &incidents), ("span", &span)])
}

/// All profiles in one table, each with a link to its section.
fn overview(out: &mut String, sections: &[Section<'_>], lang: Lang) {
    let caption = escape(lang.pick(phrases::OVERVIEW));
    let _ = write!(out, "<nav aria-label=\"{caption}\"><table class=\"overview\" aria-label=\"{caption}\">");
    out.push_str("<thead><tr>");
    let shares = [phrases::DAY, phrases::WEEK, phrases::QUARTER];
    let columns =
        [phrases::PROFILE, phrases::AT_THE_END].into_iter().chain(shares).chain([phrases::INCIDENTS]);
    for (i, column) in columns.enumerate() {
        let wide = if matches!(i, 3 | 4) { " class=\"wide\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{wide}>{}</th>", escape(lang.pick(column)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (i, one) in sections.iter().enumerate() {
        let _ = write!(
            out,
            "<tr><th scope=\"row\"><a href=\"#p{i}\">{}</a></th><td>{}</td>",
            escape(&one.name),
            escape(&one.last_state(lang))
        );
        for (n, (_, story)) in one.periods.iter().enumerate() {
            let share = story.figures.share_green();
            let share = share.map_or_else(|| lang.pick(phrases::NO_VALUE).to_owned(), percent);
            let wide = if n == 0 { "figure" } else { "figure wide" };
            let _ = write!(out, "<td class=\"{wide}\">{}</td>", escape(&share));
        }
        let _ = writeln!(out, "<td class=\"figure\">{}</td></tr>", one.listed.len());
    }
    out.push_str("</tbody></table></nav>\n");
}

fn legend(out: &mut String, lang: Lang) {
    let _ = write!(
        out,
        "<section class=\"legend\" aria-labelledby=\"legend\"><h2 id=\"legend\">{}</h2><ul>",
        escape(lang.pick(phrases::LEGEND))
    );
    for (class, phrase) in [
        ("green", phrases::GREEN),
        ("amber", phrases::AMBER),
        ("red", phrases::RED),
        ("grey", phrases::GREY),
        ("unknown", phrases::UNKNOWN),
        ("start", phrases::STARTED),
        ("stop", phrases::ENDED),
    ] {
        let _ = write!(out, "<li>{}{}</li>", strip::swatch(class), escape(lang.pick(phrase)));
    }
    let _ = writeln!(out, "</ul><p>{}</p></section>", escape(lang.pick(phrases::WORST)));
}

/// A cause of incidents, and the platform that it is about.
type Cause<'a> = (Reason, Option<&'a str>);

fn cause_of(incident: &Incident) -> Cause<'_> {
    (incident.cause, incident.platform.as_deref())
}

/// The causes of the listed incidents, each once.
fn causes<'a>(sections: &'a [Section<'_>]) -> Vec<Cause<'a>> {
    let all: BTreeSet<Cause<'_>> = sections.iter().flat_map(|section| &section.listed).map(cause_of).to_set();
    all.into_iter().collect()
}

/// What the causes mean: once on the page.
fn meanings(out: &mut String, causes: &[Cause<'_>], lang: Lang) {
    if causes.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<section class=\"meanings\" aria-labelledby=\"meanings\"><h2 id=\"meanings\">{}</h2><dl>",
        escape(lang.pick(phrases::MEANINGS))
    );
    for (n, (reason, platform)) in causes.iter().enumerate() {
        let said = wording(lang, *reason, *platform, None);
        let _ = write!(
            out,
            "<dt id=\"c{n}\">{}</dt><dd>{} {}</dd>",
            escape(&title_naming(lang, *reason, *platform)),
            escape(&said.meaning),
            escape(&said.advice)
        );
    }
    out.push_str("</dl></section>\n");
}

fn profile(out: &mut String, input: &ReportInput, index: usize, section: &Section<'_>, causes: &[Cause<'_>]) {
    let (lang, name) = (input.lang, &section.name);
    let _ = writeln!(
        out,
        "<section class=\"profile\" aria-labelledby=\"p{index}\"><h2 id=\"p{index}\">{} <span class=\"state\">{}</span></h2>",
        escape(name),
        escape(&section.last_state(lang))
    );
    for (n, (period, story)) in section.periods.iter().enumerate() {
        let id = format!("p{index}s{n}");
        let changes = &section.profile.changes;
        strip(out, input, &Part { id: id.clone(), name, period, link: None, changes, story });
        for (i, (link, story)) in section.links[n].iter().enumerate() {
            let Some(changes) = section.profile.links.get(link) else { continue };
            let (id, link) = (format!("{id}l{i}"), Some(&**link));
            strip(out, input, &Part { id, name, period, link, changes, story });
        }
        ticks(out, input, story.figures.window);
    }
    figures(out, lang, name, &section.periods);
    incidents(out, input, section, causes);
    out.push_str("</section>\n");
}

/// A strip to write.
struct Part<'a> {
    id: String,
    name: &'a str,
    period: &'a str,
    /// The platform; `None`: the profile as a whole.
    link: Option<&'a str>,
    changes: &'a [ChangeRow],
    story: &'a Analysis,
}

fn strip(out: &mut String, input: &ReportInput, part: &Part<'_>) {
    let lang = input.lang;
    let Part { id, name, period, link, changes, story } = part;
    let f = &story.figures;
    let share = f.share_green();
    let of = |span: SignedDuration| percent(span.as_secs_f64() / f.window.length().as_secs_f64().max(1e-9));
    let description = fill(
        lang.pick(phrases::STRIP),
        &[
            ("period", *period),
            ("green", &of(f.with(Light::Green))),
            ("amber", &of(f.with(Light::Amber))),
            ("red", &of(f.with(Light::Red))),
            ("grey", &of(f.with(Light::Grey))),
            ("unknown", &of(f.unknown)),
            ("incidents", &count(f.incidents, lang)),
        ],
    );
    let link = link.map(|link| redact::clean_line(&platform(lang, link), 64));
    let whose = link.as_ref().map_or_else(|| (*name).to_owned(), |link| format!("{name} · {link}"));
    let title = fill(lang.pick(phrases::STRIP_OF), &[("name", &whose), ("period", period)]);
    let said = match share {
        Some(share) => fill(
            lang.pick(phrases::SHARE_OF),
            &[("share", &percent(share)), ("seen", &text::duration(lang, f.known()))],
        ),
        None => lang.pick(shared::NOT_SEEN).to_owned(),
    };
    let mark_title = |mark: &Mark| {
        let what = lang.pick(if mark.kind == MarkKind::Start { phrases::STARTED } else { phrases::ENDED });
        format!("{} · {what} (PID {})", local(mark.at, &input.zone), mark.pid)
    };
    let (heading, label) = match &link {
        None => ("h3", *period),
        Some(link) => ("h4", &**link),
    };
    let _ = write!(
        out,
        "<{heading}><span>{}</span><span class=\"share\">{}</span></{heading}>\n{}\n",
        escape(label),
        escape(&said),
        strip::draw(&strip::Strip {
            id: id.as_str(),
            title: &title,
            description: &description,
            changes,
            spans: &story.spans,
            window: f.window,
            mark_title: &mark_title,
        })
    );
}

/// Labels below a strip: every 3 hours of a day, every day of a week, every 15 days of 90.
fn ticks(out: &mut String, input: &ReportInput, window: Window) {
    let days = window.length().as_secs() / 86_400;
    let (step_hours, format) = match days {
        0..=1 => (3, "%H:%M"),
        2..=7 => (24, "%m-%d"),
        _ => (24 * 15, "%m-%d"),
    };
    out.push_str("<div class=\"ticks\" aria-hidden=\"true\">");
    let length = window.length().as_secs_f64().max(1.0);
    let begin = window.from.to_zoned(input.zone.clone());
    // from local midnight, in local steps: correct across a change to summer time
    if let Ok(mut at) = begin.start_of_day() {
        for _ in 0..100 {
            let share = at.timestamp().duration_since(window.from).as_secs_f64() / length;
            if share > 0.985 {
                break;
            }
            if share >= 0.015 {
                let _ =
                    write!(out, "<span style=\"left:{:.2}%\">{}</span>", share * 100.0, at.strftime(format));
            }
            let step = if step_hours < 24 { step_hours.hours() } else { (step_hours / 24).days() };
            match at.checked_add(step) {
                Ok(next) => at = next,
                Err(_) => break,
            }
        }
    }
    out.push_str("</div>\n");
}

fn head(out: &mut String, lang: Lang, first: text::Phrase, columns: &[text::Phrase]) {
    out.push_str("<thead><tr>");
    for column in std::iter::once(&first).chain(columns) {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(lang.pick(*column)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
}

fn figures(out: &mut String, lang: Lang, name: &str, periods: &[(&str, Analysis)]) {
    let caption = escape(&fill(lang.pick(phrases::FIGURES_OF), &[("name", name)]));
    let _ = write!(out, "<table class=\"figures\"><caption>{caption}</caption>");
    let columns = [
        phrases::GREEN_SHARE,
        phrases::NOT_SEEN,
        phrases::INCIDENTS,
        phrases::MTBF,
        phrases::MTTR,
        phrases::CAUSES,
    ];
    head(out, lang, phrases::PERIOD, &columns);
    let none = lang.pick(phrases::NO_VALUE);
    let span = |s: Option<SignedDuration>| s.map_or(none.to_owned(), |s| text::duration(lang, s));
    for (period, story) in periods {
        let f = &story.figures;
        let causes: Vec<String> = f.causes.iter().take(3).map(|c| cause(c, lang)).collect();
        let causes = if causes.is_empty() { none.to_owned() } else { causes.join(lang.pick(COMMA)) };
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(period));
        let cells = [
            f.share_green().map_or(none.to_owned(), percent),
            text::duration(lang, f.unknown),
            f.incidents.to_string(),
            span(f.mtbf),
            span(f.mttr),
            causes,
        ];
        for (column, value) in columns.into_iter().zip(cells) {
            cell(out, lang, "", column, &escape(&value));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
}

/// A cell. It carries the name of its column, which the layout for phones shows beside the value.
fn cell(out: &mut String, lang: Lang, class: &str, column: text::Phrase, html: &str) {
    let label = escape(lang.pick(column));
    let _ = write!(out, "<td class=\"{class}\" data-label=\"{label}\">{html}</td>");
}

fn when(at: Timestamp, input: &ReportInput) -> String {
    format!("<time datetime=\"{at}\">{}</time>", local(at, &input.zone))
}

fn incidents(out: &mut String, input: &ReportInput, section: &Section<'_>, causes: &[Cause<'_>]) {
    let (lang, name, listed) = (input.lang, &section.name, &section.listed);
    if listed.is_empty() {
        let span = text::duration(lang, input.window.length());
        let said = fill(lang.pick(phrases::NO_INCIDENTS_OF), &[("name", name), ("span", &span)]);
        let _ = writeln!(out, "<p class=\"none\">{}</p>", escape(&said));
        return;
    }
    let _ = write!(
        out,
        "<table class=\"incidents\"><caption>{}</caption>\
         <colgroup><col class=\"c1\"><col class=\"c2\"><col class=\"c3\"><col class=\"c4\"><col></colgroup>",
        escape(&fill(lang.pick(phrases::INCIDENTS_OF), &[("name", name)]))
    );
    let columns = [phrases::LENGTH, phrases::CAUSE, phrases::EVIDENCE, phrases::DONE];
    head(out, lang, phrases::BEGAN, &columns);
    for i in listed.iter().rev().take(MAX_INCIDENTS) {
        let of_cause = causes.iter().position(|cause| *cause == cause_of(i)).unwrap_or_default();
        incident(out, input, i, of_cause, columns);
    }
    out.push_str("</tbody></table>\n");
    if let Some(more) = listed.len().checked_sub(MAX_INCIDENTS).filter(|n| *n > 0) {
        let said = fill(lang.pick(phrases::MORE), &[("n", &more.to_string())]);
        let _ = writeln!(out, "<p class=\"none\">{}</p>", escape(&said));
    }
}

fn incident(
    out: &mut String,
    input: &ReportInput,
    i: &Incident,
    of_cause: usize,
    columns: [text::Phrase; 4],
) {
    let lang = input.lang;
    let none = || lang.pick(phrases::NO_VALUE).to_owned();
    let _ = write!(out, "<tr><th scope=\"row\" class=\"when\">{}", when(i.from, input));
    if i.began < i.from {
        let said = fill(lang.pick(shared::BEGAN), &[("time", &local(i.began, &input.zone))]);
        let _ = write!(out, " <small>{}</small>", escape(&said));
    }
    out.push_str("</th>");
    let length = escape(&text::duration(lang, i.seen));
    let length = format!("{length} <small>{}</small>", escape(ended(i.end, lang)));
    let title = escape(&title_naming(lang, i.cause, i.platform.as_deref()));
    let mut what = format!("<a class=\"cause\" href=\"#c{of_cause}\">{title}</a>");
    if let Some(also) = also(i, lang) {
        let _ = write!(what, " <small>{}</small>", escape(&also));
    }
    let evidence = i.evidence.as_ref().map(|proof| {
        let (line, source) = (
            untrusted(&text::proof::line(lang, proof), 500),
            untrusted(text::proof::source(lang, &proof.source), 100),
        );
        format!("<code>{line}</code> <small>{source} · {}</small>", when(proof.at, input))
    });
    let done: Vec<String> = done(i, lang).iter().map(|d| untrusted(d, 600)).collect();
    let done = Some(done.join("<br>")).filter(|text| !text.is_empty());
    let cells = [length, what, evidence.unwrap_or_else(none), done.unwrap_or_else(none)];
    for ((class, column), html) in ["when", "what", "evidence", "done"].into_iter().zip(columns).zip(cells) {
        cell(out, lang, class, column, &html);
    }
    out.push_str("</tr>\n");
}

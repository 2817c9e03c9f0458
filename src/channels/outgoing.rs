//! A message in the queue.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::escape::without_links;
use crate::alerts::{Affected, Notice, NoticeKind, content};
use crate::evidence::anonymise::Anonymiser;
use crate::health::{Light, RestartHelps};
use crate::order::Order as _;
use crate::redact::cut;
use crate::text::display::label;
use crate::text::reason::platform as platform_name;
use crate::text::{self, Lang, Phrase, channels as say, fill};

/// Maximum lengths of the title, the body and the evidence, in characters: together they fit every service. The smallest
/// limit is Discord's, 2,000.
const MAX_TITLE: usize = 160;
const MAX_BODY: usize = 900;
const MAX_EVIDENCE: usize = 240;

/// A message as plain text in parts, which each kind converts to its own format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outgoing {
    /// One line.
    pub(crate) title: String,
    /// A few sentences or lines.
    pub(crate) body: String,
    /// Names and values: profile, platform, since when.
    pub(crate) facts: Vec<(String, String)>,
    /// The log line that proves it: redacted, without names of people and this machine.
    pub(crate) evidence: Option<String>,
    /// Green: it works again.
    pub(crate) light: Light,
    /// The affected profiles.
    pub(crate) profiles: Vec<String>,
    /// The id of the platform, if it is about one profile and one platform.
    pub(crate) platform: Option<String>,
    /// The code of the reason, if it is about one profile.
    pub(crate) reason: Option<String>,
    /// Whether a restart helps, if it is about one profile.
    pub(crate) restart_helps: Option<RestartHelps>,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// The mark of a late message, in the channel's language.
    pub(crate) late: Option<String>,
}

/// The context of a message's texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wording<'a> {
    /// The channel's language.
    pub(crate) lang: Lang,
    /// The time zone of its times.
    pub(crate) zone: &'a TimeZone,
    /// Removes names from evidence.
    pub(crate) anonymiser: &'a Anonymiser,
}

impl Outgoing {
    /// The message of a notice.
    pub(crate) fn of(notice: &Notice, wording: Wording<'_>) -> Self {
        let text = content(notice, wording.lang);
        let one = if let [one] = notice.affected.as_slice() { Some(one) } else { None };
        let at = happened(notice);
        let worst = notice.affected.iter().map(|affected| affected.reason.light()).max();
        Self {
            title: cut(&without_links(&text.title), MAX_TITLE),
            body: cut(&without_links(&text.body), MAX_BODY),
            facts: one.map_or_else(Vec::new, |one| facts(one, at, wording)),
            evidence: one.and_then(|one| evidence(one, wording)),
            light: if notice.is_good() { Light::Green } else { worst.unwrap_or(Light::Red) },
            profiles: notice.affected.iter().map(|affected| affected.name.clone()).collect(),
            platform: one.and_then(|one| one.platform.as_deref()).map(str::to_owned),
            reason: one.map(|one| one.reason.code().to_owned()),
            restart_helps: one.filter(|_| !notice.is_good()).and_then(|one| one.reason.restart()),
            at,
            late: None,
        }
    }

    /// A test message.
    pub(crate) fn test(at: Timestamp, lang: Lang) -> Self {
        Self {
            title: lang.pick(say::TEST_TITLE).to_owned(),
            body: lang.pick(say::TEST_BODY).to_owned(),
            ..Self::empty(at)
        }
    }

    const fn empty(at: Timestamp) -> Self {
        Self {
            title: String::new(),
            body: String::new(),
            facts: Vec::new(),
            evidence: None,
            light: Light::Green,
            profiles: Vec::new(),
            platform: None,
            reason: None,
            restart_helps: None,
            at,
            late: None,
        }
    }

    /// One message that replaces several late ones, oldest first.
    pub(crate) fn digest(several: &[&Self], lang: Lang, zone: &TimeZone) -> Self {
        let lines = several.iter().map(|one| format!("{} {}", time(one.at, zone), one.title));
        let count = several.len().to_string();
        let mut profiles: Vec<String> = several.iter().flat_map(|one| one.profiles.clone()).collect();
        profiles.order();
        profiles.dedup();
        let at = several.iter().map(|one| one.at).min().unwrap_or_default();
        Self {
            title: fill(lang.pick(say::SEVERAL), &[("count", &count)]),
            body: cut(&lines.collect::<Vec<_>>().join("\n"), MAX_BODY),
            light: several.iter().map(|one| one.light).max().unwrap_or(Light::Grey),
            profiles,
            ..Self::empty(at)
        }
    }

    /// The message, marked as late.
    pub(crate) fn late(self, lang: Lang, zone: &TimeZone) -> Self {
        let late = fill(lang.pick(say::LATE), &[("time", &time(self.at, zone))]);
        Self { late: Some(late), ..self }
    }

    /// Facts, evidence and the mark of a late message, one line each.
    fn details(&self) -> impl Iterator<Item = String> {
        let facts = self.facts.iter().map(|(name, value)| format!("{name}: {value}"));
        facts.chain(self.evidence.clone()).chain(self.late.clone())
    }

    /// The whole text without the title.
    pub(crate) fn text_below_title(&self) -> String {
        std::iter::once(self.body.clone()).chain(self.details()).collect::<Vec<_>>().join("\n")
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        format!("{}\n{}", self.title, self.text_below_title())
    }
}

/// When the event of a notice happened. An incident that could not be notified when it began (offline, asleep, quiet hours)
/// is reported late.
fn happened(notice: &Notice) -> Timestamp {
    if notice.kind != NoticeKind::Down {
        return notice.at;
    }
    let lasted = notice.affected.iter().map(|affected| affected.lasted).min().unwrap_or_default();
    notice.at.checked_sub(lasted).unwrap_or(notice.at)
}

fn facts(one: &Affected, at: Timestamp, wording: Wording<'_>) -> Vec<(String, String)> {
    let Wording { lang, zone, .. } = wording;
    let fact = |name: Phrase, value: String| (lang.pick(name).to_owned(), value);
    let mut facts = vec![fact(say::PROFILE, cut(&without_links(&label(&one.name)), 80))];
    facts.extend(one.platform.as_deref().map(|id| fact(say::PLATFORM, platform_name(lang, id))));
    facts.push(fact(say::REASON, one.reason.code().to_owned()));
    facts.push(fact(say::TIME, time(at, zone)));
    facts
}

fn evidence(one: &Affected, wording: Wording<'_>) -> Option<String> {
    let proof = one.proof.as_ref()?;
    let Wording { lang, anonymiser, .. } = wording;
    let line = anonymiser.line(&text::proof::line(lang, proof), MAX_EVIDENCE);
    Some(without_links(&text::labelled(lang, text::proof::source(lang, &proof.source), &line)))
}

/// With the date, because a late message may be from another day.
fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%m-%d %H:%M").to_string()
}

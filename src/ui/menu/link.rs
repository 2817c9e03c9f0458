//! The rows of a profile's links, each with a submenu.

use super::row::{MAX_LABEL, Row, key, shortened};
use super::texts::Texts;
use crate::app::messages::EngineRequest;
use crate::health::{Light, LinkVerdict};
use crate::text::display::label;
use crate::text::menu as say;
use crate::text::reason::{self, Wording};

/// At most this many links of a profile are listed. The core sorts them: worst first.
const MAX_LINKS: usize = 16;

/// Builds the row of one link.
pub(super) struct LinkMenu<'a, 't> {
    profile: &'a str,
    link: &'a LinkVerdict,
    texts: &'a mut Texts<'t>,
}

impl LinkMenu<'_, '_> {
    /// The rows of all links of a profile. A single green link adds nothing to the profile's row.
    pub(super) fn all(profile: &str, links: &[LinkVerdict], texts: &mut Texts<'_>) -> Vec<Row> {
        if let [only] = links
            && only.light == Light::Green
            && !only.ignored
        {
            return Vec::new();
        }
        let listed = links.iter().take(MAX_LINKS);
        let mut rows: Vec<Row> =
            listed.map(|link| LinkMenu { profile, link, texts: &mut *texts }.row()).collect();
        if links.len() > MAX_LINKS {
            let rest = (links.len() - MAX_LINKS).to_string();
            rows.push(Row::text(
                key(profile, "links-more"),
                texts.fill(say::MORE_LINKS, &[("count", &rest)]),
            ));
        }
        rows
    }

    fn row(&mut self) -> Row {
        let light = if self.link.ignored { Light::Grey } else { self.link.light };
        let text = shortened(&self.text(), MAX_LABEL);
        Row { light: Some(light), ..Row::submenu(self.key(""), text, self.facts()) }
    }

    fn key(&self, word: &str) -> String {
        key(self.profile, &format!("link/{}/{word}", self.link.platform))
    }

    fn text(&mut self) -> String {
        let platform = self.platform();
        if self.link.ignored {
            return self.texts.fill(say::LINK_IGNORED, &[("platform", &platform)]);
        }
        let (title, length) = (label(&self.said().title), self.texts.since(self.link.since));
        let phrase = match self.link.light {
            Light::Green => say::LINK_UP,
            _ if title.contains(&platform) => say::LINK_TITLE,
            _ => say::LINK,
        };
        self.texts.fill(phrase, &[("platform", &platform), ("title", &title), ("length", &length)])
    }

    /// A platform without a data file has the name that the gateway uses.
    fn platform(&self) -> String {
        label(&reason::platform(self.texts.locale.lang, &self.link.platform))
    }

    fn said(&self) -> Wording {
        let LinkVerdict { reason, platform, missing, .. } = self.link;
        reason::wording(self.texts.locale.lang, *reason, Some(platform), *missing)
    }

    fn facts(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        if self.link.light != Light::Green {
            rows.push(Row::bounded(self.key("meaning"), &label(&self.said().meaning)));
        }
        rows.extend(self.texts.proof(
            |word| key(self.profile, &format!("link/{}/{word}", self.link.platform)),
            self.link.evidence.as_ref(),
            self.link.since,
        ));
        if let Some(at) = self.link.last_message_at {
            let length = self.texts.since(at);
            let text = self.texts.fill(say::LAST_MESSAGE, &[("length", &length)]);
            rows.push(Row::text(self.key("last-message"), text));
        }
        rows.push(Row::separator(&self.key("line")));
        rows.push(self.command());
        rows
    }

    fn command(&self) -> Row {
        let ignore = !self.link.ignored;
        let label = self.texts.pick(if ignore { say::IGNORE_LINK } else { say::WATCH_LINK });
        let (profile, platform) = (self.profile.to_owned(), self.link.platform.to_string());
        Row::command(self.key("ignore"), label, EngineRequest::IgnoreLink { profile, platform, ignore })
    }
}

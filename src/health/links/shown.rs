//! The link of one platform that a row shows.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::connections::Missing;
use super::fold::Fold;
use super::layout::Layout;
use super::unnamed::is_shown_alone;
use super::verdict::JudgedLink;
use crate::health::link::{Link, View};
use crate::health::names::{PlatformName, ProfileName};
use crate::health::platform::Rules;
use crate::health::reason::{Light, Reason};
use crate::health::timer::Timer;

/// The row that is asked for, and when.
pub(super) struct Row<'a> {
    pub profile: &'a ProfileName,
    /// Whether it is the row of the serving profile.
    pub is_own: bool,
    /// The serving profile.
    pub own: &'a ProfileName,
    pub now: Timestamp,
    /// How long a link without a line may be starting.
    pub start: &'a Timer,
}

/// What shows that a link has been missing for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Late {
    /// A line about it.
    Confirmed,
    /// That no line says that it is back, which proves nothing where the log level hides such lines.
    Unconfirmed,
}

/// A platform and a row.
pub(super) struct Asked<'a, 'r> {
    pub platform: &'a PlatformName,
    pub fold: &'a Fold,
    pub rules: &'a Rules,
    pub layout: &'a Layout,
    /// How many links there are.
    pub links: usize,
    pub row: &'r Row<'r>,
}

impl<'a> Asked<'a, '_> {
    /// The link to show; `None`: the profile has none.
    pub(super) fn verdict(&self) -> Option<JudgedLink<'a>> {
        let (fold, row) = (self.fold, self.row);
        let mut verdict = if self.links <= 1 {
            // All lines about the platform are about the one profile that has it; if none names it, the serving one.
            let owner = fold.owners(self.layout, row.own).next().unwrap_or(row.own);
            (owner == row.profile).then(|| self.one(&fold.shared)).flatten()
        } else if self.layout.is_separate(self.rules) {
            fold.named.get(row.profile).and_then(|link| self.one(link))
        } else {
            self.counted()
        }?;
        let message = fold.named.get(row.profile).and_then(|link| link.last_message());
        verdict.last_message_at = message.or_else(|| fold.shared.last_message());
        Some(verdict)
    }

    /// The verdict on a link that is known apart from all others.
    fn one(&self, link: &'a Link) -> Option<JudgedLink<'a>> {
        let view = link.exists().then(|| link.view(self.row.now, Some(self.row.start)))??;
        Some(JudgedLink { unconfirmed: link.is_unconfirmed(self.row.now), ..self.verdict_of(view) })
    }

    fn verdict_of(&self, view: View<'a>) -> JudgedLink<'a> {
        JudgedLink::of(self.platform, view)
    }

    /// The verdict on several links that lines do not assign to profiles.
    fn counted(&self) -> Option<JudgedLink<'a>> {
        let (fold, row) = (self.fold, self.row);
        // Lines and state keys that name the profile are about its link alone.
        let link = fold.named.get(row.profile).filter(|link| !link.is_silent());
        let named = link.and_then(|link| Some((link, link.view(row.now, None)?)));
        let named = named.filter(|(_, view)| view.light() != Light::Green);
        // Only a line shows that the link is back. The key does not.
        let is_claim = |view: &View<'_>| view.reason == Reason::NoEvidence && view.is_of_file();
        let named = named.filter(|(_, view)| !is_claim(view));
        let named = named.map(|(link, view)| JudgedLink {
            unconfirmed: link.is_unconfirmed(row.now),
            ..self.verdict_of(view)
        });
        if !row.is_own && !fold.claims.contains(row.profile) {
            return named;
        }
        let counted = if self.rules.connections {
            self.by_connections()
        } else if named.is_some() && fold.unnamed.down(row.now).is_empty() {
            None
        } else {
            self.by_unnamed()
        };
        let red = |verdict: &JudgedLink<'_>| verdict.light == Light::Red;
        // only an adapter's lines, which name no profile, say why the link was refused
        let says_why = |counted: &JudgedLink<'_>, named: &JudgedLink<'_>| {
            is_shown_alone(counted.reason) && counted.reason < named.reason
        };
        match (named, counted) {
            (Some(named), Some(counted)) if red(&counted) && (!red(&named) || says_why(&counted, &named)) => {
                Some(counted)
            }
            (named, counted) => named.or(counted),
        }
    }

    /// The verdict where lines name neither profile nor connection.
    fn by_unnamed(&self) -> Option<JudgedLink<'a>> {
        let (fold, row) = (self.fold, self.row);
        let down = fold.unnamed.down(row.now);
        let worst = down.iter().max_by_key(|lost| {
            let light = lost.view.light();
            (light, lost.is_final, Reverse(lost.view.reason), Reverse(lost.view.since))
        });
        let Some(worst) = worst else { return self.none_unnamed_down() };
        let mut verdict = self.verdict_of(worst.view);
        verdict.unconfirmed = worst.unconfirmed && worst.view.light() == Light::Red;
        // The link of a served profile may be the one that claims to be back.
        let claiming = down.iter().filter(|lost| lost.view.reason == Reason::Recovering).count();
        let claiming = if row.is_own || claiming == down.len() { 0 } else { claiming };
        let lost = down.len() - claiming;
        verdict.missing = Some((lost as u32, self.links.max(down.len()) as u32));
        if lost < self.links && !(row.is_own && is_shown_alone(verdict.reason)) {
            verdict.reason = Reason::LinksMissing;
            verdict.light = if row.is_own { worst.view.light() } else { Light::Amber };
        }
        Some(verdict)
    }

    /// The verdict if none of several links is known to be down. The shared link may be down all the same: by a line
    /// that names the profile of another row.
    fn none_unnamed_down(&self) -> Option<JudgedLink<'a>> {
        let (fold, row) = (self.fold, self.row);
        let named =
            fold.named.get(row.profile).filter(|link| link.is_up(row.now)).and_then(|link| self.one(link));
        // The shared link was lost as often as all of them together.
        if named.is_some() && self.layout.knows_account_of(row.profile) {
            return named;
        }
        let shared = self.one(&fold.shared);
        if shared
            .as_ref()
            .is_some_and(|verdict| verdict.reason.light() != Light::Red && !fold.shared.is_down())
        {
            return shared;
        }
        named
            .or_else(|| {
                let proof = fold.unnamed.newest_proof()?;
                let view =
                    View { reason: Reason::Connected, since: proof.at, proof: Some(proof), other_pid: None };
                Some(self.verdict_of(view))
            })
            .or_else(|| if self.is_anothers() { Some(self.no_evidence()) } else { shared })
    }

    /// Whether what is known of the shared link is about that of another profile, and this profile's was never logged because the
    /// log level hides it.
    fn is_anothers(&self) -> bool {
        let named = &self.fold.named;
        self.layout.hidden
            && !named.contains_key(self.row.profile)
            && named.values().any(|link| link.is_down())
    }

    fn no_evidence(&self) -> JudgedLink<'a> {
        let since = self.row.start.since;
        self.verdict_of(View { reason: Reason::NoEvidence, since, proof: None, other_pid: None })
    }

    fn by_connections(&self) -> Option<JudgedLink<'a>> {
        let connections = &self.fold.connections;
        let down = connections.missing();
        let (announced, total) = (connections.newest(), self.links.max(connections.up() + down.len()));
        let Some(oldest) = down.iter().min_by_key(|link| link.since) else {
            let Some(newest) = announced else { return self.one(&self.fold.shared) };
            let since = newest.at;
            let view = View { reason: Reason::Connected, proof: Some(newest), since, other_pid: None };
            return Some(self.verdict_of(view));
        };
        if down.len() >= total {
            return Some(self.all_missing(down, total));
        }
        let worst = down.iter().filter(|link| link.is_final()).min_by_key(|link| link.refused.is_none());
        let late = self.late(down);
        let shown = worst.unwrap_or(oldest);
        let refused = worst.and_then(|link| link.refused).filter(|_| self.row.is_own);
        let view = View {
            reason: refused.unwrap_or(Reason::LinksMissing),
            proof: Some(&shown.proof),
            since: shown.since,
            other_pid: None,
        };
        let mut verdict = self.verdict_of(view);
        if verdict.reason == Reason::LinksMissing && !(self.row.is_own && (late.is_some() || worst.is_some()))
        {
            verdict.light = Light::Amber;
        }
        verdict.unconfirmed = worst.is_none() && late == Some(Late::Unconfirmed);
        verdict.missing = Some((down.len() as u32, total as u32));
        Some(verdict)
    }

    /// Whether one of these links has been missing for too long, and what shows it; `None`: none has.
    fn late(&self, down: &[Missing]) -> Option<Late> {
        let mut late = down.iter().filter(|link| link.patience.over(self.row.now)).peekable();
        late.peek()?;
        // a log that shows connections shows that of a link which is back
        let is_hidden = self.fold.connections.newest().is_none();
        let is_unconfirmed = |link: &Missing| link.is_unconfirmed(self.row.now, &self.rules.times);
        Some(if is_hidden && late.all(is_unconfirmed) { Late::Unconfirmed } else { Late::Confirmed })
    }

    /// The verdict if all links are down: the platform's own light and reason.
    fn all_missing(&self, down: &'a [Missing], total: usize) -> JudgedLink<'a> {
        let refused = down.iter().find(|link| link.refused.is_some());
        let ended = down.iter().find(|link| link.ended.is_some());
        let lasting = refused.map(|link| (link.refused, link)).or(ended.map(|link| (link.ended, link)));
        // A link that has been missing for too long stays red when the others are lost too.
        let late = self.late(down);
        let mut verdict = match (lasting, self.one(&self.fold.shared)) {
            (Some((Some(reason), link)), _) => {
                let (proof, since) = (Some(&link.proof), link.since);
                self.verdict_of(View { reason, proof, since, other_pid: None })
            }
            (_, Some(verdict))
                if verdict.light == Light::Red || (verdict.light > Light::Green && late.is_none()) =>
            {
                verdict
            }
            _ => {
                let oldest = down.first().filter(|_| late.is_some());
                let stalled = oldest.map(|link| (Reason::ReconnectStalled, link.since));
                let (reason, since) = stalled.unwrap_or((Reason::Reconnecting, self.row.now));
                let proof = down.first().map(|link| &link.proof);
                let verdict = self.verdict_of(View { reason, proof, since, other_pid: None });
                JudgedLink { unconfirmed: late == Some(Late::Unconfirmed), ..verdict }
            }
        };
        verdict.missing = Some((down.len() as u32, total as u32));
        verdict
    }
}

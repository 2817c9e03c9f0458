//! The links that a restart has to bring back: all that were up, of every profile that the gateway serves.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::health::{Light, LinkVerdict, Reason};
use crate::order::Collect as _;
use crate::text::display::label;
use crate::text::reason::{platform, title_naming};
use crate::text::{Both, COMMA, Lang, Message, labelled, restart as say};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Most links that are followed through a restart.
const MAX_LINKS: usize = 64;

/// A link of a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProfileLink {
    /// The profile's name.
    pub profile: String,
    /// The platform, as Hermes names it.
    pub platform: String,
}

/// The profiles that restart together: one process runs them.
#[derive(Debug, Clone)]
pub struct RestartGroup<'a> {
    /// The profile whose job starts the gateway.
    pub gateway: &'a ProfileView,
    /// The profiles that the gateway serves, including its own.
    pub profiles: Vec<&'a ProfileView>,
}

impl<'a> RestartGroup<'a> {
    /// The group of the profile with this name.
    pub fn of(name: &str, snapshot: &'a Snapshot) -> Option<Self> {
        let view = snapshot.find(name)?;
        let gateway = view.verdict.served_by.as_deref().and_then(|by| snapshot.find(by)).unwrap_or(view);
        let job = |view: &ProfileView| view.profile.job.as_ref().map(|job| job.path.clone());
        let is_with = |other: &&ProfileView| {
            let same_process = gateway.verdict.pid.is_some() && other.verdict.pid == gateway.verdict.pid;
            let served = other.verdict.served_by.as_deref() == Some(&gateway.profile.name);
            other.profile.name == gateway.profile.name
                || same_process
                || served
                || (job(gateway).is_some() && job(other) == job(gateway))
        };
        Some(Self { gateway, profiles: snapshot.profiles.iter().filter(is_with).collect() })
    }

    /// The names of the profiles.
    pub fn names(&self) -> Vec<String> {
        self.profiles.iter().map(|view| view.profile.name.clone()).collect()
    }
}

/// The links that were up before a restart.
#[derive(Debug, Default)]
pub(super) struct LinksBefore(Vec<ProfileLink>);

/// The state of those links after the restart.
#[derive(Debug, Default)]
pub(super) struct LinksNow {
    pub(super) back: Vec<ProfileLink>,
    /// Red for this reason, which the gateway does not retry.
    pub(super) lost: Vec<(ProfileLink, Reason)>,
    pub(super) pending: Vec<ProfileLink>,
    /// Why the last attempt of a retried link failed.
    pub(super) retrying: Option<Reason>,
}

impl LinksBefore {
    /// The links of these profiles that are green and not ignored.
    pub(super) fn of(profiles: &[String], snapshot: &Snapshot) -> Self {
        let views = profiles.iter().filter_map(|name| snapshot.find(name));
        let up = views.flat_map(|view| {
            let up = |link: &&LinkVerdict| link.light == Light::Green && !link.ignored;
            view.verdict.links.iter().filter(up).map(|link| ProfileLink {
                profile: view.profile.name.clone(),
                platform: link.platform.to_string(),
            })
        });
        Self(up.take(MAX_LINKS).collect())
    }

    /// Their present state. `is_new`: whether a process is that of the new gateway.
    pub(super) fn now(&self, snapshot: &Snapshot, is_new: impl Fn(u32) -> bool) -> LinksNow {
        let mut now = LinksNow::default();
        for link in &self.0 {
            let verdict = snapshot.find(&link.profile).map(|view| &*view.verdict);
            let fresh = verdict.filter(|verdict| verdict.pid.is_some_and(&is_new));
            let found = fresh.and_then(|verdict| verdict.links.iter().find(|l| *l.platform == link.platform));
            match found {
                Some(found) if found.light == Light::Green || found.ignored => now.back.push(link.clone()),
                Some(found) if found.reason == Reason::NetworkUnreachable => {
                    now.retrying = Some(found.reason);
                    now.pending.push(link.clone());
                }
                Some(found) if found.light == Light::Red => now.lost.push((link.clone(), found.reason)),
                _ => now.pending.push(link.clone()),
            }
        }
        now
    }
}

impl LinksNow {
    /// Whether every link is back.
    pub(super) const fn are_back(&self) -> bool {
        self.lost.is_empty() && self.pending.is_empty()
    }

    /// `why` the restart failed; with several links, also which came back and which did not.
    pub(super) fn explain(&self, why: Message) -> Message {
        let missing = self.lost.len() + self.pending.len();
        if self.back.len() + missing < 2 {
            return why;
        }
        let several = self.profiles().len() > 1;
        let missing = Both::each(|lang| {
            let lost = self.lost.iter().map(|(link, reason)| link.with_reason(*reason, several, lang));
            lost.chain(self.pending.iter().map(|link| link.name(several, lang)))
                .collect::<Vec<_>>()
                .join(lang.pick(COMMA))
        });
        let back = Both::each(|lang| match list(&self.back, several, lang) {
            list if list.is_empty() => lang.pick(say::NO_LINK).to_owned(),
            list => list,
        });
        Message::new(say::LINKS).with("why", why).with("back", &back).with("missing", &missing)
    }

    fn profiles(&self) -> BTreeSet<&str> {
        let lost = self.lost.iter().map(|(link, _)| link);
        self.back.iter().chain(lost).chain(&self.pending).map(|link| &*link.profile).to_set()
    }
}

impl ProfileLink {
    /// `several`: the links are of several profiles.
    fn name(&self, several: bool, lang: Lang) -> String {
        self.within(&platform(lang, &self.platform), several, lang)
    }

    fn with_reason(&self, reason: Reason, several: bool, lang: Lang) -> String {
        self.within(&title_naming(lang, reason, Some(&self.platform)), several, lang)
    }

    fn within(&self, text: &str, several: bool, lang: Lang) -> String {
        if several { label(&labelled(lang, &self.profile, text)) } else { label(text) }
    }
}

/// The links by name.
pub(crate) fn list_links(links: &[ProfileLink], lang: Lang) -> String {
    let several = links.iter().any(|link| link.profile != links[0].profile);
    list(links, several, lang)
}

fn list(links: &[ProfileLink], several: bool, lang: Lang) -> String {
    links.iter().map(|link| link.name(several, lang)).collect::<Vec<_>>().join(lang.pick(COMMA))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::health::{Manager, Verdict};
    use crate::profile::{JobFile, Profile};

    fn view(name: &str, pid: Option<u32>, served_by: Option<&str>, links: &[(&str, Reason)]) -> ProfileView {
        let job =
            served_by.is_none().then(|| JobFile::named(Manager::Launchd, format!("/{name}.plist"), name));
        let profile = Profile { name: name.into(), home: "/h".into(), job, logs: Vec::new() };
        let link = |(platform, reason): &(&str, Reason)| {
            LinkVerdict::new((*platform).into(), *reason, Timestamp::UNIX_EPOCH)
        };
        let links = links.iter().map(link).collect();
        let served_by = served_by.map(Into::into);
        let verdict = Verdict { links, pid, served_by, ..Verdict::unknown(Timestamp::UNIX_EPOCH) };
        ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
    }

    fn snapshot(profiles: Vec<ProfileView>) -> Snapshot {
        Snapshot { at: Timestamp::UNIX_EPOCH, profiles, bad_files: Vec::new(), complete: true }
    }

    #[test]
    fn served_profiles_restart_together_through_the_gateways_job() {
        for pid in [Some(7), None] {
            let all = snapshot(vec![
                view("default", pid, None, &[]),
                view("work", pid, Some("default"), &[]),
                view("other", Some(8), None, &[]),
            ]);
            for name in ["default", "work"] {
                let group = RestartGroup::of(name, &all).unwrap();
                assert_eq!(group.gateway.profile.name, "default");
                assert_eq!(group.names(), ["default", "work"]);
            }
            assert_eq!(RestartGroup::of("other", &all).unwrap().names(), ["other"]);
            assert!(RestartGroup::of("nobody", &all).is_none());
        }
    }

    #[test]
    fn every_link_that_was_up_has_to_come_back_in_the_new_process() {
        use Reason::{AuthRejected, Connected, LinkEnded, NetworkUnreachable, Starting};
        let before = snapshot(vec![
            view("default", Some(7), None, &[("feishu", Connected), ("qqbot", AuthRejected)]),
            view("work", Some(7), Some("default"), &[("telegram", Connected), ("slack", Connected)]),
        ]);
        let names = ["default".to_owned(), "work".to_owned()];
        let before = LinksBefore::of(&names, &before);
        let now = |pid, feishu, telegram, slack| {
            let after = snapshot(vec![
                view("default", Some(pid), None, &[("feishu", feishu), ("qqbot", AuthRejected)]),
                view("work", Some(pid), Some("default"), &[("telegram", telegram), ("slack", slack)]),
            ]);
            before.now(&after, |pid| pid == 8)
        };
        assert!(now(8, Connected, Connected, Connected).are_back(), "qqbot was down before");
        assert_eq!(
            now(7, Connected, Connected, Connected).pending.len(),
            3,
            "the old process proves nothing"
        );
        let mixed = now(8, Connected, LinkEnded, Starting);
        assert_eq!((mixed.back.len(), mixed.lost.len(), mixed.pending.len()), (1, 1, 1));
        let told = |lang| mixed.explain(Message::verbatim("why")).text(lang);
        assert_eq!(
            told(Lang::En),
            "why (back: default: Feishu; not back: work: Telegram link ended, work: Slack)"
        );
        assert!(
            told(Lang::Zh).starts_with("why（已恢复：default：飞书；未恢复：work：Telegram"),
            "{}",
            told(Lang::Zh)
        );
        let unreachable = now(8, Connected, NetworkUnreachable, Connected);
        assert_eq!((unreachable.retrying, unreachable.lost.len()), (Some(NetworkUnreachable), 0));
        let none = now(8, Starting, Starting, Starting).explain(Message::verbatim("why")).text(Lang::En);
        assert!(none.contains("back: none;"), "{none}");
    }

    #[test]
    fn a_single_link_is_shown_as_before() {
        let before = snapshot(vec![view("work", Some(7), None, &[("feishu", Reason::Connected)])]);
        let before = LinksBefore::of(&["work".to_owned()], &before);
        let now = before.now(&snapshot(Vec::new()), |_| true);
        assert_eq!(now.explain(Message::verbatim("why")).text(Lang::En), "why");
    }
}

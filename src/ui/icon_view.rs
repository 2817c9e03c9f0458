//! What the panel or the menu bar shows: the icon, the text beside it, and their description.

use super::icon::{Face, Strip};
use super::menu::{self, MenuState, Notifications};
use crate::health::Light;
use crate::order::Order as _;
use crate::text::reason::title_of;
use crate::text::{Lang, menu as say};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Longest reason beside the icon, in characters: the menu bar is narrow.
const MAX_REASON: usize = 24;

/// The icon as a value. Equal ones need not be drawn again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IconView {
    /// The worst light, for panels that take square pictures only.
    pub worst: Face,
    /// The light of each profile, in the order of their names; if this is enabled and there are few.
    pub each: Option<Strip>,
    /// The text beside the icon, on desktops that show one.
    pub title: Option<String>,
    /// The description of the state: the tooltip, and what VoiceOver reads.
    pub words: String,
}

/// How the icon is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IconStyle {
    /// A light for each profile.
    pub each: bool,
    /// Monochrome while all is well.
    pub template_when_well: bool,
}

impl IconView {
    /// The icon for this state.
    pub fn of(snapshot: &Snapshot, state: &MenuState, style: IconStyle, lang: Lang) -> Self {
        let light = snapshot.worst();
        let badge = menu::badge(snapshot);
        let template = style.template_when_well && light == Light::Green;
        let lights: Vec<Light> = by_name(snapshot).iter().map(|p| p.verdict.light()).collect();
        let each = (style.each && snapshot.complete && Strip::SIZES.contains(&lights.len()))
            .then_some(Strip { lights, template });
        let words = match &each {
            None => menu::tooltip(snapshot, state, lang),
            Some(_) => each_in_words(snapshot, state, lang),
        };
        let title = if can_notify(state.notifications) {
            // each light is visible
            badge.filter(|_| each.is_none()).map(|count| count.to_string())
        } else {
            reason_beside(snapshot, lang)
        };
        Self { worst: Face { light, count: badge, template }, each, title, words }
    }
}

/// Notifications that the user switched off are not a failure.
const fn can_notify(notifications: Notifications) -> bool {
    !matches!(notifications, Notifications::NotPermitted(_))
}

/// How many are red, and why. Replaces notifications where the system does not allow them.
fn reason_beside(snapshot: &Snapshot, lang: Lang) -> Option<String> {
    let red = |p: &&ProfileView| p.verdict.light() == Light::Red;
    let count = snapshot.profiles.iter().filter(red).count();
    let first = snapshot.profiles.iter().find(red)?;
    let reason = title_of(&first.verdict, lang);
    let short: String = reason.chars().take(MAX_REASON).collect();
    let ellipsis = if short.len() < reason.len() { "…" } else { "" };
    Some(format!("{count} · {}{ellipsis}", short.trim_end()))
}

/// The profiles in an order in which each keeps its place in the icon, whatever its light.
fn by_name(snapshot: &Snapshot) -> Vec<&ProfileView> {
    let mut profiles: Vec<&ProfileView> = snapshot.profiles.iter().collect();
    profiles.order_by(|a, b| a.profile.name.cmp(&b.profile.name));
    profiles
}

/// A line for each profile, in the order of the lights.
fn each_in_words(snapshot: &Snapshot, state: &MenuState, lang: Lang) -> String {
    let offline = state.offline.then(|| lang.pick(say::OFFLINE).to_owned());
    let lines = by_name(snapshot).into_iter().map(|view| menu::line_of(view, lang));
    std::iter::once(menu::head(snapshot, lang)).chain(offline).chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::health::{Reason, Verdict};
    use crate::profile::Profile;
    use crate::ui::menu_bar::permission::Permission;

    const EACH: IconStyle = IconStyle { each: true, template_when_well: false };

    fn snapshot(profiles: &[(&str, Reason)]) -> Snapshot {
        let at = Timestamp::UNIX_EPOCH;
        let view = |(name, reason): &(&str, Reason)| {
            let profile =
                Profile { name: (*name).into(), home: PathBuf::from("/h"), job: None, logs: Vec::new() };
            ProfileView {
                profile: Arc::new(profile),
                verdict: Verdict { reason: *reason, ..Verdict::unknown(at) }.into(),
            }
        };
        Snapshot { at, profiles: profiles.iter().map(view).collect(), bad_files: Vec::new(), complete: true }
    }

    fn lights(view: &IconView) -> Option<Vec<Light>> {
        view.each.as_ref().map(|strip| strip.lights.clone())
    }

    const UP: Reason = Reason::Connected;
    const DOWN: Reason = Reason::ExecutorShutdown;

    #[test]
    fn two_or_three_profiles_have_a_light_each_in_the_order_of_their_names() {
        use Light::{Green, Red};
        for (profiles, style, expected) in [
            (vec![("a", UP)], EACH, None),
            (vec![("b", UP), ("a", DOWN)], EACH, Some(vec![Red, Green])),
            (vec![("a", DOWN), ("b", UP), ("c", DOWN)], EACH, Some(vec![Red, Green, Red])),
            (vec![("a", UP), ("b", UP), ("c", UP), ("d", DOWN)], EACH, None),
            (vec![("a", UP), ("b", DOWN)], IconStyle { each: false, ..EACH }, None),
            (vec![], EACH, None),
        ] {
            let view = IconView::of(&snapshot(&profiles), &MenuState::default(), style, Lang::En);
            assert_eq!(lights(&view), expected, "{profiles:?}");
        }
        let unfinished = Snapshot { complete: false, ..snapshot(&[("a", UP), ("b", UP)]) };
        assert_eq!(lights(&IconView::of(&unfinished, &MenuState::default(), EACH, Lang::En)), None);
    }

    #[test]
    fn the_words_name_each_light_in_its_order() {
        let all = snapshot(&[("work", UP), ("home", DOWN)]);
        let view = IconView::of(&all, &MenuState::default(), EACH, Lang::En);
        let lines: Vec<&str> = view.words.lines().collect();
        assert_eq!(lines[0], "1 of 2 connected");
        assert!(lines[1].contains("home") && lines[2].contains("work"), "{lines:?}");
    }

    #[test]
    fn a_reason_names_its_platform() {
        let mut all = snapshot(&[("work", Reason::AuthRejected), ("home", UP)]);
        Arc::make_mut(&mut all.profiles[0].verdict).platform = Some("telegram".into());
        let refused = MenuState {
            notifications: Notifications::NotPermitted(Permission::Refused),
            ..MenuState::default()
        };
        let view = IconView::of(&all, &refused, EACH, Lang::En);
        assert!(view.words.contains("Telegram credentials refused"), "{view:?}");
        assert!(view.title.as_ref().is_some_and(|title| title.contains("Telegram cred")), "{view:?}");
    }

    #[test]
    fn the_number_is_beside_a_single_light_only() {
        let all = snapshot(&[("a", DOWN), ("b", DOWN)]);
        let title = |style| IconView::of(&all, &MenuState::default(), style, Lang::En).title;
        assert_eq!(title(IconStyle { each: false, ..EACH }).as_deref(), Some("2"));
        assert_eq!(title(EACH), None);
    }

    #[test]
    fn without_notifications_the_reason_is_beside_the_icon() {
        let refused = MenuState {
            notifications: Notifications::NotPermitted(Permission::Refused),
            ..MenuState::default()
        };
        for (profiles, expected) in [
            (vec![("a", DOWN), ("b", UP)], Some("1 · ")),
            (vec![("a", DOWN), ("b", DOWN)], Some("2 · ")),
            (vec![("a", UP)], None),
        ] {
            let title = IconView::of(&snapshot(&profiles), &refused, EACH, Lang::En).title;
            assert_eq!(title.as_ref().map(|t| &t[..expected.map_or(0, str::len)]), expected);
            assert!(title.is_none_or(|t| t.chars().count() <= MAX_REASON + 5));
        }
        // the user's own choice is not a failure
        let off = MenuState { notifications: Notifications::Off, ..MenuState::default() };
        assert_eq!(IconView::of(&snapshot(&[("a", DOWN), ("b", UP)]), &off, EACH, Lang::En).title, None);
    }
}

//! The summary of all profiles: head line, tooltip, and the number beside the icon.

use super::state::MenuState;
use crate::health::Light;
use crate::order::Order as _;
use crate::text::display::label;
use crate::text::reason::headline;
use crate::text::{Lang, fill, menu as say};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// The tooltip names at most this many profiles.
const TOOLTIP_PROFILES: usize = 5;

/// The number of red profiles, which is shown beside the icon if there is more than one.
pub fn badge(snapshot: &Snapshot) -> Option<usize> {
    let red = snapshot.profiles.iter().filter(|view| view.verdict.light() == Light::Red).count();
    (red > 1).then_some(red)
}

/// The profiles in the order of the menu: worst first, and within a light in the order of the scan.
pub(in crate::ui) fn worst_first(snapshot: &Snapshot) -> Vec<&ProfileView> {
    let mut profiles: Vec<&ProfileView> = snapshot.profiles.iter().collect();
    profiles.order_by_key(|view| std::cmp::Reverse(view.verdict.light()));
    profiles
}

/// The tooltip, which VoiceOver reads.
pub fn tooltip(snapshot: &Snapshot, state: &MenuState, lang: Lang) -> String {
    let mut lines = vec![head(snapshot, lang)];
    if state.offline {
        lines.push(lang.pick(say::OFFLINE).to_owned());
    }
    let in_trouble = |view: &&ProfileView| matches!(view.verdict.light(), Light::Red | Light::Amber);
    let troubled: Vec<&ProfileView> = worst_first(snapshot).into_iter().filter(in_trouble).collect();
    for view in troubled.iter().take(TOOLTIP_PROFILES) {
        lines.push(line_of(view, lang));
    }
    if troubled.len() > TOOLTIP_PROFILES {
        lines.push("…".to_owned());
    }
    lines.join("\n")
}

/// For example "✖ work — not running".
pub(in crate::ui) fn line_of(view: &ProfileView, lang: Lang) -> String {
    let (light, title) = (view.verdict.light().symbol(), headline(&view.verdict, lang));
    format!("{light} {} — {title}", label(&view.profile.name))
}

/// For example "2 of 3 connected".
pub(in crate::ui) fn head(snapshot: &Snapshot, lang: Lang) -> String {
    let all = snapshot.profiles.len();
    if !snapshot.complete {
        lang.pick(say::HEAD_LOOKING).to_owned()
    } else if all == 0 {
        lang.pick(say::HEAD_NONE).to_owned()
    } else {
        let good = snapshot.profiles.iter().filter(|view| view.verdict.reason.works()).count();
        fill(lang.pick(say::HEAD), &[("good", &good.to_string()), ("all", &all.to_string())])
    }
}

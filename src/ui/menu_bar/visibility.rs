//! Whether the icon is visible, and if not, why. No API reports this
//! (<https://github.com/feedback-assistant/reports/issues/37>), so it is derived from the position of the item's window.
//!
//! On macOS 26 and later, Control Center places the items. An item without a place still has a window, at a corner of the
//! main display or outside it, so neither the existence of a window nor its overlap with a screen is enough.

use crate::text::{Phrase, menu_bar as say};

/// The name under which macOS stores the position and visibility of the icon. It must not change after a release, or the
/// position is lost. The default `Item-0` is mixed up by Control Center
/// (<https://github.com/AThevon/TokenEater/pull/238>).
pub(crate) const AUTOSAVE_NAME: &str = "GatelightStatusItem";

/// How far below the top of a screen the menu bar may reach, in points. Our choice, above the heights in the reports of
/// this module's tests: 24 pt without a notch, up to 43 pt with one.
const BAND: f64 = 48.0;
/// Width of the icon that has to be outside the notch for it to be found and clicked, in points. Our choice: half a
/// light.
const ENOUGH: f64 = 12.0;
/// The first macOS with System Settings > Menu Bar > Allow in the Menu Bar
/// (<https://developer.apple.com/forums/tags/servicemanagement>, "In macOS 26 I noticed there is a section Menu Bar").
const HAS_ALLOW_LIST: u32 = 26;

/// A rectangle in AppKit's coordinates: y grows upwards from the lower left corner of the main display.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    fn right(self) -> f64 {
        self.x + self.width
    }

    fn top(self) -> f64 {
        self.y + self.height
    }
}

/// A display.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Screen {
    /// `NSScreen.frame`.
    pub frame: Rect,
    /// The camera housing, from left to right: between `auxiliaryTopLeftArea` and `auxiliaryTopRightArea`.
    pub notch: Option<(f64, f64)>,
    /// The menu bar is hidden on this display: `visibleFrame` reaches the top.
    pub bar_hidden: bool,
}

/// Facts about the icon and the displays.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placement {
    /// `NSStatusItem.isVisible`.
    pub visible: bool,
    /// The frame of the button's window.
    pub window: Option<Rect>,
    pub screens: Vec<Screen>,
    /// Major version of macOS.
    pub macos: u32,
    /// The program is in an .app bundle.
    pub in_app: bool,
}

/// Why the icon is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// A program outside an .app bundle, which macOS 26 and later do not show.
    NoApp,
    /// Turned off under System Settings > Menu Bar, or mistaken by Control Center for another app that is.
    NotAllowed,
    /// Behind the camera housing: the menu bar is full.
    Notch,
    /// Before macOS 26: moved off the screen, because the menu bar is full.
    NoRoom,
    /// `isVisible` is false: a stored setting hides it.
    SwitchedOff,
}

impl Hidden {
    /// The reason, and what users can do.
    pub(crate) const fn phrase(self) -> Phrase {
        match self {
            Self::NoApp => say::HIDDEN_NO_APP,
            Self::NotAllowed => say::HIDDEN_NOT_ALLOWED,
            Self::Notch => say::HIDDEN_NOTCH,
            Self::NoRoom => say::HIDDEN_NO_ROOM,
            Self::SwitchedOff => say::HIDDEN_SWITCHED_OFF,
        }
    }
}

/// Why the icon is hidden; `None`: it is visible, or this is unknown (as while the menu bar is hidden).
pub(crate) fn hidden(placement: &Placement) -> Option<Hidden> {
    let unplaced = || {
        if placement.macos < HAS_ALLOW_LIST {
            Hidden::NoRoom
        } else if placement.in_app {
            Hidden::NotAllowed
        } else {
            Hidden::NoApp
        }
    };
    // without a display there is nothing to see
    if placement.screens.is_empty() {
        return None;
    }
    if !placement.visible {
        return Some(if placement.macos < HAS_ALLOW_LIST { Hidden::SwitchedOff } else { unplaced() });
    }
    let Some(window) = placement.window.filter(|w| w.width > 0.0) else { return Some(unplaced()) };
    let Some(screen) = placement.screens.iter().find(|screen| in_menu_bar(window, screen)) else {
        // in a full-screen Space the window of a visible icon is moved elsewhere
        // (https://github.com/vorssaint/vorssaint-utils/issues/939)
        return (!placement.screens.iter().any(|screen| screen.bar_hidden)).then(unplaced);
    };
    let covered =
        screen.notch.map_or(0.0, |(left, right)| (window.right().min(right) - window.x.max(left)).max(0.0));
    // items are right of the notch; a part left of it is covered by the menus of apps
    let left_of = screen.notch.map_or(0.0, |(left, _)| (left.min(window.right()) - window.x).max(0.0));
    (window.width - covered - left_of < ENOUGH.min(window.width)).then_some(Hidden::Notch)
}

/// Whether the window is in the strip of the menu bar, at the top of the screen.
fn in_menu_bar(window: Rect, screen: &Screen) -> bool {
    let frame = screen.frame;
    let middle = window.x + window.width / 2.0;
    (frame.x..=frame.right()).contains(&middle)
        && window.top() <= frame.top() + 1.0
        && window.y >= frame.top() - BAND
}

/// Settings that macOS stores for an icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// `NSStatusItem Visible NAME`.
    Visible,
    /// `NSStatusItem VisibleCC NAME`, since macOS 26.
    VisibleInControlCenter,
    /// `NSStatusItem Preferred Position NAME`: points from the right edge of the screen.
    Position,
}

impl Setting {
    pub(crate) const ALL: [Self; 3] = [Self::Visible, Self::VisibleInControlCenter, Self::Position];

    /// The key in the defaults of the app.
    pub(crate) fn key(self) -> String {
        let what = match self {
            Self::Visible => "Visible",
            Self::VisibleInControlCenter => "VisibleCC",
            Self::Position => "Preferred Position",
        };
        format!("NSStatusItem {what} {AUTOSAVE_NAME}")
    }

    /// Whether this value would hide the icon, and has to be removed before the icon is created. `widest`: width of the
    /// widest display, in points.
    ///
    /// Gatelight never hides its icon, so "not visible" is a leftover. A position farther from the right edge than any display
    /// is wide would put the icon at the far left, under the notch
    /// (<https://github.com/steipete/CodexBar/issues/3355>, <https://github.com/OmniNull/OmniWM/issues/249>).
    pub(crate) fn is_stale(self, value: f64, widest: f64) -> bool {
        match self {
            Self::Visible | Self::VisibleInControlCenter => value == 0.0,
            Self::Position => !(0.0..=widest).contains(&value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rect(x: f64, y: f64, width: f64, height: f64) -> Rect {
        Rect { x, y, width, height }
    }

    const fn screen(width: f64, height: f64, notch: Option<(f64, f64)>) -> Screen {
        Screen { frame: rect(0.0, 0.0, width, height), notch, bar_hidden: false }
    }

    /// A MacBook Pro 14" as openusage #993 measured it.
    const NOTCHED: Screen = screen(1800.0, 1169.0, Some((791.0, 1012.0)));
    const PLAIN: Screen = screen(2304.0, 1296.0, None);

    fn placement(window: Rect, screens: &[Screen], macos: u32) -> Placement {
        Placement { visible: true, window: Some(window), screens: screens.to_vec(), macos, in_app: true }
    }

    #[test]
    fn the_icon_is_visible_in_the_menu_bar() {
        let second = Screen { frame: rect(1800.0, 300.0, 1920.0, 1080.0), notch: None, bar_hidden: false };
        for (report, placement) in [
            ("a plain display", placement(rect(1900.0, 1272.0, 30.0, 24.0), &[PLAIN], 15)),
            (
                "omlx #1497: a usual frame on 26.4, y 949 of 982",
                placement(
                    rect(1200.0, 949.0, 34.0, 33.0),
                    &[screen(1512.0, 982.0, Some((662.0, 850.0)))],
                    26,
                ),
            ),
            ("right of the notch", placement(rect(1100.0, 1131.0, 30.0, 38.0), &[NOTCHED], 26)),
            ("on the second display", placement(rect(3000.0, 1356.0, 30.0, 24.0), &[NOTCHED, second], 26)),
            (
                "half under the notch, and still found",
                placement(rect(996.0, 1131.0, 45.0, 38.0), &[NOTCHED], 26),
            ),
            (
                "vorssaint #939: parked while a full-screen Space hides the menu bar",
                placement(rect(0.0, 0.0, 30.0, 24.0), &[Screen { bar_hidden: true, ..PLAIN }], 26),
            ),
            ("no display: the lid is closed", placement(rect(0.0, -22.0, 34.0, 22.0), &[], 26)),
        ] {
            assert_eq!(hidden(&placement), None, "{report}");
        }
    }

    #[test]
    fn a_hidden_icon_has_a_cause() {
        for (report, placement, expected) in [
            (
                "openusage #993: bars at 902-938",
                placement(rect(902.0, 1131.0, 36.0, 38.0), &[NOTCHED], 26),
                Hidden::Notch,
            ),
            (
                "openusage #993: text at 767-937, 24 pt left of the notch",
                placement(rect(767.0, 1131.0, 170.0, 38.0), &[NOTCHED], 26),
                Hidden::Notch,
            ),
            (
                "choisungwook/portfolio #608: at 900 with the housing to 956",
                placement(
                    rect(900.0, 1079.0, 24.0, 38.0),
                    &[screen(1728.0, 1117.0, Some((772.0, 956.0)))],
                    26,
                ),
                Hidden::Notch,
            ),
            (
                "vorssaint #1811: AX -1,1295 38x24, the lower left corner",
                placement(rect(-1.0, -23.0, 38.0, 24.0), &[PLAIN], 26),
                Hidden::NotAllowed,
            ),
            (
                "omlx #1497: y = -17 on 26.5",
                placement(rect(0.0, -17.0, 34.0, 22.0), &[PLAIN], 26),
                Hidden::NotAllowed,
            ),
            (
                "omlx #1497: y = -6 the first time",
                placement(rect(0.0, -6.0, 34.0, 22.0), &[PLAIN], 26),
                Hidden::NotAllowed,
            ),
            (
                "stats #2874: far below the menu bar on 26.1",
                placement(rect(400.0, 0.0, 40.0, 24.0), &[NOTCHED], 26),
                Hidden::NotAllowed,
            ),
            (
                "the same on macOS 27",
                placement(rect(0.0, -22.0, 34.0, 22.0), &[NOTCHED], 27),
                Hidden::NotAllowed,
            ),
            (
                "before 26: pushed off the display",
                placement(rect(-4000.0, 1272.0, 30.0, 24.0), &[PLAIN], 15),
                Hidden::NoRoom,
            ),
            (
                "tray-icon #273: a bare program on 26",
                Placement { in_app: false, ..placement(rect(0.0, -22.0, 34.0, 22.0), &[PLAIN], 26) },
                Hidden::NoApp,
            ),
            (
                "TokenEater #236: no window at all",
                Placement { window: None, ..placement(NOTCHED.frame, &[NOTCHED], 26) },
                Hidden::NotAllowed,
            ),
            (
                "CodexBar #1945: not visible, taken for the terminal's",
                Placement { visible: false, ..placement(rect(0.0, 0.0, 0.0, 0.0), &[NOTCHED], 26) },
                Hidden::NotAllowed,
            ),
            (
                "Claude-Usage-Tracker #251: dragged out, before 26",
                Placement { visible: false, ..placement(rect(0.0, 0.0, 0.0, 0.0), &[PLAIN], 15) },
                Hidden::SwitchedOff,
            ),
        ] {
            assert_eq!(hidden(&placement), Some(expected), "{report}");
        }
    }

    #[test]
    fn defaults_that_hide_the_icon_are_removed() {
        use Setting::{Position, Visible, VisibleInControlCenter};
        for (report, setting, value, widest, expected) in [
            ("CodexBar #3355: 6247 points from the right", Position, 6_247.0, 1_800.0, true),
            ("CodexBar #3355: 614", Position, 614.0, 1_800.0, false),
            ("OmniWM #249: set on an ultrawide display that is gone", Position, 2_900.0, 1_512.0, true),
            ("Tunnelblick #906: the user's own place", Position, 282.0, 1_512.0, false),
            ("beyond the right edge", Position, -40.0, 1_512.0, true),
            ("not a number", Position, f64::NAN, 1_512.0, true),
            ("Maccy #1224: VisibleCC is 0", VisibleInControlCenter, 0.0, 1_512.0, true),
            ("Claude-Usage-Tracker #251: dragged out", Visible, 0.0, 1_512.0, true),
            ("shown", Visible, 1.0, 1_512.0, false),
        ] {
            assert_eq!(setting.is_stale(value, widest), expected, "{report}");
        }
    }

    #[test]
    fn the_settings_carry_the_name_that_never_changes() {
        let keys = Setting::ALL.map(Setting::key);
        let expected = ["Visible", "VisibleCC", "Preferred Position"];
        assert_eq!(keys, expected.map(|what| format!("NSStatusItem {what} GatelightStatusItem")));
    }
}

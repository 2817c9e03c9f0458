//! The menu of a snapshot: a pure function.

use jiff::Timestamp;

use super::channels;
use super::profile::ProfileMenu;
use super::row::{MAX_LABEL, Menu, Row, shortened};
use super::state::{LightPerProfile, Locale, Login, MenuState, Notifications};
use super::summary::{head, worst_first};
use super::texts::Texts;
use crate::app::messages::EngineRequest;
use crate::health::Light;
use crate::text::display::label;
use crate::text::{
    Lang, Phrase, channels as say_channels, labelled, menu as say, menu_bar as say_bar, status as say_status,
};
use crate::ui::UiCommand;
use crate::ui::menu_bar::permission::Permission;
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// With more profiles than this, those that work move into a submenu.
const MAX_PROFILES: usize = 10;
/// At most this many bad job files are listed.
const MAX_BAD_FILES: usize = 10;
/// At most this many missed notices are listed.
const MAX_MISSED: usize = 5;

/// The menu for this snapshot.
pub fn menu(snapshot: &Snapshot, state: &MenuState, locale: &Locale, now: Timestamp) -> Menu {
    let mut texts = Texts::new(locale, now);
    let mut rows = vec![Row::text("head", head(snapshot, locale.lang))];
    if state.offline {
        rows.push(Row::text("offline", texts.pick(say::OFFLINE)));
    }
    if let Some(end) = state.quiet_until {
        rows.push(Row::text("quiet", texts.fill(say::QUIET, &[("time", &texts.time(end))])));
    }
    if let Some(hidden) = state.hidden {
        rows.push(Row::bounded("hidden", texts.pick(hidden.phrase())));
    }
    if let Some(why) = &state.settings_error {
        rows.push(Row::bounded("settings-error", &texts.fill(say::SETTINGS_ERROR, &[("why", why)])));
    }
    rows.push(Row::separator("1"));
    rows.extend(profiles(snapshot, state, &mut texts));
    rows.extend(bad_files(snapshot, &texts));
    rows.push(Row::separator("2"));
    rows.extend(for_all(snapshot, state, &texts));
    rows.push(Row::separator("3"));
    rows.extend(missed(state, &texts));
    rows.push(notifications(state, &texts));
    rows.push(login(state, &texts));
    rows.extend(each(state, &texts));
    rows.extend(channels::submenu(state, &texts));
    rows.push(Row::command("test", texts.pick(say_bar::TEST), UiCommand::TestNotification));
    rows.push(Row::command("settings", texts.pick(say::SETTINGS), UiCommand::OpenSettings));
    rows.push(help(state, &texts));
    rows.push(Row::command("quit", texts.pick(say::QUIT), UiCommand::Quit));
    Menu { rows, stale_at: texts.stale_at() }
}

fn profiles(snapshot: &Snapshot, state: &MenuState, texts: &mut Texts<'_>) -> Vec<Row> {
    if snapshot.complete && snapshot.profiles.is_empty() {
        return next_steps(texts.locale.lang);
    }
    let mut row = |view: &ProfileView| ProfileMenu { view, state, texts: &mut *texts }.row();
    let mut shown = worst_first(snapshot);
    let mut rest = Vec::new();
    if shown.len() > MAX_PROFILES {
        let (mut troubled, working): (Vec<_>, Vec<_>) =
            shown.into_iter().partition(|view| !view.verdict.reason.works());
        rest = troubled.split_off(troubled.len().min(MAX_PROFILES));
        rest.extend(working);
        shown = troubled;
    }
    let mut rows: Vec<Row> = shown.into_iter().map(&mut row).collect();
    if rest.is_empty() {
        return rows;
    }
    let below = rest.iter().map(|view| row(view)).collect();
    let good = rest.iter().filter(|view| view.verdict.reason.works()).count().to_string();
    let label = texts.fill(say::MORE, &[("count", &rest.len().to_string()), ("good", &good)]);
    let light = rest.iter().map(|view| view.verdict.light()).max();
    rows.push(Row { light, ..Row::submenu("more", label, below) });
    rows
}

/// What to do where no profile was found.
fn next_steps(lang: Lang) -> Vec<Row> {
    let steps = say_status::NEXT_STEPS.iter().enumerate().map(|(i, (command, why))| {
        Row::bounded(format!("next/{i}"), &labelled(lang, command, lang.pick(*why)))
    });
    std::iter::once(Row::text("next", lang.pick(say_status::WHAT_NEXT))).chain(steps).collect()
}

fn bad_files(snapshot: &Snapshot, texts: &Texts<'_>) -> Option<Row> {
    let bad = &snapshot.bad_files;
    let below = bad.iter().take(MAX_BAD_FILES).enumerate().map(|(i, file)| {
        let name = file.path.file_name().unwrap_or(file.path.as_os_str()).to_string_lossy();
        let text = format!("{}: {}", label(&name), label(file.reason.pick(texts.locale.lang)));
        Row::bounded(format!("bad-file/{i}"), &text)
    });
    let title = texts.fill(say::BAD_FILES, &[("count", &bad.len().to_string())]);
    (!bad.is_empty()).then(|| Row::submenu("bad-files", title, below.collect()))
}

fn for_all(snapshot: &Snapshot, state: &MenuState, texts: &Texts<'_>) -> Vec<Row> {
    let restartable = |view: &&ProfileView| {
        let has_job = view.profile.job.is_some() || view.verdict.served_by.is_some();
        view.verdict.light() == Light::Red && has_job
    };
    let red = snapshot.profiles.iter().filter(restartable).count();
    let restart = match red {
        0 => texts.pick(say::RESTART_ALL_RED).to_owned(),
        _ => texts.fill(say::RESTART_ALL_RED_COUNT, &[("count", &red.to_string())]),
    };
    let problems = state.job_files.problems(texts.locale.lang);
    let check = match &problems {
        None => texts.pick(say::CHECK_JOB_FILES).to_owned(),
        Some(problems) => texts.fill(say::CHECK_JOB_FILES_COUNT, &[("problems", problems)]),
    };
    let mut rows = vec![
        Row::command("restart-all", restart, EngineRequest::RestartAllRed).enabled_if(red > 0),
        Row::command("check-job-files", check, EngineRequest::CheckJobFiles),
    ];
    if problems.is_some() {
        rows.push(Row::command("doctor", texts.pick(say::OPEN_DOCTOR), UiCommand::OpenDoctor));
    }
    rows.push(Row::command("timeline", texts.pick(say::TIMELINE), EngineRequest::Timeline));
    rows
}

fn missed(state: &MenuState, texts: &Texts<'_>) -> Option<Row> {
    let missed = &state.missed;
    if missed.is_empty() {
        return None;
    }
    let rows = missed.iter().rev().take(MAX_MISSED).enumerate().map(|(i, one)| {
        let time = texts.time(one.at);
        let values = [("title", one.title.as_str()), ("time", &time), ("why", &one.why)];
        Row::bounded(format!("missed/{i}"), &texts.fill(say::MISSED_LINE, &values))
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(Row::separator("missed"));
    rows.push(Row::command("missed/forget", texts.pick(say::FORGET_MISSED), UiCommand::ForgetMissed));
    let title = texts.fill(say::MISSED, &[("count", &missed.len().to_string())]);
    Some(Row::submenu("missed", title, rows))
}

fn notifications(state: &MenuState, texts: &Texts<'_>) -> Row {
    let (label, on) = match state.notifications {
        Notifications::On => (say::NOTIFICATIONS, true),
        Notifications::Off => (say::NOTIFICATIONS, false),
        Notifications::OffInSettings => (say::NOTIFICATIONS_OFF, false),
        Notifications::NotPermitted(permission) => (permission_label(permission), false),
    };
    Row::check("notifications", texts.pick(label), on, UiCommand::ToggleNotifications)
}

fn login(state: &MenuState, texts: &Texts<'_>) -> Row {
    let (label, on) = match &state.login {
        Login::On => (texts.pick(say::LOGIN).to_owned(), true),
        Login::Off => (texts.pick(say::LOGIN).to_owned(), false),
        Login::NeedsApproval => (texts.pick(say::LOGIN_APPROVAL).to_owned(), false),
        Login::Unavailable(why) => (texts.fill(say::LOGIN_UNAVAILABLE, &[("why", why)]), false),
    };
    // the whole reason is shown when it is pressed
    Row::check("login", shortened(&label, MAX_LABEL), on, UiCommand::ToggleLogin)
}

const fn permission_label(permission: Permission) -> Phrase {
    match permission {
        Permission::Granted => say::NOTIFICATIONS,
        Permission::Refused => say::NOTIFICATIONS_REFUSED,
        Permission::NotAnswered => say_bar::NOT_ANSWERED,
        Permission::NeverAsked => say_bar::NEVER_ASKED,
        Permission::NoApp => say_bar::ONLY_FROM_APP,
    }
}

fn each(state: &MenuState, texts: &Texts<'_>) -> Option<Row> {
    let each = state.each?;
    let label =
        if each == LightPerProfile::OffInSettings { say_bar::EACH_OFF_IN_SETTINGS } else { say_bar::EACH };
    Some(Row::check("each", texts.pick(label), each == LightPerProfile::On, UiCommand::ToggleEach))
}

fn help(state: &MenuState, texts: &Texts<'_>) -> Row {
    let version = env!("CARGO_PKG_VERSION");
    let version = match &state.build {
        Some(build) => texts.fill(say_bar::VERSION, &[("version", version), ("build", build)]),
        None => texts.fill(say::ABOUT_VERSION, &[("version", version)]),
    };
    let wrong_light = texts.pick(say_bar::REPORT_WRONG_LIGHT);
    let network = if state.uses_network { say_channels::ABOUT_NETWORK } else { say::ABOUT_NETWORK };
    let rows = vec![
        Row::command("help/wrong-light", wrong_light, EngineRequest::ReportWrongLight),
        Row::command("help/read-me", texts.pick(say_bar::READ_ME), UiCommand::ReadMe),
        Row::separator("help"),
        Row::text("help/version", version),
        Row::text("help/licence", env!("CARGO_PKG_LICENSE")),
        Row::text("help/network", texts.pick(network)),
    ];
    Row::submenu("help", texts.pick(say_bar::HELP), rows)
}

//! The menu as a plain value: made from a snapshot by a pure function, compared with the one before, and applied in
//! place, so that an open menu does not jump.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::UiCommand;
use super::menu_bar::permission::Permission;
use super::menu_bar::visibility::Hidden;
use crate::alerts::Mute;
use crate::health::{Light, Manager, Note, Proof};
use crate::restart::{RestartOutcome, RestartStep, RestartView, Restarts};
use crate::text::display::label as shown;
use crate::text::reason::{title, title_of};
use crate::text::restart::helps_with;
use crate::text::{Lang, Phrase, duration, fill, menu as say, menu_bar as say_bar};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// With more profiles than this, those that work move into a submenu.
const MOST_PROFILES: usize = 10;
/// Longest line of evidence, in characters.
const LONGEST_LINE: usize = 90;
/// Most notes of a profile.
const MOST_NOTES: usize = 3;
/// Most missed notices that are listed.
const MOST_MISSED: usize = 5;
/// Lengths of time are read again no sooner than this. With many profiles one of them reads differently every second
/// or two; they are rough anyway.
const SOONEST: SignedDuration = SignedDuration::from_secs(30);
/// Most profiles that the tooltip names.
const MOST_IN_TOOLTIP: usize = 5;

/// What the menu needs to know besides the snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MenuState {
    /// Restarts under way or just finished.
    pub restarts: Restarts,
    /// Profiles that stay silent.
    pub mutes: BTreeMap<String, Mute>,
    /// Profiles that come and go.
    pub unstable: BTreeSet<String>,
    /// Profiles whose job file the doctor can free of `--replace`.
    pub repairable: BTreeSet<String>,
    /// How many findings the doctor had, if it looked.
    pub findings: Option<usize>,
    /// Notices that did not reach the user, oldest first.
    pub missed: Vec<Missed>,
    /// Whether notifications are shown.
    pub notifications: Notifications,
    /// Whether Gatelight starts at login.
    pub login: Login,
    /// A light for each profile in the icon; `None` where the icon can only show one.
    pub each: Option<Each>,
    /// Why the icon cannot be seen.
    pub hidden: Option<Hidden>,
    /// The machine has no network.
    pub offline: bool,
    /// Why the settings file is not used.
    pub settings_error: Option<String>,
}

/// A notice that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Its title.
    pub title: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// The state of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Notifications {
    /// Shown.
    #[default]
    On,
    /// Switched off in the menu.
    Off,
    /// Switched off in the settings file.
    OffInSettings,
    /// The system does not let us show them.
    NotPermitted(Permission),
    /// They cannot be shown, for this reason.
    Unavailable(String),
}

/// Whether the icon shows a light for each profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    /// It does, where there are few.
    On,
    /// Switched off in the menu.
    Off,
    /// Switched off in the settings file.
    OffInSettings,
}

/// The state of the login item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Login {
    /// Not registered.
    #[default]
    Off,
    /// Registered.
    On,
    /// Registered; the user has to approve it.
    NeedsApproval,
    /// It cannot be registered from here, for this reason.
    Unavailable(String),
}

/// How things are said.
#[derive(Debug, Clone)]
pub struct Look {
    /// In which language.
    pub lang: Lang,
    /// In which time zone.
    pub zone: TimeZone,
}

/// The whole menu.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Menu {
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// When a length of time or a date in it reads differently; not to the second.
    pub stale_at: Option<Timestamp>,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Unique in the menu and the same as long as the row means the same.
    pub key: String,
    /// What it is.
    pub kind: RowKind,
    /// What it says, as it is: mnemonics are for whoever draws it.
    pub label: String,
    /// It can be chosen.
    pub enabled: bool,
    /// The light that it shows.
    pub light: Option<Light>,
    /// What choosing it asks for.
    pub command: Option<UiCommand>,
}

/// Kinds of rows.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKind {
    /// A line.
    Separator,
    /// A text.
    Item,
    /// A text with a mark.
    Check(bool),
    /// A text with rows of its own.
    Sub(Vec<Row>),
}

impl Menu {
    /// The command of the row with this key.
    pub fn command(&self, key: &str) -> Option<&UiCommand> {
        find(&self.rows, key)?.command.as_ref()
    }

    /// The row with this key.
    pub fn row(&self, key: &str) -> Option<&Row> {
        find(&self.rows, key)
    }
}

fn find<'a>(rows: &'a [Row], key: &str) -> Option<&'a Row> {
    rows.iter().find_map(|row| match &row.kind {
        _ if row.key == key => Some(row),
        RowKind::Sub(below) => find(below, key),
        _ => None,
    })
}

/// The number of red profiles, where it stands beside the icon: when there is more than one.
pub fn badge(snapshot: &Snapshot) -> Option<usize> {
    let red = snapshot.profiles.iter().filter(|p| p.verdict.light() == Light::Red).count();
    (red > 1).then_some(red)
}

/// The state in words, for the tooltip and for VoiceOver, which reads it.
pub fn tooltip(snapshot: &Snapshot, state: &MenuState, lang: Lang) -> String {
    let mut lines = vec![head(snapshot, lang)];
    if state.offline {
        lines.push(lang.pick(say::OFFLINE).to_owned());
    }
    let mut troubled: Vec<&ProfileView> =
        snapshot.profiles.iter().filter(|p| matches!(p.verdict.light(), Light::Red | Light::Amber)).collect();
    troubled.sort_by_key(|p| std::cmp::Reverse(p.verdict.light()));
    for view in troubled.iter().take(MOST_IN_TOOLTIP) {
        let light = view.verdict.light().symbol();
        lines.push(format!("{light} {} — {}", shown(&view.profile.name), title_of(&view.verdict, lang)));
    }
    if troubled.len() > MOST_IN_TOOLTIP {
        lines.push("…".to_owned());
    }
    lines.join("\n")
}

/// The menu for this snapshot.
pub fn menu(snapshot: &Snapshot, state: &MenuState, look: &Look, now: Timestamp) -> Menu {
    let today = now.to_zoned(look.zone.clone());
    let midnight = today.tomorrow().and_then(|day| day.start_of_day()).ok();
    let stale_in = midnight.map(|at| at.timestamp().duration_since(now));
    let mut b = Builder { look, state, now, today: today.date(), stale_in };
    let lang = look.lang;
    let mut rows = vec![text_row("head", head(snapshot, lang))];
    if state.offline {
        rows.push(text_row("offline", lang.pick(say::OFFLINE).to_owned()));
    }
    if let Some(hidden) = state.hidden {
        rows.push(text_row("hidden", cut(lang.pick(hidden.phrase()))));
    }
    if let Some(why) = &state.settings_error {
        rows.push(text_row("settings-error", fill(lang.pick(say::SETTINGS_ERROR), &[("why", why)])));
    }
    rows.push(separator("1"));
    b.profiles(snapshot, &mut rows);
    if !snapshot.bad_files.is_empty() {
        let count = snapshot.bad_files.len().to_string();
        let below = snapshot.bad_files.iter().take(MOST_PROFILES).enumerate().map(|(i, bad)| {
            let name = bad.path.file_name().unwrap_or(bad.path.as_os_str()).to_string_lossy();
            text_row(
                &format!("bad-file/{i}"),
                cut(&format!("{}: {}", shown(&name), shown(bad.reason.pick(lang)))),
            )
        });
        rows.push(sub("bad-files", fill(lang.pick(say::BAD_FILES), &[("count", &count)]), below.collect()));
    }
    rows.push(separator("2"));
    b.for_all(snapshot, &mut rows);
    rows.push(separator("3"));
    b.desktop(&mut rows);
    Menu { rows, stale_at: b.stale_in.and_then(|span| now.checked_add(span.max(SOONEST)).ok()) }
}

/// What the menu says about a permission.
fn permission(permission: Permission) -> Phrase {
    match permission {
        Permission::Granted => say::NOTIFICATIONS,
        Permission::Refused => say::NOTIFICATIONS_REFUSED,
        Permission::NotAnswered => say_bar::NOT_ANSWERED,
        Permission::NeverAsked => say_bar::NEVER_ASKED,
        Permission::NoApp => say_bar::ONLY_FROM_APP,
    }
}

/// `2 of 3 connected`.
pub(super) fn head(snapshot: &Snapshot, lang: Lang) -> String {
    let all = snapshot.profiles.len();
    if !snapshot.complete {
        lang.pick(say::HEAD_LOOKING).to_owned()
    } else if all == 0 {
        lang.pick(say::HEAD_NONE).to_owned()
    } else {
        let good = snapshot.profiles.iter().filter(|p| p.verdict.reason.works()).count();
        fill(lang.pick(say::HEAD), &[("good", &good.to_string()), ("all", &all.to_string())])
    }
}

struct Builder<'a> {
    look: &'a Look,
    state: &'a MenuState,
    now: Timestamp,
    today: Date,
    stale_in: Option<SignedDuration>,
}

impl Builder<'_> {
    fn say(&self, phrase: Phrase, values: &[(&str, &str)]) -> String {
        fill(self.look.lang.pick(phrase), values)
    }

    /// A rough length until now, and the note of when it reads differently.
    fn since(&mut self, start: Timestamp) -> String {
        let span = self.now.duration_since(start);
        let changes = say::roughly_changes_in(span);
        self.stale_in = Some(self.stale_in.map_or(changes, |s| s.min(changes)));
        say::roughly(self.look.lang, span)
    }

    /// A time of day, with the date where it was on another day.
    fn time(&self, at: Timestamp) -> String {
        let then = at.to_zoned(self.look.zone.clone());
        let format = if then.date() == self.today { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        then.strftime(format).to_string()
    }

    fn profiles(&mut self, snapshot: &Snapshot, rows: &mut Vec<Row>) {
        let all = &snapshot.profiles;
        if all.len() <= MOST_PROFILES {
            rows.extend(all.iter().map(|view| self.profile(view)));
            return;
        }
        // those in trouble stay in sight, worst first; the others keep the order of the scan
        let mut troubled: Vec<usize> = (0..all.len()).filter(|i| !all[*i].verdict.reason.works()).collect();
        troubled.sort_by_key(|i| (std::cmp::Reverse(all[*i].verdict.light()), *i));
        troubled.truncate(MOST_PROFILES);
        rows.extend(troubled.iter().map(|i| self.profile(&all[*i])));
        let rest: Vec<&ProfileView> =
            all.iter().enumerate().filter(|(i, _)| !troubled.contains(i)).map(|(_, view)| view).collect();
        let good = rest.iter().filter(|view| view.verdict.reason.works()).count().to_string();
        let label = self.say(say::MORE, &[("count", &rest.len().to_string()), ("good", &good)]);
        let mut more = sub("more", label, rest.iter().map(|view| self.profile(view)).collect());
        more.light = rest.iter().map(|view| view.verdict.light()).max();
        rows.push(more);
    }

    fn profile(&mut self, view: &ProfileView) -> Row {
        let (name, verdict) = (&view.profile.name, &view.verdict);
        let lang = self.look.lang;
        let length = self.since(verdict.since);
        let mut label = self.say(
            say::PROFILE,
            &[("name", &shown(name)), ("title", &title_of(verdict, lang)), ("length", &length)],
        );
        if self.state.unstable.contains(name) {
            label.push_str(lang.pick(say::UNSTABLE));
        }
        if self.state.mutes.contains_key(name) {
            label.push_str(lang.pick(say::MUTED));
        }
        let mut rows = self.what_was_seen(view);
        if let Some(restart) = self.state.restarts.get(name) {
            rows.push(separator(&key(name, "restart-line")));
            rows.extend(self.restart_steps(name, restart));
        }
        rows.push(separator(&key(name, "command-line")));
        rows.extend(self.commands(view));
        Row { light: Some(verdict.light()), ..sub(&key(name, "profile"), label, rows) }
    }

    /// The rows that explain: evidence, since when, the process, whether a restart helps, remarks.
    fn what_was_seen(&mut self, view: &ProfileView) -> Vec<Row> {
        let (name, verdict) = (&view.profile.name, &view.verdict);
        let lang = self.look.lang;
        let mut rows = Vec::new();
        if let Some(Proof { source, line, at }) = &verdict.evidence {
            let text =
                self.say(say::EVIDENCE, &[("source", &shown(source.as_str())), ("line", &shown(line))]);
            rows.push(text_row(&key(name, "evidence"), cut(&text)));
            let length = self.since(*at);
            rows.push(text_row(&key(name, "seen"), self.say(say::SEEN_AGO, &[("length", &length)])));
        }
        let time = self.time(verdict.since);
        rows.push(text_row(&key(name, "since"), self.say(say::SINCE, &[("time", &time)])));
        let manager = verdict.manager.or_else(|| view.profile.job.as_ref().map(|job| job.manager));
        let manager = manager.map_or(lang.pick(say::NO_MANAGER), Manager::word);
        let process = match (verdict.pid, verdict.started_at) {
            (None, _) => self.say(say::NO_PROCESS, &[("manager", manager)]),
            (Some(pid), None) => {
                self.say(say::PROCESS_NO_UPTIME, &[("pid", &pid.to_string()), ("manager", manager)])
            }
            (Some(pid), Some(start)) => {
                let uptime = self.since(start);
                let pid = pid.to_string();
                self.say(say::PROCESS, &[("pid", &pid), ("manager", manager), ("uptime", &uptime)])
            }
        };
        rows.push(text_row(&key(name, "process"), process));
        let helps = helps_with(lang, verdict.reason);
        if !helps.is_empty() {
            rows.push(text_row(&key(name, "helps"), helps.to_owned()));
        }
        for (i, note) in verdict.notes.iter().take(MOST_NOTES).enumerate() {
            rows.push(text_row(&key(name, &format!("note{i}")), self.note(note)));
        }
        rows
    }

    fn note(&self, note: &Note) -> String {
        let phrase = match note {
            Note::Also(reason, platform, _) => {
                let title = title(self.look.lang, *reason, platform.as_deref());
                return self.say(say::ALSO, &[("title", &title)]);
            }
            Note::SecondInstance(_) => say::SECOND_INSTANCE,
            Note::InfoHidden => say::INFO_HIDDEN,
            Note::DroppedAtStart => say::DROPPED,
            Note::Unreadable(file) => {
                return self.say(crate::text::status::NOTE_UNREADABLE, &[("file", file)]);
            }
        };
        self.look.lang.pick(phrase).to_owned()
    }

    /// The three steps as they happen, and the outcome.
    fn restart_steps(&self, name: &str, restart: &RestartView) -> Vec<Row> {
        let lang = self.look.lang;
        let worked = matches!(restart.outcome, Some(RestartOutcome::Worked { .. }));
        let steps = [
            (RestartStep::EndingOld, say::STEP_END),
            (RestartStep::StartingNew, say::STEP_START),
            (RestartStep::ProvingLink, say::STEP_PROVE),
        ];
        let mut rows: Vec<Row> = steps
            .into_iter()
            .map(|(step, [to_come, under_way, done])| {
                let running = restart.outcome.is_none();
                let phrase = if worked || step < restart.step {
                    done
                } else if let Some(reason) = restart.retrying.filter(|_| running && step == restart.step) {
                    let label = self.say(say::STEP_RETRYING, &[("title", &title(lang, reason, None))]);
                    return text_row(&key(name, &format!("step{}", step as u8)), label);
                } else if step == restart.step && running {
                    under_way
                } else {
                    to_come
                };
                text_row(&key(name, &format!("step{}", step as u8)), lang.pick(phrase).to_owned())
            })
            .collect();
        let outcome = match &restart.outcome {
            None => return rows,
            Some(RestartOutcome::Worked { took, pid, killed }) => {
                let phrase = if *killed { say::RESTART_KILLED } else { say::RESTART_WORKED };
                self.say(phrase, &[("took", &duration(lang, *took)), ("pid", &pid.to_string())])
            }
            Some(RestartOutcome::Failed { why, .. }) => {
                self.say(say::RESTART_FAILED, &[("why", &shown(why))])
            }
            Some(RestartOutcome::CannotTell { why, .. }) => {
                self.say(say::RESTART_UNKNOWN, &[("why", &shown(why))])
            }
        };
        rows.push(text_row(&key(name, "outcome"), cut(&outcome)));
        rows
    }

    fn commands(&self, view: &ProfileView) -> Vec<Row> {
        let name = &view.profile.name;
        let lang = self.look.lang;
        let restarting = self.state.restarts.get(name).is_some_and(|r| r.outcome.is_none());
        let job = view.profile.job.as_ref();
        let item = |word: &str, phrase: Phrase, enabled: bool, command: UiCommand| Row {
            enabled,
            command: enabled.then_some(command),
            ..text_row(&key(name, word), lang.pick(phrase).to_owned())
        };
        let label = if restarting { say::RESTARTING } else { say::RESTART };
        let mut rows = vec![
            item("restart", label, job.is_some() && !restarting, UiCommand::Restart(name.clone())),
            item("open-log", say::OPEN_LOG, true, UiCommand::OpenLog(name.clone())),
            item(
                "open-system-log",
                say::OPEN_SYSTEM_LOG,
                job.is_some_and(|j| j.manager != Manager::Embedded),
                UiCommand::OpenSystemLog(name.clone()),
            ),
            item("show-job-file", say::SHOW_JOB_FILE, job.is_some(), UiCommand::ShowJobFile(name.clone())),
        ];
        if self.state.repairable.contains(name) {
            rows.push(item("repair", say::REPAIR, true, UiCommand::Repair(name.clone())));
        }
        rows.push(item(
            "copy-diagnostics",
            say::COPY_DIAGNOSTICS,
            true,
            UiCommand::CopyDiagnostics(name.clone()),
        ));
        let mute = self.state.mutes.get(name).copied();
        let mut check = |word: &str, label: String, on: bool, enabled: bool, wish: MuteFor| {
            let wish = if on { MuteFor::Never } else { wish };
            rows.push(Row {
                kind: RowKind::Check(on),
                enabled,
                command: enabled.then(|| UiCommand::Mute(name.clone(), wish)),
                ..text_row(&key(name, word), label)
            });
        };
        let hour = match mute {
            Some(Mute::Until(until)) => self.say(say::MUTED_UNTIL, &[("time", &self.time(until))]),
            _ => lang.pick(say::MUTE_HOUR).to_owned(),
        };
        check("mute-hour", hour, matches!(mute, Some(Mute::Until(_))), true, MuteFor::Hour);
        let recovery = lang.pick(say::MUTE_RECOVERY).to_owned();
        let on = mute == Some(Mute::Recovery);
        // what works has nothing to recover from
        check("mute-recovery", recovery, on, on || !view.verdict.reason.works(), MuteFor::UntilRecovery);
        rows
    }

    fn for_all(&self, snapshot: &Snapshot, rows: &mut Vec<Row>) {
        let lang = self.look.lang;
        let red = snapshot
            .profiles
            .iter()
            .filter(|p| p.verdict.light() == Light::Red && p.profile.job.is_some())
            .count();
        let label = match red {
            0 => lang.pick(say::RESTART_ALL_RED).to_owned(),
            _ => self.say(say::RESTART_ALL_RED_COUNT, &[("count", &red.to_string())]),
        };
        let restart_all = command("restart-all", label, UiCommand::RestartAllRed);
        rows.push(if red > 0 { restart_all } else { Row { enabled: false, command: None, ..restart_all } });
        let label = match self.state.findings {
            None | Some(0) => lang.pick(say::CHECK_JOB_FILES).to_owned(),
            Some(n) => self.say(say::CHECK_JOB_FILES_COUNT, &[("count", &n.to_string())]),
        };
        rows.push(command("check-job-files", label, UiCommand::CheckJobFiles));
        rows.push(command("timeline", lang.pick(say::TIMELINE).to_owned(), UiCommand::Timeline));
    }

    fn desktop(&self, rows: &mut Vec<Row>) {
        let lang = self.look.lang;
        let missed = &self.state.missed;
        if !missed.is_empty() {
            let below = missed.iter().rev().take(MOST_MISSED).enumerate().map(|(i, m)| {
                let time = self.time(m.at);
                let values = [("title", m.title.as_str()), ("time", &time), ("why", &m.why)];
                text_row(&format!("missed/{i}"), cut(&self.say(say::MISSED_LINE, &values)))
            });
            let mut below: Vec<Row> = below.collect();
            below.push(separator("missed"));
            let forget = lang.pick(say::FORGET_MISSED).to_owned();
            below.push(command("missed/forget", forget, UiCommand::ForgetMissed));
            let count = missed.len().to_string();
            rows.push(sub("missed", self.say(say::MISSED, &[("count", &count)]), below));
        }
        let (label, on) = match &self.state.notifications {
            Notifications::On => (lang.pick(say::NOTIFICATIONS).to_owned(), true),
            Notifications::Off => (lang.pick(say::NOTIFICATIONS).to_owned(), false),
            Notifications::OffInSettings => (lang.pick(say::NOTIFICATIONS_OFF).to_owned(), false),
            Notifications::NotPermitted(why) => (lang.pick(permission(*why)).to_owned(), false),
            Notifications::Unavailable(why) => {
                (self.say(say::NOTIFICATIONS_UNAVAILABLE, &[("why", why)]), false)
            }
        };
        let check = |row: Row, on: bool| Row { kind: RowKind::Check(on), ..row };
        rows.push(check(command("notifications", cut(&label), UiCommand::ToggleNotifications), on));
        let (label, on) = match &self.state.login {
            Login::On => (lang.pick(say::LOGIN).to_owned(), true),
            Login::Off => (lang.pick(say::LOGIN).to_owned(), false),
            Login::NeedsApproval => (lang.pick(say::LOGIN_APPROVAL).to_owned(), false),
            Login::Unavailable(why) => (self.say(say::LOGIN_UNAVAILABLE, &[("why", why)]), false),
        };
        rows.push(check(command("login", cut(&label), UiCommand::ToggleLogin), on));
        if let Some(each) = self.state.each {
            let phrase =
                if each == Each::OffInSettings { say_bar::EACH_OFF_IN_SETTINGS } else { say_bar::EACH };
            let row = command("each", lang.pick(phrase).to_owned(), UiCommand::ToggleEach);
            rows.push(check(row, each == Each::On));
        }
        rows.push(command("test", lang.pick(say_bar::TEST).to_owned(), UiCommand::TestNotification));
        rows.push(command("settings", lang.pick(say::SETTINGS).to_owned(), UiCommand::OpenSettings));
        let version = self.say(say::ABOUT_VERSION, &[("version", env!("CARGO_PKG_VERSION"))]);
        let about = vec![
            text_row("about/version", version),
            text_row("about/licence", env!("CARGO_PKG_LICENSE").to_owned()),
            text_row("about/network", lang.pick(say::ABOUT_NETWORK).to_owned()),
        ];
        rows.push(sub("about", lang.pick(say::ABOUT).to_owned(), about));
        rows.push(command("quit", lang.pick(say::QUIT).to_owned(), UiCommand::Quit));
    }
}

/// For how long to be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MuteFor {
    /// One hour.
    Hour,
    /// Until it recovered.
    UntilRecovery,
    /// Speak again.
    Never,
}

/// A key of a profile's row; the divider is no character of a name that is shown.
fn key(name: &str, word: &str) -> String {
    format!("{name}\u{1f}{word}")
}

fn text_row(key: &str, label: String) -> Row {
    Row { key: key.to_owned(), kind: RowKind::Item, label, enabled: false, light: None, command: None }
}

fn command(key: &str, label: String, command: UiCommand) -> Row {
    Row { enabled: true, command: Some(command), ..text_row(key, label) }
}

fn sub(key: &str, label: String, rows: Vec<Row>) -> Row {
    Row { kind: RowKind::Sub(rows), enabled: true, ..text_row(key, label) }
}

fn separator(key: &str) -> Row {
    Row { kind: RowKind::Separator, ..text_row(&format!("line/{key}"), String::new()) }
}

/// A long line, cut in the middle of nothing: at a character, with an ellipsis.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_LINE) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// One change of a menu that is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The row says something else.
    Label(String, String),
    /// The row can (not) be chosen.
    Enabled(String, bool),
    /// The row's mark.
    Checked(String, bool),
    /// The row's light.
    Light(String, Option<Light>),
    /// The row goes; `parent` is the submenu's key, `None` the menu itself.
    Remove {
        /// Where.
        parent: Option<String>,
        /// Which.
        index: usize,
    },
    /// The row comes, with all that is below it.
    Insert {
        /// Where.
        parent: Option<String>,
        /// Before which.
        index: usize,
        /// What.
        row: Row,
    },
}

/// The changes that turn one menu into another; rows that stay are changed in place. Commands are not shown: they are
/// looked up in the newer menu.
pub fn diff(old: &Menu, new: &Menu) -> Vec<Op> {
    let mut ops = Vec::new();
    diff_rows(None, &old.rows, &new.rows, &mut ops);
    ops
}

fn diff_rows(parent: Option<&str>, old: &[Row], new: &[Row], ops: &mut Vec<Op>) {
    let stays = |row: &Row| new.iter().any(|n| same(row, n));
    let mut current: Vec<&Row> = Vec::with_capacity(new.len());
    for (index, row) in old.iter().enumerate().rev() {
        if stays(row) {
            current.insert(0, row);
        } else {
            ops.push(Op::Remove { parent: parent.map(str::to_owned), index });
        }
    }
    for (index, row) in new.iter().enumerate() {
        match current.iter().position(|c| same(c, row)) {
            Some(at) if at == index => {
                change(current[index], row, ops);
                continue;
            }
            Some(at) => {
                current.remove(at);
                ops.push(Op::Remove { parent: parent.map(str::to_owned), index: at });
            }
            None => {}
        }
        current.insert(index, row);
        ops.push(Op::Insert { parent: parent.map(str::to_owned), index, row: row.clone() });
    }
}

/// One row can become the other in place.
fn same(a: &Row, b: &Row) -> bool {
    a.key == b.key && std::mem::discriminant(&a.kind) == std::mem::discriminant(&b.kind)
}

fn change(old: &Row, new: &Row, ops: &mut Vec<Op>) {
    if old.label != new.label {
        ops.push(Op::Label(new.key.clone(), new.label.clone()));
    }
    if old.enabled != new.enabled {
        ops.push(Op::Enabled(new.key.clone(), new.enabled));
    }
    if old.light != new.light {
        ops.push(Op::Light(new.key.clone(), new.light));
    }
    match (&old.kind, &new.kind) {
        (RowKind::Check(a), RowKind::Check(b)) if a != b => ops.push(Op::Checked(new.key.clone(), *b)),
        (RowKind::Sub(a), RowKind::Sub(b)) => diff_rows(Some(&new.key), a, b, ops),
        _ => {}
    }
}

#[cfg(test)]
mod tests;

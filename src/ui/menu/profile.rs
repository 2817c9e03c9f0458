//! The row of one profile with its submenu.

use super::link::LinkMenu;
use super::row::{Row, key, shortened};
use super::state::{MenuState, MuteFor};
use super::texts::Texts;
use crate::alerts::{Mute, Silence};
use crate::app::messages::EngineRequest;
use crate::health::{Light, Manager, Note};
use crate::restart::{RestartOutcome, RestartStep, RestartView};
use crate::text::display::label;
use crate::text::reason::headline;
use crate::text::restart::helps_with;
use crate::text::{Phrase, duration, menu as say, menu_bar as say_bar, status as say_status};
use crate::ui::UiCommand;
use crate::watcher::snapshot::ProfileView;

/// Maximum width of a name in the row of a profile, in columns; the submenu shows all of it.
const MAX_NAME: usize = 30;
/// At most this many notes are shown.
const MAX_NOTES: usize = 3;

/// The steps of a restart with their texts: to come, running, done.
const STEPS: [(RestartStep, [Phrase; 3]); 3] = [
    (RestartStep::EndingOld, say::STEP_END),
    (RestartStep::StartingNew, say::STEP_START),
    (RestartStep::ProvingLink, say::STEP_PROVE),
];

/// Builds the row of one profile.
pub(super) struct ProfileMenu<'a, 't> {
    pub(super) view: &'a ProfileView,
    pub(super) state: &'a MenuState,
    pub(super) texts: &'a mut Texts<'t>,
}

impl ProfileMenu<'_, '_> {
    pub(super) fn row(&mut self) -> Row {
        let (name, verdict) = (&self.view.profile.name, &self.view.verdict);
        let length = self.texts.since(verdict.since);
        let title = headline(verdict, self.texts.locale.lang);
        let values = [("name", &*self.short_name()), ("title", &title), ("length", &length)];
        let mut text = self.texts.fill(say::PROFILE, &values);
        if self.state.flapping.contains(name) {
            text.push_str(self.texts.pick(say::UNSTABLE));
        }
        let silence = self.silence();
        if silence.mute.is_some() {
            text.push_str(self.texts.pick(say::MUTED));
        }
        if silence.acknowledged.is_some() {
            text.push_str(self.texts.pick(say::ACKNOWLEDGED));
        }
        let mut rows = self.facts();
        let links = LinkMenu::all(name, &verdict.links, self.texts);
        if !links.is_empty() {
            rows.push(self.separator("link-line"));
            rows.extend(links);
        }
        if let Some(restart) = self.state.restarts.get(name).filter(|restart| self.still_holds(restart)) {
            rows.push(self.separator("restart-line"));
            rows.extend(self.restart(restart));
        }
        rows.push(self.separator("command-line"));
        rows.extend(self.commands());
        rows.extend(self.silences());
        Row { light: Some(verdict.light()), ..Row::submenu(self.key("profile"), text, rows) }
    }

    /// The name on one row.
    fn short_name(&self) -> String {
        shortened(&label(&self.view.profile.name), MAX_NAME)
    }

    fn key(&self, word: &str) -> String {
        key(&self.view.profile.name, word)
    }

    fn separator(&self, word: &str) -> Row {
        Row::separator(&self.key(word))
    }

    fn text(&self, word: &str, label: impl Into<String>) -> Row {
        Row::text(self.key(word), label)
    }

    /// The rows that explain the verdict.
    fn facts(&mut self) -> Vec<Row> {
        let verdict = &self.view.verdict;
        let mut rows = Vec::new();
        let name = &self.view.profile.name;
        if self.short_name() != label(name) {
            rows.push(Row::bounded(self.key("name"), &label(name)));
        }
        rows.extend(self.texts.proof(|word| key(name, word), verdict.evidence.as_ref(), verdict.since));
        let process = self.process();
        rows.push(self.text("process", process));
        if let Some(gateway) = &verdict.served_by {
            rows.push(self.text("served-by", self.texts.fill(say::SERVED_BY, &[("name", &label(gateway))])));
        }
        if let Some(at) = verdict.last_message_at {
            let length = self.texts.since(at);
            rows.push(self.text("last-message", self.texts.fill(say::LAST_MESSAGE, &[("length", &length)])));
        }
        if let Some(version) = &verdict.version {
            rows.push(self.text("hermes", say_status::hermes(version, self.texts.locale.lang)));
        }
        let helps = helps_with(self.texts.locale.lang, verdict.reason);
        if !helps.is_empty() {
            rows.push(self.text("helps", helps));
        }
        let notes = verdict.notes.iter().filter(|note| !self.has_link_row(note));
        for (i, note) in notes.take(MAX_NOTES).enumerate() {
            rows.push(self.text(&format!("note{i}"), self.note(note)));
        }
        rows
    }

    /// Whether the note is about a link, which has its own row.
    fn has_link_row(&self, note: &Note) -> bool {
        let Note::Also(_, Some(platform), _) = note else { return false };
        self.view.verdict.links.iter().any(|link| link.platform == *platform && link.light != Light::Green)
    }

    fn process(&mut self) -> String {
        let verdict = &self.view.verdict;
        let manager = verdict.manager.or_else(|| self.view.profile.job.as_ref().map(|job| job.manager));
        let manager = manager.map_or(self.texts.pick(say::NO_MANAGER), Manager::word);
        let Some(pid) = verdict.pid.map(|pid| pid.to_string()) else {
            return self.texts.fill(say::NO_PROCESS, &[("manager", manager)]);
        };
        let Some(start) = verdict.started_at else {
            return self.texts.fill(say::PROCESS_NO_UPTIME, &[("pid", &pid), ("manager", manager)]);
        };
        let uptime = self.texts.since(start);
        self.texts.fill(say::PROCESS, &[("pid", &pid), ("manager", manager), ("uptime", &uptime)])
    }

    fn note(&self, note: &Note) -> String {
        let phrase = match note {
            Note::Also(reason, platform, _) => {
                let title = self.texts.title(*reason, platform.as_deref());
                return self.texts.fill(say::ALSO, &[("title", &title)]);
            }
            Note::Unreadable(file) => {
                return crate::text::proof::unreadable(self.texts.locale.lang, file);
            }
            Note::SecondInstance(_) => say::SECOND_INSTANCE,
            Note::InfoHidden => say::INFO_HIDDEN,
            Note::DroppedAtStart => say::DROPPED,
        };
        self.texts.pick(phrase).to_owned()
    }

    /// Whether a restart is running, or its outcome still describes the profile.
    fn still_holds(&self, restart: &RestartView) -> bool {
        let verdict = &self.view.verdict;
        match &restart.outcome {
            None => true,
            Some(RestartOutcome::Worked { pid, .. }) => {
                verdict.reason.works() && verdict.pid.is_none_or(|now| now == *pid)
            }
            Some(RestartOutcome::Failed { .. } | RestartOutcome::CannotTell { .. }) => {
                !verdict.reason.works()
            }
        }
    }

    /// The steps of a restart that has not succeeded, and its outcome.
    fn restart(&self, restart: &RestartView) -> Vec<Row> {
        let running = restart.is_under_way();
        let step = |(step, [to_come, under_way, done]): (RestartStep, [Phrase; 3])| {
            let is_current = running && step == restart.step;
            let label = match restart.retrying.filter(|_| is_current) {
                _ if step < restart.step => self.texts.pick(done).to_owned(),
                Some(reason) => {
                    self.texts.fill(say::STEP_RETRYING, &[("title", &self.texts.title(reason, None))])
                }
                None => self.texts.pick(if is_current { under_way } else { to_come }).to_owned(),
            };
            self.text(&format!("step{}", step as u8), label)
        };
        let outcome = restart.outcome.as_ref();
        let outcome = outcome.map(|outcome| Row::bounded(self.key("outcome"), &self.outcome(outcome)));
        if matches!(restart.outcome, Some(RestartOutcome::Worked { .. })) {
            return outcome.into_iter().collect();
        }
        STEPS.into_iter().map(step).chain(outcome).collect()
    }

    fn outcome(&self, outcome: &RestartOutcome) -> String {
        let lang = self.texts.locale.lang;
        let (phrase, why) = match outcome {
            RestartOutcome::Worked { took, pid, killed, .. } => {
                let phrase = if *killed { say::RESTART_KILLED } else { say::RESTART_WORKED };
                let values = [("took", &*duration(lang, *took)), ("pid", &*pid.to_string())];
                return self.texts.fill(phrase, &values);
            }
            RestartOutcome::Failed { why, .. } => (say::RESTART_FAILED, why),
            RestartOutcome::CannotTell { why, .. } => (say::RESTART_UNKNOWN, why),
        };
        self.texts.fill(phrase, &[("why", &label(&why.text(lang)))])
    }

    fn commands(&self) -> Vec<Row> {
        let name = &self.view.profile.name;
        let job = self.view.profile.job.as_ref();
        let restarting = self.state.restarts.get(name).is_some_and(RestartView::is_under_way);
        let row = |word: &str, label: Phrase, command: fn(String) -> UiCommand| {
            Row::command(self.key(word), self.texts.pick(label), command(name.clone()))
        };
        let request_row = |word: &str, label: Phrase, request: fn(String) -> EngineRequest| {
            Row::command(self.key(word), self.texts.pick(label), request(name.clone()))
        };
        let restart = if restarting { say::RESTARTING } else { say::RESTART };
        // a served profile has the job of its gateway
        let has_job = job.is_some() || self.view.verdict.served_by.is_some();
        let can_change = has_job && !restarting;
        let runs = self.view.verdict.pid.is_some()
            || matches!(self.view.verdict.light(), Light::Green | Light::Amber);
        let start_or_stop = if runs {
            request_row("stop", say_bar::STOP, EngineRequest::Stop)
        } else {
            request_row("start", say_bar::START, EngineRequest::Start)
        };
        let has_system_log = has_job && job.is_none_or(|job| job.manager != Manager::Embedded);
        let mut rows = vec![
            request_row("restart", restart, EngineRequest::Restart).enabled_if(can_change),
            start_or_stop.enabled_if(can_change),
            row("open-log", say::OPEN_LOG, UiCommand::OpenLog),
            row("open-system-log", say::OPEN_SYSTEM_LOG, UiCommand::OpenSystemLog).enabled_if(has_system_log),
            row("show-job-file", say::SHOW_JOB_FILE, UiCommand::ShowJobFile).enabled_if(has_job),
        ];
        if self.state.job_files.repairable.contains(name) {
            rows.push(request_row("repair", say::REPAIR, EngineRequest::Repair));
        }
        rows.push(request_row("copy-diagnostics", say::COPY_DIAGNOSTICS, EngineRequest::CopyDiagnostics));
        rows
    }

    fn silence(&self) -> Silence {
        self.state.silences.get(&self.view.profile.name).cloned().unwrap_or_default()
    }

    fn silences(&self) -> Vec<Row> {
        let name = &self.view.profile.name;
        let Silence { mute, acknowledged } = self.silence();
        let row = |word: &str, label: String, on: bool, choice: MuteFor| {
            let choice = if on { MuteFor::Never } else { choice };
            Row::check(self.key(word), label, on, UiCommand::Mute(name.clone(), choice))
        };
        let (hour, for_hour) = match mute {
            Some(Mute::Until(until)) => {
                (self.texts.fill(say::MUTED_UNTIL, &[("time", &self.texts.time(until))]), true)
            }
            _ => (self.texts.pick(say::MUTE_HOUR).to_owned(), false),
        };
        let recovery = self.texts.pick(say::MUTE_RECOVERY).to_owned();
        let until_recovery = mute == Some(Mute::Recovery);
        // "until it recovers" makes no sense for a working profile
        let can_recover = until_recovery || !self.view.verdict.reason.works();
        let known = acknowledged.is_some();
        let acknowledge = UiCommand::Acknowledge(name.clone(), !known);
        let label = self.texts.pick(say::ACKNOWLEDGE);
        let is_red = self.view.verdict.light() == Light::Red;
        let acknowledge = Row::check(self.key("acknowledge"), label, known, acknowledge);
        let mut rows: Vec<Row> = (known || is_red).then_some(acknowledge).into_iter().collect();
        rows.extend([
            row("mute-hour", hour, for_hour, MuteFor::Hour),
            row("mute-recovery", recovery, until_recovery, MuteFor::UntilRecovery).enabled_if(can_recover),
        ]);
        rows
    }
}

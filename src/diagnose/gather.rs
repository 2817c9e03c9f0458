//! Gathers the content of a diagnosis: files, the manager's answer, findings, logs, history.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{Diagnosis, LOG_LINES, LogLine, around, log, render, system};
use crate::doctor::Finding;
use crate::evidence::anonymise::Anonymiser;
use crate::evidence::clock;
use crate::files;
use crate::health::JobState;
use crate::history::{Reader, Window};
use crate::order::Order as _;
use crate::profile::JobFile;
use crate::profile::files::LARGEST;
use crate::supervisor::{JobReport, Supervisors};
use crate::text::{self, Lang, Worded as _, diagnose as phrases, labelled};
use crate::watcher::snapshot::ProfileView;

/// Lines of Gatelight's own log in a diagnosis.
const OWN_LOG_LINES: usize = 40;

/// How far back the history goes.
const SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The inputs of a diagnosis.
pub(crate) struct Sources<'a> {
    /// The profile and its verdict.
    pub(crate) view: &'a ProfileView,
    /// The profile whose gateway serves it; `None`: it has its own.
    pub(crate) gateway: Option<&'a ProfileView>,
    /// The managers of this machine.
    pub(crate) supervisors: &'a Supervisors,
    /// The doctor's findings, of any profile.
    pub(crate) findings: &'a [Finding],
    /// The history file.
    pub(crate) history: &'a Path,
    /// Gatelight's own log.
    pub(crate) own_log: &'a Path,
    /// The text about the running agent.
    pub(crate) agent: &'a str,
    /// Removes names.
    pub(crate) anonymiser: &'a Anonymiser,
    /// A recording that was made for attaching.
    pub(crate) recording: Option<&'a str>,
    /// The language.
    pub(crate) lang: Lang,
}

/// Removes the names of this machine and its user from published texts.
pub(crate) fn anonymiser(user_home: &Path) -> Anonymiser {
    Anonymiser::new(system::facts(user_home))
}

impl Sources<'_> {
    /// The diagnosis as Markdown.
    pub(crate) fn diagnose(&self, now: Timestamp) -> String {
        let (view, lang) = (self.view, self.lang);
        let both = || self.gateway.into_iter().chain([view]);
        let job = both().find_map(|view| view.profile.job.as_ref());
        let job_file = job.and_then(|job| read_job(&job.path));
        let findings: Vec<String> = self
            .findings
            .iter()
            .filter(|finding| both().any(|view| finding.profile.as_deref() == Some(&view.profile.name)))
            .map(|finding| format!("{}: {}", finding.code.name(), finding.message.pick(lang)))
            .collect();
        let manager = job.map_or_else(Vec::new, |job| self.ask_manager(job));
        let mut log = log::last_lines(&view.profile, 4 * LOG_LINES);
        if let Some(gateway) = self.gateway {
            let lines = log::last_lines(&gateway.profile, 4 * LOG_LINES).into_iter();
            log.extend(lines.map(|line| LogLine { file: format!("gateway: {}", line.file), ..line }));
            log.order_by_key(|line| line.at);
            // Hermes 0.19 writes every line of the gateway to the log of each served profile
            log.dedup_by(|a, b| a.at == b.at && a.text == b.text);
        }
        let record = Reader::window(self.history, Window::last(SPAN, now)).ok().flatten();
        render(&Diagnosis {
            now,
            zone: &clock::time_zone(),
            lang,
            anonymiser: self.anonymiser,
            view,
            system: &[
                vec![("agent".to_owned(), self.agent.to_owned())],
                system::system(),
                system::gateway_versions(view, lang),
            ]
            .concat(),
            job_file: job_file.as_deref(),
            manager: &manager,
            findings: &findings,
            log: around(&log, view.verdict.since.min(now), LOG_LINES),
            record: record.as_ref(),
            span: SPAN,
            own_log: &crate::log::tail(self.own_log, OWN_LOG_LINES).unwrap_or_default(),
            recording: self.recording,
        })
    }

    /// The manager's report on the job, or why there is none; one fact per line.
    fn ask_manager(&self, job: &JobFile) -> Vec<String> {
        let Some(supervisor) = self.supervisors.get(job.manager) else { return Vec::new() };
        match supervisor.query(job) {
            Ok(report) => report_lines(&job.label, &report, self.lang),
            Err(error) => vec![labelled(self.lang, &job.label, &error.text(self.lang))],
        }
    }
}

/// A report as lines; facts that the manager did not report have none.
fn report_lines(label: &str, report: &JobReport, lang: Lang) -> Vec<String> {
    let yes_or_no = |yes: bool| lang.pick(if yes { phrases::YES } else { phrases::NO }).to_owned();
    let exit = report.last_exit.map(|exit| match exit {
        ..0 => (phrases::LAST_SIGNAL, exit.saturating_neg().to_string()),
        _ => (phrases::LAST_EXIT, exit.to_string()),
    });
    let loaded = report.state != JobState::NotLoaded;
    let facts = [
        report.pid.map(|pid| (phrases::PID, pid.to_string())),
        report.runs.map(|runs| (phrases::RUNS, runs.to_string())),
        exit,
        report.exit_reason.clone().map(|reason| (phrases::EXIT_REASON, reason)),
        report.spawn_failed.then(|| (phrases::SPAWN_FAILED, yes_or_no(true))),
        loaded.then(|| (phrases::KEEPS_ALIVE, yes_or_no(report.keeps_alive))),
        report.domain.clone().map(|domain| (phrases::DOMAIN, domain)),
        report.exit_timeout.map(|limit| (phrases::EXIT_TIMEOUT, format!("{} s", limit.as_secs()))),
    ];
    let facts = facts.into_iter().flatten().map(|(name, value)| labelled(lang, lang.pick(name), &value));
    std::iter::once(labelled(lang, label, lang.pick(text::proof::job_state(report.state))))
        .chain(facts)
        .collect()
}

/// The job file as text; a binary plist as XML. `None` if it cannot be read.
fn read_job(path: &Path) -> Option<String> {
    let bytes = files::read(path, LARGEST).ok()?;
    if !bytes.starts_with(b"bplist") {
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    let value = plist::Value::from_reader(std::io::Cursor::new(bytes)).ok()?;
    let mut xml = Vec::new();
    value.to_writer_xml(&mut xml).ok()?;
    String::from_utf8(xml).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_managers_report_reads_as_text_in_both_languages() {
        let report = JobReport {
            pid: Some(77),
            runs: Some(3),
            last_exit: Some(-9),
            exit_reason: Some("OS_REASON_JETSAM".to_owned()),
            keeps_alive: true,
            domain: Some("gui/501".to_owned()),
            exit_timeout: Some(Duration::from_secs(20)),
            state: JobState::Running,
            ..JobReport::NOT_LOADED
        };
        let lines = |lang| report_lines("ai.hermes.gateway", &report, lang).join("\n");
        let en = "ai.hermes.gateway: running\nPID: 77\nstarts: 3\nlast run ended by signal: 9\n\
            last exit reason: OS_REASON_JETSAM\nrestarted after this exit: yes\ndomain: gui/501\n\
            time between SIGTERM and SIGKILL: 20 s";
        let zh = "ai.hermes.gateway：运行中\nPID：77\n启动次数：3\n上次被信号终止：9\n上次退出原因：OS_REASON_JETSAM\n\
            此次退出后自动重启：是\ndomain：gui/501\nSIGTERM 到 SIGKILL 的间隔：20 s";
        assert_eq!([lines(Lang::En), lines(Lang::Zh)], [en, zh]);
        let absent = report_lines("x", &JobReport::NOT_LOADED, Lang::En);
        assert_eq!(absent, ["x: not loaded"]);
    }
}

//! Gathers what a diagnosis says: files, the manager's answer, findings, logs, history.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{Diagnosis, LOG_LINES, LogLine, around, log, render, system};
use crate::doctor::Finding;
use crate::evidence::anonymise::Anonymiser;
use crate::files;
use crate::history::{Reader, Window};
use crate::profile::JobFile;
use crate::profile::files::LARGEST;
use crate::supervisor::Supervisors;
use crate::text::Lang;
use crate::watcher::snapshot::ProfileView;

/// Lines of Gatelight's own log in a diagnosis.
const OWN_LOG_LINES: usize = 40;

/// How far back the history goes.
const SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a diagnosis is made from.
pub(crate) struct Sources<'a> {
    /// The profile and its verdict.
    pub(crate) view: &'a ProfileView,
    /// The profile whose gateway serves it; `None`: it has its own.
    pub(crate) gateway: Option<&'a ProfileView>,
    /// The managers of this machine.
    pub(crate) supervisors: &'a Supervisors,
    /// What the doctor found, of any profile.
    pub(crate) findings: &'a [Finding],
    /// The history file.
    pub(crate) history: &'a Path,
    /// Gatelight's own log.
    pub(crate) own_log: &'a Path,
    /// Whether an agent watches.
    pub(crate) agent: &'a str,
    /// Takes names out.
    pub(crate) anonymiser: &'a Anonymiser,
    /// A recording that was made for attaching.
    pub(crate) recording: Option<&'a str>,
    /// The language.
    pub(crate) lang: Lang,
}

/// Takes the names of this machine and its user out of what strangers will read.
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
        let manager: Vec<String> = job.and_then(|job| self.ask_manager(job)).into_iter().collect();
        let mut log = log::last_lines(&view.profile, 4 * LOG_LINES);
        if let Some(gateway) = self.gateway {
            let lines = log::last_lines(&gateway.profile, 4 * LOG_LINES).into_iter();
            log.extend(lines.map(|line| LogLine { file: format!("gateway: {}", line.file), ..line }));
            log.sort_by_key(|line| line.at);
            // Hermes 0.19 writes every line of the gateway to the log of each served profile
            log.dedup_by(|a, b| a.at == b.at && a.text == b.text);
        }
        let record = Reader::window(self.history, Window::last(SPAN, now)).ok().flatten();
        render(&Diagnosis {
            now,
            zone: &jiff::tz::TimeZone::system(),
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

    fn ask_manager(&self, job: &JobFile) -> Option<String> {
        let supervisor = self.supervisors.get(job.manager)?;
        Some(match supervisor.query(job) {
            Ok(report) => format!("{}: {report:?}", job.label),
            Err(error) => format!("{}: {error}", job.label),
        })
    }
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

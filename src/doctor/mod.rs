//! What is wrong with a job file, what it leads to, and its repair.
//!
//! [`examine`] finds; [`repair`] works out new bytes (pure); [`write`] puts them in place; [`flow`] reloads, verifies and
//! puts the old file back where that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::evidence::process;
use crate::health::{JobState, Manager, ProcessState};
use crate::profile::{BadJobFile, Found, JobFile, KeepAlive, Places, Profile, files, homes};
use crate::supervisor::{JobReport, Supervisor};
use crate::text::{Both, Phrase, doctor as phrases};

pub mod fix;
pub mod flow;
pub mod repair;
pub mod words;
pub mod write;

use repair::{Plan, Refusal, Wanted};

/// A log larger than this, in bytes, is a finding. Field reports: 208, 141 and 35 MB.
pub const HUGE_LOG: u64 = 100_000_000;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The gateway does not work, or will not for long.
    Error,
    /// It works, and something will break it.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Code {
    PlistInvalid,
    ReplaceFlag,
    ReplaceWithKeepalive,
    KeepaliveSkipsCleanExit,
    RunAtLoadMissing,
    KeepaliveMissing,
    ThrottleMissing,
    ProgramMissing,
    LabelMismatch,
    DuplicateHome,
    NotLoaded,
    UnsafePermissions,
    LogHuge,
    SecondInstance,
    NotReloaded,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 15] = [
        Self::PlistInvalid,
        Self::ReplaceFlag,
        Self::ReplaceWithKeepalive,
        Self::KeepaliveSkipsCleanExit,
        Self::RunAtLoadMissing,
        Self::KeepaliveMissing,
        Self::ThrottleMissing,
        Self::ProgramMissing,
        Self::LabelMismatch,
        Self::DuplicateHome,
        Self::NotLoaded,
        Self::UnsafePermissions,
        Self::LogHuge,
        Self::SecondInstance,
        Self::NotReloaded,
    ];

    /// Its name, severity, and the reports of NousResearch/hermes-agent about what it leads to.
    pub const fn facts(self) -> (&'static str, Severity, &'static [u32]) {
        use Severity::{Error, Info, Warning};
        match self {
            Self::PlistInvalid => ("plist-invalid", Error, &[23387, 40831]),
            Self::ReplaceFlag => ("replace-flag", Warning, &[92276, 21549, 79048, 30155, 89315]),
            Self::ReplaceWithKeepalive => ("replace-with-keepalive", Error, &[92276, 21549, 30155]),
            Self::KeepaliveSkipsCleanExit => ("keepalive-skips-clean-exit", Warning, &[37388, 28135, 53861]),
            Self::RunAtLoadMissing => ("run-at-load-missing", Warning, &[73368]),
            Self::KeepaliveMissing => ("keepalive-missing", Warning, &[88848, 64778]),
            Self::ThrottleMissing => ("throttle-missing", Info, &[91366, 88304]),
            Self::ProgramMissing => ("program-missing", Error, &[78129, 107_618]),
            Self::LabelMismatch => ("label-mismatch", Warning, &[]),
            Self::DuplicateHome => ("duplicate-home", Error, &[82538, 86893, 30155]),
            Self::NotLoaded => ("not-loaded", Error, &[73368, 73370, 44683]),
            Self::UnsafePermissions => ("unsafe-permissions", Error, &[]),
            Self::LogHuge => ("log-huge", Warning, &[61589, 89536]),
            Self::SecondInstance => ("second-instance", Error, &[88304, 86893, 82538]),
            Self::NotReloaded => ("not-reloaded", Warning, &[92276, 21549]),
        }
    }

    /// Its name in output.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// The profile, where one is concerned.
    pub profile: Option<String>,
    /// The file to look at.
    pub file: Option<PathBuf>,
    /// What it leads to.
    pub message: Both,
    /// What to do.
    pub remedy: Both,
    /// Whether `--fix` repairs or offers it.
    pub fixable: bool,
}

impl Finding {
    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        self.code.facts().1
    }

    /// Field reports about it: issue numbers of NousResearch/hermes-agent.
    pub const fn reports(&self) -> &'static [u32] {
        self.code.facts().2
    }
}

/// What only the running world tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveFacts {
    /// Labels of jobs that their manager does not know.
    pub not_loaded: BTreeSet<String>,
    /// Profiles whose home is held by a live gateway (PID) that is not the job's.
    pub second_instance: BTreeMap<String, u32>,
    /// Profiles whose job's process (PID) still has `--replace`, though the file has it no more.
    pub from_before: BTreeMap<String, u32>,
}

/// What the system says of a process, as far as the doctor needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Its start time in the unit of `gateway.pid`.
    pub start: Option<u64>,
    /// Its parent.
    pub parent: Option<u32>,
}

impl LiveFacts {
    /// Asks the managers and the system. Whoever gives no answer leaves nothing behind: it is not assumed.
    pub fn ask<'a>(
        found: &Found,
        supervisor: &dyn Fn(Manager) -> Option<&'a dyn Supervisor>,
        process: &dyn Fn(u32) -> Option<ProcessFacts>,
        arguments_of: &dyn Fn(u32) -> Option<Vec<String>>,
    ) -> Self {
        let mut facts = Self::default();
        for profile in &found.profiles {
            let Some(job) = &profile.job else { continue };
            let report = supervisor(job.manager).and_then(|supervisor| supervisor.query(job).ok());
            let Some(report) = report else { continue };
            if report.state == JobState::NotLoaded {
                facts.not_loaded.insert(job.label.clone());
            }
            if let Some(pid) = other_instance(&profile.home, &report, process) {
                facts.second_instance.insert(profile.name.clone(), pid);
            }
            let older = |pid: &u32| {
                arguments_of(*pid).is_some_and(|words| repair::is_from_before(&words, &job.arguments))
            };
            if let Some(pid) = report.pid.filter(older) {
                facts.from_before.insert(profile.name.clone(), pid);
            }
        }
        facts
    }
}

/// The live process of `gateway.pid`, if it is neither the job's nor a descendant of that.
fn other_instance(
    home: &Path,
    report: &JobReport,
    process: &dyn Fn(u32) -> Option<ProcessFacts>,
) -> Option<u32> {
    if report.state == JobState::Stopped {
        return None;
    }
    let bytes = files::read_within(&home.join("gateway.pid")).ok()?;
    let written: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let pid = u32::try_from(written.get("pid")?.as_u64()?).ok()?;
    let live = process(pid)?;
    // another start time: the number was given to somebody else since
    if let (Some(written), Some(start)) =
        (written.get("start_time").and_then(serde_json::Value::as_u64), live.start)
        && written != start
    {
        return None;
    }
    let mut ancestor = Some(pid);
    for _ in 0..32 {
        match ancestor {
            Some(known) if Some(known) == report.pid => return None,
            Some(known) if known > 1 => ancestor = process(known).and_then(|facts| facts.parent),
            _ => break,
        }
    }
    Some(pid)
}

/// The system's word of a process; a zombie is none.
pub fn process_facts(pid: u32) -> Option<ProcessFacts> {
    let info = process::look(pid).filter(|info| info.state != ProcessState::Zombie)?;
    Some(ProcessFacts { start: Some(info.start), parent: Some(info.parent) })
}

/// Finds what is wrong, profile by profile in the order of the scan, then files that could not be read. Reads job files
/// and asks for sizes and modes; writes nothing.
pub fn examine(found: &Found, places: &Places, live: &LiveFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_home: BTreeMap<PathBuf, Vec<&Profile>> = BTreeMap::new();
    for profile in &found.profiles {
        if profile.job.is_some() {
            by_home.entry(homes::identity(&profile.home)).or_default().push(profile);
        }
    }
    let mut folders = BTreeSet::new();
    for profile in &found.profiles {
        let mut look = Look { profile, places, findings: &mut findings };
        if let Some(job) = &profile.job {
            look.job(job);
            let others: Vec<&str> = by_home
                .get(&homes::identity(&profile.home))
                .into_iter()
                .flatten()
                .filter(|other| other.name != profile.name)
                .filter_map(|other| other.label())
                .collect();
            if !others.is_empty() {
                let home = profile.home.display().to_string();
                let values = [("others", &*others.join(", ")), ("home", &*home)];
                look.add(Code::DuplicateHome, Some(&job.path), phrases::DUPLICATE_HOME, &values, false);
            }
            if live.not_loaded.contains(&job.label) {
                let values = [("profile", &*profile.name)];
                look.add(Code::NotLoaded, Some(&job.path), phrases::NOT_LOADED, &values, false);
            }
            if let Some(folder) = job.path.parent()
                && folders.insert(folder.to_path_buf())
            {
                look.permissions(folder, job.manager);
            }
        }
        if let Some(pid) = live.second_instance.get(&profile.name) {
            let values = [("pid", &*pid.to_string()), ("profile", &*profile.name)];
            look.add(Code::SecondInstance, profile.label_file(), phrases::SECOND_INSTANCE, &values, false);
        }
        if let Some(pid) = live.from_before.get(&profile.name) {
            let values = [("pid", &*pid.to_string())];
            look.add(Code::NotReloaded, profile.label_file(), phrases::NOT_RELOADED_SINCE, &values, true);
        } else if profile.job.as_ref().is_some_and(|job| job.files().any(write::is_marked)) {
            look.add(Code::NotReloaded, profile.label_file(), phrases::INTERRUPTED, &[], true);
        }
        look.logs();
    }
    findings.extend(found.bad.iter().map(invalid));
    findings
}

fn invalid(bad: &BadJobFile) -> Finding {
    Finding {
        code: Code::PlistInvalid,
        profile: None,
        file: Some(bad.path.clone()),
        message: bad.reason.within(phrases::INVALID[0], "why"),
        remedy: Both::fill(phrases::INVALID[1], &[]),
        fixable: false,
    }
}

impl Profile {
    fn label_file(&self) -> Option<&Path> {
        self.job.as_ref().map(|job| job.path.as_path())
    }
}

/// Whether a file is another user's: a drop-in for all users, say. That is not ours to change, unless we are root.
fn is_anothers(file: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    us != 0 && std::fs::metadata(file).is_ok_and(|data| data.uid() != us)
}

/// The repair of one of a job's files; see [`repair::plan`].
fn plan(
    job: &JobFile,
    file: &Path,
    bytes: &[u8],
    wanted: Wanted,
    user_home: &Path,
) -> Result<Option<Plan>, Refusal> {
    let plan = repair::plan(job.manager, bytes, wanted, user_home)?;
    if plan.is_some() && is_anothers(file) { Err(Refusal::Anothers) } else { Ok(plan) }
}

/// What `--fix` would change in a job as it was read.
pub fn wanted(job: &JobFile) -> Wanted {
    Wanted {
        replace: !repair::flags(&job.arguments).is_empty(),
        run_at_load: starts_on_demand_only(job),
        keep_alive: job.keep_alive == KeepAlive::No,
    }
}

/// Whether launchd does not start the job when it loads it. `KeepAlive` does, whatever `RunAtLoad` says: launchd.plist(5),
/// "the use of this key implicitly implies RunAtLoad".
fn starts_on_demand_only(job: &JobFile) -> bool {
    job.manager == Manager::Launchd && !job.run_at_load && job.keep_alive == KeepAlive::No
}

struct Look<'a> {
    profile: &'a Profile,
    places: &'a Places,
    findings: &'a mut Vec<Finding>,
}

impl Look<'_> {
    fn add(
        &mut self,
        code: Code,
        file: Option<&Path>,
        texts: [Phrase; 2],
        values: &[(&str, &str)],
        fixable: bool,
    ) {
        self.findings.push(Finding {
            code,
            profile: Some(self.profile.name.clone()),
            file: file.map(Path::to_path_buf),
            message: Both::fill(texts[0], values),
            remedy: Both::fill(texts[1], values),
            fixable,
        });
    }

    fn job(&mut self, job: &JobFile) {
        let file = Some(job.path.as_path());
        let wanted = wanted(job);
        if wanted.replace || repair::hides_flag(job) {
            self.replace_flag(job);
        }
        let values = [("label", &*job.label)];
        if wanted.run_at_load {
            let fixable = self.can(job, Wanted { run_at_load: true, ..Wanted::default() }).is_ok();
            self.add(Code::RunAtLoadMissing, file, phrases::RUN_AT_LOAD, &values, fixable);
        } else if job.manager == Manager::Systemd && !job.run_at_load {
            self.add(Code::RunAtLoadMissing, file, phrases::NOT_ENABLED, &values, false);
        }
        if wanted.keep_alive {
            let fixable = self.can(job, Wanted { keep_alive: true, ..Wanted::default() }).is_ok();
            self.add(Code::KeepaliveMissing, file, phrases::KEEPALIVE, &[], fixable);
        } else if job.throttle_s.is_none() {
            self.add(Code::ThrottleMissing, file, phrases::THROTTLE, &[], false);
        }
        if let Some(program) = missing_program(job, &self.places.user_home) {
            self.add(Code::ProgramMissing, file, phrases::PROGRAM, &[("program", &*program)], false);
        }
        let named_after_label = files::name_of(&job.path).strip_suffix(".plist") == Some(&job.label);
        if job.manager == Manager::Launchd && !named_after_label {
            self.add(Code::LabelMismatch, file, phrases::LABEL, &[("label", &*job.label)], false);
        }
        for file in job.files() {
            self.permissions(file, job.manager);
        }
    }

    fn replace_flag(&mut self, job: &JobFile) {
        let one = Wanted { replace: true, ..Wanted::default() };
        let can = self.can(job, one);
        let texts = if came_back(job, &self.places.user_home) {
            phrases::REPLACE_FLAG_BACK
        } else {
            phrases::REPLACE_FLAG
        };
        let file = self.changed_file(job, one);
        match can {
            Ok(()) => self.add(Code::ReplaceFlag, Some(&file), texts, &[], true),
            Err(refusal) => {
                let remedy = Both::from(why(refusal)).within(phrases::BY_HAND, "why");
                self.add(Code::ReplaceFlag, Some(&file), texts, &[], false);
                if let Some(finding) = self.findings.last_mut() {
                    finding.remedy = remedy;
                }
            }
        }
        match job.keep_alive {
            KeepAlive::Always | KeepAlive::Conditional | KeepAlive::AfterSuccess => {
                self.add(
                    Code::ReplaceWithKeepalive,
                    Some(&file),
                    phrases::REPLACE_WITH_KEEPALIVE,
                    &[],
                    can.is_ok(),
                );
            }
            KeepAlive::AfterFailure => {
                self.add(
                    Code::KeepaliveSkipsCleanExit,
                    Some(&file),
                    phrases::KEEPALIVE_SKIPS,
                    &[],
                    can.is_ok(),
                );
            }
            KeepAlive::No | KeepAlive::AfterSignal => {}
        }
    }

    /// Whether a repair can be worked out, and leaves none of it wanted.
    fn can(&self, job: &JobFile, wanted: Wanted) -> Result<(), Refusal> {
        let mut any = false;
        for file in job.files() {
            let bytes = files::read_within(file).map_err(|_| Refusal::Unreadable)?;
            any |= plan(job, file, &bytes, wanted, &self.places.user_home)?.is_some();
        }
        match any {
            true => Ok(()),
            false if wanted.replace && repair::hides_flag(job) => Err(Refusal::Hidden),
            // it comes from a variable, then
            false => Err(Refusal::Variable),
        }
    }

    fn changed_file(&self, job: &JobFile, wanted: Wanted) -> PathBuf {
        let changes = |file: &&Path| {
            let bytes = files::read_within(file).ok();
            bytes.is_some_and(|bytes| {
                !matches!(plan(job, file, &bytes, wanted, &self.places.user_home), Ok(None))
            })
        };
        job.files().find(changes).unwrap_or(&job.path).to_path_buf()
    }

    fn permissions(&mut self, path: &Path, manager: Manager) {
        // launchd refuses both ("bad ownership/permissions"); with systemd a group of one's own is usual
        let refused = if manager == Manager::Systemd { 0o002 } else { 0o022 };
        let Ok(data) = std::fs::metadata(path) else { return };
        let mode = data.permissions().mode() & 0o7777;
        if mode & refused != 0 {
            let quoted = quoted(&path.display().to_string());
            let values = [
                ("path", &*path.display().to_string()),
                ("mode", &*format!("{mode:04o}")),
                ("quoted", &*quoted),
            ];
            self.add(Code::UnsafePermissions, Some(path), phrases::PERMISSIONS, &values, false);
        }
    }

    fn logs(&mut self) {
        let profile = self.profile;
        for path in &profile.logs {
            let Ok(data) = std::fs::metadata(path) else {
                continue;
            };
            if data.is_file() && data.size() > HUGE_LOG {
                let size = (data.size() / 1_000_000).to_string();
                let quoted = quoted(&path.display().to_string());
                let values = [("path", &*path.display().to_string()), ("size", &*size), ("quoted", &*quoted)];
                self.add(Code::LogHuge, Some(path), phrases::LOG_HUGE, &values, false);
            }
        }
    }
}

/// A path as a word of a shell.
fn quoted(path: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | '@' | ':');
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// A refusal in both languages.
pub const fn why(refusal: Refusal) -> Phrase {
    match refusal {
        Refusal::Unreadable => phrases::WHY_UNREADABLE,
        Refusal::Quoting => phrases::WHY_QUOTING,
        Refusal::Unproven => phrases::WHY_UNPROVEN,
        Refusal::Anothers => phrases::WHY_ANOTHERS,
        Refusal::Variable => phrases::WHY_VARIABLE,
        Refusal::Hidden => phrases::WHY_HIDDEN,
    }
}

/// Whether the flag was taken out of this job before: the backup beside it has it, and the file is newer.
fn came_back(job: &JobFile, user_home: &Path) -> bool {
    job.files().any(|file| {
        let had_it = |bytes: &[u8]| {
            let one = Wanted { replace: true, ..Wanted::default() };
            !matches!(repair::plan(job.manager, bytes, one, user_home), Ok(None))
        };
        write::rewritten_since_repair(file)
            && files::read_within(&write::beside(file, write::BACKUP)).is_ok_and(|bytes| had_it(&bytes))
    })
}

/// The program that cannot be run: the job's own, or the one inside its wrapper.
fn missing_program(job: &JobFile, user_home: &Path) -> Option<String> {
    let own = job.arguments.first().map(String::as_str);
    let inner = job.gateway_words.first().map(String::as_str);
    let path = job.env("PATH").unwrap_or("/usr/bin:/bin:/usr/sbin:/sbin");
    let runs = |file: &Path| {
        std::fs::metadata(file).is_ok_and(|d| d.is_file() && d.permissions().mode() & 0o111 != 0)
    };
    let is_there = |program: &str| {
        let expanded = crate::profile::expand(program, user_home);
        if expanded.is_absolute() {
            runs(&expanded)
        } else if program.contains(['/', '$', '`']) {
            // relative to a folder, or named by a variable, that only the shell knows
            true
        } else {
            path.split(':').any(|folder| runs(&Path::new(folder).join(program)))
        }
    };
    let missing_own = own.filter(|program| !is_there(program));
    // a shell has a PATH of its own making: there only a full path can be checked
    let missing_inner =
        inner.filter(|program| Some(*program) != own && program.contains('/') && !is_there(program));
    missing_own.or(missing_inner).map(str::to_owned)
}

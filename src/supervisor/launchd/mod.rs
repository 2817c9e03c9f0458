//! launchd, through `launchctl`: the exact label in the right domain, every known exit code handled, every wait bounded.
//!
//! The command line is the only documented interface, and its output is no API; [`parse`] is tolerant. Only `pid = N` shows
//! that a job runs: `list LABEL` exits with 0 for every registered job.

pub mod parse;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::child::{self, Answer};
use super::{BadAnswer, BadFile, JobReport, MAX_EXIT, Supervisor, SupervisorError};
use crate::health::{JobState, Manager};
use crate::profile::{JobFile, files, property_list};

/// Where macOS keeps it.
pub const LAUNCHCTL: &str = "/bin/launchctl";

/// launchd's default time between SIGTERM and SIGKILL in seconds (launchd.plist(5): `ExitTimeOut`).
pub const EXIT_TIMEOUT_S: u64 = 20;

/// launchd's default minimum time between two starts in seconds (launchd.plist(5): `ThrottleInterval`).
pub const THROTTLE_S: u64 = 10;

/// Exit codes of launchctl: errno, and launchd's own above 100.
mod code {
    /// `No such process`: the job is not loaded.
    pub(super) const NO_SUCH_PROCESS: i32 = 3;
    /// `Input/output error`: still registered, disabled, or a job file that launchd refuses.
    pub(super) const IO: i32 = 5;
    /// `Operation now in progress`: the job is still ending.
    pub(super) const IN_PROGRESS: i32 = 36;
    /// `Operation already in progress`.
    pub(super) const ALREADY: i32 = 37;
    /// `Could not find domain`.
    pub(super) const NO_DOMAIN: i32 = 112;
    /// `Could not find service`.
    pub(super) const NO_SERVICE: i32 = 113;
    /// `Service is disabled`.
    pub(super) const DISABLED: i32 = 119;
    /// `Domain does not support specified action`.
    pub(super) const UNSUPPORTED: i32 = 125;
}

/// Time limits of calls and waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// For a query.
    pub ask: Duration,
    /// For a call that changes something, added to the job's exit timeout.
    pub act: Duration,
    /// Pause between two queries.
    pub poll: Duration,
    /// Longest wait until a job is registered or gone, added to its exit timeout.
    pub settle: Duration,
    /// For a whole restart or reload, added to the job's exit timeout.
    pub total: Duration,
    /// Factor for the exit timeouts of job files: 1 except in tests.
    pub scale: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ask: Duration::from_secs(5),
            act: Duration::from_secs(15),
            poll: Duration::from_millis(200),
            settle: Duration::from_secs(10),
            total: Duration::from_secs(60),
            scale: 1.0,
        }
    }
}

/// The launchd of this user.
#[derive(Debug, Clone)]
pub struct Launchd {
    program: PathBuf,
    uid: u32,
    timing: Timing,
}

/// Result of a search for a job.
enum Lookup {
    Loaded { domain: String, job: parse::PrintedJob },
    NotLoaded,
}

impl Launchd {
    /// With the program in `GATELIGHT_LAUNCHCTL`, or [`LAUNCHCTL`].
    pub fn from_environment() -> Self {
        let program = std::env::var_os("GATELIGHT_LAUNCHCTL").filter(|p| !p.is_empty());
        Self::new(program.map_or_else(|| PathBuf::from(LAUNCHCTL), PathBuf::from), Timing::default())
    }

    /// With this program (an absolute path) and these limits.
    pub fn new(program: PathBuf, timing: Timing) -> Self {
        Self { program, uid: rustix::process::getuid().as_raw(), timing }
    }

    /// Whether its program is on this machine.
    pub fn present(&self) -> bool {
        self.program.exists()
    }

    /// Starts a loaded job of the graphical session. A running one is left alone (launchctl(1)).
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(crate) fn kickstart(&self, label: &str) -> Result<(), SupervisorError> {
        let target = format!("{}/{label}", self.domains()[0]);
        let arguments = ["kickstart", &target];
        let answer = child::run(&self.program, &arguments, self.timing.act)?;
        if answer.ok() { Ok(()) } else { Err(self.refused(&arguments, &answer)) }
    }

    fn ask(&self, arguments: &[&str]) -> Result<Answer, SupervisorError> {
        child::run(&self.program, arguments, self.timing.ask)
    }

    fn refused(&self, arguments: &[&str], answer: &Answer) -> SupervisorError {
        SupervisorError::Refused {
            program: self.program.display().to_string(),
            action: child::one_line(&arguments.join(" ")),
            code: answer.code,
            words: answer.message(),
        }
    }

    fn bad_answer(&self, arguments: &[&str], answer: &Answer, why: BadAnswer) -> SupervisorError {
        SupervisorError::BadAnswer {
            program: self.program.display().to_string(),
            action: child::one_line(&arguments.join(" ")),
            code: answer.code,
            why,
            words: answer.message(),
        }
    }

    /// The domains that may hold an agent of this user, most likely first. Two agents may be in different domains.
    fn domains(&self) -> [String; 2] {
        [format!("gui/{}", self.uid), format!("user/{}", self.uid)]
    }

    /// Searches for the job in each domain: a job may be loaded in both, and the one that runs is meant. An answer that cannot
    /// be parsed is an error, never "not loaded".
    fn find(&self, label: &str) -> Result<Lookup, SupervisorError> {
        let mut unusable: Option<SupervisorError> = None;
        let mut idle: Option<Lookup> = None;
        for domain in self.domains() {
            let target = format!("{domain}/{label}");
            let arguments = ["print", target.as_str()];
            let answer = self.ask(&arguments)?;
            match answer.code {
                0 => match parse::print(&answer.stdout) {
                    Some(job) if !job.doubtful && job.pid.is_some() => {
                        return Ok(Lookup::Loaded { domain, job });
                    }
                    Some(job) if !job.doubtful => {
                        idle.get_or_insert(Lookup::Loaded { domain, job });
                    }
                    Some(job) => {
                        let doubt = self.bad_answer(&arguments, &answer, BadAnswer::Contradiction);
                        return self.ask_list(label, domain, job, doubt);
                    }
                    None => {
                        unusable.get_or_insert(self.bad_answer(
                            &arguments,
                            &answer,
                            BadAnswer::NotUnderstood,
                        ));
                    }
                },
                code::NO_SERVICE | code::NO_SUCH_PROCESS | code::NO_DOMAIN | code::UNSUPPORTED => {}
                _ if parse::unknown_subcommand(&answer.message()) => return self.find_by_list(label),
                _ => {
                    unusable.get_or_insert(self.refused(&arguments, &answer));
                }
            }
        }
        if let Some(idle) = idle {
            return Ok(idle);
        }
        match unusable {
            None => Ok(Lookup::NotLoaded),
            Some(error) => match self.find_by_list(label)? {
                // `list` searches the caller's domain only: after an unusable answer its "unknown" proves nothing
                Lookup::NotLoaded => Err(error),
                here @ Lookup::Loaded { .. } => Ok(here),
            },
        }
    }

    /// Asks `list LABEL` about a job whose `print` contradicts itself.
    fn ask_list(
        &self,
        label: &str,
        domain: String,
        first: parse::PrintedJob,
        doubt: SupervisorError,
    ) -> Result<Lookup, SupervisorError> {
        match self.find_by_list(label)? {
            Lookup::Loaded { job, .. } => {
                let job =
                    parse::PrintedJob { pid: job.pid, last_exit: job.last_exit.or(first.last_exit), ..first };
                Ok(Lookup::Loaded { domain, job })
            }
            Lookup::NotLoaded => Err(doubt),
        }
    }

    fn find_by_list(&self, label: &str) -> Result<Lookup, SupervisorError> {
        let arguments = ["list", label];
        let answer = self.ask(&arguments)?;
        match (answer.code, parse::list_label(&answer.stdout)) {
            (0, Some(job)) => {
                let domain = self.home_domain()?;
                Ok(Lookup::Loaded { domain, job })
            }
            (0, None) => Err(self.bad_answer(&arguments, &answer, BadAnswer::NotUnderstood)),
            (code::NO_SERVICE | code::NO_SUCH_PROCESS | 1, _) => Ok(Lookup::NotLoaded),
            _ => Err(self.refused(&arguments, &answer)),
        }
    }

    /// The domain for a job that is not loaded: `gui` in a graphical session, else `user`.
    fn home_domain(&self) -> Result<String, SupervisorError> {
        let answer = self.ask(&["managername"])?;
        let [gui, user] = self.domains();
        match parse::manager_name(&answer.stdout) {
            Some("Aqua") => Ok(gui),
            Some(_) => Ok(user),
            None if parse::unknown_subcommand(&answer.message()) => Ok(gui),
            None => Err(self.refused(&["managername"], &answer)),
        }
    }
}

impl Supervisor for Launchd {
    fn manager(&self) -> Manager {
        Manager::Launchd
    }

    fn query(&self, job: &JobFile) -> Result<JobReport, SupervisorError> {
        let keep_alive = job.keep_alive;
        Ok(match self.find(&job.label)? {
            Lookup::Loaded { domain, job } => JobReport {
                state: if job.pid.is_some() { JobState::Running } else { JobState::Waiting },
                pid: job.pid,
                last_exit: job.last_exit,
                keeps_alive: keep_alive.restarts_after(job.last_exit),
                spawn_failed: job.spawn_failed,
                runs: job.runs,
                domain: Some(domain),
                exit_timeout: job
                    .exit_timeout_s
                    .filter(|s| *s > 0)
                    .map(|s| Duration::from_secs(s).min(MAX_EXIT)),
                exit_reason: job.exit_reason,
            },
            Lookup::NotLoaded => JobReport::NOT_LOADED,
        })
    }

    fn restart(&self, job: &JobFile) -> Result<(), SupervisorError> {
        let action = Action::new(self, job);
        match self.find(&job.label)? {
            Lookup::Loaded { domain, job } => action.kickstart(&domain, job.pid),
            Lookup::NotLoaded => action.load_and_start(&self.home_domain()?),
        }
    }

    fn reload(&self, job: &JobFile) -> Result<(), SupervisorError> {
        let action = Action::new(self, job);
        let domain = match self.find(&job.label)? {
            Lookup::Loaded { domain, .. } => {
                action.unload(&domain)?;
                domain
            }
            Lookup::NotLoaded => self.home_domain()?,
        };
        action.load_and_start(&domain)
    }

    fn stop(&self, job: &JobFile) -> Result<(), SupervisorError> {
        match self.find(&job.label)? {
            Lookup::Loaded { domain, .. } => Action::new(self, job).unload(&domain),
            Lookup::NotLoaded => Ok(()),
        }
    }
}

/// Why launchd would refuse this job file; `Ok` if no reason is known.
fn check_file(path: &Path) -> Result<(), BadFile> {
    let data = fs::metadata(path).map_err(BadFile::Io)?;
    // "bad ownership/permissions"
    if data.mode() & 0o022 != 0 {
        return Err(BadFile::UnsafeMode(data.mode() & 0o7777));
    }
    let bytes = crate::files::read(path, files::LARGEST).map_err(BadFile::Io)?;
    property_list::parse(&bytes).map(drop).map_err(BadFile::List)
}

/// Result of `bootstrap`.
enum Loaded {
    Yes,
    /// 5 or 125: it may still be registered, or the domain refuses it.
    NotNow(Answer),
}

/// One restart or reload with its deadline.
struct Action<'a> {
    launchd: &'a Launchd,
    job: &'a JobFile,
    exit_timeout: Duration,
    deadline: Instant,
}

impl<'a> Action<'a> {
    fn new(launchd: &'a Launchd, job: &'a JobFile) -> Self {
        // 0 means "never kill" to launchd; our wait is still limited
        let seconds = job.exit_timeout_s.filter(|s| *s > 0).unwrap_or(EXIT_TIMEOUT_S).min(600);
        let exit_timeout = Duration::from_secs(seconds).mul_f64(launchd.timing.scale);
        Self { launchd, job, exit_timeout, deadline: Instant::now() + launchd.timing.total + exit_timeout }
    }

    fn target(&self, domain: &str) -> String {
        format!("{domain}/{}", self.job.label)
    }

    /// A call that changes something, and may have to wait for the old process.
    fn act(&self, arguments: &[&str]) -> Result<Answer, SupervisorError> {
        let limit = self.launchd.timing.act + self.exit_timeout;
        let left = self.deadline.saturating_duration_since(Instant::now()).max(self.launchd.timing.poll);
        child::run(&self.launchd.program, arguments, limit.min(left))
    }

    /// Queries until `done`, at most for the settle time plus the exit timeout. Returns whether it was reached.
    fn wait(&self, done: impl Fn(&Lookup) -> bool) -> Result<bool, SupervisorError> {
        let until = (Instant::now() + self.launchd.timing.settle + self.exit_timeout).min(self.deadline);
        loop {
            if done(&self.launchd.find(&self.job.label)?) {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(self.launchd.timing.poll);
        }
    }

    /// Ends the process, if any, and starts a new one: for a loaded job.
    fn kickstart(&self, domain: &str, old: Option<u32>) -> Result<(), SupervisorError> {
        let target = self.target(domain);
        let arguments = ["kickstart", "-k", target.as_str()];
        for attempt in 0..2 {
            let answer = self.act(&arguments)?;
            match answer.code {
                0 => return Ok(()),
                code::NO_SUCH_PROCESS | code::NO_SERVICE | code::UNSUPPORTED => {
                    return self.load_and_start(domain);
                }
                // 36, 37: another start or stop is under way. 5: macOS 26 sometimes reports it for a loaded job although it
                // restarted it (field report #42524). Any process other than the old one is what was requested.
                code::IN_PROGRESS | code::ALREADY | code::IO if attempt == 0 => {
                    let fresh = |lookup: &Lookup| matches!(lookup, Lookup::Loaded { job, .. } if job.pid.is_some() && job.pid != old);
                    if self.wait(fresh)? {
                        return Ok(());
                    }
                }
                code::IO => {
                    self.unload(domain)?;
                    return self.load_and_start(domain);
                }
                _ if parse::unknown_subcommand(&answer.message()) => {
                    self.unload(domain)?;
                    return self.load_and_start(domain);
                }
                _ => return Err(self.launchd.refused(&arguments, &answer)),
            }
        }
        Err(self.launchd.bad_answer(&arguments, &Answer::of_code(code::ALREADY), BadAnswer::NeverEnds))
    }

    /// Checks that launchd would load the job again: otherwise a running gateway is not unloaded.
    fn check_loadable(&self, domain: &str) -> Result<(), SupervisorError> {
        let path = &self.job.path;
        check_file(path).map_err(|why| SupervisorError::BadFile { path: path.clone(), why })?;
        if self.disabled(domain) { Err(self.disabled_error(domain)) } else { Ok(()) }
    }

    /// Unloads the job and waits until it is gone, unless it could not be loaded again.
    fn unload(&self, domain: &str) -> Result<(), SupervisorError> {
        self.check_loadable(domain)?;
        let target = self.target(domain);
        let arguments = ["bootout", target.as_str()];
        let mut answer = self.act(&arguments)?;
        if parse::unknown_subcommand(&answer.message()) && !answer.ok() {
            let path = self.job.path.display().to_string();
            answer = self.act(&["unload", &path])?;
        }
        match answer.code {
            0 | code::NO_SUCH_PROCESS | code::NO_SERVICE | code::IN_PROGRESS | code::ALREADY => {}
            _ => return Err(self.launchd.refused(&arguments, &answer)),
        }
        if self.wait(|lookup| matches!(lookup, Lookup::NotLoaded))? {
            Ok(())
        } else {
            Err(self.launchd.bad_answer(&arguments, &answer, BadAnswer::StillRegistered))
        }
    }

    /// Loads the job and starts it, whether or not its file has `RunAtLoad`.
    fn load_and_start(&self, domain: &str) -> Result<(), SupervisorError> {
        self.load(domain)?;
        let target = self.target(domain);
        let arguments = ["kickstart", target.as_str()];
        let answer = self.act(&arguments)?;
        match answer.code {
            // 36, 37: `RunAtLoad` started it already
            0 | code::IN_PROGRESS | code::ALREADY => Ok(()),
            _ if parse::unknown_subcommand(&answer.message()) => {
                let arguments = ["start", self.job.label.as_str()];
                let answer = self.act(&arguments)?;
                if answer.ok() { Ok(()) } else { Err(self.launchd.refused(&arguments, &answer)) }
            }
            code::UNSUPPORTED => Err(self.domain_error(domain, &answer)),
            _ => Err(self.launchd.refused(&arguments, &answer)),
        }
    }

    /// Registers the job; an earlier registration that is in the way is removed first, once.
    fn load(&self, domain: &str) -> Result<(), SupervisorError> {
        let Loaded::NotNow(_) = self.bootstrap(domain)? else {
            return Ok(());
        };
        // unloading a job that is not loaded fails, which is fine; after a real failure the error of the second bootstrap is
        // the better one
        match self.unload(domain) {
            Ok(()) | Err(SupervisorError::Refused { .. } | SupervisorError::BadAnswer { .. }) => {}
            Err(error) => return Err(error),
        }
        match self.bootstrap(domain)? {
            Loaded::Yes => Ok(()),
            Loaded::NotNow(answer) => Err(self.domain_error(domain, &answer)),
        }
    }

    fn bootstrap(&self, domain: &str) -> Result<Loaded, SupervisorError> {
        let path = self.job.path.display().to_string();
        let mut arguments = vec!["bootstrap", domain, path.as_str()];
        let mut answer = self.act(&arguments)?;
        if !answer.ok() && parse::unknown_subcommand(&answer.message()) {
            arguments = vec!["load", path.as_str()];
            answer = self.act(&arguments)?;
        }
        match answer.code {
            0 | code::IN_PROGRESS | code::ALREADY => {
                if self.wait(|lookup| matches!(lookup, Lookup::Loaded { .. }))? {
                    return Ok(Loaded::Yes);
                }
                Err(self.launchd.bad_answer(&arguments, &answer, BadAnswer::NotRegistered))
            }
            code::DISABLED => Err(self.disabled_error(domain)),
            code::IO | code::UNSUPPORTED => Ok(Loaded::NotNow(answer)),
            _ => Err(self.launchd.refused(&arguments, &answer)),
        }
    }

    /// Whether the job is disabled. It is only reported: enabling it is the user's decision.
    fn disabled(&self, domain: &str) -> bool {
        self.launchd
            .ask(&["print-disabled", domain])
            .is_ok_and(|answer| answer.ok() && parse::is_disabled(&answer.stdout, &self.job.label))
    }

    fn disabled_error(&self, domain: &str) -> SupervisorError {
        SupervisorError::Disabled { enable: format!("launchctl enable {}", self.target(domain)) }
    }

    fn domain_error(&self, domain: &str, answer: &Answer) -> SupervisorError {
        SupervisorError::Domain {
            label: self.job.label.clone(),
            domain: domain.to_owned(),
            words: answer.message(),
        }
    }
}

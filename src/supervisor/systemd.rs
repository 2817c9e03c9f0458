//! systemd's user manager, through `systemctl --user`.
//!
//! `show` is systemd's machine-readable interface: `Name=value` lines, stable across versions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::child::{self, Answer};
use super::{Access, BadAnswer, JobReport, MAX_EXIT, Supervisor, SupervisorError};
use crate::health::{JobState, Manager};
use crate::profile::unit_file::time_span;
use crate::profile::{JobFile, KeepAlive};

/// Where Linux keeps it.
pub const SYSTEMCTL: &str = "/usr/bin/systemctl";

/// systemd's default time between SIGTERM and SIGKILL in seconds (systemd-system.conf(5): `DefaultTimeoutStopSec`).
pub const EXIT_TIMEOUT_S: u64 = 90;

/// The properties that are queried.
const PROPERTIES: &str = "Id,LoadState,LoadError,ActiveState,SubState,Result,MainPID,ExecMainPID,ExecMainCode,ExecMainStatus,NRestarts,\
                          Restart,RestartPreventExitStatus,StartLimitBurst,StartLimitIntervalUSec,UnitFileState,\
                          ExecMainStartTimestampMonotonic,TimeoutStopUSec";

/// The systemd user manager of this user.
#[derive(Debug, Clone)]
pub struct Systemd {
    program: PathBuf,
    limit: Duration,
}

impl Systemd {
    /// With the program in `GATELIGHT_SYSTEMCTL`, or [`SYSTEMCTL`].
    pub fn from_environment() -> Self {
        let program = std::env::var_os("GATELIGHT_SYSTEMCTL").filter(|p| !p.is_empty());
        let program = program.map_or_else(|| PathBuf::from(SYSTEMCTL), PathBuf::from);
        Self::new(program, Duration::from_secs(10))
    }

    /// With this program (an absolute path) and a time limit for each call.
    pub const fn new(program: PathBuf, limit: Duration) -> Self {
        Self { program, limit }
    }

    /// Whether its program is on this machine.
    pub fn present(&self) -> bool {
        self.program.exists()
    }

    fn call(&self, arguments: &[&str]) -> Result<Answer, SupervisorError> {
        let mut all = vec!["--user", "--no-pager", "--no-ask-password"];
        all.extend_from_slice(arguments);
        let answer = child::run(&self.program, &all, self.limit)?;
        if !answer.ok() && no_manager(&answer.stderr) {
            return Err(SupervisorError::NoUserManager(answer.message()));
        }
        Ok(answer)
    }

    fn act(&self, arguments: &[&str]) -> Result<(), SupervisorError> {
        let answer = self.call(arguments)?;
        if answer.ok() { Ok(()) } else { Err(self.refused(arguments, answer.code, answer.message())) }
    }

    fn refused(&self, arguments: &[&str], code: i32, words: String) -> SupervisorError {
        SupervisorError::Refused {
            program: self.program.display().to_string(),
            action: child::one_line(&arguments.join(" ")),
            code,
            words,
        }
    }

    fn show(&self, unit: &str) -> Result<Unit, SupervisorError> {
        // `--`: a unit's name comes from a file name and must not be taken for an option
        let arguments = ["show", "--property", PROPERTIES, "--", unit];
        let answer = self.call(&arguments)?;
        match parse(&answer.stdout) {
            Some(unit) if answer.ok() => Ok(unit),
            _ => Err(SupervisorError::BadAnswer {
                program: self.program.display().to_string(),
                action: child::one_line(&arguments.join(" ")),
                code: answer.code,
                why: BadAnswer::NotUnderstood,
                words: answer.message(),
            }),
        }
    }
}

/// Whether this process has a way to the user's systemd: systemctl(1) connects to `systemd/private` in the runtime folder,
/// or to the session bus. [`child::run`] passes the usual folder where the variable is missing.
fn has_user_bus() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_RUNTIME_DIR").map_or_else(child::runtime_folder, PathBuf::from);
    set("DBUS_SESSION_BUS_ADDRESS").is_some()
        || ["systemd/private", "bus"].iter().any(|socket| folder.join(socket).exists())
}

/// Whether this message says that no user manager can be reached.
fn no_manager(words: &str) -> bool {
    // "Failed to connect to bus: No such file or directory"; 256 and later: "Failed to connect to user scope bus via
    // local transport: …"; without systemd: "System has not been booted with systemd as init system (PID 1). …"
    (words.contains("Failed to connect to") && words.contains("bus"))
        || words.contains("not been booted with systemd")
        || words.contains("$DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined")
}

impl Supervisor for Systemd {
    fn manager(&self) -> Manager {
        Manager::Systemd
    }

    fn access(&self) -> Access {
        if !self.present() {
            Access::Missing
        // a program set in place of systemctl finds the manager in its own way
        } else if self.program != Path::new(SYSTEMCTL) || has_user_bus() {
            Access::Usable
        } else {
            Access::NoUserBus
        }
    }

    fn query(&self, job: &JobFile) -> Result<JobReport, SupervisorError> {
        let unit = self.show(&job.label)?;
        Ok(JobReport {
            state: unit.state(),
            pid: unit.main_pid,
            last_exit: unit.last_exit(),
            exit_reason: None,
            runs: unit.started.then(|| unit.restarts.saturating_add(1)),
            spawn_failed: unit.spawn_failed(),
            keeps_alive: unit.keeps_alive(),
            domain: None,
            exit_timeout: unit.stop_timeout,
        })
    }

    fn restart(&self, job: &JobFile) -> Result<(), SupervisorError> {
        let unit = self.show(&job.label)?;
        if unit.load == "masked" {
            return Err(SupervisorError::Disabled {
                enable: format!("systemctl --user unmask {}", job.label),
            });
        }
        if unit.load != "loaded" {
            // the file is newer than the manager's last reload
            self.act(&["daemon-reload"])?;
        }
        if unit.active == "failed" {
            // its start limit may be exhausted; if this fails, the restart reports it
            let _ = self.call(&["reset-failed", "--", &job.label])?;
        }
        self.act(&["restart", "--no-block", "--", &job.label])
    }

    fn reload(&self, job: &JobFile) -> Result<(), SupervisorError> {
        self.act(&["daemon-reload"])?;
        self.act(&["restart", "--no-block", "--", &job.label])
    }

    fn stop(&self, job: &JobFile) -> Result<(), SupervisorError> {
        self.act(&["stop", "--no-block", "--", &job.label])
    }
}

/// The properties of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// `loaded`, `not-found`, `bad-setting`, `error`, `masked`.
    pub load: String,
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`.
    pub active: String,
    /// `running`, `dead`, `auto-restart`, `stop-sigterm`, ….
    pub sub: String,
    /// `success`, `exit-code`, `signal`, `start-limit-hit`, ….
    pub result: String,
    /// Its process.
    pub main_pid: Option<u32>,
    /// `CLD_EXITED` (1), `CLD_KILLED` (2), `CLD_DUMPED` (3); 0 while it runs.
    pub exec_code: i32,
    /// Exit status, or signal.
    pub exec_status: i32,
    /// Automatic restarts since the last start by hand.
    pub restarts: u64,
    /// `no`, `always`, `on-failure`, ….
    pub restart: String,
    /// Exit statuses after which it is not restarted.
    pub prevented: Vec<i32>,
    /// Starts allowed within the limit's interval; `None`: no limit.
    pub burst: Option<u64>,
    /// `enabled`, `disabled`, ….
    pub file_state: String,
    /// Whether it was started since the manager loaded it.
    pub started: bool,
    /// Time between SIGTERM and SIGKILL, at most [`MAX_EXIT`]; `None`: not reported, or unlimited.
    pub stop_timeout: Option<Duration>,
}

/// Parses the output of `systemctl show`. `None`: not a unit. Unknown lines are ignored.
pub fn parse(text: &str) -> Option<Unit> {
    let mut unit = Unit::default();
    let mut burst = 0;
    let mut unlimited = false;
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match name {
            "LoadState" => value.clone_into(&mut unit.load),
            "ActiveState" => value.clone_into(&mut unit.active),
            "SubState" => value.clone_into(&mut unit.sub),
            "Result" => value.clone_into(&mut unit.result),
            "Restart" => value.clone_into(&mut unit.restart),
            "UnitFileState" => value.clone_into(&mut unit.file_state),
            "MainPID" => unit.main_pid = value.parse().ok().filter(|pid| *pid > 0),
            "ExecMainCode" => unit.exec_code = value.parse().unwrap_or(0),
            "ExecMainStatus" => unit.exec_status = value.parse().unwrap_or(0),
            "NRestarts" => unit.restarts = value.parse().unwrap_or(0),
            "StartLimitBurst" => burst = value.parse().unwrap_or(0),
            "StartLimitIntervalUSec" => unlimited = value == "0",
            "RestartPreventExitStatus" => {
                unit.prevented = value.split_whitespace().filter_map(|n| n.parse().ok()).collect();
            }
            "TimeoutStopUSec" => {
                unit.stop_timeout =
                    time_span(value).filter(|time| !time.is_zero()).map(|time| time.min(MAX_EXIT));
            }
            "ExecMainStartTimestampMonotonic" => unit.started = value.parse().is_ok_and(|t: u64| t > 0),
            _ => {}
        }
    }
    unit.burst = (!unlimited && burst > 0).then_some(burst);
    (!unit.load.is_empty() && !unit.active.is_empty()).then_some(unit)
}

impl Unit {
    /// Its state.
    ///
    /// - With a process: running, whatever else is reported (also `deactivating`: the old process still exists).
    /// - `activating` (`auto-restart`, `start-pre`) or `deactivating` without a process: waiting.
    /// - Not found, or not readable for systemd: not loaded.
    /// - Masked without a process: stopped on purpose.
    /// - `inactive` with `Result=success`: stopped by hand (systemd restarts a `Restart=always` unit after any other exit;
    ///   with `on-failure` a clean exit of a gateway is a planned one). Enabled and never started: not loaded.
    /// - `failed`: waiting, unless systemd's rules leave a stop by hand as the only explanation
    ///   ([`Self::ended_by_hand`]): a gateway that gets SIGTERM from `systemctl stop` exits with 1.
    pub fn state(&self) -> JobState {
        if self.main_pid.is_some() {
            return JobState::Running;
        }
        match self.load.as_str() {
            "masked" => return JobState::Stopped,
            "loaded" => {}
            _ => return JobState::NotLoaded,
        }
        match self.active.as_str() {
            "inactive" if self.result != "success" => JobState::Waiting,
            "inactive" if !self.started && self.file_state.starts_with("enabled") => JobState::NotLoaded,
            "inactive" => JobState::Stopped,
            "failed" if self.ended_by_hand() => JobState::Stopped,
            _ => JobState::Waiting,
        }
    }

    /// Whether a `failed` unit can only have been stopped by hand: `Restart=always` restarts it after every exit except a
    /// prevented exit status or an exhausted start limit (systemd.service(5)). Exhaustion does not always show in `Result`,
    /// so a unit near its limit does not count as stopped.
    fn ended_by_hand(&self) -> bool {
        let by_process = matches!(self.result.as_str(), "exit-code" | "signal" | "core-dump" | "timeout");
        let near_limit = self.burst.is_some_and(|burst| self.restarts.saturating_add(1) >= burst);
        self.restart == "always"
            && self.started
            && by_process
            && self.exec_code != 0
            && !self.exit_prevents_restart()
            && !near_limit
    }

    /// `RestartPreventExitStatus=` names its exit status.
    fn exit_prevents_restart(&self) -> bool {
        self.exec_code == 1 && self.prevented.contains(&self.exec_status)
    }

    /// Whether systemd could not execute the program: it could not set up the process (`resources`), or the child
    /// failed before its exec and reported one of systemd's own exit codes (systemd.exec(5), "Process Exit Codes").
    fn spawn_failed(&self) -> bool {
        let own_code = self.exec_code == 1 && (200..=245).contains(&self.exec_status);
        self.main_pid.is_none() && (self.result == "resources" || own_code)
    }

    /// Whether systemd starts the unit again after its last exit: by its `Restart=`, unless the exit status is in
    /// `RestartPreventExitStatus=`, the start limit is exhausted, or the unit is in a final state already (`inactive`,
    /// `failed`: a pending restart is `activating`).
    fn keeps_alive(&self) -> bool {
        let final_state = matches!(self.active.as_str(), "inactive" | "failed");
        let keep_alive = KeepAlive::of_systemd(&self.restart);
        !final_state
            && !self.exit_prevents_restart()
            && self.load == "loaded"
            && keep_alive.restarts_after(self.last_exit())
    }

    /// Exit of the previous run; a signal as its negative number. systemd discards it when the next run starts.
    pub const fn last_exit(&self) -> Option<i32> {
        match self.exec_code {
            1 => Some(self.exec_status),
            2 | 3 => Some(self.exec_status.saturating_neg()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(lines: &str) -> Unit {
        parse(&lines.replace(' ', "\n")).unwrap()
    }

    #[test]
    fn states() {
        use JobState::{NotLoaded, Running, Stopped, Waiting};
        let always = "Restart=always RestartPreventExitStatus=78 ExecMainStartTimestampMonotonic=5 StartLimitBurst=5 \
                      StartLimitIntervalUSec=10s";
        for (lines, state, last_exit) in [
            ("LoadState=loaded ActiveState=active SubState=running MainPID=12", Running, None),
            ("LoadState=loaded ActiveState=deactivating SubState=stop-sigterm MainPID=12", Running, None),
            ("LoadState=masked ActiveState=active MainPID=12", Running, None),
            (
                "LoadState=loaded ActiveState=activating SubState=auto-restart MainPID=0 Result=exit-code \
                 ExecMainCode=1 ExecMainStatus=75",
                Waiting,
                Some(75),
            ),
            ("LoadState=not-found ActiveState=inactive SubState=dead Result=success", NotLoaded, None),
            ("LoadState=bad-setting ActiveState=inactive Result=success", NotLoaded, None),
            ("LoadState=masked ActiveState=inactive Result=success", Stopped, None),
            (
                "LoadState=loaded ActiveState=inactive Result=success ExecMainCode=1 ExecMainStatus=0 \
                 ExecMainStartTimestampMonotonic=9 UnitFileState=enabled",
                Stopped,
                Some(0),
            ),
            ("LoadState=loaded ActiveState=inactive Result=success UnitFileState=enabled", NotLoaded, None),
            ("LoadState=loaded ActiveState=inactive Result=success UnitFileState=disabled", Stopped, None),
            (
                "LoadState=loaded ActiveState=failed Result=exit-code ExecMainCode=1 ExecMainStatus=1 Restart=no",
                Waiting,
                Some(1),
            ),
            (
                "LoadState=loaded ActiveState=failed Result=oom-kill ExecMainCode=2 ExecMainStatus=9",
                Waiting,
                Some(-9),
            ),
        ] {
            let unit = unit(lines);
            assert_eq!((unit.state(), unit.last_exit()), (state, last_exit), "{lines}");
        }
        // failed with Restart=always: only a stop by hand leads there, unless systemd's rules know another way
        for (lines, state) in [
            ("Result=exit-code ExecMainCode=1 ExecMainStatus=1 NRestarts=0", Stopped),
            ("Result=timeout ExecMainCode=2 ExecMainStatus=9 NRestarts=0", Stopped),
            ("Result=exit-code ExecMainCode=1 ExecMainStatus=78 NRestarts=0", Waiting),
            ("Result=exit-code ExecMainCode=1 ExecMainStatus=1 NRestarts=5", Waiting),
            ("Result=start-limit-hit ExecMainCode=1 ExecMainStatus=1 NRestarts=0", Waiting),
            ("Result=exit-code ExecMainCode=0 ExecMainStatus=0 NRestarts=0", Waiting),
        ] {
            let unit = unit(&format!("LoadState=loaded ActiveState=failed {always} {lines}"));
            assert_eq!(unit.state(), state, "{lines}");
        }
        let unlimited = always.replace("IntervalUSec=10s", "IntervalUSec=0");
        let lines = format!(
            "LoadState=loaded ActiveState=failed {unlimited} Result=exit-code ExecMainCode=1 NRestarts=99"
        );
        assert_eq!(unit(&lines).state(), Stopped);
    }

    #[test]
    fn units_that_come_back_and_units_that_could_not_start() {
        let failure = "Restart=on-failure ExecMainStartTimestampMonotonic=5 RestartPreventExitStatus=78";
        for (lines, keeps_alive, spawn_failed) in [
            ("ActiveState=active MainPID=12", true, false),
            ("ActiveState=activating Result=exit-code ExecMainCode=1 ExecMainStatus=1", true, false),
            ("ActiveState=activating Result=exit-code ExecMainCode=1 ExecMainStatus=203", true, true),
            ("ActiveState=activating Result=resources", true, true),
            ("ActiveState=activating Result=exit-code ExecMainCode=1 ExecMainStatus=78", false, false),
            ("ActiveState=failed Result=start-limit-hit ExecMainCode=1 ExecMainStatus=1", false, false),
            ("ActiveState=failed Result=exit-code ExecMainCode=1 ExecMainStatus=200", false, true),
            ("ActiveState=inactive Result=success ExecMainCode=1 ExecMainStatus=0", false, false),
        ] {
            let unit = unit(&format!("LoadState=loaded {failure} {lines}"));
            assert_eq!((unit.keeps_alive(), unit.spawn_failed()), (keeps_alive, spawn_failed), "{lines}");
        }
    }

    #[test]
    fn times_until_sigkill() {
        for (text, seconds) in [
            ("1min 30s", Some(90.0)),
            ("45s", Some(45.0)),
            ("1.5s", Some(1.5)),
            ("2min 500ms", Some(120.5)),
            ("1d", Some(600.0)),
            ("infinity", None),
            ("0", None),
            ("-1s", None),
            ("9999999999999999999999y", None),
        ] {
            let text = format!("LoadState=loaded\nActiveState=active\nTimeoutStopUSec={text}\n");
            let told = parse(&text).unwrap().stop_timeout.map(|time| time.as_secs_f64());
            assert_eq!(told, seconds, "{text}");
        }
    }

    #[test]
    fn names_that_are_not_units() {
        for text in ["", "\n", "LoadState=loaded\n", "ActiveState=active\n", "Id=x\n=\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_missing_bus_is_its_own_error() {
        for words in [
            "Failed to connect to bus: No such file or directory\n",
            "Failed to connect to user scope bus via local transport: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not \
             defined (consider using --machine=<user>@.host --user to connect to bus of other user)\n",
            "System has not been booted with systemd as init system (PID 1). Can't operate.\n",
        ] {
            assert!(no_manager(words), "{words}");
        }
        assert!(!no_manager("Failed to restart x.service: Unit x.service not found.\n"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s)(LoadState=loaded\nActiveState=failed\n)?((MainPID|NRestarts|ExecMainStatus|ExecMainCode|\
                                   RestartPreventExitStatus)=[0-9 -]{0,25}\n|.{0,20}){0,20}") {
            if let Some(unit) = parse(&text) {
                let _ = (unit.state(), unit.last_exit());
            }
        }
    }
}

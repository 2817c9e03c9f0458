//! The keeper of one job: starts it, reaps it, starts it again by launchd's rules.

use std::fs::{self, OpenOptions};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::job::{Job, KeepAlive, Place, Report};
use crate::read;

/// Between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(3);

/// No keeper lives longer, whatever became of its test.
const LIFE: Duration = Duration::from_secs(300);

enum Phase {
    Idle,
    Running(Child),
    /// It got SIGTERM; SIGKILL follows.
    Ending {
        child: Child,
        kill_at: Instant,
        killed: bool,
        then: Then,
    },
    /// Waits for its throttle.
    Scheduled(Instant),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Start,
    Leave,
}

struct Keeper<'a> {
    place: &'a Place,
    job: Job,
    phase: Phase,
    report: Report,
    started: Option<Instant>,
    throttle: Duration,
    exit_timeout: Duration,
    linger: Duration,
}

/// Keeps the job until it is booted out or the test is over.
pub(crate) fn keep(place: &Place) {
    let Some(job) = place.job() else { return };
    let settings = read(&place.state.join("settings.json"));
    let scale = settings["scale"].as_f64().unwrap_or(1.0);
    let keepers = place.state.join("keepers");
    let _ = fs::create_dir_all(&keepers);
    let own = keepers.join(std::process::id().to_string());
    if fs::write(&own, &place.label).is_err() {
        return;
    }
    let mut keeper = Keeper {
        throttle: Duration::from_secs(job.throttle_s).mul_f64(scale),
        exit_timeout: Duration::from_secs(job.exit_timeout_s).mul_f64(scale),
        linger: Duration::from_millis(settings["linger_ms"].as_u64().unwrap_or(0)),
        place,
        phase: Phase::Idle,
        report: Report { state: "not running".into(), ..Report::default() },
        started: None,
        job,
    };
    if keeper.job.run_at_load {
        keeper.start();
    }
    keeper.tell();
    let end = Instant::now() + LIFE;
    loop {
        let over = !own.exists() || place.state.join("stop").exists() || Instant::now() > end;
        if over || keeper.turn() {
            keeper.leave();
            let _ = fs::remove_file(own);
            return;
        }
        sleep(PAUSE);
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

impl Keeper<'_> {
    /// One look. `true`: the job is booted out.
    fn turn(&mut self) -> bool {
        if let Some(request) = self.place.requested() {
            self.obey(&request);
        }
        match &mut self.phase {
            Phase::Idle => {}
            Phase::Scheduled(at) => {
                if Instant::now() >= *at {
                    self.start();
                    self.tell();
                }
            }
            Phase::Running(child) => {
                if let Ok(Some(status)) = child.try_wait() {
                    self.ended(status);
                    self.again();
                    self.tell();
                }
            }
            Phase::Ending { child, kill_at, killed, then } => {
                let then = *then;
                if let Ok(Some(status)) = child.try_wait() {
                    self.ended(status);
                    if then == Then::Leave {
                        self.tell();
                        return true;
                    }
                    self.start();
                    self.tell();
                } else if Instant::now() >= *kill_at && !*killed {
                    *killed = true;
                    if let Some(pid) = pid_of(child) {
                        let _ = kill_process(pid, Signal::KILL);
                    }
                }
            }
        }
        self.report.state == "leaving"
    }

    fn obey(&mut self, request: &Value) {
        let leave = request["do"] == "bootout";
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        match phase {
            Phase::Running(child) if leave || request["kill"] == true => {
                if let Some(pid) = pid_of(&child) {
                    let _ = kill_process(pid, Signal::TERM);
                }
                let then = if leave { Then::Leave } else { Then::Start };
                self.phase =
                    Phase::Ending { child, kill_at: Instant::now() + self.exit_timeout, killed: false, then };
            }
            Phase::Ending { child, kill_at, killed, then } => {
                let then = if leave { Then::Leave } else { then };
                self.phase = Phase::Ending { child, kill_at, killed, then };
            }
            Phase::Running(child) => self.phase = Phase::Running(child),
            Phase::Idle | Phase::Scheduled(_) if leave => self.report.state = "leaving".into(),
            Phase::Idle | Phase::Scheduled(_) => {
                self.start();
                self.tell();
            }
        }
    }

    fn start(&mut self) {
        let open = |path: &Option<String>| {
            path.as_ref().map_or_else(
                || Ok(Stdio::null()),
                |path| OpenOptions::new().create(true).append(true).open(path).map(Stdio::from),
            )
        };
        self.started = Some(Instant::now());
        self.report.runs += 1;
        let spawned = open(&self.job.stdout).and_then(|out| {
            let mut command = Command::new(&self.job.arguments[0]);
            command
                .args(&self.job.arguments[1..])
                .env_clear()
                .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
                .env("XPC_SERVICE_NAME", &self.job.label)
                .envs(self.job.environment.iter().map(|(k, v)| (k, v)))
                .stdin(Stdio::null())
                .stdout(out)
                .stderr(open(&self.job.stderr)?)
                .current_dir(self.job.folder.as_deref().unwrap_or("/"))
                .process_group(0)
                .spawn()
        });
        if let Ok(child) = spawned {
            self.report.state = "running".into();
            self.report.pid = Some(child.id());
            self.phase = Phase::Running(child);
        } else {
            // the program is missing, or its log cannot be opened: EX_CONFIG, before anything ran
            self.report.last_exit = Some(78);
            self.report.pid = None;
            self.again();
        }
    }

    /// Its process is gone: what remains of its group goes too.
    fn ended(&mut self, status: std::process::ExitStatus) {
        if let Some(group) = self.report.pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        self.report.pid = None;
        self.report.last_exit = status.code().or_else(|| status.signal().map(|signal| -signal));
        self.report.state = "not running".into();
        self.phase = Phase::Idle;
    }

    /// Whether it is started again, and when.
    fn again(&mut self) {
        let clean = self.report.last_exit == Some(0);
        let again = match self.job.keep_alive {
            KeepAlive::Never => false,
            KeepAlive::Always => true,
            KeepAlive::AfterExit { successful } => clean == successful,
        };
        if again {
            let at = self.started.map_or_else(Instant::now, |started| started + self.throttle);
            self.phase = Phase::Scheduled(at);
            self.report.state = "spawn scheduled".into();
        } else {
            self.phase = Phase::Idle;
            self.report.state = "not running".into();
        }
    }

    fn tell(&self) {
        self.place.tell(&self.report);
    }

    /// Ends whatever lives and takes the job out of its domain.
    fn leave(&mut self) {
        if let Phase::Running(child) | Phase::Ending { child, .. } = &mut self.phase {
            if let Some(pid) = pid_of(child) {
                let _ = kill_process_group(pid, Signal::KILL);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        sleep(self.linger);
        self.place.leave();
    }
}

//! The supervisor with a real `systemd --user`, started for this test: an unprivileged uid, its own mount namespace and
//! control groups (`tests/systemd/user-manager.sh`).

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatelight::health::{Deadlines, JobState, Manager, Reason};
use gatelight::profile::JobFile;
use gatelight::restart::RestartOutcome;
use gatelight::restart::{Limits, Request, restart};
use gatelight::supervisor::systemd::Systemd;
use gatelight::supervisor::{JobReport, Supervisor, SupervisorError};
use gatelight::text::Lang;
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::skips::{Need, skip};
use crate::support::{Watching, profile, start_of, until_it_minds_sigterm, wait_for};

/// A uid that is free on usual systems.
const UID: u32 = 60_617;

struct UserManager {
    child: Child,
    group: String,
    folder: tempfile::TempDir,
}

impl UserManager {
    /// `Err`: why it cannot run here.
    fn start() -> Result<Self, (Need, String)> {
        if !rustix::process::geteuid().is_root() {
            return Err((
                Need::UserManager,
                "only root may make a control group and become another user".into(),
            ));
        }
        for program in ["/lib/systemd/systemd", "/usr/bin/systemctl", "/usr/bin/unshare", "/usr/bin/setpriv"]
        {
            if !Path::new(program).exists() {
                return Err((Need::Systemd, format!("no {program}")));
            }
        }
        let taken = fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            use std::os::unix::fs::MetadataExt;
            entry.metadata().is_ok_and(|meta| meta.uid() == UID)
        });
        if taken {
            return Err((Need::Systemd, format!("user {UID} has processes")));
        }
        let folder = tempfile::Builder::new().prefix("systemd").tempdir().unwrap();
        let path = folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["home", "home/.config", "home/.config/systemd", "home/.config/systemd/user", "run"] {
            fs::create_dir(path.join(name)).unwrap();
            chown(path.join(name), Some(UID), Some(UID)).unwrap();
        }
        fs::set_permissions(path.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        let systemctl = format!(
            "#!/bin/sh\nexec /usr/bin/setpriv --reuid {UID} --regid {UID} --clear-groups /usr/bin/env -i \
             HOME={home}/home XDG_RUNTIME_DIR={home}/run PATH=/usr/bin:/bin LC_ALL=C /usr/bin/systemctl \"$@\"\n",
            home = path.display()
        );
        fs::write(path.join("systemctl"), systemctl).unwrap();
        fs::set_permissions(path.join("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();

        let group = format!("gatelight-test-{}", std::process::id());
        let log = fs::File::create(path.join("log")).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd/user-manager.sh");
        let child = Command::new("/usr/bin/unshare")
            .args(["--mount", "--propagation", "private", "--", "/bin/sh", script])
            .args([UID.to_string(), path.display().to_string(), group.clone()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut manager = Self { child, group, folder };
        let until = Instant::now() + Duration::from_secs(20);
        while !manager.systemctl(&["show-environment"]).0 {
            let ended = manager.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > until {
                let log = fs::read_to_string(manager.folder.path().join("log")).unwrap_or_default();
                // the script's codes for rights that it lacks; `unshare` itself ends with 1 where it may not
                let refused =
                    ended.and_then(|status| status.code()).is_some_and(|code| matches!(code, 1 | 91..=95));
                let need = if refused { Need::UserManager } else { Need::Systemd };
                return Err((need, format!("the user manager does not start: {}", log.trim())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(manager)
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("systemctl")
    }

    fn systemctl(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(self.program()).arg("--user").args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Writes a unit that runs this shell script.
    fn unit(&self, name: &str, script: &str, more: &str) -> JobFile {
        let path = self.folder.path().join("home/.config/systemd/user").join(name);
        let text = format!(
            "[Unit]\nDescription=Hermes Agent Gateway\n[Service]\nExecStart=/bin/sh -c \"{script}\"\nTimeoutStopSec=1\n\
             {more}\n[Install]\nWantedBy=default.target\n"
        );
        fs::write(&path, text).unwrap();
        JobFile { exit_timeout_s: Some(1), ..JobFile::named(Manager::Systemd, &path, name) }
    }

    fn end(&mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let until = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for UserManager {
    /// Kills what is left in the test's control groups and removes them.
    fn drop(&mut self) {
        self.end();
        for root in ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"] {
            let top = Path::new(root).join(&self.group);
            if !top.is_dir() {
                continue;
            }
            let until = Instant::now() + Duration::from_secs(5);
            while fs::remove_dir(&top).is_err() && Instant::now() < until {
                empty(&top, 0);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Kills what is in a control group of ours and removes the groups below.
fn empty(group: &Path, depth: usize) {
    let procs = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for pid in procs.lines().filter_map(|line| line.parse::<i32>().ok()).filter_map(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() && depth < 8 {
            empty(&entry.path(), depth + 1);
            let _ = fs::remove_dir(entry.path());
        }
    }
}

const HEALTHY: &str = "trap 'exit 0' TERM; echo connected; while :; do sleep 0.02; done";
/// A gateway that gets an unexpected SIGTERM.
const UNPLANNED: &str = "trap 'exit 1' TERM; while :; do sleep 0.02; done";
const HOLLOW: &str = "trap '' TERM; while :; do sleep 0.05; done";

struct Room {
    manager: UserManager,
    systemd: Arc<Systemd>,
}

impl Room {
    fn query(&self, job: &JobFile) -> JobReport {
        self.systemd.query(job).unwrap()
    }

    /// Waits until it runs and has its SIGTERM handler; returns its PID.
    fn runs(&self, job: &JobFile) -> u32 {
        wait_for("it runs", || self.query(job).state == JobState::Running);
        let pid = self.query(job).pid.unwrap();
        until_it_minds_sigterm(pid);
        pid
    }

    fn verified(&self, job: &JobFile) -> RestartOutcome {
        let profile = profile("default", job.clone());
        let watching = Watching::start(
            &profile,
            self.systemd.clone(),
            Some,
            Box::new(|_| (Reason::Connected, "connected")),
        );
        if self.query(job).pid.is_some() {
            watching.pid_other_than(None);
        }
        let request = Request {
            limits: Limits {
                poll: Duration::from_millis(20),
                start: Duration::from_secs(5),
                ..Limits::new(job, &Deadlines::default())
            },
            ..Request::new(profile, Timestamp::now(), &Deadlines::default(), start_of).unwrap()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(restart(request, self.systemd.clone(), watching.snapshots.clone(), |_| {}))
    }

    fn worked(&self, job: &JobFile, old: Option<u32>, by_force: bool) -> u32 {
        match self.verified(job) {
            RestartOutcome::Worked { pid, killed, .. } => {
                assert_ne!(Some(pid), old);
                assert_eq!(killed, by_force);
                assert_eq!(self.query(job).pid, Some(pid));
                pid
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_real_user_manager() {
    let manager = match UserManager::start() {
        Ok(manager) => manager,
        Err((need, why)) => return skip(need, &why),
    };
    let systemd = Arc::new(Systemd::new(manager.program(), Duration::from_secs(20)));
    let mut room = Room { manager, systemd };
    let always = "Restart=always\nRestartSec=100ms\nRestartPreventExitStatus=78";

    // no such unit
    let none = JobFile::named(Manager::Systemd, "/nowhere", "hermes-gateway-none.service");
    assert_eq!(room.query(&none).state, JobState::NotLoaded);
    let error = room.systemd.restart(&none).unwrap_err();
    assert!(
        matches!(&error, SupervisorError::Refused { words, .. } if words.contains("not found")),
        "{error}"
    );

    // written, never started, not enabled: off on purpose; a restart starts it
    let job = room.manager.unit("hermes-gateway.service", HEALTHY, always);
    assert_eq!(room.query(&job).state, JobState::Stopped);
    let first = room.worked(&job, None, false);
    assert_eq!(room.query(&job).state, JobState::Running);
    let second = room.worked(&job, Some(first), false);

    // killed: systemd restarts it and counts
    kill_process(Pid::from_raw(second.cast_signed()).unwrap(), Signal::KILL).unwrap();
    wait_for("it comes back", || room.query(&job).pid.is_some_and(|pid| pid != second));
    assert_eq!(room.query(&job).runs, Some(2));

    // stopped by hand, with a clean end
    assert!(room.manager.systemctl(&["stop", &job.label]).0);
    let report = room.query(&job);
    assert_eq!((report.state, report.pid), (JobState::Stopped, None));
    room.worked(&job, None, false);

    // stopped by hand, with exit status 1: `failed` for systemd, and still on purpose
    let job = room.manager.unit("hermes-gateway-work.service", UNPLANNED, always);
    room.systemd.reload(&job).unwrap();
    room.runs(&job);
    assert!(room.manager.systemctl(&["stop", &job.label]).0);
    let report = room.query(&job);
    assert_eq!((report.state, report.last_exit), (JobState::Stopped, Some(1)));

    // hollow: killed after the timeout, and reported so; stopped by hand it "fails" by timeout
    let job = room.manager.unit("hermes-gateway-hollow.service", HOLLOW, always);
    room.systemd.reload(&job).unwrap();
    let old = room.runs(&job);
    room.worked(&job, Some(old), true);
    room.runs(&job);
    assert!(room.manager.systemctl(&["stop", &job.label]).0);
    let report = room.query(&job);
    assert_eq!((report.state, report.last_exit), (JobState::Stopped, Some(-9)));

    // configuration refused: not restarted, and not stopped on purpose
    let job = room.manager.unit("hermes-gateway-config.service", "exit 78", always);
    room.systemd.reload(&job).unwrap();
    wait_for("it ends", || room.query(&job).last_exit == Some(78) && room.query(&job).pid.is_none());
    assert_eq!(room.query(&job).state, JobState::Waiting);
    let outcome = room.verified(&JobFile { throttle_s: None, ..job });
    assert!(
        matches!(&outcome, RestartOutcome::Failed { why, .. } if ["78", "gone"].iter().any(|part| why.text(Lang::En).contains(part))),
        "{outcome:?}"
    );

    // started too often: not stopped on purpose either, whatever `Result` says
    let job = room.manager.unit("hermes-gateway-storm.service", "exit 1", "Restart=always\nRestartSec=0");
    room.systemd.reload(&job).unwrap();
    wait_for("its limit is reached", || room.manager.systemctl(&["is-failed", &job.label]).0);
    assert_eq!(room.query(&job).state, JobState::Waiting);

    // masked: reported, not changed
    let masked = "hermes-gateway-masked.service";
    assert!(room.manager.systemctl(&["mask", masked]).0);
    let job = JobFile::named(Manager::Systemd, "/nowhere", masked);
    assert_eq!(room.query(&job).state, JobState::Stopped);
    assert!(matches!(room.systemd.restart(&job), Err(SupervisorError::Disabled { .. })));

    // without the manager: an error, not an answer
    room.manager.end();
    let gone = room.systemd.query(&none).unwrap_err();
    assert!(matches!(gone, SupervisorError::NoUserManager(_)), "{gone}");
}

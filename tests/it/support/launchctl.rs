//! The `launchctl` of the tests (`tests/launchctl/`), in its own state folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use gatelight::health::Manager;
use gatelight::profile::JobFile;
use gatelight::supervisor::launchd::{Launchd, Timing};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Factor on `ExitTimeOut` and `ThrottleInterval` of job files.
pub(crate) const SCALE: f64 = 0.05;

/// A launchctl with its jobs. Dropping it ends its keepers and their children.
pub(crate) struct FakeLaunchctl {
    folder: tempfile::TempDir,
    is_old: bool,
}

impl FakeLaunchctl {
    /// Creates one; these settings override the usual ones.
    pub(crate) fn new(settings: &Value) -> Self {
        let folder = tempfile::Builder::new().prefix("launchctl").tempdir().unwrap();
        let mut all = json!({"scale": SCALE});
        for (name, value) in settings.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        std::fs::write(folder.path().join("settings.json"), all.to_string()).unwrap();
        std::os::unix::fs::symlink(example(), folder.path().join("launchctl")).unwrap();
        Self { folder, is_old: all["old"] == true }
    }

    /// The program.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("launchctl")
    }

    /// The state folder, which may also hold job files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The supervisor under test, using this launchctl.
    pub(crate) fn launchd(&self, ask: Duration) -> Launchd {
        Launchd::new(self.program(), timing(ask))
    }

    /// Calls it as a user would.
    pub(crate) fn call(&self, arguments: &[&str]) -> Output {
        Command::new(self.program()).args(arguments).output().unwrap()
    }

    /// Loads a job file into a domain of this user: `gui` or `user`. A launchctl that is `old` has but one.
    pub(crate) fn load(&self, kind: &str, file: &Path) {
        let domain = format!("{kind}/{}", rustix::process::getuid().as_raw());
        let file = file.to_str().unwrap();
        let loaded =
            if self.is_old { self.call(&["load", file]) } else { self.call(&["bootstrap", &domain, file]) };
        assert!(loaded.status.success(), "{loaded:?}");
    }

    /// Sets its faults (see `fake.rs`).
    pub(crate) fn faults(&self, faults: &Value) {
        std::fs::write(self.folder().join("faults.json"), faults.to_string()).unwrap();
    }

    /// Makes it kill its caller after this call (a number from 0, or a subcommand) is answered; `None`: never. Clears the
    /// recorded calls.
    pub(crate) fn kill_caller_at(&self, call: Option<&str>) {
        self.forget_calls();
        let file = self.folder().join("killer");
        match call {
            Some(call) => std::fs::write(file, call).unwrap(),
            None => drop(std::fs::remove_file(file)),
        }
    }

    /// The recorded calls, one per line.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Checks that calls with these parts were recorded, in this order, perhaps between others. Returns all calls.
    pub(crate) fn expect_calls(&self, parts: &[&str], name: &str) -> Vec<String> {
        let calls = self.calls();
        let mut made = calls.iter();
        for part in parts {
            assert!(
                made.any(|call| call.contains(part)),
                "{name}: {part:?} is missing in its turn: {calls:#?}"
            );
        }
        calls
    }

    /// Clears the recorded calls.
    pub(crate) fn forget_calls(&self) {
        let _ = std::fs::remove_file(self.folder().join("calls"));
    }

    /// Writes a job file that runs a shell script; `more` is XML.
    pub(crate) fn job(&self, label: &str, script: &str, more: &str) -> JobFile {
        let arguments = ["/bin/sh", "-c", script].map(|a| format!("<string>{}</string>", escape(a))).join("");
        self.job_of(label, &format!("<key>ProgramArguments</key><array>{arguments}</array>{more}"))
    }

    /// Writes a job file with this content.
    pub(crate) fn job_of(&self, label: &str, content: &str) -> JobFile {
        let path = self.folder().join(format!("{label}.plist"));
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>Label</key>\
             <string>{label}</string>{content}</dict></plist>\n"
        );
        std::fs::write(&path, text).unwrap();
        JobFile::named(Manager::Launchd, &path, label)
    }

    /// The PIDs of running keepers.
    fn keepers(&self) -> Vec<i32> {
        let entries = std::fs::read_dir(self.folder().join("keepers")).into_iter().flatten();
        entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect()
    }
}

impl Drop for FakeLaunchctl {
    fn drop(&mut self) {
        let _ = std::fs::write(self.folder().join("stop"), "");
        let until = Instant::now() + Duration::from_secs(20);
        while !self.keepers().is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        for pid in self.keepers() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// Limits for tests; only tests of a hang use a short query limit.
pub(crate) fn timing(ask: Duration) -> Timing {
    Timing {
        ask,
        act: ask,
        poll: Duration::from_millis(10),
        settle: Duration::from_secs(2),
        total: Duration::from_secs(60),
        scale: SCALE,
    }
}

/// The path of a built example.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("examples/fake-launchctl");
    assert!(program.is_file(), "{} is not built: cargo build --example fake-launchctl", program.display());
    program
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

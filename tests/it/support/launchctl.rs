//! The `launchctl` of the tests (`tests/launchctl/`), in a state folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use gatelight::health::Manager;
use gatelight::profile::JobFile;
use gatelight::supervisor::launchd::{Launchd, Pace};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Time between SIGTERM and SIGKILL, and between two starts, as job files say it, are this much shorter.
pub(crate) const SCALE: f64 = 0.05;

/// A launchctl with its jobs; its keepers and their children end with it.
pub(crate) struct FakeLaunchctl {
    folder: tempfile::TempDir,
}

impl FakeLaunchctl {
    /// With these settings beside the usual ones.
    pub(crate) fn new(settings: &Value) -> Self {
        let folder = tempfile::Builder::new().prefix("launchctl").tempdir().unwrap();
        let mut all = json!({"scale": SCALE});
        for (name, value) in settings.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        std::fs::write(folder.path().join("settings.json"), all.to_string()).unwrap();
        std::os::unix::fs::symlink(example(), folder.path().join("launchctl")).unwrap();
        Self { folder }
    }

    /// The program.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("launchctl")
    }

    /// The state folder; job files may be put there.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The supervisor under test, at this launchctl.
    pub(crate) fn launchd(&self, ask: Duration) -> Launchd {
        Launchd::new(self.program(), pace(ask))
    }

    /// Calls it as a user would.
    pub(crate) fn call(&self, arguments: &[&str]) -> Output {
        Command::new(self.program()).args(arguments).output().unwrap()
    }

    /// Makes it answer so.
    pub(crate) fn faults(&self, faults: &Value) {
        std::fs::write(self.folder().join("faults.json"), faults.to_string()).unwrap();
    }

    /// Has it kill its caller once this call is answered: a number, from 0, or a subcommand; `None`: never. Forgets the
    /// calls so far.
    pub(crate) fn kill_caller_at(&self, call: Option<&str>) {
        self.forget_calls();
        let file = self.folder().join("killer");
        match call {
            Some(call) => std::fs::write(file, call).unwrap(),
            None => drop(std::fs::remove_file(file)),
        }
    }

    /// What it was asked, one line a call.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Forgets the calls so far.
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

    /// The PIDs of the keepers that live.
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

/// Limits for tests: only a test of a hang gives a short one to ask.
pub(crate) fn pace(ask: Duration) -> Pace {
    Pace {
        ask,
        act: ask,
        poll: Duration::from_millis(10),
        settle: Duration::from_secs(2),
        total: Duration::from_secs(60),
        scale: SCALE,
    }
}

/// The built example, beside the test's own program.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("examples/fake-launchctl");
    assert!(program.is_file(), "{} is not built: cargo build --example fake-launchctl", program.display());
    program
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

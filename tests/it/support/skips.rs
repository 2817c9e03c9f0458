//! Tests that cannot run here. They pass, and the last lines of the run name them; `.ci/run` fails on any that
//! `.ci/permitted-skips` does not list.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

/// What a test may need that a machine may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Chromium or Google Chrome.
    Browser,
    /// `dbus-daemon`.
    BusDaemon,
    /// `prometheus` and `promtool`.
    Prometheus,
    /// `systemd`, and util-linux to start it as another user.
    Systemd,
    /// The right to make control groups, a mount namespace and processes of another user.
    UserManager,
    /// `script` of util-linux.
    Terminal,
    /// `setpriv` of util-linux, where the test runs as root.
    Setpriv,
    /// The right to mount a file system.
    Mount,
    /// The right to a mount namespace.
    MountNamespace,
    /// An inotify queue short enough to fill.
    ShortEventQueue,
    /// A temporary folder whose file system has extended attributes.
    ExtendedAttributes,
}

impl Need {
    const ALL: [Self; 11] = [
        Self::Browser,
        Self::BusDaemon,
        Self::Prometheus,
        Self::Systemd,
        Self::UserManager,
        Self::Terminal,
        Self::Setpriv,
        Self::Mount,
        Self::MountNamespace,
        Self::ShortEventQueue,
        Self::ExtendedAttributes,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::BusDaemon => "dbus-daemon",
            Self::Prometheus => "prometheus",
            Self::Systemd => "systemd",
            Self::UserManager => "user-manager",
            Self::Terminal => "terminal",
            Self::Setpriv => "setpriv",
            Self::Mount => "mount",
            Self::MountNamespace => "mount-namespace",
            Self::ShortEventQueue => "short-event-queue",
            Self::ExtendedAttributes => "extended-attributes",
        }
    }
}

static SKIPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());

// SAFETY: the C library's, with its signature; it may be called at any time.
unsafe extern "C" {
    safe fn atexit(callback: extern "C" fn()) -> std::ffi::c_int;
}

/// Notes that the calling test is skipped. With `GATELIGHT_SKIPPED=FILE` the line is appended to that file too.
pub(crate) fn skip(need: Need, why: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {}: {why}", need.word(), thread.name().unwrap_or_default());
    if let Some(file) = std::env::var_os("GATELIGHT_SKIPPED") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        // one write call: other threads append too
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    let mut skipped = SKIPPED.lock().unwrap();
    if skipped.is_empty() {
        // the test harness has no hook at its end
        assert_eq!(atexit(print), 0);
    }
    skipped.push(line);
}

extern "C" fn print() {
    let Ok(mut skipped) = SKIPPED.lock() else { return };
    skipped.sort();
    eprintln!("skipped, because something is missing here:");
    for line in skipped.iter() {
        eprintln!("  {line}");
    }
}

/// A program on the search path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[test]
fn permitted_skips_are_needs_with_reasons() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/permitted-skips");
    for line in std::fs::read_to_string(file).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let (word, reason) = line.split_once(": ").unwrap();
        assert!(Need::ALL.iter().any(|need| need.word() == word), "{word}");
        assert!(!reason.trim().is_empty(), "{word}");
    }
}

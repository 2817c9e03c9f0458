//! Opens files and folders with the desktop's programs. Children get an absolute path, no shell, and the environment of
//! the desktop, which editors need. A thread waits for each, so that none becomes a zombie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use jiff::Timestamp;

use crate::health::Manager;
use crate::profile::Profile;
use crate::profile::shell::quoted;
use crate::text::{Both, Lang, Message, Phrase, Worded, desktop as say, fill};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Why a file could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenError {
    phrase: Phrase,
    values: Vec<(&'static str, String)>,
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for OpenError {}

impl OpenError {
    fn new(phrase: Phrase, values: &[(&'static str, &str)]) -> Self {
        Self { phrase, values: values.iter().map(|(k, v)| (*k, (*v).to_owned())).collect() }
    }

    /// The message for users.
    pub(crate) fn text(&self, lang: Lang) -> String {
        let values: Vec<(&str, &str)> = self.values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        fill(lang.pick(self.phrase), &values)
    }
}

impl Worded for OpenError {
    fn message(&self) -> Message {
        Message::verbatim(&Both::each(|lang| self.text(lang)))
    }
}

/// A program to start, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Launch {
    /// Its absolute path.
    pub(crate) program: PathBuf,
    /// Its arguments, without a shell.
    pub(crate) arguments: Vec<OsString>,
    /// A script that is written first, with mode 0700: path and content.
    pub(crate) script: Option<(PathBuf, String)>,
}

impl Launch {
    fn new<A: Into<OsString>>(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, script: None }
    }

    /// Starts it and returns.
    pub(crate) fn start(&self) -> Result<(), OpenError> {
        if let Some((path, text)) = &self.script {
            write_script(path, text)
                .map_err(|e| OpenError::new(say::REFUSED, &[("why", &format!("{}: {e}", path.display()))]))?;
        }
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| {
                OpenError::new(say::REFUSED, &[("why", &format!("{}: {e}", self.program.display()))])
            })?;
        // without a wait the child would stay a zombie
        let _no_thread = thread::Builder::new().name("opened".into()).spawn(move || child.wait());
        Ok(())
    }
}

/// Writes a new file and renames it: a shell that still reads the old script is not disturbed.
fn write_script(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let new = path.with_extension("new");
    match std::fs::remove_file(&new) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(&new)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    std::fs::rename(new, path)
}

/// Finds programs.
pub(crate) trait Find {
    /// The absolute path of a program.
    fn find(&self, program: &str) -> Option<PathBuf>;
}

/// Searches the absolute folders of `PATH`, then the usual ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnPath;

impl Find for OnPath {
    fn find(&self, program: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/bin", "/bin", "/usr/local/bin"].map(PathBuf::from);
        std::env::split_paths(&path)
            .chain(usual)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(program))
            .find(|file| is_program(file))
    }
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The command that opens a file or folder with its default program.
pub(crate) fn file(path: &Path, find: &impl Find) -> Result<Launch, OpenError> {
    if cfg!(target_os = "macos") {
        // open(1); an absolute path cannot be taken for an option
        return Ok(Launch::new("/usr/bin/open", [path]));
    }
    let opener = "xdg-open";
    let program = find.find(opener).ok_or_else(|| OpenError::new(say::NO_OPENER, &[("program", opener)]))?;
    Ok(Launch::new(program, [path]))
}

/// Opens a file with its default program.
pub(crate) fn start_file(path: &Path) -> Result<(), OpenError> {
    file(path, &OnPath)?.start()
}

/// The command that opens System Settings where notifications are allowed (macOS).
pub(crate) fn notification_settings() -> Launch {
    Launch::new("/usr/bin/open", ["x-apple.systempreferences:com.apple.Notifications-Settings.extension"])
}

/// The command that opens a text file in an editor; on macOS the default *text* editor, not the program for the suffix.
pub(crate) fn text_file(path: &Path, find: &impl Find) -> Result<Launch, OpenError> {
    if cfg!(target_os = "macos") {
        return Ok(Launch::new("/usr/bin/open", [OsString::from("-t"), path.into()]));
    }
    file(path, find)
}

/// The command that shows a file in its folder: Finder selects it; on Linux the folder opens.
pub(crate) fn in_folder(path: &Path, find: &impl Find) -> Result<Launch, OpenError> {
    if cfg!(target_os = "macos") {
        return Ok(Launch::new("/usr/bin/open", [OsString::from("-R"), path.into()]));
    }
    file(path.parent().unwrap_or(path), find)
}

/// The log to open: `agent.log`, which is the most complete, or else any other.
fn log_of(profile: &Profile) -> Result<PathBuf, OpenError> {
    let first = profile.logs_folder().join("agent.log");
    std::iter::once(&first)
        .chain(&profile.logs)
        .find(|path| path.is_file())
        .cloned()
        .ok_or_else(|| OpenError::new(say::NO_LOG, &[("name", &profile.name)]))
}

/// The command that opens the log of a profile.
pub(crate) fn log(view: &ProfileView, snapshot: &Snapshot) -> Result<Launch, OpenError> {
    log_of_view(view, snapshot.gateway_of(view)).and_then(|log| file(&log, &OnPath))
}

/// The log with the lines of a profile, which may be that of the gateway that serves it. Hermes writes the lines of a
/// served profile to the log of its own home or to the gateway's; a log that a former gateway left there is older than
/// the process.
fn log_of_view(view: &ProfileView, gateway: Option<&ProfileView>) -> Result<PathBuf, OpenError> {
    let own = log_of(&view.profile);
    let Some(gateway) = gateway else { return own };
    let is_fresh = |log: &PathBuf| {
        let written = std::fs::metadata(log).and_then(|data| data.modified());
        let written = written.ok().and_then(|at| Timestamp::try_from(at).ok());
        view.verdict.started_at.is_none_or(|started| written.is_some_and(|at| at >= started))
    };
    match own {
        Ok(log) if is_fresh(&log) => Ok(log),
        own => log_of(&gateway.profile).or(own),
    }
}

/// The command that runs `gatelight doctor` in a terminal. `folder`: where a script may be written.
pub(crate) fn doctor(folder: &Path, find: &impl Find) -> Result<Launch, OpenError> {
    let own = std::env::current_exe()
        .map_err(|e| OpenError::new(say::REFUSED, &[("why", &format!("gatelight: {e}"))]))?;
    if cfg!(target_os = "macos") {
        let line = format!("{} doctor", quoted(&own.to_string_lossy()));
        return Ok(in_macos_terminal("doctor.command", &line, folder));
    }
    // keep the window open
    let script = r#""$0" doctor; exec "${SHELL:-/bin/sh}" -i"#;
    in_terminal(Path::new("/bin/sh"), &["-c", script, &own.to_string_lossy()], find)
}

/// The command that shows what the system logged about the profile's job. `folder`: where a script may be written.
pub(crate) fn system_log(profile: &Profile, folder: &Path, find: &impl Find) -> Result<Launch, OpenError> {
    let Some(job) = profile.job.as_ref().filter(|job| job.manager == Manager::Systemd) else {
        if profile.job.is_none() && !cfg!(target_os = "macos") {
            return Err(OpenError::new(say::NO_JOB, &[("name", &profile.name)]));
        }
        let words: Vec<String> = unified_log(profile).iter().map(|word| quoted(word)).collect();
        return Ok(in_macos_terminal(
            "system-log.command",
            &format!("/usr/bin/log {}", words.join(" ")),
            folder,
        ));
    };
    let journalctl = find
        .find("journalctl")
        .ok_or_else(|| OpenError::new(say::NO_OPENER, &[("program", "journalctl")]))?;
    let unit = format!("--unit={}", job.label);
    in_terminal(&journalctl, &["--user", &unit, "--lines=500", "--follow"], find)
}

/// Arguments of `/usr/bin/log`, log(1): what Hermes programs logged in the last hour, and what launchd logged about the
/// profile's job (a gateway's executable is often a Python whose path does not contain the name).
pub(crate) fn unified_log(profile: &Profile) -> [String; 7] {
    let mut predicate = "processImagePath CONTAINS \"hermes\"".to_owned();
    if let Some(label) = profile.label() {
        predicate = format!(
            "{predicate} OR (process == \"launchd\" AND eventMessage CONTAINS \"{}\")",
            escaped(label)
        );
    }
    ["show", "--style", "compact", "--predicate", &predicate, "--last", "1h"].map(str::to_owned)
}

/// Escapes text for a string in a predicate (Predicate Format String Syntax).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Terminal runs a `.command` file that is opened with it in a new window (open(1), `-b`; Terminal User Guide, "Make a file
/// executable"). An Apple event would need the user's permission to control Terminal, again after every build. The script
/// ends in a shell, so that the window stays open whatever Terminal's settings are.
fn in_macos_terminal(file: &str, line: &str, folder: &Path) -> Launch {
    let path = folder.join(file);
    let text = format!(
        "#!/bin/sh\n# written by Gatelight; may be deleted\n{line}\nexec \"${{SHELL:-/bin/zsh}}\" -i\n"
    );
    let mut opened = Launch::new(
        "/usr/bin/open",
        [OsString::from("-b"), "com.apple.Terminal".into(), path.clone().into()],
    );
    opened.script = Some((path, text));
    opened
}

/// Terminals, with the option that the command follows.
const TERMINALS: [(&str, &str); 8] = [
    ("x-terminal-emulator", "-e"),
    ("gnome-terminal", "--"),
    ("konsole", "-e"),
    ("xfce4-terminal", "-x"),
    ("kitty", "--"),
    ("alacritty", "-e"),
    ("foot", "--"),
    ("xterm", "-e"),
];

fn in_terminal(program: &Path, arguments: &[&str], find: &impl Find) -> Result<Launch, OpenError> {
    let found = TERMINALS.iter().find_map(|(name, flag)| find.find(name).map(|path| (path, *flag)));
    let Some((terminal, flag)) = found else {
        let command = format!("{} {}", program.display(), arguments.join(" "));
        return Err(OpenError::new(say::NO_TERMINAL, &[("command", &command)]));
    };
    let mut all = vec![OsString::from(flag), program.into()];
    all.extend(arguments.iter().map(OsString::from));
    Ok(Launch::new(terminal, all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Verdict;
    use crate::profile::JobFile;

    struct Only(&'static [&'static str]);

    impl Find for Only {
        fn find(&self, program: &str) -> Option<PathBuf> {
            self.0.contains(&program).then(|| Path::new("/p").join(program))
        }
    }

    fn profile(manager: Manager, label: &str) -> Profile {
        let job = JobFile::named(manager, "/j", label);
        Profile { name: "work".into(), home: PathBuf::from("/nowhere"), job: Some(job), logs: Vec::new() }
    }

    #[test]
    fn the_journal_opens_in_a_terminal() {
        let profile = profile(Manager::Systemd, "hermes-gateway.service");
        let line = system_log(&profile, Path::new("/d"), &Only(&["journalctl", "xterm"])).unwrap();
        assert_eq!(
            line,
            Launch::new(
                "/p/xterm",
                ["-e", "/p/journalctl", "--user", "--unit=hermes-gateway.service", "--lines=500", "--follow"]
            )
        );
        let error = system_log(&profile, Path::new("/d"), &Only(&["journalctl"])).unwrap_err();
        assert_eq!(
            error.text(Lang::En),
            "no terminal program was found; run this command yourself: /p/journalctl --user \
             --unit=hermes-gateway.service --lines=500 --follow"
        );
        assert_eq!(
            system_log(&profile, Path::new("/d"), &Only(&[])).unwrap_err().text(Lang::Zh),
            "未安装 journalctl"
        );
    }

    #[test]
    fn the_unified_log_opens_in_a_terminal() {
        let line = system_log(&profile(Manager::Launchd, "ai.hermes"), Path::new("/d"), &Only(&[])).unwrap();
        assert_eq!(line.program, Path::new("/usr/bin/open"));
        assert_eq!(line.arguments, ["-b", "com.apple.Terminal", "/d/system-log.command"]);
        let (path, text) = line.script.unwrap();
        assert_eq!(path, Path::new("/d/system-log.command"));
        assert_eq!(
            text,
            "#!/bin/sh\n# written by Gatelight; may be deleted\n\
             /usr/bin/log show --style compact --predicate 'processImagePath CONTAINS \"hermes\" OR \
             (process == \"launchd\" AND eventMessage CONTAINS \"ai.hermes\")' --last 1h\n\
             exec \"${SHELL:-/bin/zsh}\" -i\n"
        );
    }

    /// The script is given to a real shell, with a program that prints its arguments in place of log(1).
    #[test]
    fn a_label_cannot_leave_its_quotes() {
        let folder = tempfile::tempdir().unwrap();
        let label = "a'; rm -rf \"~\"\\ $(date) `date`\n&";
        let profile = profile(Manager::Launchd, label);
        let mut line = system_log(&profile, folder.path(), &Only(&[])).unwrap();
        let (path, text) = line.script.take().unwrap();
        let text = text.replace("/usr/bin/log", "/usr/bin/env printf '%s\\0'").replace("exec", "exit #");
        let told = OnPath.find("true").unwrap();
        for _twice in 0..2 {
            let line =
                Launch { program: told.clone(), script: Some((path.clone(), text.clone())), ..line.clone() };
            line.start().unwrap();
        }
        let printed = Command::new(&path).output().unwrap();
        let words: Vec<&str> = std::str::from_utf8(&printed.stdout).unwrap().split_terminator('\0').collect();
        assert_eq!(words, unified_log(&profile));
        let escaped = "a'; rm -rf \\\"~\\\"\\\\ $(date) `date`\n&";
        assert!(words[4].ends_with(&format!("CONTAINS \"{escaped}\")")), "{}", words[4]);
    }

    #[test]
    fn missing_keys_are_named() {
        let mut profile = profile(Manager::Systemd, "x");
        assert_eq!(log_of(&profile).unwrap_err().text(Lang::En), "work has no log file yet");
        profile.job = None;
        if cfg!(not(target_os = "macos")) {
            let error = system_log(&profile, Path::new("/d"), &Only(&[])).unwrap_err();
            assert_eq!(error.text(Lang::En), "no job file starts work");
        }
    }

    #[test]
    fn the_agents_log_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut profile = profile(Manager::Systemd, "x");
        profile.home = folder.path().to_path_buf();
        std::fs::create_dir(profile.logs_folder()).unwrap();
        let (agent, other) = (profile.logs_folder().join("agent.log"), folder.path().join("other.log"));
        profile.logs = vec![folder.path().join("none.log"), other.clone()];
        std::fs::write(&other, "").unwrap();
        assert_eq!(log_of(&profile).unwrap(), other);
        std::fs::write(&agent, "").unwrap();
        assert_eq!(log_of(&profile).unwrap(), agent);
    }

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn files_open_with_the_desktops_own_opener() {
        let find = Only(&["xdg-open"]);
        assert_eq!(file(Path::new("/a/b.log"), &find).unwrap(), Launch::new("/p/xdg-open", ["/a/b.log"]));
        assert_eq!(in_folder(Path::new("/a/b.log"), &find).unwrap(), Launch::new("/p/xdg-open", ["/a"]));
        assert_eq!(
            file(Path::new("/a"), &Only(&[])).unwrap_err().text(Lang::En),
            "xdg-open is not installed"
        );
    }

    #[test]
    fn a_program_is_found_where_it_can_be_run() {
        assert!(OnPath.find("sh").is_some_and(|p| p.is_absolute()));
        assert_eq!(OnPath.find("no-such-program-here"), None);
    }

    #[test]
    fn a_started_program_runs() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made");
        let touch = OnPath.find("touch").unwrap();
        Launch::new(touch, [&made]).start().unwrap();
        for _ in 0..3_000 {
            if made.exists() {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("it never ran");
    }

    #[test]
    fn the_log_of_a_served_profile_is_the_one_that_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let view = |name: &str, started_at: Option<Timestamp>| {
            let home = folder.path().join(name);
            let profile = Profile { name: name.into(), home, job: None, logs: Vec::new() };
            let verdict = Verdict { started_at, ..Verdict::unknown(Timestamp::UNIX_EPOCH) };
            ProfileView { profile: profile.into(), verdict: verdict.into() }
        };
        let write = |name: &str| {
            let log = folder.path().join(name).join("logs/agent.log");
            std::fs::create_dir_all(log.parent().unwrap()).unwrap();
            std::fs::write(&log, "x").unwrap();
            log
        };
        let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let gateway = view("default", None);
        let log = |started| log_of_view(&view("work", started), Some(&gateway)).ok();
        assert_eq!(log(None), None);
        let serving = write("default");
        assert_eq!(log(None).as_ref(), Some(&serving));
        assert_eq!(Some(write("work")), log(Some(Timestamp::UNIX_EPOCH)));
        assert_eq!(log(Some(later)), Some(serving), "what a former gateway left is older");
    }
}

//! Opens files and folders with what the desktop has for them. Children get an absolute path, no shell and the
//! environment of the desktop (an editor needs it); nobody waits for them but a thread that collects their end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::health::Manager;
use crate::profile::Profile;
use crate::text::{Lang, Phrase, desktop as say, fill};

/// Why nothing was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenError {
    phrase: Phrase,
    values: Vec<(&'static str, String)>,
}

impl OpenError {
    fn new(phrase: Phrase, values: &[(&'static str, &str)]) -> Self {
        Self { phrase, values: values.iter().map(|(k, v)| (*k, (*v).to_owned())).collect() }
    }

    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        let values: Vec<(&str, &str)> = self.values.iter().map(|(k, v)| (*k, v.as_str())).collect();
        fill(lang.pick(self.phrase), &values)
    }
}

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Absolute.
    pub program: PathBuf,
    /// Its arguments, without a shell.
    pub arguments: Vec<OsString>,
}

impl Line {
    fn new<A: Into<OsString>>(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = A>) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }

    /// Starts it, apart from us, and returns.
    pub fn start(&self) -> Result<(), OpenError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| {
                OpenError::new(say::REFUSED, &[("why", &format!("{}: {e}", self.program.display()))])
            })?;
        // a viewer may live long; without a wait it would stay a zombie
        let _no_thread = thread::Builder::new().name("opened".into()).spawn(move || child.wait());
        Ok(())
    }
}

/// Finds programs: the folders of PATH that are absolute.
pub trait Find {
    /// The absolute path of a program.
    fn find(&self, program: &str) -> Option<PathBuf>;
}

/// The `PATH` of this process, and where such programs usually are.
#[derive(Debug, Clone, Copy)]
pub struct OnPath;

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

/// Programs that take a text on standard input into the clipboard: `pbcopy(1)` on macOS; wl-clipboard, xclip and xsel
/// elsewhere.
const CLIPBOARDS: [(&str, &[&str]); 4] = [
    ("pbcopy", &[]),
    ("wl-copy", &[]),
    ("xclip", &["-selection", "clipboard"]),
    ("xsel", &["--clipboard", "--input"]),
];

/// Puts a text into the clipboard. `false`: no program that is there could.
pub fn to_clipboard(text: &str) -> bool {
    CLIPBOARDS.iter().any(|(name, arguments)| {
        OnPath.find(name).is_some_and(|program| feed(&program, arguments, text).unwrap_or(false))
    })
}

fn feed(program: &Path, arguments: &[&str], text: &str) -> std::io::Result<bool> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes())?;
    }
    // They go to the background once they own the selection; one that hangs is given up.
    for _ in 0..50 {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(std::time::Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

/// The command that opens a file or folder with its default program.
pub fn file(path: &Path, find: &impl Find) -> Result<Line, OpenError> {
    if cfg!(target_os = "macos") {
        // open(1): a path that begins with a dash cannot be: it is absolute
        return Ok(Line::new("/usr/bin/open", [path]));
    }
    let opener = "xdg-open";
    let program = find.find(opener).ok_or_else(|| OpenError::new(say::NO_OPENER, &[("program", opener)]))?;
    Ok(Line::new(program, [path]))
}

/// The command that opens a text file to be edited: on macOS the default *text* editor, whatever claims the suffix.
pub fn text_file(path: &Path, find: &impl Find) -> Result<Line, OpenError> {
    if cfg!(target_os = "macos") {
        return Ok(Line::new("/usr/bin/open", [OsString::from("-t"), path.into()]));
    }
    file(path, find)
}

/// The command that shows a file in its folder: Finder selects it; elsewhere the folder opens.
pub fn in_folder(path: &Path, find: &impl Find) -> Result<Line, OpenError> {
    if cfg!(target_os = "macos") {
        return Ok(Line::new("/usr/bin/open", [OsString::from("-R"), path.into()]));
    }
    file(path.parent().unwrap_or(path), find)
}

/// The log to look at first: `agent.log` tells most; any other where it is missing.
pub fn log_of(profile: &Profile) -> Result<PathBuf, OpenError> {
    let first = profile.logs_folder().join("agent.log");
    std::iter::once(&first)
        .chain(&profile.logs)
        .find(|path| path.is_file())
        .cloned()
        .ok_or_else(|| OpenError::new(say::NO_LOG, &[("name", &profile.name)]))
}

/// The command that shows what the system logged about the profile's job.
pub fn system_log(profile: &Profile, find: &impl Find) -> Result<Line, OpenError> {
    let Some(job) = &profile.job else {
        return Err(OpenError::new(say::NO_JOB, &[("name", &profile.name)]));
    };
    if job.manager != Manager::Systemd {
        // log(1): launchd's own records that name the job
        let predicate =
            format!("process == \"launchd\" AND eventMessage CONTAINS \"{}\"", escaped(&job.label));
        return Ok(in_macos_terminal(&format!(
            "/usr/bin/log show --last 1d --style compact --predicate {}",
            quoted(&predicate)
        )));
    }
    let journalctl = find
        .find("journalctl")
        .ok_or_else(|| OpenError::new(say::NO_OPENER, &[("program", "journalctl")]))?;
    let unit = format!("--unit={}", job.label);
    in_terminal(&journalctl, &["--user", &unit, "--lines=500", "--follow"], find)
}

/// Inside a string of a predicate (Predicate Format String Syntax): backslash and quote are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// One word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Terminal's `do script` takes a line for its shell (Terminal's scripting dictionary); the line travels as an
/// argument of the script, never as a part of it.
fn in_macos_terminal(line: &str) -> Line {
    let script =
        "on run argv\ntell application \"Terminal\"\nactivate\ndo script (item 1 of argv)\nend tell\nend run";
    Line::new("/usr/bin/osascript", ["-e", script, line])
}

/// Terminals, with the argument after which the command stands.
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

fn in_terminal(program: &Path, arguments: &[&str], find: &impl Find) -> Result<Line, OpenError> {
    let found = TERMINALS.iter().find_map(|(name, flag)| find.find(name).map(|path| (path, *flag)));
    let Some((terminal, flag)) = found else {
        let command = format!("{} {}", program.display(), arguments.join(" "));
        return Err(OpenError::new(say::NO_TERMINAL, &[("command", &command)]));
    };
    let mut all = vec![OsString::from(flag), program.into()];
    all.extend(arguments.iter().map(OsString::from));
    Ok(Line::new(terminal, all))
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let line = system_log(&profile, &Only(&["journalctl", "xterm"])).unwrap();
        assert_eq!(
            line,
            Line::new(
                "/p/xterm",
                ["-e", "/p/journalctl", "--user", "--unit=hermes-gateway.service", "--lines=500", "--follow"]
            )
        );
        let error = system_log(&profile, &Only(&["journalctl"])).unwrap_err();
        assert_eq!(
            error.text(Lang::En),
            "no terminal emulator was found; the command is: /p/journalctl --user \
             --unit=hermes-gateway.service --lines=500 --follow"
        );
        assert_eq!(system_log(&profile, &Only(&[])).unwrap_err().text(Lang::Zh), "未安装 journalctl");
    }

    #[test]
    fn a_label_cannot_leave_its_quotes() {
        let profile = profile(Manager::Launchd, "a'; rm -rf \"~\"\\");
        let line = system_log(&profile, &Only(&[])).unwrap();
        assert_eq!(line.program, Path::new("/usr/bin/osascript"));
        assert_eq!(
            line.arguments[2],
            "/usr/bin/log show --last 1d --style compact --predicate \
             'process == \"launchd\" AND eventMessage CONTAINS \"a'\\''; rm -rf \\\"~\\\"\\\\\"'"
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        let mut profile = profile(Manager::Systemd, "x");
        assert_eq!(log_of(&profile).unwrap_err().text(Lang::En), "work has no log file yet");
        profile.job = None;
        assert_eq!(system_log(&profile, &Only(&[])).unwrap_err().text(Lang::En), "no job file starts work");
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
        assert_eq!(file(Path::new("/a/b.log"), &find).unwrap(), Line::new("/p/xdg-open", ["/a/b.log"]));
        assert_eq!(in_folder(Path::new("/a/b.log"), &find).unwrap(), Line::new("/p/xdg-open", ["/a"]));
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
        Line::new(touch, [&made]).start().unwrap();
        for _ in 0..3_000 {
            if made.exists() {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("it never ran");
    }
}

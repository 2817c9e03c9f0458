//! systemd user units that run a Hermes gateway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::unit_file::{
    PREFIXES, environment_file, exec_words, settings, time_span, unit_words, with_environment, with_names,
};
use super::{JobFile, KeepAlive, command, expand, set_variable};
use crate::health::Manager;
use crate::text::{Both, profile as say};

/// Whether a file name is a gateway's unit: `hermes-gateway.service`, `hermes-gateway-work.service`.
pub fn is_gateway_unit(name: &str) -> bool {
    name.strip_prefix("hermes-gateway")
        .and_then(|rest| rest.strip_suffix(".service"))
        // a template is not a unit, a watchdog is not a gateway
        .is_some_and(|rest| !rest.ends_with('@') && !rest.starts_with("-watchdog"))
}

/// The part of a unit's name after `hermes-gateway-` (or `hermes-gateway@`).
pub fn suffix(unit: &str) -> Option<&str> {
    let rest = unit.strip_prefix("hermes-gateway")?.strip_suffix(".service")?;
    rest.strip_prefix(['-', '@']).filter(|s| !s.is_empty())
}

/// The template of an instance: `hermes-gateway@.service` of `hermes-gateway@work.service`.
pub fn template(unit: &str) -> Option<String> {
    let (name, rest) = unit.split_once('@')?;
    let (instance, kind) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{name}@.{kind}"))
}

/// Folders of drop-ins for a unit, the most specific last: `service.d`, `hermes-.service.d`, … (systemd.unit(5)).
pub fn drop_in_folders(unit: &str) -> Vec<String> {
    let Some((stem, kind)) = unit.rsplit_once('.') else { return Vec::new() };
    let prefix = stem.split('@').next().unwrap_or_default();
    let mut folders = vec![format!("{kind}.d")];
    folders.extend(prefix.match_indices('-').map(|(at, _)| format!("{}.{kind}.d", &prefix[..=at])));
    folders.extend(template(unit).map(|template| format!("{template}.d")));
    folders.push(format!("{unit}.d"));
    folders
}

/// Parses a unit and its drop-ins, in order. `label` is the unit's name, which differs from the file's for an instance;
/// `read_environment` reads the environment files. The error is the reason as text.
pub fn read(
    path: &Path,
    label: &str,
    files: &[Vec<u8>],
    user_home: &Path,
    read_environment: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> Result<JobFile, Both> {
    let mut unit = Unit::default();
    for bytes in files {
        let text = std::str::from_utf8(bytes).map_err(|_| Both::from(say::NOT_UTF8.phrase))?;
        for setting in settings(text) {
            let value = with_names(&setting.value.text, label);
            unit.apply(&setting.section, &setting.key, &value, user_home)?;
        }
    }
    unit.read_environment_files(read_environment);
    let arguments = unit.gateway_arguments().ok_or_else(|| Both::from(say::NO_EXEC_START))?;
    let command = command::labelled_command(&arguments).unwrap_or_default();
    for (name, value) in &command.environment {
        set_variable(&mut unit.environment, name, value);
    }
    Ok(JobFile {
        manager: Manager::Systemd,
        path: path.to_path_buf(),
        label: label.to_owned(),
        gateway_words: command.texts(),
        arguments,
        working_directory: unit
            .last
            .get("WorkingDirectory")
            .map(|value| resolved(value.trim_start_matches('-'), user_home))
            .filter(|path| path.is_absolute()),
        stdout: unit.output("StandardOutput", user_home),
        stderr: unit.output("StandardError", user_home),
        run_at_load: unit.is_installed,
        keep_alive: KeepAlive::of_systemd(unit.last.get("Restart").map_or("", String::as_str)),
        throttle_s: unit.seconds("RestartSec"),
        exit_timeout_s: unit.seconds("TimeoutStopSec").or_else(|| unit.seconds("TimeoutSec")),
        environment: unit.environment,
        drop_ins: Vec::new(),
    })
}

/// The settings of a unit and its drop-ins, each read after what it may override.
#[derive(Default)]
struct Unit {
    commands: Vec<Command>,
    environment: Vec<(String, String)>,
    environment_files: Vec<PathBuf>,
    /// The last value of every other key of `[Service]`.
    last: BTreeMap<String, String>,
    /// Something wants it to start.
    is_installed: bool,
}

/// One `ExecStart`.
struct Command {
    words: Vec<String>,
    /// `:` before the program leaves `$VARIABLES` as they are.
    expands: bool,
}

impl Unit {
    fn apply(&mut self, section: &str, key: &str, value: &str, user_home: &Path) -> Result<(), Both> {
        match (section, key) {
            ("Service", "ExecStart") if value.is_empty() => self.commands.clear(),
            ("Service", "ExecStart") => {
                let (words, _) = exec_words(value, user_home).ok_or_else(|| open_quote("ExecStart"))?;
                let prefixes = value.len() - value.trim_start_matches(PREFIXES).len();
                self.commands.push(Command { words, expands: !value[..prefixes].contains(':') });
            }
            ("Service", "Environment") if value.is_empty() => self.environment.clear(),
            ("Service", "Environment") => {
                let words = unit_words(value, user_home).ok_or_else(|| open_quote("Environment"))?;
                for word in words {
                    if let Some((name, value)) = word.text.text.split_once('=') {
                        set_variable(&mut self.environment, name, value);
                    }
                }
            }
            ("Service", "EnvironmentFile") if value.is_empty() => self.environment_files.clear(),
            ("Service", "EnvironmentFile") => {
                self.environment_files.push(resolved(value.trim_start_matches('-'), user_home));
            }
            ("Service", key) => {
                self.last.insert(key.to_owned(), value.to_owned());
            }
            ("Install", "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias") => {
                self.is_installed |= !value.is_empty();
            }
            _ => {}
        }
        Ok(())
    }

    /// "Settings from these files override settings made with Environment=" (systemd.exec(5)).
    fn read_environment_files(&mut self, read: &dyn Fn(&Path) -> Option<Vec<u8>>) {
        for text in
            self.environment_files.iter().filter(|file| file.is_absolute()).filter_map(|file| read(file))
        {
            for (name, value) in environment_file(&String::from_utf8_lossy(&text)) {
                set_variable(&mut self.environment, &name, &value);
            }
        }
    }

    /// The command that runs a gateway; the first one where none does, `None` where there is none.
    fn gateway_arguments(&mut self) -> Option<Vec<String>> {
        let environment = &self.environment;
        let mut all = std::mem::take(&mut self.commands).into_iter().map(|command| {
            if command.expands { with_environment(command.words, environment) } else { command.words }
        });
        let first = all.next()?;
        if command::gateway_command(&first).is_some() {
            return Some(first);
        }
        Some(all.find(|words| command::gateway_command(words).is_some()).unwrap_or(first))
    }

    /// The file of an output.
    fn output(&self, key: &str, user_home: &Path) -> Option<PathBuf> {
        let value = self.last.get(key)?;
        let file = ["append:", "file:", "truncate:"].iter().find_map(|kind| value.strip_prefix(kind))?;
        Some(resolved(file, user_home)).filter(|path| path.is_absolute())
    }

    fn seconds(&self, key: &str) -> Option<u64> {
        self.last.get(key).and_then(|value| time_span(value)).map(|span| span.as_secs())
    }
}

/// A path with its specifiers resolved.
fn resolved(path: &str, user_home: &Path) -> PathBuf {
    let path = path.replace("%h", &user_home.to_string_lossy()).replace("%%", "%");
    expand(&path, user_home)
}

fn open_quote(key: &str) -> Both {
    Both::fill(say::OPEN_QUOTE, &[("key", key)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_one(text: &str) -> JobFile {
        let path = Path::new("/u/hermes-gateway-work.service");
        let files = [text.as_bytes().to_vec()];
        read(path, "hermes-gateway-work.service", &files, Path::new("/home/lu"), &|_| None).unwrap()
    }

    #[test]
    fn quoting_and_specifiers() {
        let text = concat!(
            "# ExecStart=/no\n[Unit]\nExecStart=/no\n[Service]\nExecStart = -\"%h/a b/hermes\" \\\n",
            "; a comment between\n  gateway run 'x\\x41\\'y' 100%% \"\\s\"\n",
            "Environment=\"HERMES_HOME=%h/.hermes/profiles/work\" A=1\r\nEnvironment='B=2 3' A=4\n",
            "Restart=on-failure\nRestartSec=1min 30s\nTimeoutStopSec=infinity\n",
            "StandardOutput=append:%h/out.log\n[Install]\nWantedBy=default.target\n",
        );
        let job = read_one(text);
        assert_eq!(job.arguments, ["/home/lu/a b/hermes", "gateway", "run", "xA'y", "100%", " "]);
        assert_eq!(job.gateway_words, job.arguments);
        assert_eq!(job.env("HERMES_HOME"), Some("/home/lu/.hermes/profiles/work"));
        assert_eq!((job.env("A"), job.env("B")), (Some("4"), Some("2 3")));
        assert_eq!((job.keep_alive, job.run_at_load), (KeepAlive::AfterFailure, true));
        assert_eq!((job.throttle_s, job.exit_timeout_s), (Some(90), None));
        assert_eq!(job.stdout, Some("/home/lu/out.log".into()));
    }

    #[test]
    fn drop_ins_come_last_and_can_reset() {
        let unit = b"[Service]\nExecStart=/a/hermes gateway run --replace\nEnvironment=A=1\n".to_vec();
        let drop_in = b"[Service]\nExecStart=\nExecStart=/b/hermes gateway run\nEnvironment=\n".to_vec();
        let path = Path::new("/u/hermes-gateway.service");
        let job = read(path, "hermes-gateway.service", &[unit, drop_in], Path::new("/h"), &|_| None).unwrap();
        assert_eq!(job.arguments, ["/b/hermes", "gateway", "run"]);
        assert!(job.environment.is_empty());
    }

    #[test]
    fn variables_come_from_the_unit_and_its_files() {
        let unit = concat!(
            "[Service]\nEnvironment=ARGS=old HERMES_HOME=%h/.hermes PROFILE=work\n",
            "EnvironmentFile=-%h/none\nEnvironmentFile=/etc/%p-%i.env\n",
            "ExecStart=%h/bin/hermes --profile ${PROFILE} gateway run $ARGS $EMPTY --note=$${x}${PROFILE}$$ $0\n",
        );
        let file = concat!(
            "# comment=1\n; other=2\nHERMES_HOME = '/srv/$h' \nARGS=\"--replace  -q\"\\\n\\ --v\n",
            "no line\n1X=2\nQUOTED=\"a\\\"b'c\"'d\\e'\n"
        );
        let read_file = |path: &Path| {
            (path == Path::new("/etc/hermes-gateway-my-x.env")).then(|| file.as_bytes().to_vec())
        };
        let name = "hermes-gateway@my-x.service";
        let files = [unit.as_bytes().to_vec()];
        let job =
            read(Path::new("/u/hermes-gateway@.service"), name, &files, Path::new("/h"), &read_file).unwrap();
        assert_eq!(job.label, name);
        assert_eq!(
            job.arguments,
            [
                "/h/bin/hermes",
                "--profile",
                "work",
                "gateway",
                "run",
                "--replace",
                "-q",
                "--v",
                "--note=${x}work$",
                "$0"
            ]
        );
        assert_eq!(job.env("HERMES_HOME"), Some("/srv/$h"));
        assert_eq!(job.env("QUOTED"), Some("a\"b'cd\\e"));
        // a colon leaves them alone
        let unit = unit.replace("ExecStart=", "ExecStart=:");
        let job = read(Path::new("/u/x"), name, &[unit.into_bytes()], Path::new("/h"), &read_file).unwrap();
        assert_eq!(job.arguments[2], "${PROFILE}");
    }

    #[test]
    fn names() {
        assert_eq!(template("hermes-gateway@work.service").as_deref(), Some("hermes-gateway@.service"));
        assert_eq!([template("hermes-gateway@.service"), template("hermes-gateway.service")], [None, None]);
        assert_eq!(
            drop_in_folders("hermes-gateway@a-b.service"),
            ["service.d", "hermes-.service.d", "hermes-gateway@.service.d", "hermes-gateway@a-b.service.d"]
        );
        for (name, is, part) in [
            ("hermes-gateway.service", true, None),
            ("hermes-gateway-work.service", true, Some("work")),
            ("hermes-gateway@x.service", true, Some("x")),
            ("hermes-gateway@.service", false, None),
            ("hermes-gateway-watchdog.service", false, Some("watchdog")),
            ("hermes-gateway.timer", false, None),
        ] {
            assert_eq!((is_gateway_unit(name), suffix(name)), (is, part), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_unit_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(\\[Service\\]\n|ExecStart=|Environment=|EnvironmentFile=/|[ -~é]|\\\\\n|\n){0,30}") {
            for unit in [bytes, text.into_bytes()] {
                let variables = unit.clone();
                let files = move |_: &Path| Some(variables.clone());
                let _ = read(Path::new("/u/x"), "hermes-gateway@a-b.service", &[unit], Path::new("/h"), &files);
            }
        }
    }
}

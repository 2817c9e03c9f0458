//! Job files, where their state is kept, and how launchctl tells of them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use crate::{read, write};

/// When a job is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Never,
    Always,
    /// `SuccessfulExit`: true starts it again after a clean exit only, false after any other end only.
    AfterExit {
        successful: bool,
    },
}

/// What the fake understands of a property list.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub path: PathBuf,
    pub label: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub folder: Option<String>,
    pub stdout: Option<String>,
    pub stderr: Option<String>,
    pub run_at_load: bool,
    pub keep_alive: KeepAlive,
    pub throttle_s: u64,
    pub exit_timeout_s: u64,
}

impl Job {
    /// Reads a job file. `None`: launchd would not have it (unreadable, no label, no program, writable for others).
    pub(crate) fn read(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        if fs::metadata(path).ok()?.mode() & 0o022 != 0 {
            return None;
        }
        let value = plist::Value::from_file(path).ok()?;
        let dict = value.as_dictionary()?;
        let text = |key: &str| dict.get(key).and_then(|v| v.as_string()).map(str::to_owned);
        let number = |key: &str| dict.get(key).and_then(plist::Value::as_unsigned_integer);
        let mut arguments: Vec<String> = dict
            .get("ProgramArguments")
            .and_then(|v| v.as_array())
            .map(|all| all.iter().filter_map(|v| v.as_string().map(str::to_owned)).collect())
            .unwrap_or_default();
        if arguments.is_empty() {
            arguments = vec![text("Program")?];
        }
        let environment = dict
            .get("EnvironmentVariables")
            .and_then(|v| v.as_dictionary())
            .map(|all| all.iter().filter_map(|(k, v)| Some((k.clone(), v.as_string()?.to_owned()))).collect())
            .unwrap_or_default();
        let keep_alive = match dict.get("KeepAlive") {
            Some(plist::Value::Boolean(true)) => KeepAlive::Always,
            Some(plist::Value::Dictionary(conditions)) => {
                match conditions.get("SuccessfulExit").and_then(plist::Value::as_boolean) {
                    Some(successful) => KeepAlive::AfterExit { successful },
                    None => KeepAlive::Always,
                }
            }
            _ => KeepAlive::Never,
        };
        Some(Self {
            path: path.to_path_buf(),
            label: text("Label").filter(|label| !label.is_empty() && !label.contains('/'))?,
            arguments,
            environment,
            folder: text("WorkingDirectory"),
            stdout: text("StandardOutPath"),
            stderr: text("StandardErrorPath"),
            // KeepAlive implies it
            run_at_load: keep_alive != KeepAlive::Never
                || dict.get("RunAtLoad").and_then(plist::Value::as_boolean) == Some(true),
            keep_alive,
            throttle_s: number("ThrottleInterval").unwrap_or(10),
            exit_timeout_s: number("ExitTimeOut").unwrap_or(20),
        })
    }
}

/// What the keeper says of its job.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub state: String,
    pub pid: Option<u32>,
    pub runs: u64,
    /// Exit code, or negative signal.
    pub last_exit: Option<i32>,
}

/// A job's place in the state folder.
#[derive(Debug)]
pub(crate) struct Place {
    pub state: PathBuf,
    pub domain: String,
    pub label: String,
}

impl Place {
    pub(crate) fn new(state: &Path, domain: &str, label: &str) -> Self {
        Self { state: state.to_path_buf(), domain: domain.to_owned(), label: label.to_owned() }
    }

    /// Every job of a domain.
    pub(crate) fn all(state: &Path, domain: &str) -> Vec<Self> {
        let folder = state.join("jobs").join(domain.replace('/', "_"));
        let mut labels: Vec<String> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        labels.sort();
        labels.iter().map(|label| Self::new(state, domain, label)).collect()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.state.join("jobs").join(self.domain.replace('/', "_")).join(&self.label)
    }

    pub(crate) fn registered(&self) -> bool {
        self.folder().is_dir()
    }

    /// Launchd keeps what it read at this time: later changes of the file do not count. Appears whole, as it leaves.
    pub(crate) fn register(&self, job: &Job) -> io::Result<()> {
        let draft = self.aside();
        fs::create_dir_all(&draft)?;
        fs::copy(&job.path, draft.join("job.plist"))?;
        write(&draft.join("path.json"), &json!(job.path));
        let folder = self.folder();
        if let Some(domain) = folder.parent() {
            fs::create_dir_all(domain)?;
        }
        fs::rename(draft, folder)
    }

    /// Takes the job out of its domain.
    pub(crate) fn leave(&self) {
        let aside = self.aside();
        if fs::rename(self.folder(), &aside).is_ok() {
            let _ = fs::remove_dir_all(aside);
        }
    }

    fn aside(&self) -> PathBuf {
        self.state.join(format!("aside-{}-{}", self.label, std::process::id()))
    }

    pub(crate) fn job(&self) -> Option<Job> {
        let mut job = Job::read(&self.folder().join("job.plist"))?;
        if let Value::String(path) = read(&self.folder().join("path.json")) {
            job.path = path.into();
        }
        Some(job)
    }

    pub(crate) fn report(&self) -> Option<(Job, Report)> {
        let value = read(&self.folder().join("report.json"));
        let report = Report {
            state: value["state"].as_str()?.to_owned(),
            pid: value["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()),
            runs: value["runs"].as_u64()?,
            last_exit: value["last_exit"].as_i64().and_then(|exit| i32::try_from(exit).ok()),
        };
        Some((self.job()?, report))
    }

    /// What is told of a registered job; its keeper may not have said anything yet.
    pub(crate) fn seen(&self) -> Option<(Job, Report)> {
        let unheard = || Report { state: "not running".into(), ..Report::default() };
        self.report().or_else(|| Some((self.job()?, unheard())))
    }

    pub(crate) fn tell(&self, report: &Report) {
        let value = json!({"state": report.state, "pid": report.pid, "runs": report.runs, "last_exit": report.last_exit});
        write(&self.folder().join("report.json"), &value);
    }

    /// Asks the keeper to do something.
    pub(crate) fn request(&self, what: &Value) {
        write(&self.folder().join("request.json"), what);
    }

    /// The keeper's side of [`Self::request`].
    pub(crate) fn requested(&self) -> Option<Value> {
        let path = self.folder().join("request.json");
        let value = read(&path);
        if value.is_null() {
            return None;
        }
        let _ = fs::remove_file(path);
        Some(value)
    }

    /// One kickstart at a time.
    pub(crate) fn turn(&self) -> Option<File> {
        let file = OpenOptions::new().create(true).append(true).open(self.folder().join("turn")).ok()?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok().map(|()| file)
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "Hangup",
        2 => "Interrupt",
        6 => "Abort trap",
        9 => "Killed",
        11 => "Segmentation fault",
        15 => "Terminated",
        _ => "Unknown signal",
    }
}

/// `launchctl print gui/501/LABEL`.
pub(crate) fn print(place: &Place, job: &Job, report: &Report, scale: f64) -> String {
    let mut lines: Vec<String> = Vec::new();
    let block = |name: &str, inside: Vec<String>| {
        let inside: String = inside.iter().map(|line| format!("\t\t{line}\n")).collect();
        format!("\t{name} = {{\n{inside}\t}}")
    };
    lines.push(format!("{}/{} = {{", place.domain, place.label));
    lines.push(format!("\tactive count = {}", u8::from(report.pid.is_some())));
    lines.push(format!("\tpath = {}", job.path.display()));
    lines.push("\ttype = LaunchAgent".into());
    lines.push(format!("\tstate = {}\n", report.state));
    lines.push(format!("\tprogram = {}", job.arguments.first().map_or("", String::as_str)));
    lines.push(block("arguments", job.arguments.clone()));
    lines.push(String::new());
    if let Some(folder) = &job.folder {
        lines.push(format!("\tworking directory = {folder}\n"));
    }
    lines.push(format!("\tstdout path = {}", job.stdout.as_deref().unwrap_or("/dev/null")));
    lines.push(format!("\tstderr path = {}", job.stderr.as_deref().unwrap_or("/dev/null")));
    let socket = "SSH_AUTH_SOCK => /private/tmp/com.apple.launchd.X/Listeners".to_owned();
    lines.push(block("inherited environment", vec![socket]) + "\n");
    let path = "PATH => /usr/bin:/bin:/usr/sbin:/sbin".to_owned();
    lines.push(block("default environment", vec![path]) + "\n");
    let mut environment: Vec<String> = job.environment.iter().map(|(k, v)| format!("{k} => {v}")).collect();
    environment.push(format!("XPC_SERVICE_NAME => {}", job.label));
    lines.push(block("environment", environment) + "\n");
    lines.push(format!("\tdomain = {} [100026]", place.domain));
    lines.push("\tasid = 100026".into());
    lines.push(format!("\tminimum runtime = {}", (job.throttle_s as f64 * scale).ceil()));
    lines.push(format!("\texit timeout = {}", (job.exit_timeout_s as f64 * scale).ceil()));
    lines.push(format!("\truns = {}", report.runs));
    if let Some(pid) = report.pid {
        lines.push(format!("\tpid = {pid}"));
    }
    lines.push("\timmediate reason = semaphore".into());
    lines.push("\tforks = 0".into());
    lines.push(format!("\texecs = {}", u8::from(report.pid.is_some())));
    lines.push(match report.last_exit {
        None => "\tlast exit code = (never exited)\n".into(),
        Some(78) => "\tlast exit code = 78: EX_CONFIG\n".into(),
        Some(code) if code >= 0 => format!("\tlast exit code = {code}\n"),
        Some(signal) => format!("\tlast terminating signal = {}: {}\n", signal_name(-signal), -signal),
    });
    let state = if report.pid.is_some() { "active" } else { "terminated" };
    let coalition = ["ID = 1234", "type = resource", &format!("state = {state}"), "active count = 1"];
    lines.push(block("resource coalition", coalition.map(str::to_owned).to_vec()) + "\n");
    lines.push(
        "\tspawn type = daemon (3)\n\tjetsam priority = 40\n\tjetsam memory limit (active) = (unlimited)"
            .into(),
    );
    lines.push("\tproperties = keepalive | runatload | inferred program".into());
    lines.push("}\n".into());
    lines.join("\n")
}

/// `launchctl list LABEL`: an old-style property list, with a raw wait status.
pub(crate) fn list_label(job: &Job, report: &Report) -> String {
    let mut text = String::from("{\n\t\"LimitLoadToSessionType\" = \"Aqua\";\n");
    text.push_str(&format!("\t\"Label\" = \"{}\";\n\t\"OnDemand\" = false;\n", job.label));
    let raw = report.last_exit.map_or(0, |exit| if exit < 0 { -exit } else { exit << 8 });
    text.push_str(&format!("\t\"LastExitStatus\" = {raw};\n"));
    if let Some(pid) = report.pid {
        text.push_str(&format!("\t\"PID\" = {pid};\n"));
    }
    text.push_str(&format!("\t\"Program\" = \"{}\";\n", job.arguments.first().map_or("", String::as_str)));
    text.push_str("\t\"ProgramArguments\" = (\n");
    for argument in &job.arguments {
        text.push_str(&format!("\t\t\"{argument}\";\n"));
    }
    text.push_str("\t);\n};\n");
    text
}

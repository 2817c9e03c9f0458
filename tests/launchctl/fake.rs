//! A `launchctl` for tests: launchd's own words, formats and exit codes over real child processes.
//!
//! Its state is the folder that it is called from (`STATE/launchctl` is a link to this program); nothing needs an
//! environment, so that callers may clean theirs. In the folder:
//!
//! - `settings.json`: `scale` (factor on throttle and exit time-out), `manager` (`Aqua`), `no_gui`, `old` (a launchctl
//!   that knows the legacy subcommands only), `linger_ms` (how long a job stays registered after its process is gone),
//!   `disabled_code` (119, or 5 as newer systems say);
//! - `faults.json`: a list of `{on, when, code, stdout, stderr, hang, times}`: the first one whose `on` is the subcommand
//!   and whose `when` is in the arguments takes the place of the real answer, `times` times (for ever without);
//! - `killer`: the number of a call (a line of `calls`, from 0) or a subcommand; once such a call is answered, and all
//!   that follow a number, the caller is killed;
//! - `calls`: one line a call; `jobs/`, `disabled.json`, `keepers/`: its own.
//!
//! Each registered job has a keeper process ([`keeper`]) that starts, reaps and respawns it. Keepers end, and take their
//! children along, when the folder or `keepers/` is gone, when `stop` appears, or after a bounded life.

#![allow(missing_docs, clippy::format_push_string, clippy::format_collect)]

mod job;
mod keeper;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use job::{Job, Place, Report};
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

/// How long a caller waits for a keeper at most.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let program = PathBuf::from(arguments.next().unwrap_or_default());
    let arguments: Vec<String> = arguments.collect();
    if let [keep, state, domain, label] = arguments.as_slice()
        && keep == "__keep"
    {
        keeper::keep(&Place::new(Path::new(state), domain, label));
        return ExitCode::SUCCESS;
    }
    let Some(state) = program.parent().filter(|p| p.join("settings.json").is_file()) else {
        eprintln!("no settings.json beside {}", program.display());
        return ExitCode::from(70);
    };
    let launchctl = Launchctl { state: state.to_path_buf(), settings: read(&state.join("settings.json")) };
    launchctl.note(&arguments);
    let number = launchctl.calls_so_far();
    let answer = launchctl.fault(&arguments).unwrap_or_else(|| launchctl.answer(&arguments));
    launchctl.kill_caller(number, &arguments);
    print!("{}", answer.stdout);
    eprint!("{}", answer.stderr);
    ExitCode::from(answer.code)
}

/// What is printed, and the exit code.
#[derive(Debug, Default)]
struct Answer {
    code: u8,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn says(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    fn fails(code: u8, stderr: impl Into<String>) -> Self {
        Self { code, stderr: stderr.into(), ..Self::default() }
    }
}

struct Launchctl {
    state: PathBuf,
    settings: Value,
}

/// JSON of a file; null where there is none.
fn read(path: &Path) -> Value {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(Value::Null)
}

/// Writes whole, or not at all.
fn write(path: &Path, value: &Value) {
    let temporary = path.with_extension(format!("new{}", std::process::id()));
    if fs::write(&temporary, value.to_string()).is_ok() {
        let _ = fs::rename(&temporary, path);
    }
}

fn errno_words(code: u8) -> &'static str {
    match code {
        3 => "No such process",
        5 => "Input/output error",
        36 => "Operation now in progress",
        37 => "Operation already in progress",
        112 => "Could not find specified domain",
        113 => "Could not find specified service",
        119 => "Service is disabled",
        125 => "Domain does not support specified action",
        _ => "Unknown error",
    }
}

impl Launchctl {
    fn note(&self, arguments: &[String]) {
        let file = OpenOptions::new().create(true).append(true).open(self.state.join("calls"));
        if let Ok(mut file) = file {
            let _ = file.write_all(format!("{}\n", arguments.join(" ")).as_bytes());
        }
    }

    fn calls_so_far(&self) -> usize {
        fs::read_to_string(self.state.join("calls")).unwrap_or_default().lines().count()
    }

    /// `killer` holds the number of a call, from 0, or the subcommand after which the caller is killed.
    fn kill_caller(&self, number: usize, arguments: &[String]) {
        let Ok(at) = fs::read_to_string(self.state.join("killer")) else { return };
        let now = match at.parse::<usize>() {
            Ok(at) => number > at,
            Err(_) => arguments.first().is_some_and(|subcommand| *subcommand == at),
        };
        if let Some(caller) = rustix::process::getppid().filter(|_| now) {
            let _ = rustix::process::kill_process(caller, rustix::process::Signal::KILL);
        }
    }

    /// The answer that the faults file has for this call.
    fn fault(&self, arguments: &[String]) -> Option<Answer> {
        let path = self.state.join("faults.json");
        let lock = OpenOptions::new().create(true).append(true).open(self.state.join("faults.lock")).ok()?;
        flock(&lock, FlockOperation::LockExclusive).ok()?;
        let mut faults = read(&path);
        let line = arguments.join(" ");
        let fault = faults.as_array_mut()?.iter_mut().find(|fault| {
            fault["on"].as_str() == arguments.first().map(String::as_str)
                && fault["when"].as_str().is_none_or(|when| line.contains(when))
                && fault["times"].as_u64() != Some(0)
        })?;
        if let Some(times) = fault["times"].as_u64() {
            fault["times"] = json!(times - 1);
        }
        let fault = fault.clone();
        write(&path, &faults);
        drop(lock);
        if fault["hang"] == true {
            sleep(PATIENCE);
        }
        let code = fault["code"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(0);
        let verb = match arguments.first().map(String::as_str) {
            Some("bootstrap") => "Bootstrap failed: ",
            Some("bootout") => "Boot-out failed: ",
            Some("load") => "Load failed: ",
            Some("kickstart") => "Could not kickstart service: ",
            _ => "",
        };
        let usual = if code == 0 { String::new() } else { format!("{verb}{code}: {}\n", errno_words(code)) };
        Some(Answer {
            code,
            stdout: fault["stdout"].as_str().unwrap_or_default().to_owned(),
            stderr: fault["stderr"].as_str().map_or(usual, str::to_owned),
        })
    }

    fn answer(&self, arguments: &[String]) -> Answer {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let modern =
            ["print", "print-disabled", "bootstrap", "bootout", "kickstart", "enable", "disable", "kill"];
        if self.settings["old"] == true && words.first().is_some_and(|w| modern.contains(w)) {
            return Answer::fails(64, format!("Unrecognized subcommand: {}\n", words[0]));
        }
        match words.as_slice() {
            ["managername"] => {
                Answer::says(format!("{}\n", self.settings["manager"].as_str().unwrap_or("Aqua")))
            }
            ["version"] => {
                Answer::says("Darwin Bootstrapper Version 7.0.0: Fri Jan  1 00:00:00 PST 2021; fake\n")
            }
            ["list"] => self.list(),
            ["list", label] => self.list_label(label),
            ["print", target] => self.print(target),
            ["print-disabled", domain] => self.print_disabled(domain),
            ["bootstrap", domain, path] => self.bootstrap(domain, path),
            ["bootout", target] => self.bootout(target),
            ["kickstart", rest @ .., target] => {
                self.kickstart(target, rest.contains(&"-k"), rest.contains(&"-p"))
            }
            ["enable", target] => self.enable(target, true),
            ["disable", target] => self.enable(target, false),
            ["load", rest @ .., path] => self.load(path, rest.contains(&"-w")),
            ["unload", rest @ .., path] => self.unload(path, rest.contains(&"-w")),
            ["start", label] => self.start(label),
            _ => Answer::fails(
                64,
                format!("Unrecognized subcommand: {}\n", words.first().copied().unwrap_or_default()),
            ),
        }
    }

    /// The domain that a legacy subcommand means: the caller's.
    fn own_domain(&self) -> String {
        let kind = if self.settings["manager"].as_str().is_none_or(|m| m == "Aqua") { "gui" } else { "user" };
        format!("{kind}/{}", uid())
    }

    fn domain_exists(&self, domain: &str) -> bool {
        (domain == format!("gui/{}", uid()) && self.settings["no_gui"] != true)
            || domain == format!("user/{}", uid())
    }

    fn no_service(label: &str, domain: &str) -> Answer {
        let of = domain.strip_prefix("gui/").map_or_else(
            || format!("uid: {}", domain.trim_start_matches("user/")),
            |uid| format!("user gui: {uid}"),
        );
        Answer::fails(113, format!("Bad request.\nCould not find service \"{label}\" in domain for {of}\n"))
    }

    fn split<'a>(&self, target: &'a str) -> Result<(&'a str, &'a str), Answer> {
        match target.rsplit_once('/') {
            Some((domain, label)) if self.domain_exists(domain) => Ok((domain, label)),
            _ => Err(Answer::fails(112, format!("Bad request.\nCould not find domain for {target}\n"))),
        }
    }

    /// The job that a target names.
    fn find(&self, target: &str) -> Result<Place, Answer> {
        let (domain, label) = self.split(target)?;
        let place = Place::new(&self.state, domain, label);
        if place.registered() { Ok(place) } else { Err(Self::no_service(label, domain)) }
    }

    fn print(&self, target: &str) -> Answer {
        match self.find(target) {
            Ok(place) => match place.seen() {
                Some((job, report)) => Answer::says(job::print(&place, &job, &report, self.scale())),
                None => Self::no_service(&place.label, &place.domain),
            },
            Err(answer) => answer,
        }
    }

    fn scale(&self) -> f64 {
        self.settings["scale"].as_f64().unwrap_or(1.0)
    }

    fn all(&self) -> Vec<Place> {
        Place::all(&self.state, &self.own_domain())
    }

    fn list(&self) -> Answer {
        let mut text = String::from("PID\tStatus\tLabel\n");
        for place in self.all() {
            if let Some((_, report)) = place.seen() {
                let pid = report.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
                text.push_str(&format!("{pid}\t{}\t{}\n", report.last_exit.unwrap_or(0), place.label));
            }
        }
        Answer::says(text)
    }

    fn list_label(&self, label: &str) -> Answer {
        let place = Place::new(&self.state, &self.own_domain(), label);
        match place.seen() {
            Some((job, report)) => Answer::says(job::list_label(&job, &report)),
            None => Answer::fails(113, format!("Could not find service \"{label}\" in domain for port\n")),
        }
    }

    fn disabled(&self) -> Vec<String> {
        let value = read(&self.state.join("disabled.json"));
        value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }

    fn print_disabled(&self, domain: &str) -> Answer {
        if !self.domain_exists(domain) {
            return Answer::fails(112, format!("Bad request.\nCould not find domain for {domain}\n"));
        }
        let lines: String =
            self.disabled().iter().map(|label| format!("\t\t\"{label}\" => disabled\n")).collect();
        Answer::says(format!("\tdisabled services = {{\n{lines}\t}}\n\tlogin item associations = {{\n\t}}\n"))
    }

    fn enable(&self, target: &str, on: bool) -> Answer {
        let (_, label) = match self.split(target) {
            Ok(parts) => parts,
            Err(answer) => return answer,
        };
        let mut disabled = self.disabled();
        disabled.retain(|other| other != label);
        if !on {
            disabled.push(label.to_owned());
        }
        write(&self.state.join("disabled.json"), &json!(disabled));
        Answer::default()
    }

    fn bootstrap(&self, domain: &str, path: &str) -> Answer {
        let failed =
            |code: u8| Answer::fails(code, format!("Bootstrap failed: {code}: {}\n", errno_words(code)));
        if !self.domain_exists(domain) {
            return failed(112);
        }
        let Some(job) = Job::read(Path::new(path)) else {
            return failed(5);
        };
        if self.disabled().contains(&job.label) {
            return failed(
                self.settings["disabled_code"].as_u64().and_then(|c| u8::try_from(c).ok()).unwrap_or(119),
            );
        }
        let place = Place::new(&self.state, domain, &job.label);
        if place.registered() {
            return failed(5);
        }
        if place.register(&job).is_err() {
            return failed(5);
        }
        let spawned = std::env::current_exe().and_then(|program| {
            Command::new(program)
                .arg("__keep")
                .args([self.state.as_os_str(), domain.as_ref(), job.label.as_ref()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
        });
        if spawned.is_err() {
            return failed(5);
        }
        wait_for(|| place.report().is_some());
        Answer::default()
    }

    fn bootout(&self, target: &str) -> Answer {
        let place = match self.find(target) {
            Ok(place) => place,
            Err(answer) if answer.code == 113 => {
                return Answer::fails(3, "Boot-out failed: 3: No such process\n");
            }
            Err(answer) => return answer,
        };
        place.request(&json!({"do": "bootout"}));
        // it waits a little, then leaves the job to its end
        let until = Instant::now() + Duration::from_secs(5).mul_f64(self.scale());
        while place.registered() {
            if Instant::now() > until {
                return Answer::fails(36, "Boot-out failed: 36: Operation now in progress\n");
            }
            sleep(keeper::PAUSE);
        }
        Answer::default()
    }

    fn kickstart(&self, target: &str, kill: bool, tell: bool) -> Answer {
        let place = match self.find(target) {
            Ok(place) => place,
            Err(mut answer) => {
                answer.stderr = answer.stderr.replace("Bad request.\n", "");
                return answer;
            }
        };
        let busy = || {
            let label = &place.label;
            Answer::fails(
                37,
                format!("Could not kickstart service \"{label}\": 37: Operation already in progress\n"),
            )
        };
        let Some(_turn) = place.turn() else { return busy() };
        let before = place.report().map_or(0, |(_, report)| report.runs);
        if let Some((_, Report { pid: Some(_), .. })) = place.report()
            && !kill
        {
            // it runs already: nothing to do
            return Answer::default();
        }
        place.request(&json!({"do": "kickstart", "kill": kill}));
        // it comes back when the new process was spawned, which may mean to wait for the old one
        wait_for(|| !place.registered() || place.report().is_some_and(|(_, report)| report.runs > before));
        match place.report() {
            Some((_, report)) if tell => {
                Answer::says(format!("service spawned with pid: {}\n", report.pid.unwrap_or(0)))
            }
            Some(_) => Answer::default(),
            None => Self::no_service(&place.label, &place.domain),
        }
    }

    fn load(&self, path: &str, enable: bool) -> Answer {
        if enable && let Some(job) = Job::read(Path::new(path)) {
            self.enable(&format!("{}/{}", self.own_domain(), job.label), true);
        }
        let answer = self.bootstrap(&self.own_domain(), path);
        if answer.code == 0 {
            return answer;
        }
        // the legacy subcommand complains and ends with 0 all the same
        let words = answer.stderr.replace("Bootstrap failed", "Load failed");
        Answer {
            code: 0,
            stdout: String::new(),
            stderr: words + "Try running `launchctl bootstrap` as root for richer errors.\n",
        }
    }

    fn unload(&self, path: &str, disable: bool) -> Answer {
        let Some(job) = Job::read(Path::new(path)) else {
            return Answer { stderr: "Unload failed: 5: Input/output error\n".into(), ..Answer::default() };
        };
        let target = format!("{}/{}", self.own_domain(), job.label);
        if disable {
            self.enable(&target, false);
        }
        let answer = self.bootout(&target);
        if answer.code == 0 || answer.code == 36 {
            return Answer::default();
        }
        Answer { stderr: "Unload failed: 5: Input/output error\n".into(), ..Answer::default() }
    }

    fn start(&self, label: &str) -> Answer {
        let place = Place::new(&self.state, &self.own_domain(), label);
        if !place.registered() {
            return Answer::fails(3, "");
        }
        if place.report().is_some_and(|(_, report)| report.pid.is_none()) {
            place.request(&json!({"do": "kickstart", "kill": false}));
        }
        Answer::default()
    }
}

fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Waits until `done`, within bounds.
fn wait_for(done: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() && Instant::now() < until {
        sleep(keeper::PAUSE);
    }
}

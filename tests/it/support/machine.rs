//! A user's machine in a temporary folder: a HOME with gateways, and the real `gatelight` that watches them.

use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{start_of, wait_for, waited_for};

/// A secret in every link line that these gateways write; it must never be shown.
pub(crate) const SECRETS: [&str; 2] = ["5ecretAccessKey0123456789", "5ecretTicket-0123456789"];

/// An empty HOME.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    launchctl: PathBuf,
}

impl Machine {
    /// Without any service manager.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("machine").tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let launchctl = folder.path().join("no-launchctl");
        Self { folder, launchctl }
    }

    /// With this launchctl.
    pub(crate) fn with_launchctl(program: &Path) -> Self {
        Self { launchctl: program.to_path_buf(), ..Self::new() }
    }

    /// Uses this launchctl from now on.
    pub(crate) fn set_launchctl(&mut self, program: &Path) {
        self.launchctl = program.to_path_buf();
    }

    /// The folder above HOME, which Gatelight does not read.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder for temporary files.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// The default profile's home.
    pub(crate) fn hermes(&self) -> PathBuf {
        self.home().join(".hermes")
    }

    /// The home of a named profile.
    pub(crate) fn profile(&self, name: &str) -> PathBuf {
        self.hermes().join("profiles").join(name)
    }

    /// `~/Library/LaunchAgents`; created if missing.
    pub(crate) fn agents(&self) -> PathBuf {
        let folder = self.home().join("Library/LaunchAgents");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Writes a job file.
    pub(crate) fn plist(&self, label: &str, arguments: &[&str], more: &str) -> PathBuf {
        let path = self.agents().join(format!("{label}.plist"));
        fs::write(&path, plist(label, arguments, more)).unwrap();
        path
    }

    /// A command with the environment of this machine only.
    pub(crate) fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", self.home())
            .env("TMPDIR", self.tmp())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("TERM", "xterm")
            .env("GATELIGHT_LAUNCHCTL", &self.launchctl)
            .stdin(Stdio::null());
        command
    }

    /// `gatelight` with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of(env!("CARGO_BIN_EXE_gatelight"));
        command.args(arguments);
        command
    }

    /// Runs `gatelight` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// `gatelight status --json` as it is now.
    pub(crate) fn status(&self) -> Value {
        let ran = self.run(&["status", "--json"]);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// Light and reason of a profile now.
    pub(crate) fn light(&self, profile: &str) -> Option<(String, String)> {
        let status = self.status();
        let found = status["profiles"].as_array()?.iter().find(|p| p["profile"] == profile)?.clone();
        Some((found["light"].as_str()?.to_owned(), found["reason"].as_str()?.to_owned()))
    }

    /// Starts `gatelight watch --json`.
    pub(crate) fn watch(&self) -> Stream {
        Stream::of(self.command(&["watch", "--json"]))
    }
}

/// The text of a job file.
pub(crate) fn plist(label: &str, arguments: &[&str], more: &str) -> String {
    let arguments: String = arguments
        .iter()
        .map(|word| format!("        <string>{word}</string>\n"))
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n    <key>Label</key>\n    \
         <string>{label}</string>\n    <key>ProgramArguments</key>\n    <array>\n{arguments}    </array>\n    \
         {more}\n</dict>\n</plist>\n"
    )
}

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A child process that is killed at the end of its test.
pub(crate) struct Process(pub Child);

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Kills it with SIGKILL and reaps it.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end and returns the exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let mut status = None;
        wait_for("the process ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running command, and its output so far.
pub(crate) struct Stream {
    pub process: Process,
    out: Arc<Mutex<Vec<String>>>,
    err: Arc<Mutex<Vec<String>>>,
    taken: usize,
}

impl Stream {
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        Self { process: Process(child), out, err, taken: 0 }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.out.lock().unwrap().clone()
    }

    /// Its standard error so far.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.err.lock().unwrap().clone()
    }

    /// The next line.
    pub(crate) fn line(&mut self) -> String {
        let at = self.taken;
        let mut line = None;
        let came = waited_for(|| {
            line = self.out.lock().unwrap().get(at).cloned();
            line.is_some()
        });
        assert!(came, "waited in vain: line {at} after {:?}, {:?}", self.lines(), self.complaints());
        self.taken += 1;
        line.unwrap()
    }

    /// Takes the next line, which must be this change.
    #[track_caller]
    pub(crate) fn expect(&mut self, profile: &str, light: &str, reason: &str) -> Value {
        let line = self.line();
        let value: Value = serde_json::from_str(&line).unwrap();
        let told =
            [&value["profile"], &value["light"], &value["reason"]].map(|v| v.as_str().unwrap_or_default());
        assert_eq!(told, [profile, light, reason], "{line}, after {:?}", self.lines());
        value
    }

    /// As [`Self::expect`], for a profile that has just appeared: if the first look falls between its process and its first
    /// log line, a change to `starting` comes first.
    #[track_caller]
    pub(crate) fn expect_new(&mut self, profile: &str, light: &str, reason: &str) {
        let line = self.line();
        let value: Value = serde_json::from_str(&line).unwrap();
        if value["profile"] == profile && value["reason"] == reason {
            return;
        }
        assert_eq!((&value["profile"], &value["reason"]), (&profile.into(), &"starting".into()), "{line}");
        self.expect(profile, light, reason);
    }

    /// Sends SIGINT and returns the exit code.
    pub(crate) fn interrupt(&mut self) -> Option<i32> {
        self.process.signal(Signal::INT);
        self.process.end()
    }
}

fn collect(from: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            into.lock().unwrap().push(line);
        }
    });
    lines
}

/// A gateway whose log lines the test writes; its process is real and does nothing.
pub(crate) struct Gateway {
    pub home: PathBuf,
    pub process: Process,
}

impl Gateway {
    /// Starts the process and writes its PID file. Nothing is logged yet.
    pub(crate) fn start(home: &Path) -> Self {
        fs::create_dir_all(home).unwrap();
        let child = Command::new("/bin/sleep").arg("600").process_group(0).spawn().unwrap();
        let gateway = Self { home: home.to_path_buf(), process: Process(child) };
        gateway.file("gateway.pid", &gateway.me());
        gateway
    }

    /// Starts it, and logs what a gateway logs until it is connected.
    pub(crate) fn connected(home: &Path) -> Self {
        let gateway = Self::start(home);
        gateway.starts();
        gateway.connects();
        gateway
    }

    /// Its identity as in its files.
    pub(crate) fn me(&self) -> Value {
        json!({"pid": self.process.pid(), "kind": "hermes-gateway", "start_time": start_of(self.process.pid())})
    }

    /// The state file of the running gateway with these platform entries.
    pub(crate) fn state(&self, platforms: Value) -> Value {
        let mut state = self.me();
        state["gateway_state"] = json!("running");
        state["platforms"] = platforms;
        state
    }

    pub(crate) fn file(&self, name: &str, json: &Value) {
        fs::write(self.home.join(name), json.to_string()).unwrap();
    }

    pub(crate) fn log_path(&self, name: &str) -> PathBuf {
        self.home.join("logs").join(name)
    }

    pub(crate) fn log(&self, name: &str, level: &str, message: &str) {
        fs::create_dir_all(self.home.join("logs")).unwrap();
        append(&self.log_path(name), &format!("{} {level} {message}\n", stamp()));
    }

    pub(crate) fn starts(&self) {
        self.log("agent.log", "INFO", "gateway.run: Starting Hermes Gateway...");
        self.log("agent.log", "INFO", "gateway.run: Connecting to feishu...");
    }

    pub(crate) fn connects(&self) {
        self.log("agent.log", "INFO", &connected_line());
    }

    pub(crate) fn loses(&self) {
        let lost = "Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]";
        self.log("agent.log", "ERROR", lost);
    }

    pub(crate) fn executor_dies(&self) {
        let dead = "gateway.kanban: kanban notifier tick failed: Executor shutdown has been called";
        self.log("agent.log", "WARNING", dead);
    }
}

/// The message that confirms the link, with secrets in it.
pub(crate) fn connected_line() -> String {
    let [key, ticket] = SECRETS;
    format!(
        "Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?fpid=493&device_id=1&access_key={key}&service_id=33&ticket={ticket} [conn_id=1]"
    )
}

/// Appends to a file in one write.
pub(crate) fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Now, in the format of the gateway's logs. Each value of a test is unique, although it writes several lines in a millisecond. Of a
/// test alone: the lines of others must not take its clock ahead, since what is older than a start belongs to the process before.
pub(crate) fn stamp() -> String {
    thread_local!(static LAST: Cell<i64> = const { Cell::new(0) });
    let now = Timestamp::now().as_millisecond();
    let at = LAST.with(|last| {
        last.set((last.get() + 1).max(now));
        last.get()
    });
    let at = Timestamp::from_millisecond(at).unwrap();
    at.strftime("%Y-%m-%d %H:%M:%S,%3f").to_string()
}

//! End to end: a log line of a real process, the icon on a real D-Bus, the notification and its button, the restart
//! through a service manager, the green light, the recovery. Only `launchctl` and the gateways are simulated.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::bus::{Bus, Desktop, Notifications, Panel, Watcher, until};
use crate::support::launchctl::FakeLaunchctl;

pub(crate) const LABEL: &str = "ai.hermes.gateway-work";

/// A user's home with one job that starts a simulated gateway.
pub(crate) struct User {
    pub(crate) home: tempfile::TempDir,
    pub(crate) launchctl: FakeLaunchctl,
}

impl User {
    pub(crate) fn new(script: &str) -> Self {
        let user = Self { home: tempfile::tempdir().unwrap(), launchctl: FakeLaunchctl::new(&json!({})) };
        let agents = user.home.path().join("Library/LaunchAgents");
        std::fs::create_dir_all(&agents).unwrap();
        let hermes = user.hermes();
        let program = env!("CARGO_BIN_EXE_gatelight");
        let words =
            [program, "simulate", "--home", hermes.to_str().unwrap(), "--script", script, "--then", "clean"];
        let words = words.map(|word| format!("<string>{word}</string>")).concat();
        let plist = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>Label</key><string>{LABEL}</string>\
             <key>ProgramArguments</key><array>{words}</array><key>EnvironmentVariables</key><dict><key>HERMES_HOME</key>\
             <string>{}</string></dict><key>RunAtLoad</key><true/><key>KeepAlive</key><true/></dict></plist>\n",
            hermes.display()
        );
        std::fs::write(user.job_file(), plist).unwrap();
        let settings = user.home.path().join(".config/gatelight");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(settings.join("config.toml"), "[notices]\nrecovery_hold = 1\n").unwrap();
        user
    }

    pub(crate) fn hermes(&self) -> PathBuf {
        self.home.path().join(".hermes/profiles/work")
    }

    fn job_file(&self) -> PathBuf {
        self.home.path().join(format!("Library/LaunchAgents/{LABEL}.plist"))
    }

    pub(crate) fn load(&self) {
        self.launchctl.load("gui", &self.job_file());
    }

    /// Waits until the agent's own log has these events.
    fn logged(&self, events: &[&str]) {
        let log = std::fs::read_to_string(self.home.path().join(".local/state/gatelight/gatelight.log"));
        let log = log.unwrap();
        for event in events {
            assert!(log.contains(event), "{event}: {log}");
        }
    }

    pub(crate) fn gatelight(&self, bus: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatelight"));
        command
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join(".config"))
            .env("XDG_DATA_HOME", self.home.path().join(".local/share"))
            .env("XDG_STATE_HOME", self.home.path().join(".local/state"))
            .env("GATELIGHT_LAUNCHCTL", self.launchctl.program())
            .env("GATELIGHT_SYSTEMCTL", "/nonexistent/systemctl")
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }
}

pub(crate) fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

/// Ended with SIGTERM, as by a session.
pub(crate) struct Agent(pub(crate) Child);

impl Agent {
    pub(crate) fn end(&mut self) -> std::process::ExitStatus {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            let _ended = self.0.kill();
            let _ended = self.0.wait();
        }
    }
}

#[test]
fn a_hollow_gateway_is_notified_restarted_from_the_notice_and_green_again() {
    let Some(desktop) = Desktop::start() else { return };
    let user = User::new("hollow");
    user.load();
    let mut agent = Agent(user.gatelight(&desktop.bus.address).spawn().unwrap());
    let panel = desktop.panel();

    until("the light is green", || {
        panel.labels().iter().any(|row| row.contains("1 of 1 connected")).then_some(())
    });
    let green = panel.icon().1;
    let notice = desktop.server.nth(0);
    assert!(notice.title.contains("work") || notice.body.contains("work"), "{notice:?}");
    assert!(notice.body.contains("executor") || notice.title.contains("executor"), "{notice:?}");
    let keys: Vec<&String> = notice.actions.iter().step_by(2).collect();
    assert_eq!(keys.len(), 3, "{notice:?}");
    until("the icon is another one", || (panel.icon().1 != green).then_some(()));
    panel.has("executor");

    let restart =
        notice.actions.iter().position(|label| label.contains("Restart")).expect("a button to restart");
    Notifications::press(&desktop.speaker, notice.id, &notice.actions[restart - 1]);
    until("the light is green again", || (panel.icon().1 == green).then_some(()));
    let recovered = until("the recovery is told", || {
        let shown = desktop.server.shown.lock().unwrap();
        shown.iter().skip(1).find(|n| n.title != notice.title && n.title.contains("work")).cloned()
    });
    assert!(!recovered.body.is_empty());
    assert!(
        user.launchctl.calls().iter().any(|call| call.contains("kickstart")),
        "{:?}",
        user.launchctl.calls()
    );
    assert!(agent.end().success(), "SIGTERM is no failure");

    // the history has the incident
    let history = user.gatelight(&desktop.bus.address).args(["history", "--json"]).output().unwrap();
    let text = String::from_utf8(history.stdout).unwrap();
    assert!(text.contains("executor-shutdown"), "{text}");
    assert!(!text.contains("labaccesskey"), "secrets never leave");
    user.logged(&["watcher started", "notice delivered", "notice pressed", "restart ended", "agent ended"]);
}

#[test]
fn a_second_start_asks_the_first_to_show_itself() {
    let Some(desktop) = Desktop::start() else { return };
    let user = User::new("clean");
    let mut first = Agent(user.gatelight(&desktop.bus.address).spawn().unwrap());
    desktop.watcher.item();
    let second = user.gatelight(&desktop.bus.address).output().unwrap();
    assert!(second.status.success());
    assert!(String::from_utf8_lossy(&second.stdout).contains("already running"), "{second:?}");
    desktop.server.nth(0);
    assert!(first.end().success());
    assert_eq!(leftovers(user.home.path()), Vec::<PathBuf>::new());
}

/// launchd starts its job while an agent that the user opened is running, as when Launch at Login is turned on.
#[test]
fn the_job_of_launchd_takes_over_from_an_agent_that_was_opened() {
    let Some(desktop) = Desktop::start() else { return };
    let user = User::new("clean");
    user.load();
    let start = |is_job: bool| {
        let mut command = user.gatelight(&desktop.bus.address);
        if is_job {
            command.env("XPC_SERVICE_NAME", "app.gatelight.Gatelight.agent");
        }
        command
    };
    let mut opened = Agent(start(false).spawn().unwrap());
    desktop.watcher.item();
    let mut job = Agent(start(true).spawn().unwrap());
    assert!(until("it ends in order", || opened.0.try_wait().unwrap()).success());
    let running = || {
        let status = start(false).args(["status", "--json"]).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        (status["agent"]["pid"] == job.0.id()).then_some(())
    };
    until("the job runs", running);
    // another start of either kind exits with 0, so that launchd does not repeat it, and the job continues
    for is_job in [true, false] {
        let another = start(is_job).output().unwrap();
        assert_eq!(another.status.code(), Some(0), "{another:?}");
        running().expect("the job goes on");
    }
    let pid = format!("-{}-", job.0.id());
    until("its icon is there", || desktop.watcher.item().contains(&pid).then_some(()));
    let panel = desktop.panel();
    panel.has("1 of 1 connected");
    panel.choose("Quit Gatelight", 0);
    let quit = until("it quits", || job.0.try_wait().unwrap());
    assert_eq!(quit.code(), Some(0), "launchd leaves it alone after Quit");
    assert_eq!(leftovers(user.home.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_notice_is_acknowledged_by_its_button() {
    let Some(desktop) = Desktop::start() else { return };
    let user = User::new("hollow");
    user.load();
    let mut agent = Agent(user.gatelight(&desktop.bus.address).spawn().unwrap());
    let notice = desktop.server.nth(0);
    let button = notice.actions.iter().position(|label| label == "Acknowledge").unwrap();
    Notifications::press(&desktop.speaker, notice.id, &notice.actions[button - 1]);
    let panel = desktop.panel();
    panel.has("acknowledged");
    assert!(agent.end().success());
    let silences = std::fs::read_to_string(user.home.path().join(".local/share/gatelight/silences.json"));
    assert!(silences.unwrap().contains("executor-shutdown"), "stored for the next run");
}

#[test]
fn without_a_bus_it_watches_in_the_terminal() {
    let user = User::new("clean");
    user.load();
    let mut command = user.gatelight("unix:path=/nonexistent/bus");
    let mut agent = Agent(command.stdout(Stdio::piped()).spawn().unwrap());
    let out = agent.0.stdout.take().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(out));
    let mut seen = Vec::new();
    for line in lines {
        seen.push(line.unwrap());
        if seen.iter().any(|l| l.contains("No desktop")) && seen.iter().any(|l| l.contains("connected")) {
            break;
        }
    }
    assert!(seen[0].contains("No desktop"), "{seen:?}");
    agent.end();
    let log = std::fs::read_to_string(user.home.path().join(".local/state/gatelight/gatelight.log")).unwrap();
    assert_eq!(log.matches("watcher started").count(), 1, "history and terminal have one watcher: {log}");
}

#[test]
fn without_a_panel_it_watches_in_the_terminal_until_one_comes() {
    let Some(bus) = Bus::start() else { return };
    let user = User::new("clean");
    user.load();
    let mut agent = Agent(user.gatelight(&bus.address).stderr(Stdio::piped()).spawn().unwrap());
    let err = agent.0.stderr.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(err)).map_while(Result::ok);
    let mut seen = Vec::new();
    let mut wait = |word: &str| {
        let line = lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}: {seen:?}"));
        seen.push(line);
    };
    wait("no panel shows tray icons at the moment");
    wait("connected");
    let (watcher, _panel) = Watcher::start(&bus);
    let panel = Panel { connection: bus.connect(), item: watcher.item() };
    panel.has("1 of 1 connected");
    assert!(agent.end().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(rest, Vec::<String>::new(), "the panel shows the rest");
    user.logged(&["no panel shows the icon", "a panel shows the icon again"]);
}

/// Sockets of agents, which must be removed at their end.
fn leftovers(home: &Path) -> Vec<PathBuf> {
    let data = home.join(".local/share/gatelight");
    let entries = std::fs::read_dir(data).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "sock")).collect()
}

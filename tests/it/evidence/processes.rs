//! Processes: real children.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatelight::evidence::process::{ExitWatch, ProcessInfo, descendants, find_gateway, look};
use gatelight::health::ProcessState;
use rustix::process::{Pid, Signal, kill_process};

const LONG: Duration = Duration::from_secs(20);

/// Killed at the end of the test.
struct Started(Child);

impl Started {
    fn new(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.0.id().cast_signed()).unwrap(), signal).unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sleeper() -> Started {
    Started::new(Command::new("sleep").arg("600"))
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LONG, "it never happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn until_state(pid: u32, state: ProcessState) -> ProcessInfo {
    until(|| look(pid).filter(|info| info.state == state))
}

#[test]
fn a_process_is_seen_in_every_state() {
    let before = jiff::Timestamp::now();
    let mut child = sleeper();
    let pid = child.pid();
    let info = until(|| look(pid).filter(|info| info.command.first().is_some_and(|first| first == "sleep")));
    assert_eq!(info.command, ["sleep", "600"]);
    assert_eq!((info.pid, info.parent), (pid, std::process::id()));
    assert_eq!(info.state, ProcessState::Running);
    let off = info.started_at.duration_since(before).abs();
    assert!(off < jiff::SignedDuration::from_secs(20), "{off}");
    child.signal(Signal::STOP);
    assert_eq!(until_state(pid, ProcessState::Stopped).start, info.start);
    child.signal(Signal::CONT);
    until_state(pid, ProcessState::Running);
    child.signal(Signal::KILL);
    assert_eq!(until_state(pid, ProcessState::Zombie).start, info.start);
    child.0.wait().unwrap();
    assert_eq!(look(pid), None);
}

#[test]
fn start_times_identify_processes() {
    let me = look(std::process::id()).unwrap();
    assert_eq!(look(std::process::id()).unwrap().start, me.start);
    let child = sleeper();
    assert!(look(child.pid()).unwrap().start >= me.start);
}

#[test]
fn a_hostile_name_hides_nothing() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(") Z 1 (a b");
    let sleep = ["/usr/bin/sleep", "/bin/sleep"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .unwrap();
    // through a symlink: the process has the name of the file that was executed
    std::os::unix::fs::symlink(sleep, &path).unwrap();
    let child = Started::new(Command::new(&path).arg("600"));
    let info = until(|| look(child.pid()).filter(|info| info.command.len() == 2));
    assert_eq!((info.state, info.parent), (ProcessState::Running, std::process::id()));
}

#[test]
fn the_gateway_is_found_below_its_wrapper() {
    let root = tempfile::tempdir().unwrap();
    let script = root.path().join("hermes");
    // a gateway that forks children with its own command line, as Python does
    std::fs::write(&script, "#!/bin/sh\n( sleep 600; : ) &\nsleep 600\n:\n").unwrap();
    let inner = format!("/bin/sh '{}' gateway run --replace; :", script.display());
    let job = Started::new(Command::new("/bin/sh").args(["-c", &inner]));
    let gateway = until(|| find_gateway(job.pid()).filter(|_| descendants(job.pid()).len() >= 3));
    assert_eq!(gateway.parent, job.pid());
    assert_eq!(gateway.command[2..], ["gateway", "run", "--replace"]);
    assert_eq!(find_gateway(gateway.pid).map(|info| info.pid), Some(gateway.pid));
    let below = descendants(job.pid());
    assert_eq!(below[0], gateway.pid, "parents before their children");
    // only processes started here, the youngest first
    for pid in below.iter().rev() {
        let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
    }
    assert_eq!(find_gateway(sleeper().pid()), None);
}

#[tokio::test]
async fn the_end_of_a_foreign_process_wakes_us() {
    // a grandchild, which this process cannot wait for
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "sleep 600 >/dev/null & echo $!; read -r line; kill $!; wait"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.as_mut().unwrap()), &mut line)
        .unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    let start = look(pid).unwrap().start;
    assert!(ExitWatch::new(pid, start + 1).unwrap().is_none(), "another process with the same PID");
    let mut watch = ExitWatch::new(pid, start).unwrap().unwrap();
    assert_eq!(watch.pid(), pid);
    assert!(tokio::time::timeout(Duration::ZERO, watch.gone()).await.is_err());
    shell.stdin.take().unwrap().write_all(b"go\n").unwrap();
    tokio::time::timeout(LONG, watch.gone()).await.expect("never woken").unwrap();
    tokio::time::timeout(LONG, watch.gone()).await.expect("told once only").unwrap();
    shell.wait().unwrap();
    assert!(ExitWatch::new(pid, start).unwrap().is_none());
}

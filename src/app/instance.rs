//! One agent per user: a lock in the data folder, held for the life of the process, and a socket beside it. A second start
//! uses the socket to have the first one show itself, and commands ask which agent runs.
//!
//! After a crash, launchd restarts only its own job. So the job takes over from an agent that was started in another way,
//! for example by a double-click: that agent shuts down, and the job continues.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{files, lock, worker};

/// The name of the socket.
const SOCKET: &str = "gatelight.sock";
/// Time limit for a request and its answer.
const TIME_OUT: Duration = Duration::from_secs(2);
const SHOW: &[u8; 5] = b"show\n";
const ACCEPTED: &[u8; 3] = b"ok\n";
const WHO: &[u8; 5] = b"who?\n";
const HAND_OVER: &[u8; 5] = b"over\n";
/// How long the job waits for the end of the agent that hands over. Closing its history takes seconds at most.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(10);
/// Maximum length of an answer to [`WHO`], in bytes.
const WHO_BYTES: u64 = 1024;

/// The label of launchd's job for the agent, in `bundle/macos/LaunchAgent.plist`.
pub(crate) const JOB: &str = "app.gatelight.Gatelight.agent";

/// Whether launchd runs this process as [`JOB`], and starts it again after a crash. launchd sets this variable to the
/// label of the job; for an app that was opened it is `application.` and the identifier.
pub(crate) fn is_job() -> bool {
    std::env::var_os("XPC_SERVICE_NAME").is_some_and(|name| name == JOB)
}

/// A running agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// Its PID.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it was started.
    pub since: Timestamp,
}

impl AgentInfo {
    fn of_this_process() -> Self {
        Self {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: Timestamp::now(),
        }
    }
}

/// The running agent of this user; `None` if none answers.
pub fn running(data: &Path) -> Option<AgentInfo> {
    let mut stream = connect(&data.join(SOCKET)).ok()?;
    stream.write_all(WHO).ok()?;
    let mut answer = Vec::new();
    stream.take(WHO_BYTES).read_to_end(&mut answer).ok()?;
    serde_json::from_slice(&answer).ok()
}

/// Whether this process is the only agent.
#[derive(Debug)]
pub enum Instance {
    /// It is, until the lock is dropped. The listener handles the requests of later starts.
    First(Lock, Listener),
    /// Another agent runs.
    Second {
        /// Whether it confirmed that it will show itself.
        shown: bool,
    },
}

/// Held by the agent while it runs.
#[derive(Debug)]
pub struct Lock {
    _held: lock::Lock,
    socket: PathBuf,
}

/// Handles the requests of later starts. Refuses those that have no handler yet.
#[derive(Clone, Default)]
pub struct Listener(Arc<Mutex<Handlers>>);

#[derive(Default)]
struct Handlers {
    show: Option<Handler>,
    hand_over: Option<Handler>,
}

type Handler = Box<dyn Fn() + Send>;

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// Takes the lock. If another agent holds it, the job (`is_job`) asks that agent to hand over and waits for its end, up to
/// ten seconds; any other start asks it to show itself. Creates the data folder (mode 0700) if it is missing.
pub fn take(data: &Path, is_job: bool) -> io::Result<Instance> {
    files::create_private_folder(data)?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let path = data.join("gatelight.lock");
    let socket = data.join(SOCKET);
    let lock = match lock::Lock::take(files::open_with(&mut options, &path)?)? {
        Some(lock) => lock,
        None if !is_job => return Ok(Instance::Second { shown: ask(&socket, SHOW).is_ok() }),
        None if ask(&socket, HAND_OVER).is_err() => return Ok(Instance::Second { shown: false }),
        None => lock::Lock::wait_for(&path, HAND_OVER_LIMIT)?,
    };
    // left behind by a process that was killed
    let _not_there = fs::remove_file(&socket);
    let listener = Listener::default();
    // fails if the path is too long for a socket (sun_path, unix(7)); then requests are not possible
    if let Ok(socket) = UnixListener::bind(&socket) {
        answer(socket, listener.clone())?;
    }
    Ok(Instance::First(Lock { _held: lock, socket }, listener))
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIME_OUT))?;
    stream.set_write_timeout(Some(TIME_OUT))?;
    Ok(stream)
}

fn ask(socket: &Path, request: &[u8]) -> io::Result<()> {
    let mut stream = connect(socket)?;
    stream.write_all(request)?;
    let mut answer = [0; ACCEPTED.len()];
    stream.read_exact(&mut answer)
}

/// Answers requests on a thread.
fn answer(socket: UnixListener, listener: Listener) -> io::Result<()> {
    let info = AgentInfo::of_this_process();
    worker::spawn("second-starts", move || {
        for stream in socket.incoming() {
            // any program of this user may connect: one at a time, each with a time-out
            let _noise = stream.and_then(|mut stream| receive(&mut stream, &info, &listener));
        }
    })?;
    Ok(())
}

impl Listener {
    /// Calls `show`, on another thread, whenever a later start asks for it.
    pub fn listen(&self, show: impl Fn() + Send + 'static) {
        self.lock().show = Some(Box::new(show));
    }

    /// Calls `end`, on another thread, when launchd's job asks to take over; it has to end this agent.
    pub fn on_hand_over(&self, end: impl Fn() + Send + 'static) {
        self.lock().hand_over = Some(Box::new(end));
    }

    fn lock(&self) -> MutexGuard<'_, Handlers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn receive(stream: &mut UnixStream, info: &AgentInfo, listener: &Listener) -> io::Result<()> {
    stream.set_read_timeout(Some(TIME_OUT))?;
    stream.set_write_timeout(Some(TIME_OUT))?;
    let mut request = [0; SHOW.len()];
    stream.read_exact(&mut request)?;
    let handlers = listener.lock();
    let handler = match &request {
        WHO => return stream.write_all(&serde_json::to_vec(info)?),
        SHOW => handlers.show.as_ref(),
        HAND_OVER => handlers.hand_over.as_ref(),
        _ => None,
    };
    let handle = handler.ok_or(io::ErrorKind::InvalidData)?;
    stream.write_all(ACCEPTED)?;
    handle();
    Ok(())
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.socket);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_second_start_asks_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let Instance::First(_lock, listener) = take(&data, false).unwrap() else { panic!("the first") };
        let (tx, shown) = mpsc::channel();
        listener.listen(move || tx.send(()).unwrap());
        let info = running(&data).unwrap();
        assert_eq!((info.pid, info.version.as_str()), (std::process::id(), env!("CARGO_PKG_VERSION")));
        // other bytes neither show anything nor stop the listener
        UnixStream::connect(data.join("gatelight.sock")).unwrap().write_all(b"xyz").unwrap();
        UnixStream::connect(data.join("gatelight.sock")).unwrap().write_all(b"hello").unwrap();
        assert!(matches!(take(&data, false).unwrap(), Instance::Second { shown: true }));
        shown.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(shown.try_recv().is_err(), "noise shows nothing");
    }

    #[test]
    fn the_lock_ends_with_its_holder_and_leaves_no_socket() {
        let folder = tempfile::tempdir().unwrap();
        let Instance::First(lock, _) = take(folder.path(), false).unwrap() else { panic!("the first") };
        assert!(matches!(take(folder.path(), false).unwrap(), Instance::Second { .. }));
        assert!(
            matches!(take(folder.path(), false).unwrap(), Instance::Second { shown: false }),
            "nothing can show it"
        );
        drop(lock);
        assert_eq!(running(folder.path()), None);
        assert!(!folder.path().join("gatelight.sock").exists());
        assert!(matches!(take(folder.path(), false).unwrap(), Instance::First(..)));
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(folder.path().join("gatelight.sock")).unwrap());
        assert!(folder.path().join("gatelight.sock").exists());
        let Instance::First(_lock, listener) = take(folder.path(), false).unwrap() else {
            panic!("the first")
        };
        listener.listen(|| {});
        assert!(matches!(take(folder.path(), false).unwrap(), Instance::Second { shown: true }));
    }

    #[test]
    fn a_path_too_long_for_a_socket_still_locks() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("x".repeat(120));
        let Instance::First(_lock, _) = take(&data, false).unwrap() else { panic!("the first") };
        assert!(matches!(take(&data, false).unwrap(), Instance::Second { shown: false }));
    }

    #[test]
    fn the_job_takes_over_from_an_agent_that_ends_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let Instance::First(lock, listener) = take(data, false).unwrap() else { panic!("the first") };
        assert!(
            matches!(take(data, true).unwrap(), Instance::Second { shown: false }),
            "nothing can end it yet"
        );
        let lock = Mutex::new(Some(lock));
        listener.on_hand_over(move || drop(lock.lock().unwrap().take()));
        listener.listen(|| panic!("it was not asked to show itself"));
        let Instance::First(_lock, job) = take(data, true).unwrap() else { panic!("it takes over") };
        // a job does not hand over to another one: launchd would start them in turn
        assert!(matches!(take(data, true).unwrap(), Instance::Second { shown: false }));
        job.listen(|| {});
        assert!(matches!(take(data, false).unwrap(), Instance::Second { shown: true }));
    }

    #[test]
    fn the_label_is_that_of_the_plist_in_the_app() {
        let plist = include_bytes!("../../bundle/macos/LaunchAgent.plist");
        let plist = plist::Value::from_reader_xml(&plist[..]).unwrap();
        let label = plist.as_dictionary().and_then(|entries| entries.get("Label"));
        assert_eq!(label.and_then(plist::Value::as_string), Some(JOB));
    }
}

//! One agent per user: a lock in the data folder, held for the life of the process, and a socket beside it through
//! which a second start asks the first one to show itself, and commands ask which agent runs.

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

/// Beside the lock.
const SOCKET: &str = "gatelight.sock";
/// How long the other side may take to send or receive its few bytes.
const TIME_OUT: Duration = Duration::from_secs(2);
const SHOW: &[u8; 5] = b"show\n";
const SHOWN: &[u8; 3] = b"ok\n";
const WHO: &[u8; 5] = b"who?\n";
/// Longest answer to [`WHO`] that is read, in bytes.
const WHO_BYTES: u64 = 1024;

/// The agent that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// Its PID.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Since when it runs.
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

/// The agent of this user that runs; `None` if none answers.
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
    /// It is, until the lock is dropped. The second is what a later start speaks to, for whoever can show something.
    First(Lock, Listener),
    /// Another agent runs.
    Second {
        /// Whether it confirmed that it will show itself.
        shown: bool,
    },
}

/// Held by the only agent, for as long as it runs.
#[derive(Debug)]
pub struct Lock {
    _held: lock::Lock,
    socket: PathBuf,
}

/// What a second start asks the agent for: to show itself. Until something can, it is refused.
#[derive(Clone, Default)]
pub struct Listener(Arc<Mutex<Option<Show>>>);

type Show = Box<dyn Fn() + Send>;

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// Takes the lock, or asks the agent that holds it to show itself. Creates the data folder (mode 0700) if it is missing.
pub fn take(data: &Path) -> io::Result<Instance> {
    files::create_private_folder(data)?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = files::open_with(&mut options, &data.join("gatelight.lock"))?;
    let socket = data.join(SOCKET);
    let Some(lock) = lock::Lock::take(file)? else {
        return Ok(Instance::Second { shown: ask_to_show(&socket).is_ok() });
    };
    // left behind by a process that was killed
    let _not_there = fs::remove_file(&socket);
    let shows = Listener::default();
    // a path too long for a socket (sun_path, unix(7)): nobody can ask then
    if let Ok(socket) = UnixListener::bind(&socket) {
        answer(socket, shows.clone())?;
    }
    Ok(Instance::First(Lock { _held: lock, socket }, shows))
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIME_OUT))?;
    stream.set_write_timeout(Some(TIME_OUT))?;
    Ok(stream)
}

fn ask_to_show(socket: &Path) -> io::Result<()> {
    let mut stream = connect(socket)?;
    stream.write_all(SHOW)?;
    let mut answer = [0; SHOWN.len()];
    stream.read_exact(&mut answer)
}

/// Answers whoever connects, on a thread.
fn answer(socket: UnixListener, shows: Listener) -> io::Result<()> {
    let info = AgentInfo::of_this_process();
    worker::spawn("second-starts", move || {
        for stream in socket.incoming() {
            // whoever connects is this user, but may be any program: one at a time, each with a time-out
            let _noise = stream.and_then(|mut stream| receive(&mut stream, &info, &shows));
        }
    })?;
    Ok(())
}

impl Listener {
    /// Calls `show` whenever a second start asks for it, on a thread.
    pub fn listen(&self, show: impl Fn() + Send + 'static) {
        *self.lock() = Some(Box::new(show));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Show>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn receive(stream: &mut UnixStream, info: &AgentInfo, shows: &Listener) -> io::Result<()> {
    stream.set_read_timeout(Some(TIME_OUT))?;
    stream.set_write_timeout(Some(TIME_OUT))?;
    let mut request = [0; SHOW.len()];
    stream.read_exact(&mut request)?;
    match (&request, shows.lock().as_ref()) {
        (WHO, _) => stream.write_all(&serde_json::to_vec(info)?),
        (SHOW, Some(show)) => {
            stream.write_all(SHOWN)?;
            show();
            Ok(())
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
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
        let Instance::First(_lock, listener) = take(&data).unwrap() else { panic!("the first") };
        let (tx, shown) = mpsc::channel();
        listener.listen(move || tx.send(()).unwrap());
        let info = running(&data).unwrap();
        assert_eq!((info.pid, info.version.as_str()), (std::process::id(), env!("CARGO_PKG_VERSION")));
        // other bytes neither show anything nor stop the listener
        UnixStream::connect(data.join("gatelight.sock")).unwrap().write_all(b"xyz").unwrap();
        UnixStream::connect(data.join("gatelight.sock")).unwrap().write_all(b"hello").unwrap();
        assert!(matches!(take(&data).unwrap(), Instance::Second { shown: true }));
        shown.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(shown.try_recv().is_err(), "noise shows nothing");
    }

    #[test]
    fn the_lock_ends_with_its_holder_and_leaves_no_socket() {
        let folder = tempfile::tempdir().unwrap();
        let Instance::First(lock, _) = take(folder.path()).unwrap() else { panic!("the first") };
        assert!(matches!(take(folder.path()).unwrap(), Instance::Second { .. }));
        assert!(
            matches!(take(folder.path()).unwrap(), Instance::Second { shown: false }),
            "nothing can show it"
        );
        drop(lock);
        assert_eq!(running(folder.path()), None);
        assert!(!folder.path().join("gatelight.sock").exists());
        assert!(matches!(take(folder.path()).unwrap(), Instance::First(..)));
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(folder.path().join("gatelight.sock")).unwrap());
        assert!(folder.path().join("gatelight.sock").exists());
        let Instance::First(_lock, listener) = take(folder.path()).unwrap() else { panic!("the first") };
        listener.listen(|| {});
        assert!(matches!(take(folder.path()).unwrap(), Instance::Second { shown: true }));
    }

    #[test]
    fn a_path_too_long_for_a_socket_still_locks() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("x".repeat(120));
        let Instance::First(_lock, _) = take(&data).unwrap() else { panic!("the first") };
        assert!(matches!(take(&data).unwrap(), Instance::Second { shown: false }));
    }
}

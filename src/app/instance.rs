//! One agent per user: a lock in the data folder, held for the life of the process, and a socket beside it through
//! which a second start asks the first one to show itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{files, lock, worker};

/// How long the other side may take to send or receive its few bytes.
const TIME_OUT: Duration = Duration::from_secs(2);
const REQUEST: &[u8; 5] = b"show\n";
const ANSWER: &[u8; 3] = b"ok\n";

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

/// The socket on which a second start asks the agent to show itself.
#[derive(Debug)]
pub struct Listener(Option<UnixListener>);

/// Takes the lock, or asks the agent that holds it to show itself. Creates the data folder (mode 0700) if it is missing.
pub fn take(data: &Path) -> io::Result<Instance> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = files::open_with(&mut options, &data.join("gatelight.lock"))?;
    let socket = data.join("gatelight.sock");
    let Some(lock) = lock::Lock::take(file)? else {
        return Ok(Instance::Second { shown: ask_to_show(&socket).is_ok() });
    };
    // left behind by a process that was killed
    let _not_there = fs::remove_file(&socket);
    // a path too long for a socket (sun_path, unix(7)): a second start cannot ask then
    let listener = UnixListener::bind(&socket).ok();
    Ok(Instance::First(Lock { _held: lock, socket }, Listener(listener)))
}

fn ask_to_show(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIME_OUT))?;
    stream.set_write_timeout(Some(TIME_OUT))?;
    stream.write_all(REQUEST)?;
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer)
}

impl Listener {
    /// Calls `show` whenever a second start asks for it, on a thread.
    pub fn listen(self, show: impl Fn() + Send + 'static) -> io::Result<()> {
        let Some(listener) = self.0 else { return Ok(()) };
        worker::spawn("second-starts", move || {
            for stream in listener.incoming() {
                // whoever connects is this user, but may be any program: one at a time, each with a time-out
                if stream.and_then(|mut stream| receive(&mut stream)).is_ok() {
                    show();
                }
            }
        })?;
        Ok(())
    }
}

fn receive(stream: &mut UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(TIME_OUT))?;
    stream.set_write_timeout(Some(TIME_OUT))?;
    let mut request = [0; REQUEST.len()];
    stream.read_exact(&mut request)?;
    if &request != REQUEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    stream.write_all(ANSWER)
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
        listener.listen(move || tx.send(()).unwrap()).unwrap();
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
        drop(lock);
        assert!(!folder.path().join("gatelight.sock").exists());
        assert!(matches!(take(folder.path()).unwrap(), Instance::First(..)));
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(folder.path().join("gatelight.sock")).unwrap());
        assert!(folder.path().join("gatelight.sock").exists());
        let Instance::First(_lock, listener) = take(folder.path()).unwrap() else { panic!("the first") };
        listener.listen(|| {}).unwrap();
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

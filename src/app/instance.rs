//! One Gatelight a user: a lock in the data folder, held for life, and a socket beside it on which a second start asks
//! the first to show itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::lock;

/// How long the other side may take to say its few bytes.
const PATIENCE: Duration = Duration::from_secs(2);
const ASK: &[u8; 5] = b"show\n";
const ANSWER: &[u8; 3] = b"ok\n";

/// Which one this is.
#[derive(Debug)]
pub enum Instance {
    /// The only one, as long as the lock lives.
    First(Lock),
    /// Another one runs.
    Second {
        /// It was asked to show itself, and said that it would.
        told: bool,
    },
}

/// Held by the first.
#[derive(Debug)]
pub struct Lock {
    _held: lock::Lock,
    socket: PathBuf,
    listener: Option<UnixListener>,
}

/// Takes the lock, or tells the one who has it. Creates the data folder (for this user only) where it is missing.
pub fn take(data: &Path) -> io::Result<Instance> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(data.join("gatelight.lock"))?;
    let socket = data.join("gatelight.sock");
    let Some(lock) = lock::Lock::take(file)? else {
        return Ok(Instance::Second { told: ask(&socket).is_ok() });
    };
    // we have the lock: what stands there is of one who left without a word
    let _nothing_there = fs::remove_file(&socket);
    // a path that is too long for a socket costs only the greeting
    let listener = UnixListener::bind(&socket).ok();
    Ok(Instance::First(Lock { _held: lock, socket, listener }))
}

fn ask(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(ASK)?;
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer)
}

impl Lock {
    /// Calls `show` whenever a second start asks for it.
    pub fn listen(&mut self, show: impl Fn() + Send + 'static) -> io::Result<()> {
        let Some(listener) = self.listener.take() else {
            return Ok(());
        };
        thread::Builder::new().name("second-starts".into()).spawn(move || {
            for stream in listener.incoming() {
                // one at a time and briefly: whoever connects is this user, but may be anything
                if stream.and_then(|mut stream| asked(&mut stream)).is_ok() {
                    show();
                }
            }
        })?;
        Ok(())
    }
}

fn asked(stream: &mut UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut question = [0; ASK.len()];
    stream.read_exact(&mut question)?;
    if &question != ASK {
        return Err(io::ErrorKind::InvalidData.into());
    }
    stream.write_all(ANSWER)
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.socket);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_second_start_tells_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let Instance::First(mut lock) = take(&data).unwrap() else { panic!("the first") };
        let (tx, shown) = mpsc::channel();
        lock.listen(move || tx.send(()).unwrap()).unwrap();
        // noise first: it must neither show anything nor stop the listener
        UnixStream::connect(data.join("gatelight.sock")).unwrap().write_all(b"xyz").unwrap();
        UnixStream::connect(data.join("gatelight.sock")).unwrap().write_all(b"hello").unwrap();
        assert!(matches!(take(&data).unwrap(), Instance::Second { told: true }));
        shown.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(shown.try_recv().is_err(), "noise shows nothing");
    }

    #[test]
    fn the_lock_ends_with_its_holder_and_leaves_no_socket() {
        let folder = tempfile::tempdir().unwrap();
        let Instance::First(lock) = take(folder.path()).unwrap() else { panic!("the first") };
        assert!(matches!(take(folder.path()).unwrap(), Instance::Second { .. }));
        drop(lock);
        assert!(!folder.path().join("gatelight.sock").exists());
        assert!(matches!(take(folder.path()).unwrap(), Instance::First(_)));
    }

    #[test]
    fn a_socket_left_behind_is_no_hindrance() {
        let folder = tempfile::tempdir().unwrap();
        drop(UnixListener::bind(folder.path().join("gatelight.sock")).unwrap());
        assert!(folder.path().join("gatelight.sock").exists());
        let Instance::First(mut lock) = take(folder.path()).unwrap() else { panic!("the first") };
        lock.listen(|| {}).unwrap();
        assert!(matches!(take(folder.path()).unwrap(), Instance::Second { told: true }));
    }

    #[test]
    fn a_path_too_long_for_a_socket_costs_only_the_greeting() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("x".repeat(120));
        let Instance::First(_lock) = take(&data).unwrap() else { panic!("the first") };
        assert!(matches!(take(&data).unwrap(), Instance::Second { told: false }));
    }
}

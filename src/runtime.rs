//! The asynchronous runtime, and the signals that end a program.

use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::text::error::{self, Context as _};
use crate::text::trouble::NO_RUNTIME;

/// Descriptors without which nothing works. tokio panics when it gets none for its signal handling (1.54,
/// `signal/unix.rs`: "failed to create UnixStream").
const NEEDED_DESCRIPTORS: usize = 16;

/// A single-threaded runtime: the work is mostly waiting.
pub(crate) fn runtime() -> error::Result<tokio::runtime::Runtime> {
    require_descriptors()
        .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build())
        .context(NO_RUNTIME)
}

/// An error where the limit leaves too few descriptors to start.
fn require_descriptors() -> std::io::Result<()> {
    let opened: std::io::Result<Vec<_>> = (0..NEEDED_DESCRIPTORS).map(|_| std::fs::File::open("/")).collect();
    opened.map(drop)
}

/// Ctrl-C and SIGTERM. They are caught from the construction on, so none is lost before [`Self::wait`].
#[derive(Debug)]
pub(crate) struct Interrupts(Vec<Signal>);

impl Interrupts {
    /// Catches them. `hangup`: SIGHUP as well, which undoes `nohup`: only for what must be cleaned up. Must be called
    /// inside a tokio runtime.
    pub(crate) fn catch(hangup: bool) -> Self {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        if hangup {
            kinds.push(SignalKind::hangup());
        }
        // a signal that cannot be caught keeps its default action
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    /// Waits for one of them.
    pub(crate) async fn wait(mut self) {
        std::future::poll_fn(|context| {
            let caught =
                self.0.iter_mut().any(|signal| matches!(signal.poll_recv(context), Poll::Ready(Some(()))));
            if caught { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Catches Ctrl-C and SIGTERM from now on; ready after one of them. Must be called inside a tokio runtime.
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    Interrupts::catch(false).wait()
}

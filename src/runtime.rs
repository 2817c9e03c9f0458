//! The asynchronous runtime, and the signals that end a program.

use std::task::Poll;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::text::error::{self, Context as _};
use crate::text::trouble::NO_RUNTIME;

/// File descriptors that a start needs. tokio panics if it gets none for its signal handling (1.54, `signal/unix.rs`:
/// "failed to create UnixStream").
const NEEDED_DESCRIPTORS: usize = 16;

/// Creates a single-threaded runtime: the work is mostly waiting.
pub(crate) fn runtime() -> error::Result<Runtime> {
    require_descriptors()
        .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build())
        .context(NO_RUNTIME)
}

/// Makes all threads share one heap. To be called before any is started. glibc gives each thread that allocates its own
/// heap, and keeps freed memory in it: 0.9 of 16.0 MB of an idle agent, 1.4 MB after many changes (measured with
/// MALLOC_ARENA_MAX=1).
pub(crate) fn share_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: takes two numbers; `M_ARENA_MAX` "specifies the maximum number of arenas" (mallopt(3)). A refusal
        // changes nothing.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// Returns the free pages of the heap to the system (malloc_trim(3)); glibc keeps those between pieces in use. Of an agent
/// with 25 profiles these are 0.9 MB after its start and 1.4 MB after many changes. Takes less than a millisecond.
pub(crate) fn release_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: takes a number, and moves nothing that is in use.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Creates a runtime, and catches the signals that end the command that is to run in it.
pub(crate) fn interruptible() -> error::Result<(Runtime, Interrupts)> {
    let runtime = runtime()?;
    let interrupts = interrupts(&runtime);
    Ok((runtime, interrupts))
}

/// Catches Ctrl-C and SIGTERM from now on, in this runtime.
pub(crate) fn interrupts(runtime: &Runtime) -> Interrupts {
    let _inside = runtime.enter();
    Interrupts::catch(false)
}

/// Fails if the limit leaves too few descriptors to start.
fn require_descriptors() -> std::io::Result<()> {
    let opened: std::io::Result<Vec<_>> = (0..NEEDED_DESCRIPTORS).map(|_| std::fs::File::open("/")).collect();
    opened.map(drop)
}

/// Ctrl-C and SIGTERM, caught from the construction on. A command that runs until one of them must construct this
/// before it prints anything: its reader may send the signal at once.
#[derive(Debug)]
pub(crate) struct Interrupts(Vec<Signal>);

impl Interrupts {
    /// Catches them in every thread; each value of this type receives every signal. `hangup`: SIGHUP as well, which
    /// defeats `nohup`: only for what must clean up. Must be called inside a tokio runtime.
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

//! Workers: threads and tasks that must not end. One that panics is started again with backoff.
//!
//! The hook of [`crate::log`] reports the panic; this module decides what happens next. The state of a worker is owned
//! outside its loop, so that a new run continues with it.

use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::order::Order as _;

/// Delay before the first restart; doubled for each further panic.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The largest delay.
const MAX_DELAY: Duration = Duration::from_secs(60);
/// A worker that ran for this long begins with [`FIRST_DELAY`] again.
const STABLE_AFTER: Duration = Duration::from_secs(300);

/// Counts the panics of one worker.
#[derive(Debug)]
pub(crate) struct Backoff {
    worker: &'static str,
    count: u32,
    started: Instant,
}

impl Backoff {
    /// For a worker that is about to be started.
    pub(crate) fn new(worker: &'static str) -> Self {
        Self { worker, count: 0, started: Instant::now() }
    }

    /// Counts a panic and returns the delay before the next start. The caller calls [`Self::restarted`] after it.
    pub(crate) fn crashed(&mut self) -> Duration {
        let delay = self.next(self.started.elapsed());
        tracing::error!(
            worker = self.worker,
            panics = self.count,
            restart_in_s = delay.as_secs(),
            "worker panicked"
        );
        delay
    }

    fn next(&mut self, ran_for: Duration) -> Duration {
        self.count = if ran_for >= STABLE_AFTER { 1 } else { self.count.saturating_add(1) };
        FIRST_DELAY.saturating_mul(1 << (self.count - 1).min(16)).min(MAX_DELAY)
    }

    /// The worker runs again.
    pub(crate) fn restarted(&mut self) {
        self.started = Instant::now();
    }
}

/// Processors that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Works on all items, on as many threads as there are processors. The results are in the order of the items.
pub(crate) fn map_in_order<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = cores().min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let place = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(place)
                {
                    let _ = sender.send((place, work(item)));
                }
            });
        }
    });
    drop(sender);
    let mut done: Vec<(usize, R)> = receiver.into_iter().collect();
    done.order_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs a future; a panic inside is an error. The caller starts the work again after [`Backoff::crashed`].
pub(crate) async fn catch<T>(work: impl Future<Output = T>) -> thread::Result<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        // Unwind safe: after a panic the future is not polled again. What it shares with others is behind channels, or
        // behind locks whose users accept a poisoned one.
        match panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}

/// Calls `work` until it returns, again after each panic.
pub(crate) fn run_blocking<T>(name: &'static str, mut work: impl FnMut() -> T) -> T {
    let mut backoff = Backoff::new(name);
    loop {
        if let Ok(value) = panic::catch_unwind(AssertUnwindSafe(&mut work)) {
            return value;
        }
        thread::sleep(backoff.crashed());
        backoff.restarted();
    }
}

/// Starts a thread that calls `work` until it returns, again after each panic.
pub(crate) fn spawn(
    name: &'static str,
    work: impl FnMut() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(move || run_blocking(name, work))
}

/// Panics once if a test asks for it: `GATELIGHT_TEST_PANIC` names a folder with a file named after the worker. Debug
/// builds only.
#[inline]
pub(crate) fn test_panic(worker: &str) {
    #[cfg(debug_assertions)]
    if let Some(folder) = std::env::var_os("GATELIGHT_TEST_PANIC") {
        let file = std::path::Path::new(&folder).join(worker);
        #[allow(clippy::panic, clippy::manual_assert)]
        if std::fs::remove_file(file).is_ok() {
            panic!("a test asked for it: app_secret=q7q7q7");
        }
    }
    let _ = worker;
}

/// Blocks if a test asks for it, as a read does while macOS asks the user for permission: `GATELIGHT_TEST_BLOCK` names
/// a folder with a FIFO named after the profile; its writer ends the wait. Debug builds only.
#[inline]
pub(crate) fn test_block(profile: &str) {
    #[cfg(debug_assertions)]
    if let Some(folder) = std::env::var_os("GATELIGHT_TEST_BLOCK") {
        let _ = std::fs::read(std::path::Path::new(&folder).join(profile));
    }
    let _ = profile;
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_minute_and_falls_back_after_a_long_run() {
        let mut backoff = Backoff::new("x");
        let mut delays = |runs: &[u64]| -> Vec<u64> {
            runs.iter().map(|s| backoff.next(Duration::from_secs(*s)).as_secs()).collect()
        };
        assert_eq!(delays(&[0, 1, 2, 3, 4, 5, 6, 7]), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delays(&[300, 0]), [1, 2]);
        assert_eq!(delays(&[0; 100])[99], 60);
    }

    #[test]
    fn a_thread_goes_on_with_what_was_not_handled_yet() {
        let (sender, receiver) = mpsc::channel::<u32>();
        let (results, handled) = mpsc::channel();
        let thread = spawn("test-thread", move || {
            for n in &receiver {
                assert_ne!(n, 2, "boom");
                let _ = results.send(n);
            }
        })
        .unwrap();
        for n in [1, 2, 3] {
            sender.send(n).unwrap();
        }
        drop(sender);
        thread.join().unwrap();
        assert_eq!(handled.iter().collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_panic_of_a_future_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let work = async |fails: bool| {
            tokio::task::yield_now().await;
            assert!(!fails, "boom");
            7
        };
        assert_eq!(runtime.block_on(catch(work(false))).unwrap(), 7);
        assert!(runtime.block_on(catch(work(true))).is_err());
    }
}

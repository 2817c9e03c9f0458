//! Panics: one line in the log and on standard error, without secrets.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, PanicHookInfo};

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::redact;

/// Maximum length of a panic message in characters.
const MAX_MESSAGE: usize = 500;
/// The user is notified of at most one panic in this time; the log has all of them.
const NOTIFY_INTERVAL: Duration = Duration::from_secs(600);

type Listener = Box<dyn Fn() + Send + Sync>;

/// Global, as the panic hook is.
static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Sets what is called after a panic, at most once every [`NOTIFY_INTERVAL`]. It must not block.
pub(crate) fn on_panic(listener: impl Fn() + Send + Sync + 'static) {
    let _ = LISTENER.set(Box::new(listener));
}

/// Whether the user may be notified now.
fn is_time_to_report() -> bool {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let due = last.is_none_or(|at| at.elapsed() >= NOTIFY_INTERVAL);
    if due {
        *last = Some(Instant::now());
    }
    due
}

/// Reports every panic of this process. The default hook would print the message without removing secrets.
/// `logged_to_stderr`: the log is written to standard error anyway.
pub(super) fn install_hook(logged_to_stderr: bool) {
    panic::set_hook(Box::new(move |info| report(info, logged_to_stderr)));
}

fn report(info: &PanicHookInfo<'_>, logged_to_stderr: bool) {
    thread_local!(static REPORTING: Cell<bool> = const { Cell::new(false) });
    // a panic while one is reported would abort the process
    if REPORTING.replace(true) {
        return;
    }
    let message = message(info.payload());
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    if !logged_to_stderr {
        super::to_stderr(&format!("internal error in {thread} at {place}: {message}"));
    }
    tracing::error!(thread, place, "panic: {message}");
    if let Some(listener) = LISTENER.get()
        && is_time_to_report()
    {
        listener();
    }
    REPORTING.set(false);
}

/// The message of a panic, without secrets and on one line.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    redact::clean_line(text.unwrap_or("no message"), MAX_MESSAGE)
}

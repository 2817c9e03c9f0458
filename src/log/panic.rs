//! Panics: one line in the log and on standard error, without secrets.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, PanicHookInfo};

use crate::evidence::redact;

/// Maximum length of a panic message in characters.
const MAX_MESSAGE: usize = 500;

/// Reports every panic of this process. The default hook would print the message as it is, with whatever text it quotes.
/// `logged_to_stderr`: the log goes there already.
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
    REPORTING.set(false);
}

/// The message of a panic, without secrets and on one line.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    redact::clean_line(text.unwrap_or("no message"), MAX_MESSAGE)
}

//! Records that a stranger may have forged: some records carry what people wrote with its line breaks, and what follows
//! such a carrier in the same write looks like records of the gateway.
//!
//! A record in that place is believed only with something that a forger does not have:
//! - a copy in `errors.log`, where the carrier was below WARNING and so does not stand there;
//! - no copy in `gateway.log`, where the carrier stands there and records of this logger never do (the SDK's).

use super::line::Level;
use super::log_event::LogEvent;
use crate::health::Source;

const ERRORS: &str = "errors.log";
const GATEWAY: &str = "gateway.log";

/// Which of the events of one moment are genuine. `files`: those that something was read of.
pub(super) fn genuine(events: &[&LogEvent], files: &[&str]) -> Vec<bool> {
    events.iter().map(|event| is_genuine(event, events, files)).collect()
}

fn is_genuine(event: &LogEvent, all: &[&LogEvent], files: &[&str]) -> bool {
    let Some(carrier) = event.suspect else { return true };
    let copy_in = |file: &str| {
        all.iter().any(|other| {
            let same =
                other.key.is_some() && other.key == event.key && other.record.stamp == event.record.stamp;
            same && matches!(&other.record.proof.source, Source::Log(name) if **name == *file)
        })
    };
    let warns = event.level.is_some_and(|level| level >= Level::Warning) && carrier < Level::Warning;
    if warns && files.contains(&ERRORS) {
        return copy_in(ERRORS);
    }
    !event.in_gateway_log && event.key.is_some() && files.contains(&GATEWAY) && !copy_in(GATEWAY)
}

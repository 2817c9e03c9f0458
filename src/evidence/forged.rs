//! Detects records that somebody may have forged: carriers contain text written by people, with its line breaks, and
//! lines of such a text may look like records of the gateway.
//!
//! A record after a carrier is suspect. While a log is followed, that is everything that arrives together with the
//! carrier. In the past of a log it is every record whose timestamp does not show that it was written later: one close
//! to the carrier's, later than that of a record below, or in the future.
//!
//! A suspect record is believed only with evidence that cannot be forged:
//! - it has a copy in `errors.log`, which contains no carriers because all are below WARNING;
//! - it has a copy in `gateway.log` that is not suspect, because no carrier is above it;
//! - it has no copy in `gateway.log`, which contains every carrier but no records of this logger (the SDK's).

use super::line::Level;
use super::log_event::LogEvent;
use crate::health::Source;

const ERRORS: &str = "errors.log";
const GATEWAY: &str = "gateway.log";

/// For each event of one read, whether it is genuine. `files`: the logs that were read.
pub(super) fn genuine(events: &[&LogEvent], files: &[&str]) -> Vec<bool> {
    events.iter().map(|event| is_genuine(event, events, files)).collect()
}

fn is_genuine(event: &LogEvent, all: &[&LogEvent], files: &[&str]) -> bool {
    let Some(carriers) = &event.suspect else { return true };
    let copy_in = |file: &str| {
        all.iter().any(|other| {
            let same =
                other.key.is_some() && other.key == event.key && other.record.stamp == event.record.stamp;
            same && matches!(&other.record.proof.source, Source::Log(name) if **name == *file)
        })
    };
    let warns = event.level.is_some_and(|level| level >= Level::Warning) && carriers.level < Level::Warning;
    if warns && files.contains(&ERRORS) {
        return copy_in(ERRORS);
    }
    let never_there = !event.in_gateway_log && event.key.is_some();
    never_there && !carriers.elsewhere && files.contains(&GATEWAY) && !copy_in(GATEWAY)
}

//! Detects an update of Hermes: by its live process, never by a leftover file alone.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::clock::Moment;
use super::process::{self, ProcessInfo};
use crate::files;
use crate::health::UpdateProcess;
use crate::profile::homes;

/// The marker that later versions write into the root home: the PID and the start in seconds since 1970, one per line
/// (hermes-agent, `hermes_cli/update_lock.py`).
const MARKER: &str = ".hermes-update-in-progress";

/// Largest marker that is read, in bytes.
const MARKER_BYTES: u64 = 1024;

/// The longest update: an older marker is a leftover, even if its PID exists (#88204).
const MARKER_LIFE: Duration = Duration::from_secs(20 * 60);

/// Searches for several homes within this time share one result. Our choice.
const SAME_LOOK: Duration = Duration::from_secs(1);

/// Options of `hermes` that take a value, before its command.
const WITH_VALUE: [&str; 2] = ["-p", "--profile"];

/// The process that updates the Hermes of this home; the oldest one of several.
pub(super) fn look(home: &Path, now: Moment) -> Option<UpdateProcess> {
    let by_marker = marked(homes::root_of(home).unwrap_or(home), now.at);
    by_process(now.instant).into_iter().chain(by_marker).min_by_key(|update| update.began)
}

/// Whether this update still runs.
pub(super) fn goes_on(update: &UpdateProcess) -> bool {
    // with a tolerance of one second: start times come from the wall clock, which may be set
    let is_it = |info: &ProcessInfo| info.started_at <= update.began + Duration::from_secs(1);
    process::look(update.pid).is_some_and(|info| info.state.is_live() && is_it(&info))
}

/// Searches all processes. That takes milliseconds and gives the same result for every home, so the result is shared
/// for [`SAME_LOOK`].
fn by_process(now: Instant) -> Option<UpdateProcess> {
    static LAST: Mutex<Option<(Instant, Option<UpdateProcess>)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, found)) = *last
        && at <= now
        && now.duration_since(at) < SAME_LOOK
    {
        return found;
    }
    let found = process::find(is_update);
    let found = found.map(|info| UpdateProcess { pid: info.pid, began: info.started_at });
    *last = Some((now, found));
    found
}

fn marked(root: &Path, now: Timestamp) -> Option<UpdateProcess> {
    let text = files::read(&root.join(MARKER), MARKER_BYTES).ok()?;
    let update = parse(&String::from_utf8_lossy(&text))?;
    let age = Duration::try_from(now.duration_since(update.began)).ok()?;
    // a process that is younger than the marker only reuses the PID
    let alive = process::look(update.pid).is_some_and(|info| info.started_at <= update.began);
    (alive && age <= MARKER_LIFE).then_some(update)
}

fn parse(text: &str) -> Option<UpdateProcess> {
    let mut lines = text.lines().map(str::trim);
    let pid = lines.next()?.parse().ok()?;
    let began: f64 = lines.next()?.parse().ok()?;
    Some(UpdateProcess { pid, began: Timestamp::from_millisecond((began * 1000.0) as i64).ok()? })
}

/// Whether this is the command line of `hermes … update`, not that of a mere check for updates.
fn is_update(command: &[String]) -> bool {
    let is_hermes = |argument: &String| {
        argument == "hermes_cli.main"
            || argument.ends_with("hermes_cli/main.py")
            || Path::new(argument).file_name().is_some_and(|name| name == "hermes")
    };
    let Some(at) = command.iter().position(is_hermes) else { return false };
    let mut rest = command[at + 1..].iter();
    let mut verb = None;
    while let Some(argument) = rest.next() {
        if WITH_VALUE.contains(&argument.as_str()) {
            rest.next();
        } else if !argument.starts_with('-') {
            verb = Some(argument);
            break;
        }
    }
    verb.is_some_and(|verb| verb == "update") && !rest.any(|argument| argument == "--check")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_recognised_by_its_own_arguments() {
        let words = |line: &str| line.split('|').map(str::to_owned).collect::<Vec<_>>();
        for line in [
            "/home/me/.hermes/venv/bin/python|/home/me/.local/bin/hermes|update",
            "python|-m|hermes_cli.main|update|--yes",
            "python|/opt/hermes/hermes_cli/main.py|-p|work|update|--gateway",
            "hermes|--profile|work|--verbose|update",
        ] {
            assert!(is_update(&words(line)), "{line}");
        }
        for line in [
            "",
            "hermes",
            "hermes|gateway|update",
            "hermes|-p|update|gateway|run",
            "hermes|update|--check",
            "bash|-c|hermes update",
            "vim|update",
            "apt|update",
            "tail|-f|/home/me/.hermes/logs/update.log",
        ] {
            assert!(!is_update(&words(line)), "{line}");
        }
    }

    #[test]
    fn a_marker_counts_while_its_process_lives_and_it_is_young() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let me = process::look(std::process::id()).unwrap();
        let now = Timestamp::now();
        let write = |pid: u32, began: Timestamp| {
            std::fs::write(root.join(MARKER), format!("{pid}\n{}\n", began.as_second() + 1)).unwrap();
        };
        assert_eq!(marked(root, now), None);
        write(me.pid, me.started_at);
        assert_eq!(
            marked(root, me.started_at + Duration::from_secs(60)).map(|update| update.pid),
            Some(me.pid)
        );
        assert_eq!(marked(root, me.started_at + MARKER_LIFE * 2), None, "a leftover");
        write(i32::MAX as u32, me.started_at);
        assert_eq!(marked(root, me.started_at + Duration::from_secs(60)), None, "nobody has this PID");
        write(me.pid, me.started_at - Duration::from_secs(600));
        assert_eq!(marked(root, me.started_at), None, "another process has the PID now");
        for foreign in ["", "7", "x\ny\n", "{\"pid\": 7}", "7\n1e400\n", "7\nNaN\n"] {
            std::fs::write(root.join(MARKER), foreign).unwrap();
            assert_eq!(marked(root, now), None, "{foreign}");
        }
    }
}

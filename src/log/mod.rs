//! Gatelight's own log: what it could not do, and why.
//!
//! Modules use `tracing`'s macros; this one decides where events go. The agent and long-running commands append to
//! a file of bounded size; with `-v` every command writes to standard error as well. Secrets are removed from each line
//! by [`redact::clean_line`]. A line that cannot be written is dropped: the log never stops or delays anything else.
//!
//! Levels: `error` when a part of Gatelight does not work (a panic, no history), `warn` when something that users would
//! miss was lost or refused, `info` for what happens a few times a day, `debug` for every query. The default is `info`;
//! `GATELIGHT_LOG` sets another one (`debug`, or `tracing`'s directives:
//! `gatelight::watcher=debug,gatelight::history=off`).

mod file;
mod panic;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::redact;

pub(crate) use file::tail;
pub(crate) use panic::on_panic;

/// The environment variable that sets the levels.
pub(crate) const LEVELS: &str = "GATELIGHT_LOG";
/// Maximum length of a log line in characters; the rest is cut off.
const MAX_LINE: usize = 2_000;

/// Where this process writes its log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outputs {
    /// The log file, for long-running processes.
    pub(crate) file: Option<PathBuf>,
    /// Standard error: `-v`.
    pub(crate) stderr: bool,
}

/// The value of [`LEVELS`] is invalid; the default levels apply.
#[derive(Debug, thiserror::Error)]
#[error("{LEVELS}={value}: {reason}")]
pub(crate) struct InvalidLevels {
    /// The value.
    pub(crate) value: String,
    /// The parser's message.
    pub(crate) reason: String,
}

/// Installs the log and the panic hook for this process. To be called once, before any thread is started.
pub(crate) fn init(outputs: Outputs) -> Result<(), InvalidLevels> {
    let stderr = outputs.stderr;
    panic::install_hook(stderr);
    if outputs.file.is_none() && !stderr {
        return Ok(());
    }
    let value = std::env::var(LEVELS).unwrap_or_default();
    let (levels, invalid) = match levels(&value) {
        Ok(levels) => (levels, Ok(())),
        Err(error) => (default_levels(LevelFilter::INFO), Err(error)),
    };
    // fails only where one is installed already: a second call in one process, as in tests
    let _ = tracing::subscriber::set_global_default(subscriber(levels, Output(outputs)));
    invalid
}

/// Writes a line for the user to standard error. A terminal that is gone is no error (`eprintln!` would panic).
pub(crate) fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "gatelight: {line}");
}

/// Our own events at this level, those of libraries from `warn` up: zbus logs every message on the bus.
fn default_levels(ours: LevelFilter) -> Targets {
    Targets::new().with_default(LevelFilter::WARN.min(ours)).with_target(env!("CARGO_PKG_NAME"), ours)
}

fn levels(value: &str) -> Result<Targets, InvalidLevels> {
    let value = value.trim();
    if value.is_empty() {
        return Ok(default_levels(LevelFilter::INFO));
    }
    if let Ok(level) = value.parse::<LevelFilter>() {
        return Ok(default_levels(level));
    }
    let invalid = |reason: String| InvalidLevels { value: redact::clean_line(value, 100), reason };
    value.parse().map_err(|error: tracing_subscriber::filter::ParseError| invalid(error.to_string()))
}

fn subscriber(levels: Targets, output: Output) -> impl Subscriber + Send + Sync {
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        // `clean_line` removes escapes, also those that cut a secret in two
        .with_ansi_sanitization(false)
        .with_timer(Utc)
        .with_writer(output)
        // the writer's own errors are not worth a second line on standard error
        .log_internal_errors(false);
    tracing_subscriber::registry().with(levels).with(lines)
}

/// RFC 3339 in UTC: a log must not depend on a time zone database.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        write!(w, "{:.3}", Timestamp::now())
    }
}

/// Makes a [`LineWriter`] for every event.
struct Output(Outputs);

impl<'a> MakeWriter<'a> for Output {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter { file: self.0.file.as_deref(), stderr: self.0.stderr }
    }
}

/// Each call of `write` takes one formatted event, as `tracing_subscriber::fmt` does.
struct LineWriter<'a> {
    file: Option<&'a Path>,
    stderr: bool,
}

impl Write for LineWriter<'_> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut line = redact::clean_line(String::from_utf8_lossy(event).trim_end(), MAX_LINE);
        line.push('\n');
        if let Some(path) = self.file {
            let _ = file::append(path, line.as_bytes());
        }
        if self.stderr {
            let _ = io::stderr().write_all(line.as_bytes());
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(value: &str, events: impl FnOnce()) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gatelight.log");
        let output = Output(Outputs { file: Some(path.clone()), stderr: false });
        tracing::subscriber::with_default(subscriber(levels(value).unwrap(), output), events);
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn an_event_is_one_line_without_secrets() {
        let text = logged("", || {
            tracing::warn!(url = "wss://x/?ticket=f0c4-77", "first\nsecond \u{1b}[31mred app_secret=abc123");
        });
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.parse::<Timestamp>().is_ok() && time.ends_with('Z') && time.len() == 24, "{time}");
        assert_eq!(
            rest.trim_start(),
            "WARN gatelight::log::tests: first second red app_secret=[redacted] \
             url=\"wss://x/?ticket=[redacted]\"\n"
        );
        assert_eq!(logged("", || ()), "");
    }

    #[test]
    fn levels_are_set_by_name_or_by_target() {
        let events = || {
            tracing::debug!("ours");
            tracing::debug!(target: "gatelight::history", "history");
            tracing::debug!(target: "zbus", "theirs");
            tracing::warn!(target: "zbus", "their warning");
        };
        for (value, shown) in [
            ("", [false, false, false, true]),
            ("debug", [true, true, false, true]),
            (" DEBUG ", [true, true, false, true]),
            ("off", [false; 4]),
            ("error", [false; 4]),
            ("gatelight::history=debug", [false, true, false, false]),
            ("warn,zbus=debug", [false, false, true, true]),
        ] {
            let text = logged(value, events);
            let found = [": ours", ": history", ": theirs", ": their warning"].map(|end| text.contains(end));
            assert_eq!(found, shown, "{value:?}: {text}");
        }
        let error = levels("gatelight=loud").unwrap_err().to_string();
        assert!(error.starts_with("GATELIGHT_LOG=gatelight=loud: "), "{error}");
    }
}

//! Passes everything that a collector reads to a recorder, before it is judged.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::Value;

use super::home_files::{
    CONFIG, CRON_BEAT, CRON_JOBS, CRON_SUCCESS, DETACHED, DRAIN_REQUEST, FirstContents, HEARTBEAT, PID_FILE,
    STATE_FILE,
};
use crate::evidence::line;
use crate::health::{CronFact, Evidence, LogRecord, Signal};

/// One piece of what was read.
#[derive(Debug)]
pub enum Observed<'a> {
    /// Complete lines of a log.
    Lines {
        /// File name of the log.
        log: &'a str,
        /// The lines, each with its newline.
        block: &'a [u8],
    },
    /// A file of the home was written or removed.
    File {
        /// Relative to the home.
        file: &'a str,
        /// Its contents; `None`: removed.
        json: Option<&'a Value>,
    },
    /// Evidence that does not come from lines or files.
    Known(&'a Evidence),
}

/// Called with everything that is read, and its time.
pub type Observer = Box<dyn FnMut(Timestamp, Observed<'_>) + Send>;

/// Collects the evidence of one read, and informs the observer.
pub(super) struct Emitter<'a> {
    pub now: Timestamp,
    pub observer: &'a mut Option<Observer>,
    pub out: &'a mut Vec<Evidence>,
}

impl Emitter<'_> {
    /// Evidence that does not come from lines or files.
    pub(super) fn known(&mut self, evidence: Evidence) {
        self.observe(&Observed::Known(&evidence));
        self.out.push(evidence);
    }

    pub(super) fn observe(&mut self, observed: &Observed<'_>) {
        if let Some(observer) = self.observer {
            observer(self.now, observed.reborrow());
        }
    }
}

impl Observed<'_> {
    const fn reborrow(&self) -> Observed<'_> {
        match *self {
            Self::Lines { log, block } => Observed::Lines { log, block },
            Self::File { file, json } => Observed::File { file, json },
            Self::Known(evidence) => Observed::Known(evidence),
        }
    }
}

/// Passes one piece of the past to the observer, as the lines or files that it was read from.
pub(super) fn show_past(observer: &mut Observer, at: Timestamp, evidence: &Evidence, files: &FirstContents) {
    let file = match evidence {
        Evidence::Log(LogRecord { signal, stamp: Some(stamp), proof, .. }) => {
            let block = past_lines(signal, *stamp, proof.line.quote());
            let log = proof.source.as_str();
            return observer(at, Observed::Lines { log, block: block.as_bytes() });
        }
        Evidence::PidFile(_) => PID_FILE,
        Evidence::StateFile(_) => STATE_FILE,
        Evidence::Heartbeat { .. } => HEARTBEAT,
        Evidence::Detached(_) => DETACHED,
        Evidence::DrainRequest(_) => DRAIN_REQUEST,
        Evidence::Cron(CronFact::BuiltIn(_)) => CONFIG,
        Evidence::Cron(CronFact::Jobs(_)) => CRON_JOBS,
        Evidence::Cron(CronFact::Beat(_)) => CRON_BEAT,
        Evidence::Cron(CronFact::Success(_)) => CRON_SUCCESS,
        known => return observer(at, Observed::Known(known)),
    };
    observer(at, Observed::File { file, json: files.get(file) });
}

/// The lines of a past event as they are recorded. Of the past only single lines are kept: where the meaning of a line
/// came from its record, or a line stands for several, a synthetic line replaces that record.
fn past_lines(signal: &Signal, stamp: DateTime, text: &str) -> String {
    let stamp = stamp.strftime("%Y-%m-%d %H:%M:%S,%3f");
    match signal {
        Signal::Info => format!("{stamp} INFO gatelight: records at INFO are written\n"),
        Signal::Record => format!("{stamp} WARNING gatelight: records are written\n"),
        _ if line::head(text.as_bytes()).is_some() => format!("{text}\n"),
        _ => format!("{stamp} ERROR gateway: [Feishu] the end of a record\n{text}\n"),
    }
}

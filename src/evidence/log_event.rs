//! An event of a log, and what identifies its copies in other files.

use jiff::Timestamp;

use super::carriers::Carriers;
use super::line::Level;
use crate::health::{Evidence, LogRecord};

/// Events with their times, from their timestamps.
pub type Dated = Vec<(Timestamp, LogEvent)>;

/// One event in a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEvent {
    /// The parsed record.
    pub record: LogRecord,
    /// Equal for copies of one message in several files; `None` if copies may be judged more than once.
    pub key: Option<u64>,
    /// The level of its record.
    pub level: Option<Level>,
    /// Records of its logger are in `gateway.log` as well.
    pub in_gateway_log: bool,
    /// The carriers that the record may be part of.
    pub suspect: Option<Carriers>,
}

impl LogEvent {
    /// Converts it for the core.
    pub fn into_evidence(self) -> Evidence {
        Evidence::Log(self.record)
    }
}

//! One event of a log, and what tells it from its copies in other files.

use super::carriers::Carriers;
use super::line::Level;
use crate::health::{Evidence, LogRecord};

/// One event in a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEvent {
    /// What it says.
    pub record: LogRecord,
    /// The same for the same message in another file; `None` for what need not be counted.
    pub key: Option<u64>,
    /// The level of its record.
    pub level: Option<Level>,
    /// Its logger's records stand in `gateway.log`, too.
    pub in_gateway_log: bool,
    /// It may be part of the text of people that these records carry.
    pub suspect: Option<Carriers>,
}

impl LogEvent {
    /// As the core takes it.
    pub fn into_evidence(self) -> Evidence {
        Evidence::Log(self.record)
    }
}

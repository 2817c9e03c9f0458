//! What users reported: issues and pull requests of NousResearch/hermes-agent about a reason. Beside the catalogue, as data.

use super::reason::Reason;

const REPORTS: [(Reason, &[u32]); 21] = [
    (Reason::CrashLoop, &[88304, 86893, 82538, 91366]),
    (Reason::ReplaceLoop, &[92276, 21549, 79048, 96366, 30155, 89315]),
    (Reason::AppInUse, &[7061, 71645, 76793]),
    (Reason::AdapterMissing, &[29127]),
    (Reason::ConfigError, &[78129, 107_618, 88267]),
    (Reason::NotLoaded, &[73368, 73370, 44683, 88848, 43842]),
    (Reason::NotRunning, &[62128, 53861, 37388, 28135, 94540]),
    (Reason::EventLoopFrozen, &[66892, 66897, 106_359]),
    (Reason::ExecutorShutdown, &[10849, 18740, 53565]),
    (Reason::StartStalled, &[92316]),
    (Reason::WrongEventLoop, &[73779, 91310, 31367]),
    (Reason::LinkEnded, &[23491, 10616, 53477, 46561, 113_662]),
    (Reason::LinksMissing, &[64712, 84954, 68046, 80212]),
    (Reason::ConnectionLimit, &[7061, 71645]),
    (Reason::NetworkUnreachable, &[67244, 34690, 88766, 17036]),
    (Reason::ReconnectStalled, &[23491, 10616, 53477, 64712]),
    (Reason::Draining, &[105_517, 109_002, 77184, 85433]),
    (Reason::Updating, &[88204, 101_426, 85753]),
    (Reason::CronEnded, &[32612, 111_010, 60703]),
    (Reason::CronFailing, &[68483]),
    (Reason::Unsupervised, &[89116, 64778, 42006]),
];

impl Reason {
    /// The reports of users about it, by number.
    pub fn reports(self) -> &'static [u32] {
        REPORTS.iter().find(|(reason, _)| *reason == self).map_or(&[], |(_, numbers)| numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_stands_once_and_names_each_report_once() {
        for (at, (reason, numbers)) in REPORTS.iter().enumerate() {
            assert!(REPORTS[..at].iter().all(|(before, _)| before < reason), "{reason:?} is out of order");
            assert_eq!(reason.reports(), *numbers);
            assert!(!numbers.is_empty() && (1..numbers.len()).all(|i| !numbers[..i].contains(&numbers[i])));
        }
        assert!(Reason::Connected.reports().is_empty());
    }
}

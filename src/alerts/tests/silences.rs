//! Quiet hours and acknowledgements.

use super::*;

#[test]
fn an_acknowledged_light_is_silent_until_it_changes() {
    table(
        &NoticeSettings::default(),
        &[
            (
                "no reminders, and its recovery",
                &["0 started", "10 a not-running", "20 a acknowledge not-running", "99000 a connected"],
                &["10 #1 down a", "99030 #1 recovered a(98990)"],
            ),
            (
                "another reason ends it",
                &[
                    "0 started",
                    "10 a not-running",
                    "20 a acknowledge not-running",
                    "5000 a config-error",
                    "9000 a connected",
                ],
                &["10 #1 down a", "5000 #1 reminder a", "9030 #1 recovered a(8990)"],
            ),
            (
                "amber in between does not",
                &[
                    "0 started",
                    "10 a not-running",
                    "20 a acknowledge not-running",
                    "5000 a starting",
                    "5020 a not-running",
                    "9000 a connected",
                ],
                &["10 #1 down a", "9030 #1 recovered a(8990)"],
            ),
            (
                "the next incident is another one",
                &[
                    "0 started",
                    "10 a not-running",
                    "20 a acknowledge not-running",
                    "5000 a connected",
                    "6000 a not-running",
                    "6500 a connected",
                ],
                &["10 #1 down a", "5030 #1 recovered a(4990)", "6000 #2 down a", "6530 #2 recovered a(500)"],
            ),
            (
                "read at the start, before the first verdict",
                &[
                    "-1 a acknowledge not-running",
                    "0 a not-running",
                    "1 started",
                    "500 b not-running",
                    "600 b connected",
                ],
                &["500 #1 down b", "630 #1 recovered b(100)"],
            ),
            (
                "of another light it is nothing",
                &["-1 a acknowledge config-error", "0 a not-running", "1 started", "500 a connected"],
                &["1 #1 found a", "530 #1 recovered a(500)"],
            ),
        ],
    );
}

/// The epoch of the tables is 2026-09-21 14:13:20 UTC, a Monday: it is 15:00 at 2800 and 16:00 at 6400.
#[test]
fn in_quiet_hours_nothing_is_notified_and_at_their_end_what_holds() {
    let quiet = serde_json::from_str(r#""mon 15:00-16:00""#).unwrap();
    let settings = NoticeSettings { quiet, reminders: false, ..NoticeSettings::default() };
    table(
        &settings,
        &[
            (
                "red through them",
                &[
                    "0 started",
                    "3000 a not-running",
                    "3500 b not-running",
                    "9000 a connected",
                    "9000 b connected",
                ],
                &["6400 #1 down a,b", "9030 #2 recovered a(6000),b(5500) -#1"],
            ),
            ("over before their end", &["0 started", "3000 a not-running", "3500 a connected"], &[]),
            (
                "red again: since when, not since the first time",
                &[
                    "0 started",
                    "3000 a not-running",
                    "3500 a connected",
                    "6000 a not-running",
                    "9000 a connected",
                ],
                &["6400 #1 down a", "9030 #1 recovered a(3000)"],
            ),
            (
                "notified before, works again",
                &["0 started", "2700 a not-running", "3500 a connected"],
                &["2700 #1 down a", "6400 #1 recovered a(800)"],
            ),
            (
                "notified before, works again, red again",
                &[
                    "0 started",
                    "2700 a not-running",
                    "3500 a connected",
                    "6000 a not-running",
                    "9000 a connected",
                ],
                &["2700 #1 down a", "6400 #2 down a", "9030 #2 recovered a(3000)"],
            ),
            (
                "acknowledged meanwhile",
                &["0 started", "3000 a not-running", "3500 a acknowledge not-running", "9000 a connected"],
                &[],
            ),
        ],
    );
}

//! Tables of scenarios.

use std::time::Duration;

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_policy() {
    table(
        &NoticeSettings::default(),
        &[
            ("all is well", &["0 a connected", "0 started", "9 a running"], &[]),
            (
                "a drop that comes back stays silent",
                &["0 a connected", "0 started", "10 a reconnecting", "40 a connected"],
                &[],
            ),
            (
                "a drop is notified when it turns red, the recovery when it held",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a reconnecting",
                    "55 a reconnect-stalled",
                    "100 a connected",
                ],
                &["55 #1 down a", "130 #1 recovered a(45)"],
            ),
            (
                "one notice an incident, whatever reasons follow",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a executor-shutdown",
                    "20 a not-running",
                    "25 a starting",
                    "30 a network-unreachable",
                    "40 a connected",
                    "50 a reconnect-stalled",
                    "60 a connected",
                ],
                &["10 #1 down a", "90 #1 recovered a(50)"],
            ),
            (
                "reminders: after an hour, then daily",
                &["0 a connected", "0 started", "10 a auth-rejected", "180100 a connected"],
                &[
                    "10 #1 down a",
                    "3610 #1 reminder a",
                    "90010 #1 reminder a",
                    "176410 #1 reminder a",
                    "180130 #1 recovered a(180090)",
                ],
            ),
            (
                "no reminder while it is on its way",
                &[
                    "0 started",
                    "10 a not-running",
                    "3600 a starting",
                    "3700 a not-running",
                    "3750 a connected",
                ],
                &["10 #1 down a", "3700 #1 reminder a", "3780 #1 recovered a(3740)"],
            ),
            (
                "three incidents in 15 minutes are one flapping notice until it held for 30 minutes",
                &[
                    "0 a connected",
                    "0 started",
                    "100 a not-running",
                    "110 a connected",
                    "200 a not-running",
                    "210 a connected",
                    "300 a not-running",
                    "310 a connected",
                    "400 a not-running",
                    "410 a connected",
                    "5000 a not-running",
                    "5010 a connected",
                ],
                &[
                    "100 #1 down a",
                    "140 #1 recovered a(10)",
                    "200 #2 down a",
                    "240 #2 recovered a(10)",
                    "300 #3 flapping(3) a",
                    "2210 #4 stable a",
                    "5000 #5 down a",
                    "5040 #5 recovered a(10)",
                ],
            ),
            (
                "incidents that lie further apart are told one by one",
                &[
                    "0 started",
                    "100 a not-running",
                    "110 a connected",
                    "600 a not-running",
                    "610 a connected",
                    "1100 a not-running",
                    "1110 a connected",
                ],
                &[
                    "100 #1 down a",
                    "140 #1 recovered a(10)",
                    "600 #2 down a",
                    "640 #2 recovered a(10)",
                    "1100 #3 down a",
                    "1140 #3 recovered a(10)",
                ],
            ),
            (
                "what stays down while flapping is reminded of",
                &[
                    "0 started",
                    "1 a not-running",
                    "2 a connected",
                    "40 a not-running",
                    "41 a connected",
                    "80 a not-running",
                    "3700 a connected",
                ],
                &[
                    "1 #1 down a",
                    "32 #1 recovered a(1)",
                    "40 #2 down a",
                    "71 #2 recovered a(1)",
                    "80 #3 flapping(3) a",
                    "3680 #3 reminder a",
                    "5500 #4 stable a",
                ],
            ),
            (
                "profiles that fall together share one notice, shown at once and then replaced",
                &[
                    "0 started",
                    "10 a not-running",
                    "18 b auth-rejected",
                    "28 c not-running",
                    "39 d not-running",
                    "50 a connected",
                    "55 b connected",
                    "70 c connected",
                    "90 d connected",
                ],
                &[
                    "10 #1 down a",
                    "18 #1 down a,b",
                    "28 #1 down a,b,c",
                    "39 #2 down d",
                    "80 #3 recovered a(40)",
                    "85 #3 recovered a(40),b(37)",
                    "100 #4 recovered c(42) -#1",
                    "120 #2 recovered d(51)",
                ],
            ),
            (
                "a recovery of several takes the notices of each from the screen",
                &["0 started", "10 a not-running", "30 b not-running", "60 a connected", "61 b connected"],
                &["10 #1 down a", "30 #2 down b", "90 #1 recovered a(50)", "91 #1 recovered a(50),b(31) -#2"],
            ),
            (
                "history raises nothing; what is red at the start is told once",
                &[
                    "h-900 a not-running",
                    "h-800 a connected",
                    "h-700 b auth-rejected",
                    "h-600 c executor-shutdown",
                    "h-500 d stopped",
                    "0 started",
                    "100 b connected",
                    "200 c connected",
                ],
                &["0 #1 found b,c", "130 #2 recovered b(800)", "230 #3 recovered c(800) -#1"],
            ),
            (
                "a profile that is found red later is told once its history settled",
                &[
                    "0 started",
                    "h100 a not-running",
                    "h101 a executor-shutdown",
                    "103 a not-exiting",
                    "200 a connected",
                ],
                &["106 #1 found a", "230 #1 recovered a(100)"],
            ),
            (
                "history that ends green says nothing",
                &["0 started", "h100 a not-running", "h102 a connected"],
                &[],
            ),
            (
                "grey never notifies",
                &["0 started", "1 a stopped", "2 b no-evidence", "90000 a connected", "90100 a stopped"],
                &[],
            ),
            (
                "amber never notifies",
                &["0 started", "1 a starting", "2 b restarting", "3 c unsupervised", "4 d reconnecting"],
                &[],
            ),
            (
                "unsupervised is a recovery",
                &["0 started", "1 a not-running", "10 a unsupervised"],
                &["1 #1 down a", "40 #1 recovered a(9)"],
            ),
            (
                "stopped while down: no reminder, and the recovery is told",
                &["0 started", "1 a not-running", "10 a stopped", "9000 a connected"],
                &["1 #1 down a", "9030 #1 recovered a(8999)"],
            ),
            (
                "started again after it was stopped on purpose, and failing again: another incident",
                &[
                    "0 started",
                    "1 a not-running",
                    "10 a stopped",
                    "300 a starting",
                    "310 a auth-rejected",
                    "900 a connected",
                ],
                &["1 #1 down a", "310 #2 down a", "930 #2 recovered a(590)"],
            ),
            (
                "stopped before it was told, and failing again: one incident, whatever reasons follow",
                &[
                    "0 started",
                    "5 offline",
                    "10 a not-running",
                    "20 a stopped",
                    "100 a not-running",
                    "150 online",
                    "300 a executor-shutdown",
                    "400 a connected",
                ],
                &["240 #1 down a", "430 #1 recovered a(390)"],
            ),
            (
                "stopped for a moment only: the same incident",
                &["0 started", "1 a not-running", "10 a stopped", "20 a auth-rejected", "900 a connected"],
                &["1 #1 down a", "930 #1 recovered a(899)"],
            ),
            (
                "muted until it recovers while it works, or before it was red: over once it held",
                &[
                    "0 a connected",
                    "0 started",
                    "5 a reconnecting",
                    "6 a mute recovery",
                    "20 a connected",
                    "100 a not-running",
                    "200 a connected",
                    "500 b connected",
                    "510 b mute recovery",
                    "600 b not-running",
                    "700 b connected",
                ],
                &["100 #1 down a", "230 #1 recovered a(100)", "600 #2 down b", "730 #2 recovered b(100)"],
            ),
            (
                "muted for an hour: silence, then what still holds",
                &["0 a connected", "0 started", "1 a mute 3601", "10 a not-running", "9000 a connected"],
                &["3601 #1 down a", "7201 #1 reminder a", "9030 #1 recovered a(8990)"],
            ),
            (
                "muted and over before the mute ends: nothing",
                &["0 a connected", "0 started", "1 a mute 3601", "10 a not-running", "90 a connected"],
                &[],
            ),
            (
                "muted until it recovers: no reminder, the recovery ends the mute and is told",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a not-running",
                    "20 a mute recovery",
                    "9000 a connected",
                    "9500 a not-running",
                    "9600 a connected",
                ],
                &["10 #1 down a", "9030 #1 recovered a(8990)", "9500 #2 down a", "9630 #2 recovered a(100)"],
            ),
            (
                "a mute taken back tells at once",
                &[
                    "0 a connected",
                    "0 started",
                    "1 a mute 3601",
                    "10 a not-running",
                    "30 a unmute",
                    "40 a connected",
                ],
                &["30 #1 down a", "70 #1 recovered a(30)"],
            ),
            (
                "woke up: silence for 90 s, then what still holds",
                &[
                    "0 a connected",
                    "0 b connected",
                    "0 started",
                    "1000 wake",
                    "1000 a not-running",
                    "1000 b not-running",
                    "1050 b connected",
                    "1060 c not-running",
                    "1200 a connected",
                    "1200 c connected",
                ],
                &["1090 #1 down a,c", "1230 #2 recovered a(200),c(140) -#1"],
            ),
            (
                "offline: silence, and time to come back",
                &[
                    "0 a connected",
                    "0 b connected",
                    "0 started",
                    "5 offline",
                    "10 a network-unreachable",
                    "10 b network-unreachable",
                    "500 online",
                    "520 a connected",
                    "700 b connected",
                ],
                &["590 #1 down b", "730 #1 recovered b(690)"],
            ),
            (
                "told before the network went: its recovery is told after",
                &["0 started", "5 a not-running", "10 offline", "20 a connected", "500 online"],
                &["5 #1 down a", "590 #1 recovered a(15)"],
            ),
            (
                "online as before: no pause",
                &["0 a connected", "0 started", "5 online", "10 a not-running", "20 a connected"],
                &["10 #1 down a", "50 #1 recovered a(10)"],
            ),
            (
                "offline at the start: told when the network is back",
                &["0 offline", "h0 a network-unreachable", "0 started", "100 online", "300 a connected"],
                &["190 #1 found a", "330 #1 recovered a(300)"],
            ),
            (
                "a restart of ours says nothing",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a restart",
                    "11 a not-running",
                    "12 a starting",
                    "20 a connected",
                    "21 a restarted",
                ],
                &[],
            ),
            (
                "a restart of ours that fails is told when it is over",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a restart",
                    "11 a not-running",
                    "70 a restarted",
                    "80 a connected",
                ],
                &["70 #1 down a", "110 #1 recovered a(69)"],
            ),
            (
                "a restart of ours that mends is the recovery",
                &[
                    "0 started",
                    "1 a executor-shutdown",
                    "10 a restart",
                    "11 a not-running",
                    "15 a connected",
                    "15 a restarted",
                ],
                &["1 #1 down a", "45 #1 recovered a(14)"],
            ),
            (
                "a profile that is gone is forgotten",
                &["0 started", "1 a not-running", "10 a removed", "20 a connected"],
                &["1 #1 down a"],
            ),
            (
                "nothing before the start",
                &["0 a not-running", "10 a connected", "100 started", "101 a not-running", "110 a connected"],
                &["101 #1 down a", "140 #1 recovered a(9)"],
            ),
        ],
    );
}

#[test]
fn settings_change_the_policy() {
    let drop_at_once = NoticeSettings { drop_at_once: true, ..NoticeSettings::default() };
    table(
        &drop_at_once,
        &[(
            "a drop is told at once, and only once",
            &["0 a connected", "0 started", "10 a reconnecting", "55 a reconnect-stalled", "60 a connected"],
            &["10 #1 down a", "90 #1 recovered a(50)"],
        )],
    );
    let silent = NoticeSettings { enabled: false, ..NoticeSettings::default() };
    table(&silent, &[("nothing", &["0 started", "10 a not-running", "60 a connected"], &[])]);
    let no_reminders = NoticeSettings { reminders: false, ..NoticeSettings::default() };
    table(&no_reminders, &[("no reminders", &["0 started", "10 a not-running"], &["10 #1 down a"])]);
    let apart =
        NoticeSettings { group_window: Duration::ZERO, reminders: false, ..NoticeSettings::default() };
    table(
        &apart,
        &[(
            "never together",
            &["0 started", "10 a not-running", "10 b not-running"],
            &["10 #1 down a", "10 #2 down b"],
        )],
    );
}

#[test]
fn a_profile_without_notices_can_be_muted() {
    let mut policy = Policy::new(NoticeSettings::default(), TimeZone::UTC, at(-1));
    policy.step(at(0), Event::Started);
    policy.step(at(1), silenced("grey", Some(Mute::Recovery), None));
    assert_eq!(policy.silences()["grey"].mute, Some(Mute::Recovery));
    assert_eq!(policy.step(at(2), changed("grey", 2, Reason::NotRunning, false)), []);
}

#[test]
fn switched_on_again_it_reports_what_holds() {
    let mut policy =
        Policy::new(NoticeSettings { enabled: false, ..NoticeSettings::default() }, TimeZone::UTC, at(0));
    policy.step(at(0), Event::Started);
    assert!(policy.step(at(1), changed("a", 1, Reason::NotRunning, false)).is_empty());
    let told = policy.step(at(9), Event::Settings(NoticeSettings::default()));
    assert_eq!(told.iter().map(short).collect::<Vec<_>>(), ["9 #1 down a"]);
}

#[test]
fn a_clock_that_steps_back_repeats_nothing() {
    let mut policy = Policy::new(NoticeSettings::default(), TimeZone::UTC, at(0));
    policy.step(at(0), Event::Started);
    policy.step(at(1), changed("a", 1, Reason::NotRunning, false));
    assert_eq!(policy.tick(at(3_601)).len(), 1);
    assert!(policy.tick(at(10)).is_empty());
    assert!(policy.tick(at(3_602)).is_empty());
    assert!(policy.next_deadline() > Some(at(3_602)));
}

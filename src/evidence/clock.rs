//! How long the machine slept, as the difference of two clocks, by how much the wall clock was set, and its time zone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::files;

/// The system's time zone (localtime(5)); `TZ` overrides it.
const LOCAL_TIME: &str = "/etc/localtime";

/// Largest file of a time zone that is read, in bytes: those of tzdata have less than 4 kB.
const ZONE_BYTES: u64 = 1 << 20;

/// The system's time zone, as [`TimeZone::system`] finds it. That lists all zones of the system first, to look up the name
/// that the file's link leads to: 24 folders, and 0.1 MB for their names.
pub(crate) fn time_zone() -> TimeZone {
    let of_file = || TimeZone::tzif("local", &files::read(LOCAL_TIME.as_ref(), ZONE_BYTES).ok()?).ok();
    let has_variable = std::env::var_os("TZ").is_some();
    if has_variable { None } else { of_file() }.unwrap_or_else(TimeZone::system)
}

/// One moment on two clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Wall-clock time, for what is reported.
    pub at: Timestamp,
    /// Monotonic time, for waiting.
    pub instant: Instant,
}

/// The readings of two monotonic clocks at about the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Stops while the machine sleeps.
    pub awake: Duration,
    /// Continues while the machine sleeps.
    pub total: Duration,
}

impl Clocks {
    /// Reads both: `clock_gettime(2)`, CLOCK_MONOTONIC ("does not count time that the system is suspended") and
    /// CLOCK_BOOTTIME ("identical to CLOCK_MONOTONIC, except that it also includes any time that the system is
    /// suspended").
    #[cfg(target_os = "linux")]
    pub fn now() -> Self {
        use rustix::time::ClockId;
        let read = |clock| duration(rustix::time::clock_gettime(clock));
        Self { awake: read(ClockId::Monotonic), total: read(ClockId::Boottime) }
    }

    /// Reads both: `clock_gettime(3)` of macOS, CLOCK_UPTIME_RAW ("in the same manner as CLOCK_MONOTONIC_RAW, but that
    /// does not increment while the system is asleep") and CLOCK_MONOTONIC_RAW.
    #[cfg(target_os = "macos")]
    pub fn now() -> Self {
        let read = |clock| {
            // SAFETY: takes a constant and returns a number; 0 for a clock that does not exist (clock_gettime(3)).
            Duration::from_nanos(unsafe { clock_gettime_nsec_np(clock) })
        };
        Self { awake: read(libc::CLOCK_UPTIME_RAW), total: read(libc::CLOCK_MONOTONIC_RAW) }
    }
}

#[cfg(target_os = "macos")]
unsafe extern "C" {
    // <time.h>: __uint64_t clock_gettime_nsec_np(clockid_t __clock_id), since macOS 10.12
    fn clock_gettime_nsec_np(clock: libc::clockid_t) -> u64;
}

#[cfg(target_os = "linux")]
fn duration(time: rustix::time::Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

/// Differences below this are not sleep: the clocks are read one after the other.
const MIN_SLEEP: Duration = Duration::from_secs(1);

/// Detects that the machine slept between two observations.
#[derive(Debug, Clone, Default)]
pub struct SleepGap {
    last: Option<Clocks>,
}

impl SleepGap {
    /// Returns the seconds slept since the last observation, if the machine slept. A gap shorter than a second is kept
    /// for the next one, so that many short naps add up.
    pub fn observe(&mut self, now: Clocks) -> Option<f64> {
        let Some(last) = self.last else {
            self.last = Some(now);
            return None;
        };
        let total = now.total.saturating_sub(last.total);
        let slept = total.saturating_sub(now.awake.saturating_sub(last.awake));
        if slept < MIN_SLEEP {
            return None;
        }
        self.last = Some(now);
        Some(slept.as_secs_f64())
    }
}

/// Smaller differences between wall clock and timeline are drift: nobody set the clock.
const MIN_SETTING: SignedDuration = SignedDuration::from_secs(1);

/// Most remembered settings of the wall clock; times before the oldest are not converted.
const MAX_SETTINGS: usize = 16;

/// Converts times of a monotonic timeline into wall-clock times. The wall clock may be set: by NTP after a start
/// without a battery, after a virtual machine was paused, by hand.
#[derive(Debug, Clone, Default)]
pub struct WallClock {
    /// Times of the timeline, and the offset of the wall clock from then on. Before the first, the offset is zero.
    settings: VecDeque<(Timestamp, SignedDuration)>,
}

impl WallClock {
    /// Notes what both clocks show at the same moment.
    pub fn observe(&mut self, line: Timestamp, wall: Timestamp) {
        let ahead = wall.duration_since(line);
        let known = self.settings.back().map_or(SignedDuration::ZERO, |(_, ahead)| *ahead);
        if ahead.saturating_sub(known).abs() < MIN_SETTING {
            return;
        }
        if self.settings.len() == MAX_SETTINGS {
            self.settings.pop_front();
        }
        self.settings.push_back((line, ahead));
    }

    /// What the wall clock showed at this time of the timeline.
    pub fn at(&self, at: Timestamp) -> Timestamp {
        let setting = self.settings.iter().rev().find(|(from, _)| *from <= at);
        setting.map_or(at, |(_, ahead)| at.saturating_add(*ahead).unwrap_or(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn times_are_converted_as_the_wall_clock_showed_them() {
        let mut clock = WallClock::default();
        clock.observe(t(0), t(0));
        // as two clocks are that are read one after the other
        clock.observe(t(10), Timestamp::from_millisecond(t(10).as_millisecond() + 900).unwrap());
        assert_eq!(clock.at(t(10)), t(10));
        // the machine stood still for an hour, then somebody set its clock back by two
        clock.observe(t(100), t(3700));
        clock.observe(t(200), t(-3400));
        for (line, wall) in [(50, 50), (99, 99), (100, 3700), (199, 3799), (200, -3400), (300, -3300)] {
            assert_eq!(clock.at(t(line)), t(wall), "{line}");
        }
        // slow drift adds up to a setting
        for second in 0..10_000 {
            let drift = SignedDuration::from_millis(second / 2);
            clock.observe(t(1000 + second), t(1000 + second - 3600) + drift);
            let told = clock.at(t(1000 + second));
            assert!(told.duration_since(t(1000 + second - 3600) + drift).abs() < MIN_SETTING, "{second}");
        }
        assert!(clock.settings.len() <= MAX_SETTINGS);
        // hostile values change nothing
        clock.observe(Timestamp::MIN, Timestamp::MAX);
        clock.observe(Timestamp::MAX, Timestamp::MIN);
        clock.at(Timestamp::MAX);
    }

    fn at(awake: u64, total: u64) -> Clocks {
        Clocks { awake: Duration::from_millis(awake), total: Duration::from_millis(total) }
    }

    #[test]
    fn sleep_is_the_difference_of_the_clocks() {
        let cases: &[(&[Clocks], Option<f64>)] = &[
            (&[at(0, 0)], None),
            (&[at(0, 0), at(5_000, 5_000)], None),
            (&[at(0, 0), at(5_000, 5_900)], None),
            (&[at(0, 0), at(5_000, 6_000)], Some(1.0)),
            (&[at(7_000, 90_000), at(8_000, 28_891_000)], Some(28_800.0)),
            // reported once
            (&[at(0, 0), at(5_000, 65_000), at(10_000, 70_000)], None),
            // many short naps add up
            (&[at(0, 0), at(1_000, 1_600), at(2_000, 3_200)], Some(1.2)),
            // a clock that goes backwards is no sleep
            (&[at(9_000, 9_000), at(1_000, 1_000)], None),
            (&[at(9_000, 9_000), at(10_000, 1_000)], None),
        ];
        for (looks, want) in cases {
            let mut gap = SleepGap::default();
            let got = looks.iter().fold(None, |_, &look| gap.observe(look));
            assert_eq!(got, *want, "{looks:?}");
        }
    }

    #[test]
    fn the_clocks_of_the_system_go_forward_together() {
        let first = Clocks::now();
        let second = Clocks::now();
        assert!(second.awake >= first.awake && second.total >= first.total);
        assert!(first.total + MIN_SLEEP > first.awake, "{first:?}");
    }
}

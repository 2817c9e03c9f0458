//! How long the machine slept: two clocks that differ in nothing else.
//!
//! The wall clock is not among them: setting it forward by a day is no sleep.

use std::time::Duration;

/// Two clocks, read at about the same moment. Both tick evenly and are never set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Stands still while the machine sleeps.
    pub awake: Duration,
    /// Goes on while the machine sleeps.
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

/// Less than this between the two clocks is no sleep worth telling (they are read one after the other).
const LEAST: Duration = Duration::from_secs(1);

/// Notices that the machine slept between two looks.
#[derive(Debug, Clone, Default)]
pub struct SleepGap {
    last: Option<Clocks>,
}

impl SleepGap {
    /// Compares with the last look: the seconds slept since, if the machine slept. A gap shorter than a second is kept
    /// for the next look, so that many short naps add up.
    pub fn observe(&mut self, now: Clocks) -> Option<f64> {
        let Some(last) = self.last else {
            self.last = Some(now);
            return None;
        };
        let total = now.total.saturating_sub(last.total);
        let slept = total.saturating_sub(now.awake.saturating_sub(last.awake));
        if slept < LEAST {
            return None;
        }
        self.last = Some(now);
        Some(slept.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(awake: u64, total: u64) -> Clocks {
        Clocks { awake: Duration::from_millis(awake), total: Duration::from_millis(total) }
    }

    #[test]
    fn sleep_is_what_one_clock_has_more() {
        let cases: &[(&[Clocks], Option<f64>)] = &[
            (&[at(0, 0)], None),
            (&[at(0, 0), at(5_000, 5_000)], None),
            (&[at(0, 0), at(5_000, 5_900)], None),
            (&[at(0, 0), at(5_000, 6_000)], Some(1.0)),
            (&[at(7_000, 90_000), at(8_000, 28_891_000)], Some(28_800.0)),
            // told once
            (&[at(0, 0), at(5_000, 65_000), at(10_000, 70_000)], None),
            // many short naps add up
            (&[at(0, 0), at(1_000, 1_600), at(2_000, 3_200)], Some(1.2)),
            // a clock that goes backwards is a fault of somebody else's, and no sleep
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
    fn the_systems_clocks_go_forward_together() {
        let first = Clocks::now();
        let second = Clocks::now();
        assert!(second.awake >= first.awake && second.total >= first.total);
        assert!(first.total + LEAST > first.awake, "{first:?}");
    }
}

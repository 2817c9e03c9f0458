//! A timer of the system: one wake-up each time it fires. A timer of the tokio runtime costs up to three for a span of
//! seconds, since it moves timers through ever finer slots and wakes up for each; that would be most wake-ups of an idle
//! watcher.
//!
//! Periodic work is scheduled with [`after`], so that the timers of several owners fire together.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;

use super::ready::readable;

/// The grids of [`after`], coarsest first. Each point of a grid is also a point of the finer ones, so work that is
/// repeated every minute shares its wake-up with work that is repeated every 10 s.
const GRIDS: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(30), Duration::from_secs(10), Duration::from_secs(5)];

/// A grid point closer than this is skipped: the timer has just fired for it.
const TOO_SOON: Duration = Duration::from_millis(100);

/// When work that is repeated every `span` is due again. If `span` is a multiple of 5 s, the time is rounded down to a
/// grid that the whole program shares: all work on one grid point costs one wake-up, as with `AccuracySec=`
/// (systemd.timer(5)). Not for deadlines of verdicts.
pub fn after(now: Instant, span: Duration) -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    on_grid(*START, now, span)
}

fn on_grid(start: Instant, now: Instant, span: Duration) -> Instant {
    let divides = |grid: &Duration| span.as_millis().is_multiple_of(grid.as_millis());
    let Some(grid) = GRIDS.into_iter().find(divides).filter(|_| !span.is_zero()) else { return now + span };
    let steps = (now + span).saturating_duration_since(start).as_millis() / grid.as_millis();
    let at = start + grid.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
    if at < now + TOO_SOON { at + grid } else { at }
}

/// Times that differ by less count as equal: clocks are read one after the other.
const SAME: Duration = Duration::from_millis(1);

/// Fires once, at the time that was set last.
#[derive(Debug)]
pub struct Alarm {
    fd: AsyncFd<OwnedFd>,
    set_to: Option<Instant>,
}

impl Alarm {
    /// Creates an alarm that is not set. Fails outside a tokio runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self { fd: readable(system::create()?)?, set_to: None })
    }

    /// Waits until this time. Cancel safe; waiting again for the same time makes no system call.
    pub async fn ring_at(&mut self, at: Instant) {
        if self.wait(at).await.is_err() {
            // the runtime's timer costs more wake-ups, but works
            tokio::time::sleep_until(at.into()).await;
        }
        self.set_to = None;
    }

    async fn wait(&mut self, at: Instant) -> io::Result<()> {
        let is_set = self.set_to.is_some_and(|set| set.max(at) - set.min(at) < SAME);
        if !is_set {
            self.set_to = None;
            system::set(self.fd.get_ref(), at.saturating_duration_since(Instant::now()))?;
            self.set_to = Some(at);
        }
        loop {
            let mut ready = self.fd.readable().await?;
            let rung = system::has_rung(self.fd.get_ref())?;
            ready.clear_ready();
            if rung {
                return Ok(());
            }
        }
    }
}

/// `timerfd_create(2)`.
#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::io::Errno;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// CLOCK_BOOTTIME also counts the time that the system is suspended: an alarm that came due meanwhile rings on
    /// waking up.
    pub(super) fn create() -> io::Result<OwnedFd> {
        Ok(timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?)
    }

    /// A span of zero would disarm the timer.
    pub(super) fn set(fd: &OwnedFd, after: Duration) -> io::Result<()> {
        let after = after.max(Duration::from_nanos(1));
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let span = Timespec {
            tv_sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(after.subsec_nanos()),
        };
        timerfd_settime(fd, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: once, it_value: span })?;
        Ok(())
    }

    /// "If the timer has already expired one or more times since its settings were last modified", a read succeeds.
    pub(super) fn has_rung(fd: &OwnedFd) -> io::Result<bool> {
        match rustix::io::read(fd, &mut [0_u8; 8]) {
            Ok(_) => Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// `kqueue(2)`, EVFILT_TIMER.
#[cfg(target_os = "macos")]
mod system {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::event::Timespec;
    use rustix::event::kqueue::{Event, EventFilter, EventFlags, kevent_timespec, kqueue};

    const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

    pub(crate) fn create() -> io::Result<OwnedFd> {
        let queue = kqueue()?;
        rustix::io::fcntl_setfd(&queue, rustix::io::FdFlags::CLOEXEC)?;
        Ok(queue)
    }

    /// "Re-adding an existing event will modify the parameters of the original event." Whole milliseconds, upwards: it
    /// never rings early.
    pub(crate) fn set(queue: &OwnedFd, after: Duration) -> io::Result<()> {
        let millis = after.as_nanos().div_ceil(1_000_000).max(1);
        let span = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        let filter = EventFilter::Timer { ident: 0, timer: Some(span) };
        let change = Event::new(filter, EventFlags::ADD | EventFlags::ONESHOT, std::ptr::null_mut());
        let mut none: [Event; 0] = [];
        // SAFETY: the change names a timer, no descriptor.
        unsafe { kevent_timespec(queue, &[change], &mut none[..], Some(&AT_ONCE))? };
        Ok(())
    }

    pub(crate) fn has_rung(queue: &OwnedFd) -> io::Result<bool> {
        let mut events: Vec<Event> = Vec::with_capacity(1);
        // SAFETY: no change is made, so no descriptor is named.
        unsafe { kevent_timespec(queue, &[], rustix::buffer::spare_capacity(&mut events), Some(&AT_ONCE))? };
        Ok(!events.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn in_runtime(test: impl AsyncFnOnce()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test());
    }

    #[test]
    fn repeated_work_falls_on_a_common_grid_and_does_not_drift() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let next = |now, millis| on_grid(start, at(now), Duration::from_millis(millis));
        for (now, span, expected) in [
            (0, 60_000, 60_000),
            (3, 60_000, 60_000),
            (60_003, 60_000, 120_000),
            (59_999, 60_000, 120_000),
            (12_400, 10_000, 20_000),
            (12_400, 45_000, 55_000),
            (12_400, 300_000, 300_000),
            (12_400, 7_000, 19_400),
            (12_400, 0, 12_400),
        ] {
            assert_eq!(next(now, span), at(expected), "{now} + {span}");
        }
        let late = (0..1_000).fold(at(0), |now, _| on_grid(start, now + SAME, GRIDS[0]));
        assert_eq!(late, at(60_000_000));
    }

    #[test]
    fn the_alarm_rings_at_its_time_and_never_before() {
        in_runtime(async || {
            let mut alarm = Alarm::new().unwrap();
            for millis in [0, 1, 20] {
                let at = Instant::now() + Duration::from_millis(millis);
                alarm.ring_at(at).await;
                assert!(Instant::now() + SAME >= at, "{millis}");
            }
        });
    }

    #[test]
    fn the_last_setting_counts_and_a_cancelled_wait_leaves_no_ring() {
        in_runtime(async || {
            let mut alarm = Alarm::new().unwrap();
            let far = Instant::now() + Duration::from_secs(3600);
            let near = Instant::now() + Duration::from_millis(5);
            for cancelled in [far, near, far] {
                tokio::select! {
                    biased;
                    () = alarm.ring_at(cancelled) => {}
                    () = std::future::ready(()) => {}
                }
            }
            // the near one is over by then, and must not ring for the far one
            let mut other = Alarm::new().unwrap();
            tokio::select! {
                () = alarm.ring_at(far) => unreachable!("the alarm rang for its old time"),
                () = other.ring_at(near + Duration::from_millis(20)) => {}
            }
            alarm.ring_at(Instant::now() + Duration::from_millis(1)).await;
        });
    }
}

//! Raises the limit of open file descriptors. launchd starts apps with a soft limit of 256, and on macOS every watched
//! file and folder needs a descriptor (kqueue(2)): a dozen profiles with their logs would reach it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The soft limit to set: `MAX_OPEN` of macOS (`<sys/syslimits.h>`). setrlimit(2) refuses more there, whatever the hard
/// limit is.
const ENOUGH: u64 = 10_240;

/// Raises the soft limit as far as the hard limit allows. If that fails the old limit stays; running out of descriptors
/// is reported where it happens.
pub(crate) fn raise() {
    let now = getrlimit(Resource::Nofile);
    if let Some(current) = wanted(&now) {
        let _old_limit_stays =
            setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: now.maximum });
    }
}

/// The soft limit to set, if it is higher than the current one. `None` in [`Rlimit`] means unlimited.
fn wanted(now: &Rlimit) -> Option<u64> {
    let possible = now.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    (now.current? < possible).then_some(possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_only_raised_and_never_above_the_hard_limit() {
        for (current, maximum, expected) in [
            (Some(256), None, Some(ENOUGH)),
            (Some(256), Some(1_024), Some(1_024)),
            (Some(256), Some(1_048_576), Some(ENOUGH)),
            (Some(64), Some(64), None),
            (Some(65_536), Some(1_048_576), None),
            (None, None, None),
        ] {
            assert_eq!(wanted(&Rlimit { current, maximum }), expected, "{current:?} {maximum:?}");
        }
    }

    const CHILD: &str = "GATELIGHT_TEST_DESCRIPTORS";

    /// In a child process: the limit is one of the whole process.
    #[test]
    fn a_low_limit_is_raised() {
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", "ulimit -S -n 64; exec \"$0\" --exact app::descriptors::tests::child"])
            .arg(std::env::current_exe().unwrap())
            .env(CHILD, "1")
            .status()
            .unwrap();
        assert!(status.success());
    }

    #[test]
    fn child() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        assert_eq!(getrlimit(Resource::Nofile).current, Some(64));
        raise();
        assert!(getrlimit(Resource::Nofile).current.unwrap() > 64);
    }
}

//! How many descriptors this process may have open. launchd starts an app with a soft limit of 256, and on macOS every
//! watched file and folder takes one (kqueue(2)): a dozen profiles with their logs would use it up.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is asked for. `OPEN_MAX` of macOS (`<sys/syslimits.h>`), more than which setrlimit(2) refuses there whatever the
/// hard limit says.
const ENOUGH: u64 = 10_240;

/// Raises the soft limit as far as the hard one allows. Where that is refused the old one stays: whoever runs out of
/// descriptors says so.
pub fn raise() {
    let now = getrlimit(Resource::Nofile);
    if let Some(current) = wanted(&now) {
        let _old_one_stays =
            setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: now.maximum });
    }
}

/// The limit to set, where it is more than there is. `None` in a limit means that there is none.
fn wanted(now: &Rlimit) -> Option<u64> {
    let possible = now.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    (now.current? < possible).then_some(possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_only_ever_raised_and_never_above_what_is_allowed() {
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

    /// In a process of its own, since the limit is one of the whole process.
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

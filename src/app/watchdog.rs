//! Notifies systemd that the agent's loop runs; with `WatchdogSec` in the unit, systemd restarts an agent that stops doing so
//! (sd_notify(3), sd_watchdog_enabled(3)). One datagram needs no library.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The longest interval, whatever the unit says: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Where the notifications go, and how often.
#[derive(Debug)]
pub(super) struct Watchdog {
    socket: UnixDatagram,
    to: SocketAddr,
    interval: Duration,
}

impl Watchdog {
    /// `None` if the service manager does not ask for notifications.
    pub(super) fn from_environment() -> Option<Self> {
        Self::from(|name| std::env::var_os(name))
    }

    fn from(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let number = |name: &str| variable(name)?.to_str()?.parse::<u64>().ok();
        // inherited from a service that started this process
        if number("WATCHDOG_PID").is_some_and(|pid| pid != u64::from(std::process::id())) {
            return None;
        }
        let limit = Duration::from_micros(number("WATCHDOG_USEC")?).min(LONGEST);
        let to = address(&variable("NOTIFY_SOCKET")?)?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        // half of the limit, as sd_watchdog_enabled(3) advises
        Some(Self { socket, to, interval: (limit / 2).max(Duration::from_millis(1)) })
    }

    /// The interval of the notifications.
    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    /// Sends a notification. If the manager does not read it, it is lost, and the next one replaces it.
    pub(super) fn ping(&self) {
        if let Err(error) = self.socket.send_to_addr(b"WATCHDOG=1", &self.to) {
            tracing::debug!("watchdog: {error}");
        }
    }
}

/// A path, or the name of an abstract socket after an `@` (Linux).
fn address(name: &OsString) -> Option<SocketAddr> {
    match name.as_bytes().split_first()? {
        (b'/', _) => SocketAddr::from_pathname(name).ok(),
        #[cfg(target_os = "linux")]
        (b'@', name) => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchdog(pairs: &[(&str, &str)]) -> Option<Watchdog> {
        Watchdog::from(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_watchdog_pings_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let socket = ("NOTIFY_SOCKET", path.to_str().unwrap());
        let own_pid = std::process::id().to_string();
        let limit = ("WATCHDOG_USEC", "30000000");
        let watchdog = watchdog(&[socket, limit, ("WATCHDOG_PID", own_pid.as_str())]).unwrap();
        assert_eq!(watchdog.interval(), Duration::from_secs(15));
        watchdog.ping();
        let mut message = [0; 64];
        let length = manager.recv(&mut message).unwrap();
        assert_eq!(&message[..length], b"WATCHDOG=1");
        drop(manager);
        watchdog.ping();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_socket_will_do() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("gatelight-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let at = format!("@{name}");
        watchdog(&[("NOTIFY_SOCKET", &at), ("WATCHDOG_USEC", "2000000")]).unwrap().ping();
        assert_eq!(manager.recv(&mut [0; 64]).unwrap(), b"WATCHDOG=1".len());
    }

    #[test]
    fn only_subscribed_channels_get_messages() {
        let (socket, limit) = (("NOTIFY_SOCKET", "/run/x"), ("WATCHDOG_USEC", "1000"));
        assert!(watchdog(&[socket, limit]).is_some());
        for missing in [
            &[socket][..],
            &[limit],
            &[socket, limit, ("WATCHDOG_PID", "1")],
            &[socket, ("WATCHDOG_USEC", "often")],
            &[("NOTIFY_SOCKET", "relative"), limit],
            &[("NOTIFY_SOCKET", ""), limit],
        ] {
            assert!(watchdog(missing).is_none(), "{missing:?}");
        }
    }
}

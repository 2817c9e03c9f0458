//! launchd and systemd: job files, queries, restarts.

mod launchctl_output;
mod launchd_restart;
mod profile_scan;
#[cfg(target_os = "linux")]
mod systemd_user;

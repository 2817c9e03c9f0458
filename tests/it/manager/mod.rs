//! launchd and systemd: job files, queries, restarts.

mod launchctl_output;
mod launchd_restart;
mod profile_scan;
mod served_by_launchd;
#[cfg(target_os = "linux")]
mod systemd_user;

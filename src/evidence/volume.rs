//! Tells whether a file is on a local disk. Any other volume (NFS, SMB, FUSE) may stop answering, and then every access
//! to a path on it blocks.

use std::path::Path;

/// Whether the target of this path is on a local disk. A path that does not exist counts as local, a volume of unknown
/// kind as remote. Blocks as long as the volume does.
pub(super) fn is_local(path: &Path) -> bool {
    match rustix::fs::statfs(path) {
        Ok(stat) => system::is_local(&stat),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => true,
        Err(_) => false,
    }
}

/// Detects that something was mounted or unmounted, without touching a volume.
#[derive(Debug)]
pub struct Mounts(system::Mounts);

impl Mounts {
    /// Begins with the current mounts.
    pub fn new() -> Self {
        Self(system::Mounts::new())
    }

    /// Whether anything was mounted or unmounted since the last call. `true` where the system does not say.
    pub fn changed(&mut self) -> bool {
        self.0.changed()
    }
}

impl Default for Mounts {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::StatFs;

    /// `f_type` of statfs(2), from <linux/magic.h> and, for ZFS and bcachefs, their sources: ext2 to ext4, XFS, Btrfs,
    /// tmpfs, ramfs, overlayfs, ZFS, F2FS, bcachefs, eCryptfs, FAT, exFAT, NTFS (ntfs3), squashfs.
    const LOCAL: [u32; 14] = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0x0102_1994,
        0x8584_58f6,
        0x794c_7630,
        0x2fc1_2fc1,
        0xf2f5_2010,
        0xca45_1a4e,
        0xf15f,
        0x4d44,
        0x2011_bab0,
        0x7366_746e,
        0x7371_7368,
    ];

    pub(super) fn is_local(stat: &StatFs) -> bool {
        // the type is signed on some architectures, and wider than the numbers on most
        LOCAL.contains(&(stat.f_type as u32))
    }

    /// "This file is pollable": a change makes poll(2) report an error and a priority event once
    /// (proc_pid_mounts(5), which proc_pid_mountinfo(5) follows: fs/namespace.c, `mounts_poll`).
    #[derive(Debug)]
    pub(super) struct Mounts(Option<File>);

    impl Mounts {
        pub(super) fn new() -> Self {
            Self(File::open("/proc/self/mountinfo").ok())
        }

        pub(super) fn changed(&mut self) -> bool {
            let Some(file) = &self.0 else { return true };
            let mut polled = [PollFd::new(file, PollFlags::PRI)];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut polled, Some(&at_once)).is_err()
                || polled[0].revents().intersects(PollFlags::PRI | PollFlags::ERR)
        }
    }
}

#[cfg(target_os = "macos")]
mod system {
    use rustix::fs::StatFs;

    /// "MNT_LOCAL: File system is stored locally", statfs(2).
    pub(super) fn is_local(stat: &StatFs) -> bool {
        stat.f_flags & libc::MNT_LOCAL.cast_unsigned() != 0
    }

    /// The number of mounted file systems: getfsstat(2) without a buffer returns it, and with MNT_NOWAIT "will return the
    /// information it has available without requesting an update from each file system".
    #[derive(Debug)]
    pub(super) struct Mounts(i32);

    impl Mounts {
        pub(crate) fn new() -> Self {
            Self(count())
        }

        pub(crate) fn changed(&mut self) -> bool {
            let now = count();
            std::mem::replace(&mut self.0, now) != now || now < 0
        }
    }

    fn count() -> i32 {
        // SAFETY: without a buffer nothing is written (getfsstat(2): "If buf is NULL, getfsstat() returns just the number
        // of mounted file systems").
        unsafe { libc::getfsstat(std::ptr::null_mut(), 0, libc::MNT_NOWAIT) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_temporary_folder_is_local_and_nothing_is_mounted_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_local(folder.path()) && is_local(&folder.path().join("missing/file")));
        assert!(!is_local(Path::new("/proc")) || cfg!(target_os = "macos"), "no disk");
        let mut mounts = Mounts::new();
        mounts.changed();
        let calm = (0..100).any(|_| !mounts.changed());
        assert!(calm);
    }
}

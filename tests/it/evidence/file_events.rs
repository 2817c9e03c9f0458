//! File events of the system, with real folders. The tests wait for events and never sleep.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use gatelight::evidence::watch::{Changes, Key, Watch};

#[cfg(target_os = "linux")]
use crate::support::skips::{Need, skip};

const LONG: Duration = Duration::from_secs(20);

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Waits until `key` was reported, with this name if one is asked for.
async fn until(watch: &mut Watch, key: Key, name: Option<&str>) {
    let found = |changes: &Changes| {
        changes.everything
            || changes.changed.iter().any(|one| {
                let named =
                    one.name.is_none() || name.is_none() || one.name.as_deref() == name.map(AsRef::as_ref);
                one.key == key && named
            })
    };
    tokio::time::timeout(LONG, async {
        loop {
            let changes = watch.changed().await.unwrap();
            if found(&changes) {
                return;
            }
        }
    })
    .await
    .expect("never woken");
}

/// The pending events: writes a file of its own last, and returns what is reported before it.
#[cfg(target_os = "linux")]
async fn until_marker(watch: &mut Watch, folder: &Path) -> Changes {
    let marker = folder.join("marker");
    append(&marker, "x");
    let mut all = Changes::default();
    tokio::time::timeout(LONG, async {
        loop {
            let changes = watch.changed().await.unwrap();
            all.everything |= changes.everything;
            let (mark, rest): (Vec<_>, Vec<_>) =
                changes.changed.into_iter().partition(|one| one.name.as_deref() == Some("marker".as_ref()));
            all.changed.extend(rest);
            if !mark.is_empty() || all.everything {
                return;
            }
        }
    })
    .await
    .expect("never woken");
    all
}

#[tokio::test]
async fn every_way_a_file_changes_wakes_us() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("agent.log");
    let mut watch = Watch::new().unwrap();
    let folder = watch.add_dir(root.path()).unwrap();
    assert_eq!(watch.add_dir(root.path()).unwrap(), folder);
    append(&log, "created\n");
    until(&mut watch, folder, Some("agent.log")).await;
    let file = watch.add_file(&log).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(file, folder, "a file is told by its folder");
        assert_eq!(watch.descriptors(), 1);
    }
    append(&log, "appended\n");
    until(&mut watch, file, Some("agent.log")).await;
    OpenOptions::new().write(true).open(&log).unwrap().set_len(0).unwrap();
    until(&mut watch, file, Some("agent.log")).await;
    fs::rename(&log, root.path().join("agent.log.1")).unwrap();
    until(&mut watch, file, Some("agent.log")).await;
    append(&log, "new\n");
    until(&mut watch, file, Some("agent.log")).await;
    append(&log, "newer\n");
    until(&mut watch, file, Some("agent.log")).await;
    fs::remove_file(&log).unwrap();
    until(&mut watch, file, Some("agent.log")).await;
}

#[tokio::test]
async fn a_folder_that_comes_later_or_is_swapped_is_watched() {
    let root = tempfile::tempdir().unwrap();
    let logs = root.path().join("home/profiles/work/logs");
    let mut watch = Watch::new().unwrap();
    let key = watch.add_dir(&logs).unwrap();
    fs::create_dir_all(&logs).unwrap();
    until(&mut watch, key, None).await;
    append(&logs.join("agent.log"), "one\n");
    until(&mut watch, key, Some("agent.log")).await;
    // swapped: renamed away, and another one in its place
    fs::rename(&logs, root.path().join("away")).unwrap();
    fs::create_dir(&logs).unwrap();
    until(&mut watch, key, None).await;
    append(&logs.join("agent.log"), "two\n");
    until(&mut watch, key, Some("agent.log")).await;
    // removed with its parent folders, and back
    fs::remove_dir_all(root.path().join("home")).unwrap();
    until(&mut watch, key, None).await;
    fs::create_dir_all(&logs).unwrap();
    until(&mut watch, key, None).await;
    append(&logs.join("agent.log"), "three\n");
    until(&mut watch, key, Some("agent.log")).await;
}

#[tokio::test]
async fn a_folder_that_is_removed_while_a_file_of_it_is_held_open_is_missed_at_once() {
    let root = tempfile::tempdir().unwrap();
    let logs = root.path().join("logs");
    fs::create_dir(&logs).unwrap();
    append(&logs.join("agent.log"), "one\n");
    let mut watch = Watch::new().unwrap();
    // the home itself is watched
    watch.add_dir(root.path()).unwrap();
    let key = watch.add_dir(&logs).unwrap();
    // the open file keeps its folder alive in the kernel, which therefore does not report that the folder was deleted
    let _held = fs::File::open(logs.join("agent.log")).unwrap();
    fs::remove_dir_all(&logs).unwrap();
    fs::create_dir(&logs).unwrap();
    // the end of the file is reported first, then that of the folder
    until(&mut watch, key, None).await;
    append(&logs.join("new.log"), "two\n");
    until(&mut watch, key, Some("new.log")).await;
}

#[tokio::test]
async fn a_swap_further_up_is_found_by_the_slow_look() {
    let root = tempfile::tempdir().unwrap();
    let logs = root.path().join("home/logs");
    fs::create_dir_all(&logs).unwrap();
    let mut watch = Watch::new().unwrap();
    let key = watch.add_dir(&logs).unwrap();
    assert!(watch.recheck(&|_, _| true).is_empty());
    fs::rename(root.path().join("home"), root.path().join("old")).unwrap();
    fs::create_dir_all(&logs).unwrap();
    assert!(watch.recheck(&|_, _| true).changed.iter().any(|one| one.key == key));
    assert!(watch.recheck(&|_, _| true).is_empty());
    append(&logs.join("agent.log"), "here\n");
    until(&mut watch, key, Some("agent.log")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn our_own_reading_and_other_folders_do_not_wake_us() {
    let root = tempfile::tempdir().unwrap();
    let (here, there) = (root.path().join("here"), root.path().join("there"));
    fs::create_dir(&here).unwrap();
    fs::create_dir(&there).unwrap();
    append(&here.join("agent.log"), "text\n");
    let mut watch = Watch::new().unwrap();
    watch.add_dir(&here).unwrap();
    let gone = watch.add_dir(&there).unwrap();
    // a missing one: its parent is watched, but only for this name
    watch.add_dir(&root.path().join("missing/logs")).unwrap();
    watch.remove(gone);
    assert_eq!(watch.path(gone), None);
    fs::read(here.join("agent.log")).unwrap();
    fs::read_dir(&here).unwrap().count();
    append(&there.join("agent.log"), "unseen\n");
    append(&root.path().join("unrelated"), "unseen\n");
    assert!(until_marker(&mut watch, &here).await.is_empty());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_burst_is_one_change_and_an_overflow_is_everything() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("agent.log");
    let mut watch = Watch::new().unwrap();
    let key = watch.add_dir(root.path()).unwrap();
    for _ in 0..500 {
        append(&log, "line\n");
    }
    let changes = until_marker(&mut watch, root.path()).await;
    assert!(!changes.everything);
    assert_eq!(changes.changed.len(), 1);
    assert_eq!(changes.changed.first().map(|one| one.key), Some(key));
    for n in 0..3_000 {
        append(&root.path().join(format!("file {n}")), "x");
    }
    assert!(until_marker(&mut watch, root.path()).await.everything);
}

/// Writes two files in turn, so that the kernel merges no events.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn events_that_the_system_drops_are_reported_as_everything() {
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let most: usize = most.trim().parse().unwrap();
    if most > 200_000 {
        return skip(Need::ShortEventQueue, &format!("the system queues {most} events"));
    }
    let root = tempfile::tempdir().unwrap();
    let mut files = ["a", "b"].map(|name| fs::File::create(root.path().join(name)).unwrap());
    let mut watch = Watch::new().unwrap();
    watch.add_dir(root.path()).unwrap();
    for _ in 0..=most / 2 {
        for file in &mut files {
            file.write_all(b"x").unwrap();
        }
    }
    // dropped, and nothing comes after it
    append(&root.path().join("c"), "x");
    assert!(watch.changed().await.unwrap().everything);
}

#[tokio::test]
async fn nothing_is_lost_when_the_waiting_is_given_up() {
    let root = tempfile::tempdir().unwrap();
    let mut watch = Watch::new().unwrap();
    let key = watch.add_dir(root.path()).unwrap();
    for n in 0..50 {
        assert!(tokio::time::timeout(Duration::ZERO, watch.changed()).await.is_err(), "woken for nothing");
        let name = format!("file {n}");
        fs::create_dir(root.path().join(&name)).unwrap();
        until(&mut watch, key, Some(&name)).await;
    }
}

#[test]
fn outside_a_runtime_it_is_an_error_and_no_panic() {
    assert!(Watch::new().is_err());
}

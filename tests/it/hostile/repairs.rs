//! Repairs of job files in folders that change in the meantime, and repairs that are killed.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use gatelight::doctor::LiveFacts;
use gatelight::doctor::write::{self, Original, WriteError};

use crate::doctor::findings_and_flow::Home;
use crate::support::test_process;

#[test]
fn links_out_of_the_folder_are_refused() {
    let home = Home::new();
    let outside = Home::file(&home.path().join("out.plist"), "x", 0o644);
    let link = home.places.launch_agents.join("ai.hermes.gateway.plist");
    symlink(&outside, &link).unwrap();
    assert!(matches!(Original::load(&link), Err(WriteError::File(_))));
    assert_eq!(home.codes(&LiveFacts::default()), ["plist-invalid"]);
}

#[test]
fn a_file_that_is_swapped_for_a_link_leads_nowhere() {
    // at each step of the repair, the job file or its folder is replaced by a symlink
    let steps = || {
        let home = Home::new();
        let mut n = 0;
        let original = Original::load(&home.agent("a.plist", "old")).unwrap();
        write::replace(&original, b"new", &mut || n += 1).unwrap();
        n
    };
    for at in 1..=steps() {
        for whole_folder in [false, true] {
            let home = Home::new();
            let path = home.agent("a.plist", "old");
            let outside = home.path().join("outside");
            fs::create_dir(&outside).unwrap();
            fs::write(outside.join("a.plist"), "old").unwrap();
            let aside = home.path().join("aside");
            let original = Original::load(&path).unwrap();
            let mut n = 0;
            let mut swap = || {
                n += 1;
                if n != at {
                    return;
                }
                if whole_folder {
                    fs::rename(&home.places.launch_agents, &aside).unwrap();
                    symlink(&outside, &home.places.launch_agents).unwrap();
                } else {
                    fs::rename(&path, &aside).unwrap();
                    symlink(outside.join("a.plist"), &path).unwrap();
                }
            };
            let done = write::replace(&original, b"new", &mut swap);
            assert!(done.is_ok() || matches!(done, Err(WriteError::Changed)), "{at} {done:?}");
            let _ = write::restore(&original, b"new");
            let left: Vec<_> = fs::read_dir(&outside).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, ["a.plist"], "{at}");
            assert_eq!(fs::read(outside.join("a.plist")).unwrap(), b"old", "{at}");
        }
    }
}

#[test]
fn a_mark_follows_no_link() {
    let home = Home::new();
    let path = home.agent("a.plist", "old");
    let (nowhere, mark) = (home.path().join("nowhere"), write::beside(&path, write::UNDER_WAY));
    symlink(&nowhere, &mark).unwrap();
    assert!(write::is_marked(&path));
    write::mark(&path).unwrap();
    assert!(fs::symlink_metadata(&mark).unwrap().is_file() && !nowhere.exists());
    write::unmark(&path);
    assert!(!write::is_marked(&path));
    // links within the folder: the mark is beside the file itself
    let link = home.places.launch_agents.join("link.plist");
    symlink("a.plist", &link).unwrap();
    write::mark(&link).unwrap();
    assert!(write::is_marked(&path) && mark.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn extended_attributes_are_kept() {
    use crate::support::skips::{Need, skip};
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    let home = Home::new();
    let path = home.agent("a.plist", "old");
    if let Err(error) = setxattr(&path, "user.note", b"mine \xff", XattrFlags::empty()) {
        return skip(Need::ExtendedAttributes, &error.to_string());
    }
    let original = Original::load(&path).unwrap();
    let backup = write::replace(&original, b"new", &mut || {}).unwrap();
    for file in [&path, &backup] {
        let mut value = [0; 32];
        let length = getxattr(file, "user.note", &mut value).unwrap();
        assert_eq!(&value[..length], b"mine \xff", "{}", file.display());
    }
}

#[test]
fn one_repair_at_a_time_in_a_folder() {
    let home = Home::new();
    let path = home.agent("a.plist", "old");
    let original = Original::load(&path).unwrap();
    let second = RefCell::new(None);
    let mut during = || {
        if second.borrow().is_none() {
            *second.borrow_mut() = Some(write::replace(&original, b"second", &mut || {}));
        }
    };
    write::replace(&original, b"first", &mut during).unwrap();
    assert!(matches!(second.into_inner(), Some(Err(WriteError::Busy))));
    assert_eq!(fs::read(&path).unwrap(), b"first");
}

/// The child process of the next tests, which is killed at a step; not a test.
#[test]
#[ignore = "the child of a_kill_at_every_step_loses_nothing"]
fn child_that_is_killed() {
    let variable = |name: &str| std::env::var(format!("GATELIGHT_TEST_{name}")).unwrap();
    let at: usize = variable("STEP").parse().unwrap();
    let original = Original::load(Path::new(&variable("FILE"))).unwrap();
    let mut n = 0;
    let done = write::replace(&original, variable("NEW").as_bytes(), &mut || {
        if n == at {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
        n += 1;
    });
    done.unwrap();
    println!("steps {n}");
}

/// A repair in a process of its own, which is killed at this step. How many steps it took, if it came to its end.
fn repair_killed_at(step: usize, path: &Path, new: &str) -> Option<usize> {
    let (me, arguments) = test_process(module_path!(), "child_that_is_killed");
    let output = Command::new(me)
        .args(arguments)
        .env("GATELIGHT_TEST_FILE", path)
        .env("GATELIGHT_TEST_STEP", step.to_string())
        .env("GATELIGHT_TEST_NEW", new)
        .output()
        .unwrap();
    if output.status.success() {
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, steps) = told.split_once("steps ").expect(&told);
        return Some(steps.lines().next().unwrap().parse().unwrap());
    }
    assert_eq!(output.status.signal(), Some(rustix::process::Signal::KILL.as_raw()), "{output:?}");
    None
}

const OLD: &str = "the old file, whole";
const NEW: &str = "the new one";

#[test]
fn a_kill_at_every_step_loses_nothing() {
    let mut step = 0;
    let (mut old_seen, mut new_seen) = (0, 0);
    loop {
        let home = Home::new();
        let path = home.agent("ai.hermes.gateway.plist", OLD);
        let finished = repair_killed_at(step, &path, NEW);
        let now = fs::read_to_string(&path).unwrap();
        assert!(now == OLD || now == NEW, "step {step}: half a file");
        if now == OLD {
            old_seen += 1;
        } else {
            new_seen += 1;
        }
        let backup = write::beside(&path, write::BACKUP);
        assert!(
            now == OLD || fs::read_to_string(&backup).unwrap() == OLD,
            "step {step}: the old file is lost"
        );
        if let Ok(backup) = fs::read_to_string(&backup) {
            assert_eq!(backup, OLD, "step {step}: half a backup");
        }
        // the next run cleans up and completes the new file
        write::clean(&path);
        assert!(
            home.strays().iter().all(|name| name.ends_with(write::BACKUP)),
            "step {step}: {:?}",
            home.strays()
        );
        write::replace(&Original::load(&path).unwrap(), NEW.as_bytes(), &mut || {}).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
        assert_eq!(home.strays().len(), 1, "step {step}");
        if let Some(steps) = finished {
            assert_eq!(steps, step);
            break;
        }
        step += 1;
        assert!(step < 100);
    }
    assert!(old_seen > 5 && new_seen > 1, "{old_seen} {new_seen}");
}

/// Kills in a row, each of a repair that finds what the killed ones before it left.
const KILLS: usize = 150;

#[test]
fn a_hundred_and_fifty_kills_in_a_row_lose_nothing() {
    let home = Home::new();
    let path = home.agent("ai.hermes.gateway.plist", OLD);
    let backup = write::beside(&path, write::BACKUP);
    let mut steps = 0;
    write::replace(&Original::load(&path).unwrap(), NEW.as_bytes(), &mut || steps += 1).unwrap();
    let mut current = NEW.to_owned();
    let mut replaced = 0;
    for n in 0..KILLS {
        let new = format!("the file of repair {n}, whole");
        // 7 and the number of steps have no common factor: every step is met, after every other one
        assert_eq!(repair_killed_at(n * 7 % steps, &path, &new), None);
        let now = fs::read_to_string(&path).unwrap();
        if now == new {
            assert_eq!(fs::read_to_string(&backup).unwrap(), current, "kill {n}: the file before is lost");
            current = new;
            replaced += 1;
        } else {
            assert_eq!(now, current, "kill {n}: half a file");
        }
    }
    assert!(steps % 7 != 0 && (10..KILLS / 2).contains(&replaced), "{steps} {replaced}");
    write::replace(&Original::load(&path).unwrap(), NEW.as_bytes(), &mut || {}).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
    assert_eq!(fs::read_to_string(&backup).unwrap(), current);
    assert_eq!(home.strays(), [backup.file_name().unwrap().to_str().unwrap()]);
}

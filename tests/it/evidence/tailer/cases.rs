//! One test per case.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gatelight::evidence::tail::{
    HISTORY_LIMIT, HistoryEnd, HistoryReader, Limits, MAX_LINE, TailError, Tailer,
};
use gatelight::health::FileKind;

use crate::support::make_fifo;

struct Logs {
    // keeps the folder
    _root: tempfile::TempDir,
    path: PathBuf,
}

impl Logs {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("agent.log");
        Self { _root: root, path }
    }

    fn sibling(&self, index: u8) -> PathBuf {
        self.path.with_file_name(format!("agent.log.{index}"))
    }

    fn append(&self, text: impl AsRef<[u8]>) {
        append(&self.path, text);
    }

    fn rotate(&self) {
        for index in (1..3).rev() {
            let _ = fs::rename(self.sibling(index), self.sibling(index + 1));
        }
        fs::rename(&self.path, self.sibling(1)).unwrap();
    }
}

fn append(path: &Path, text: impl AsRef<[u8]>) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}

fn read(tailer: &mut Tailer, now: Instant) -> String {
    let mut out = Vec::new();
    while tailer.poll(now, &mut |block| out.extend_from_slice(block)).unwrap().more {}
    String::from_utf8_lossy(&out).into_owned()
}

fn failure(tailer: &mut Tailer) -> TailError {
    tailer.poll(Instant::now(), &mut |block| panic!("{block:?}")).unwrap_err()
}

/// All of a history, oldest line first.
fn history(reader: &mut HistoryReader) -> Vec<u8> {
    let mut blocks = Vec::new();
    while let Some(block) = reader.next_block() {
        assert_eq!(block.bytes.last(), Some(&b'\n'));
        blocks.push(block.bytes);
    }
    blocks.reverse();
    blocks.concat()
}

fn numbered(lines: std::ops::Range<u32>) -> String {
    lines.map(|n| format!("line {n} {}\n", "x".repeat(40))).collect()
}

#[test]
fn a_file_that_is_not_there_yet_is_read_from_its_beginning() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("home/logs/agent.log");
    let now = Instant::now();
    let mut tailer = Tailer::new(&path, Limits::default());
    // neither the folder nor the folder above it
    assert!(tailer.poll(now, &mut |_| panic!()).unwrap().missing);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(tailer.poll(now, &mut |_| panic!()).unwrap().missing);
    append(&path, "one\n");
    assert_eq!(read(&mut tailer, now), "one\n");
    assert_eq!(read(&mut tailer, now), "");
    // the folder is removed with its contents, and comes back
    append(&path, "two\n");
    fs::remove_dir_all(root.path().join("home")).unwrap();
    assert_eq!(read(&mut tailer, now), "two\n");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    append(&path, "three\n");
    assert_eq!(read(&mut tailer, now), "three\n");
}

#[test]
fn odd_kinds_of_file_are_named_never_opened_and_no_obstacle() {
    let logs = Logs::new();
    let now = Instant::now();
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    let kind = |tailer: &mut Tailer| match failure(tailer) {
        TailError::NotAFile { kind, .. } => kind,
        other => panic!("{other}"),
    };
    fs::create_dir(&logs.path).unwrap();
    assert_eq!(kind(&mut tailer), FileKind::Folder);
    fs::remove_dir(&logs.path).unwrap();

    make_fifo(&logs.path);
    assert_eq!(kind(&mut tailer), FileKind::Fifo);
    // the tailer has not opened it: a non-blocking writer is refused
    let writer = rustix::fs::open(
        &logs.path,
        rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK,
        rustix::fs::Mode::RWXU,
    );
    assert_eq!(writer.unwrap_err(), rustix::io::Errno::NXIO);
    fs::remove_file(&logs.path).unwrap();

    let socket = std::os::unix::net::UnixListener::bind(&logs.path).unwrap();
    assert_eq!(kind(&mut tailer), FileKind::Socket);
    drop(socket);
    fs::remove_file(&logs.path).unwrap();

    symlink("/dev/zero", &logs.path).unwrap();
    assert_eq!(kind(&mut tailer), FileKind::Device);
    fs::remove_file(&logs.path).unwrap();

    symlink(&logs.path, &logs.path).unwrap();
    assert!(matches!(failure(&mut tailer), TailError::Loop { .. }));
    fs::remove_file(&logs.path).unwrap();

    // a dangling symlink is a missing file; a symlink to a file is that file
    let real = logs.path.with_file_name("real");
    symlink(&real, &logs.path).unwrap();
    assert!(tailer.poll(now, &mut |_| panic!()).unwrap().missing);
    append(&real, "at last\n");
    assert_eq!(read(&mut tailer, now), "at last\n");
    // a FIFO in its place: what is open is still read
    append(&real, "more\n");
    fs::remove_file(&logs.path).unwrap();
    fs::create_dir(&logs.path).unwrap();
    let mut out = Vec::new();
    assert!(tailer.poll(now, &mut |block| out.extend_from_slice(block)).is_err());
    assert_eq!(out, b"more\n");
    // odd files among the siblings are skipped
    make_fifo(&logs.sibling(1));
    fs::create_dir(logs.sibling(2)).unwrap();
    fs::remove_dir(&logs.path).unwrap();
    logs.append("again\n");
    assert_eq!(read(&mut tailer, now), "again\n");
}

#[test]
fn a_permission_taken_away_and_given_back_loses_nothing() {
    let logs = Logs::new();
    let now = Instant::now();
    logs.append("old\n");
    fs::set_permissions(&logs.path, fs::Permissions::from_mode(0o0)).unwrap();
    let denied = File::open(&logs.path).is_err();
    let (mut tailer, _) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
    if denied {
        assert!(matches!(failure(&mut tailer), TailError::Denied { .. }));
    }
    fs::set_permissions(&logs.path, fs::Permissions::from_mode(0o600)).unwrap();
    // the contents at the start are history, readable or not
    assert_eq!(read(&mut tailer, now), "");
    logs.append("new\n");
    fs::set_permissions(&logs.path, fs::Permissions::from_mode(0o0)).unwrap();
    assert_eq!(read(&mut tailer, now), "new\n", "what is open stays open");
}

#[test]
fn r27649_the_old_inode_is_followed_while_something_writes_to_it() {
    let logs = Logs::new();
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    logs.append("one\n");
    assert_eq!(read(&mut tailer, start), "one\n");
    logs.append("last words\n");
    logs.rotate();
    logs.append("first words\n");
    assert_eq!(read(&mut tailer, start), "last words\nfirst words\n");
    append(&logs.sibling(1), "launchd\n");
    assert_eq!(read(&mut tailer, after(50)), "launchd\n");
    assert_eq!(read(&mut tailer, after(100)), "");
    assert_eq!(tailer.open_files(), 2);
    assert_eq!(read(&mut tailer, after(110)), "");
    assert_eq!(tailer.open_files(), 1, "60 s after its last growth it is let go");
    // and continued at the old position, under any number
    append(&logs.sibling(1), "launchd again\n");
    assert_eq!(read(&mut tailer, after(500)), "launchd again\n");
    assert_eq!(read(&mut tailer, after(600)), "");
    logs.rotate();
    logs.append("third\n");
    append(&logs.sibling(2), "launchd for ever\n");
    assert_eq!(read(&mut tailer, after(700)), "launchd for ever\nthird\n");
}

#[test]
fn several_rotations_between_two_polls_lose_nothing() {
    let logs = Logs::new();
    let now = Instant::now();
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    logs.append("one\n");
    assert_eq!(read(&mut tailer, now), "one\n");
    for text in ["a\n", "b\n", "c\n"] {
        logs.append(text);
        logs.rotate();
    }
    assert_eq!(read(&mut tailer, now), "a\nb\nc\n");
    logs.append("d\n");
    assert_eq!(read(&mut tailer, now), "d\n");
}

#[test]
fn a_truncated_file_is_read_from_its_beginning_even_if_it_is_longer_now() {
    let logs = Logs::new();
    let now = Instant::now();
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    logs.append("some words\nhalf a li");
    assert_eq!(read(&mut tailer, now), "some words\n");
    fs::write(&logs.path, "short\n").unwrap();
    assert_eq!(read(&mut tailer, now), "short\n");
    let long = numbered(0..100);
    fs::write(&logs.path, &long).unwrap();
    assert_eq!(read(&mut tailer, now), long);
    // with the same beginning, but other bytes before the position
    let mut other = long.replace("line 99", "LINE 99");
    other.push_str("more\n");
    fs::write(&logs.path, &other).unwrap();
    assert_eq!(read(&mut tailer, now), other);
    assert_eq!(tailer.counts().truncations, 3);
    assert_eq!(tailer.counts().lost_partials, 1);
    // the end that was cut off had been read
    OpenOptions::new().write(true).open(&logs.path).unwrap().set_len(1_000).unwrap();
    assert_eq!(read(&mut tailer, now), "");
    logs.append("\nand on\n");
    assert_eq!(read(&mut tailer, now), "\nand on\n");
}

#[test]
fn lines_truncated_unread_are_read_from_the_copy() {
    let logs = Logs::new();
    let now = Instant::now();
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    logs.append("read\nhalf ");
    assert_eq!(read(&mut tailer, now), "read\n");
    logs.append("a line\nunread\n");
    fs::copy(&logs.path, logs.sibling(1)).unwrap();
    OpenOptions::new().write(true).open(&logs.path).unwrap().set_len(0).unwrap();
    logs.append("afterwards\n");
    assert_eq!(read(&mut tailer, now), "half a line\nunread\nafterwards\n");
    assert_eq!(read(&mut tailer, now), "");
}

#[test]
fn half_a_line_is_shown_once_and_after_a_second_only() {
    let logs = Logs::new();
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    logs.append("whole\nhalf");
    assert_eq!(read(&mut tailer, now), "whole\n");
    let mut out = Vec::new();
    assert_eq!(tailer.next_flush(), Some(now + second));
    assert_eq!(tailer.flush_partial(now + second / 2, &mut |b| out.extend_from_slice(b)), 0);
    assert_eq!(tailer.flush_partial(now + second, &mut |b| out.extend_from_slice(b)), 1);
    assert_eq!(tailer.flush_partial(now + 9 * second, &mut |b| out.extend_from_slice(b)), 0);
    assert_eq!(tailer.next_flush(), None);
    assert_eq!(out, b"half\n");
    logs.append(" a line\n");
    assert_eq!(read(&mut tailer, now), " a line\n");
}

#[test]
fn a_line_of_100_mb_costs_64_kib() {
    let logs = Logs::new();
    let now = Instant::now();
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    logs.append("before\n");
    assert_eq!(read(&mut tailer, now), "before\n");
    let file = OpenOptions::new().write(true).open(&logs.path).unwrap();
    for at in (7..100_000_000).step_by(1_000_000) {
        file.write_all_at(&vec![b'x'; usize::min(1_000_000, 100_000_000 - at)], at as u64).unwrap();
    }
    file.write_all_at(b"\nafter\n", 100_000_000).unwrap();
    let (mut lines, mut polls) = (Vec::new(), 0);
    loop {
        polls += 1;
        let polled = tailer.poll(now, &mut |block| lines.push(block.to_vec())).unwrap();
        assert!(polled.bytes <= 256 * 1024);
        if !polled.more {
            break;
        }
    }
    assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE + 1, "after\n".len()]);
    assert!(polls > 300, "no poll takes more than its share: {polls}");
    assert_eq!(tailer.counts().long_lines, 1);
    assert_eq!(tailer.counts().discarded, 100_000_000 - 7 - MAX_LINE as u64);
}

#[test]
fn the_bound_on_open_files_holds_and_they_are_closed_at_the_end() {
    let logs = Logs::new();
    let now = Instant::now();
    let here = logs.path.parent().unwrap().to_owned();
    let open = || {
        fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
            .filter(|target| target.starts_with(&here))
            .count()
    };
    let limits = Limits { old_files: 2, ..Limits::default() };
    let (mut tailer, reader) = Tailer::start_at_end_with_history(&logs.path, limits, now);
    drop(reader);
    for turn in 0..50 {
        logs.append(format!("turn {turn}\n"));
        assert_eq!(read(&mut tailer, now), format!("turn {turn}\n"));
        logs.rotate();
        assert!(tailer.open_files() <= 3);
        if cfg!(target_os = "linux") {
            assert_eq!(open(), tailer.open_files());
        }
    }
    assert_eq!(tailer.counts().lost_bytes, 0);
    drop(tailer);
    if cfg!(target_os = "linux") {
        assert_eq!(open(), 0);
    }
}

#[test]
fn history_goes_back_through_the_rotated_files() {
    let logs = Logs::new();
    let now = Instant::now();
    fs::write(logs.sibling(4), "too old\n").unwrap();
    fs::write(logs.sibling(3), numbered(0..10)).unwrap();
    // killed in the middle of a line
    fs::write(logs.sibling(2), numbered(10..9_000) + "half").unwrap();
    fs::write(logs.sibling(1), numbered(9_000..20_000)).unwrap();
    fs::write(&logs.path, numbered(20_000..21_000) + "unfin").unwrap();
    let (mut tailer, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
    let first = reader.next_block().unwrap();
    assert_eq!(first.index, 0);
    assert!(first.bytes.ends_with(numbered(20_999..21_000).as_bytes()));
    let (_, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
    // whatever happens to the names in the meantime
    logs.rotate();
    let want = numbered(0..9_000) + "half\n" + &numbered(9_000..21_000);
    assert!(history(&mut reader) == want.as_bytes());
    assert_eq!(reader.end(), Some(HistoryEnd::Beginning));
    append(&logs.sibling(1), "ished\n");
    append(&logs.sibling(2), "launchd\n");
    logs.append("new\n");
    assert_eq!(read(&mut tailer, now), "launchd\nunfinished\nnew\n");
}

#[test]
fn r61589_r89536_history_costs_no_more_for_a_huge_log() {
    let logs = Logs::new();
    let now = Instant::now();
    let file = File::create(&logs.path).unwrap();
    // sparse: nothing but a hole below
    file.set_len(500_000_000).unwrap();
    let tail = format!("\n{}", numbered(0..900_000));
    file.write_all_at(tail.as_bytes(), 500_000_000).unwrap();
    fs::write(logs.sibling(1), "never reached\n").unwrap();
    let (_, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
    reader.next_block().unwrap();
    assert!(reader.bytes_read() <= 256 * 1024);
    let (_, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
    let got = history(&mut reader);
    assert_eq!(reader.end(), Some(HistoryEnd::Bound));
    assert_eq!(reader.bytes_read(), HISTORY_LIMIT);
    assert!(tail.as_bytes().ends_with(&got), "whole lines only");
    assert!(got.starts_with(b"line "));
    assert!(got.len() as u64 > HISTORY_LIMIT - 100 * 256);
}

#[test]
fn long_lines_in_history_are_kept_as_far_as_any_other() {
    let long = |n: usize| format!("{n:07}{}", "y".repeat(n - 7));
    let lines: Vec<String> =
        [100, MAX_LINE, MAX_LINE + 1, 200_000, 50, 262_143, 262_144, 262_145, 900_000, 10]
            .into_iter()
            .map(long)
            .collect();
    let want: String = lines.iter().map(|line| format!("{}\n", &line[..line.len().min(MAX_LINE)])).collect();
    let logs = Logs::new();
    logs.append(lines.join("\n") + "\n");
    let now = Instant::now();
    let (mut tailer, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
    let got = history(&mut reader);
    assert!(got == want.as_bytes(), "{} bytes, {} wanted", got.len(), want.len());
    assert_eq!(read(&mut tailer, now), "");
    // an unfinished line: short ones are for the follower, of a very long one the beginning is history
    for (size, theirs) in [(1_000, false), (100_000, false), (300_000, true)] {
        let logs = Logs::new();
        logs.append(format!("first\n{}", long(size)));
        let (mut tailer, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
        logs.append("end\nlast\n");
        let line = format!("{}\n", &(long(size) + "end")[..(size + 3).min(MAX_LINE)]);
        let (before, after) = if theirs { (&*line, "") } else { ("", &*line) };
        assert!(history(&mut reader) == format!("first\n{before}").as_bytes(), "{size}");
        assert!(read(&mut tailer, now) == format!("{after}last\n"), "{size}");
    }
}

#[test]
fn nothing_falls_between_history_and_following_while_somebody_writes() {
    let logs = Logs::new();
    logs.append("line 0\n");
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (stop, path) = (stop.clone(), logs.path.clone());
        std::thread::spawn(move || {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            let mut n = 1_u32;
            while !stop.load(Ordering::Relaxed) {
                // in two halves, so that a poll may fall into the middle of a line
                write!(file, "li").unwrap();
                writeln!(file, "ne {n}").unwrap();
                n += 1;
            }
            n
        })
    };
    let mut starts = Vec::new();
    let now = Instant::now();
    for _ in 0..30 {
        let (tailer, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
        starts.push((tailer, history(&mut reader)));
    }
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    let all: String = (0..written).map(|n| format!("line {n}\n")).collect();
    for (mut tailer, before) in starts {
        let seen = String::from_utf8(before).unwrap() + &read(&mut tailer, now);
        // the history is bounded: what there is must be the end of all
        assert!(!seen.is_empty() && all.ends_with(&seen));
        assert!(seen.len() == all.len() || seen.len() > 7 * 1024 * 1024);
    }
}

#[test]
fn a_log_on_a_full_table_of_descriptors_is_tried_again() {
    let logs = Logs::new();
    let now = Instant::now();
    logs.append("old\n");
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    assert_eq!(read(&mut tailer, now), "old\n");
    // a name that is too long: any other error of the system
    let mut odd = Tailer::new(logs.path.with_file_name("x".repeat(300)), Limits::default());
    assert!(matches!(failure(&mut odd), TailError::Io { .. }));
}

/// A sparse file of 64 GiB, as a truncation leaves it whose writer goes on at its old offset, or an accident: what is
/// before the hole and behind it is read, in one poll, and so is what comes later.
#[test]
fn a_hole_of_64_gib_hides_nothing() {
    let now = Instant::now();
    let hole = 64 << 30;
    let write = |path: &Path, at: u64, text: &str| {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
        file.set_len(at).unwrap();
        file.write_all_at(text.as_bytes(), at).unwrap();
    };
    // it appears while the log is followed
    let logs = Logs::new();
    logs.append("before\nhalf");
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    assert_eq!(read(&mut tailer, now), "before\n");
    write(&logs.path, hole, "after\nunfinished");
    assert_eq!(read(&mut tailer, now), "half\nafter\n");
    logs.append(" now\n");
    assert_eq!(read(&mut tailer, now), "unfinished now\n");
    // it is there at the first read, in the middle, at the end, and before an unfinished line
    let first_read = |logs: &Logs| {
        let (tailer, mut reader) = Tailer::start_at_end_with_history(&logs.path, Limits::default(), now);
        let history = String::from_utf8(history(&mut reader)).unwrap();
        assert_eq!(reader.end(), Some(HistoryEnd::Beginning));
        assert!(reader.bytes_read() < 1024 * 1024, "{}", reader.bytes_read());
        (tailer, history)
    };
    let (mut tailer, before) = first_read(&logs);
    assert_eq!(before, "before\nhalf\nafter\nunfinished now\n");
    assert_eq!(read(&mut tailer, now), "");
    let size = fs::metadata(&logs.path).unwrap().len();
    write(&logs.path, size + hole, "");
    let (mut tailer, before) = first_read(&logs);
    assert_eq!(before, "before\nhalf\nafter\nunfinished now\n");
    logs.append("at the end\n");
    assert_eq!(read(&mut tailer, now), "at the end\n");
    let logs = Logs::new();
    write(&logs.path, hole, "at first unfin");
    let (mut tailer, before) = first_read(&logs);
    assert_eq!(before, "");
    logs.append("ished\n");
    assert_eq!(read(&mut tailer, now), "at first unfinished\n");
    // a truncation whose writer goes on at its old offset
    let logs = Logs::new();
    logs.append("x".repeat(10_000) + "\n");
    let mut tailer = Tailer::new(&logs.path, Limits::default());
    read(&mut tailer, now);
    write(&logs.path, 0, "");
    write(&logs.path, 10_001, "goes on\n");
    assert_eq!(read(&mut tailer, now), "goes on\n");
}

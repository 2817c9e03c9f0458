//! Random operations on a log while the tailer follows it; a model knows which lines must be read.
//!
//! `GATELIGHT_TAIL_STEPS` and `GATELIGHT_SEED` choose the length and the seed; a failure prints the seed that repeats it.
//!
//! The model keeps every file that ever was with its full text, and which names lead to it. A line *must* be seen, exactly
//! once and in the order of its file, when its bytes could be reached at some poll after it was complete. It *may* be seen
//! (once at most) when they could not:
//! - written and truncated away between two polls, with no copy among the siblings, or with more than one such copy;
//! - in a file that was in the log's place only between two polls and is under none of the log's names at the next;
//! - in one that was there while the log itself was renamed away and back again between two polls;
//! - in one that was moved away before any poll found it, and came back only to be rotated before the next;
//! - in one that is under such a name, but behind an older one that was moved back before it was rotated;
//! - a line of which only a half was ever reached (truncated in its middle, or shown as half a line).

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gatelight::evidence::tail::{Limits, MAX_LINE, Tailer};

use crate::support::number;

/// xorshift64*: small and reproducible.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

type FileId = usize;

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the file")]
struct ModelFile {
    /// The writer's descriptor, kept open as by launchd and Python.
    writer: Option<File>,
    /// The contents since the last truncation.
    text: Vec<u8>,
    /// How much of `text` was there to be read at the last poll that reached the file.
    reached: usize,
    /// The tailer has it open since a poll that found it under one of the log's names.
    held: bool,
    /// It is a copy: what it holds up to here was reached in the original.
    copy: bool,
    /// No poll ever found it under one of the log's names.
    fresh: bool,
    /// It was moved away before any poll found it: its times may say that it is older than what was read since.
    strayed: bool,
}

struct World {
    dice: Dice,
    root: PathBuf,
    log: PathBuf,
    files: Vec<ModelFile>,
    /// Index 0 is the log, 1 to 3 its siblings.
    names: [Option<FileId>; 4],
    /// A file that was moved away from the log's place and can be moved back.
    aside: Option<FileId>,
    /// What was in the log's place at the last poll.
    last_base: Option<FileId>,
    /// (file, order within the file) of lines that must come.
    must: HashMap<Vec<u8>, (FileId, u64)>,
    may: HashSet<Vec<u8>>,
    seen: HashSet<Vec<u8>>,
    last_seen_in: HashMap<FileId, u64>,
    counter: u64,
    swaps: u32,
    /// Truncated by copytruncate since the last poll: (original, copy).
    copied: Vec<(FileId, FileId, Vec<u8>)>,
    trace: Vec<String>,
}

fn name(log: &Path, index: usize) -> PathBuf {
    if index == 0 { log.to_owned() } else { PathBuf::from(format!("{}.{index}", log.display())) }
}

/// The lines as the tailer returns them: shortened, each with a newline.
fn lines_of(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let ended = text.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    text[..ended].split_inclusive(|&b| b == b'\n').map(|line| {
        let mut kept = line[..(line.len() - 1).min(MAX_LINE)].to_vec();
        kept.push(b'\n');
        kept
    })
}

impl World {
    fn new(root: &Path, seed: u64) -> Self {
        let folder = root.join("logs");
        fs::create_dir(&folder).unwrap();
        Self {
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            root: root.to_owned(),
            log: folder.join("agent.log"),
            files: Vec::new(),
            names: [None; 4],
            aside: None,
            last_base: None,
            must: HashMap::new(),
            may: HashSet::new(),
            seen: HashSet::new(),
            last_seen_in: HashMap::new(),
            counter: 0,
            swaps: 0,
            copied: Vec::new(),
            trace: Vec::new(),
        }
    }

    fn note(&mut self, what: impl Into<String>) {
        self.trace.push(what.into());
    }

    fn create(&mut self) -> FileId {
        let writer = OpenOptions::new().append(true).create_new(true).open(&self.log).unwrap();
        self.files.push(ModelFile { writer: Some(writer), fresh: true, ..ModelFile::default() });
        let id = self.files.len() - 1;
        self.names[0] = Some(id);
        self.note(format!("create {id}"));
        id
    }

    fn base(&mut self) -> FileId {
        match self.names[0] {
            Some(id) => id,
            None => self.create(),
        }
    }

    fn append(&mut self, id: FileId, bytes: &[u8]) {
        let file = &mut self.files[id];
        file.writer.as_mut().unwrap().write_all(bytes).unwrap();
        file.text.extend_from_slice(bytes);
    }

    /// Text that is nowhere else, so that any line that holds it is unique. It begins with the number: two files that
    /// begin alike are one file to everybody.
    fn token(&mut self) -> Vec<u8> {
        self.counter += 1;
        format!("{:08}|", self.counter.wrapping_mul(7_654_321) % 100_000_000).into_bytes()
    }

    fn line(&mut self) -> Vec<u8> {
        let mut line = self.token();
        match self.dice.roll(24) {
            0 => line.extend_from_slice(&[0xFF, 0xFE, 0x00, 0xC3, 0x28, 0x1B]),
            1 => line.extend_from_slice("网关 ✓ 重启".as_bytes()),
            2 => line.push(b'\r'),
            3 => line.extend_from_slice(&[0; 40]),
            4 => {
                let sizes = [MAX_LINE - line.len(), MAX_LINE - line.len() + 1, 100_000, 300_000, 700_000];
                let size = sizes[self.dice.roll(5) as usize];
                line.extend(std::iter::repeat_n(b'x', size));
            }
            _ => line.extend_from_slice(b"2026-11-22 11:09:14,271 ERROR Lark: something"),
        }
        line.push(b'\n');
        line
    }

    fn write(&mut self, id: FileId) {
        for _ in 0..=self.dice.roll(4) {
            let line = self.line();
            self.append(id, &line);
        }
        self.note(format!("write {id} ({} bytes)", self.files[id].text.len()));
    }

    fn write_partial(&mut self, id: FileId) {
        let token = self.token();
        self.append(id, &token);
        self.note(format!("write half a line {id}"));
    }

    /// What a poll can reach: files that are open, and those under the log's names that came since the last one.
    fn settle(&mut self) {
        // while the log is the same file as before, its siblings are not read
        let looked = self.names[0].is_none() || self.names[0] != self.last_base;
        self.last_base = self.names[0];
        let copied = std::mem::take(&mut self.copied);
        for (original, copy, unread) in &copied {
            let alone = copied.iter().filter(|(other, _, _)| other == original).count() == 1;
            let there = self.names[1..].contains(&Some(*copy));
            let known = self.files[*original].held && self.files[*original].reached > 0;
            if alone && there && known {
                self.demand(*original, unread);
            } else {
                self.may.extend(lines_of(unread));
                self.may.extend(lines_of(&self.files[*copy].text));
            }
        }
        // a sibling that nobody saw yet counts as newer than what is known only if it stands before it
        let known = |id: FileId| self.files[id].held || !self.files[id].fresh;
        let first_known = self.names[1..].iter().position(|id| id.is_some_and(known)).unwrap_or(3);
        let reachable: HashSet<FileId> = (0..self.files.len())
            .filter(|&id| {
                let file = &self.files[id];
                let newer =
                    looked && file.fresh && !file.strayed && self.names[1..=first_known].contains(&Some(id));
                !file.copy && (file.held || self.names[0] == Some(id) || newer)
            })
            .collect();
        for id in 0..self.files.len() {
            if self.names[0] == Some(id) || (looked && self.names.contains(&Some(id))) {
                self.files[id].fresh = false;
            }
            if !reachable.contains(&id) {
                if !self.files[id].copy && self.names.contains(&Some(id)) {
                    self.give_up_unless_held(id);
                }
                continue;
            }
            self.files[id].held = true;
            let fresh = self.files[id].text[self.line_start(id)..].to_vec();
            self.demand(id, &fresh);
            self.files[id].reached = self.files[id].text.len();
        }
    }

    /// Where the first line begins that was not complete at the last poll.
    fn line_start(&self, id: FileId) -> usize {
        let file = &self.files[id];
        file.text[..file.reached].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1)
    }

    fn demand(&mut self, id: FileId, text: &[u8]) {
        for line in lines_of(text) {
            self.counter += 1;
            if !self.seen.contains(&line) && !self.may.contains(&line) {
                self.must.insert(line, (id, self.counter));
            }
        }
        // a line that is too long is returned before its newline
        let ended = text.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        if text.len() - ended > MAX_LINE {
            let mut kept = text[ended..ended + MAX_LINE].to_vec();
            kept.push(b'\n');
            self.may.insert(kept);
        }
    }

    /// Text that goes away with whatever of it nobody reached.
    fn truncate(&mut self, id: FileId) -> Vec<u8> {
        let unread = self.files[id].text[self.line_start(id)..].to_vec();
        let file = &mut self.files[id];
        file.writer.as_ref().unwrap().set_len(0).unwrap();
        file.text.clear();
        file.reached = 0;
        unread
    }

    fn rotate(&mut self) {
        if self.names[0].is_none() {
            return;
        }
        for index in (0..3).rev() {
            if self.names[index].is_some() {
                fs::rename(name(&self.log, index), name(&self.log, index + 1)).unwrap();
                self.names[index + 1] = self.names[index].take();
            }
        }
        self.note(format!("rotate: {:?}", self.names));
    }

    fn copytruncate(&mut self) {
        let Some(id) = self.names[0] else { return };
        if self.files[id].text.is_empty() {
            return;
        }
        for index in (1..3).rev() {
            if self.names[index].is_some() {
                fs::rename(name(&self.log, index), name(&self.log, index + 1)).unwrap();
                self.names[index + 1] = self.names[index].take();
            }
        }
        let _ = fs::remove_file(name(&self.log, 1));
        fs::copy(&self.log, name(&self.log, 1)).unwrap();
        let text = self.files[id].text.clone();
        self.files.push(ModelFile { text, copy: true, ..ModelFile::default() });
        let copy = self.files.len() - 1;
        self.names[1] = Some(copy);
        let held = self.files[id].held;
        let reached = self.files[id].reached;
        let unread = self.truncate(id);
        if held && reached > 0 {
            self.copied.push((id, copy, unread));
        } else {
            self.may.extend(lines_of(&unread));
        }
        self.note(format!("copytruncate {id} to {copy}: {:?}", self.names));
    }

    fn empty(&mut self) {
        let Some(id) = self.names[0] else { return };
        let unread = self.truncate(id);
        self.may.extend(lines_of(&unread));
        // an earlier copy is no longer the only thing that happened
        for (original, copy, unread) in std::mem::take(&mut self.copied) {
            if original == id {
                self.may.extend(lines_of(&unread));
                self.may.extend(lines_of(&self.files[copy].text.clone()));
            } else {
                self.copied.push((original, copy, unread));
            }
        }
        self.note(format!("empty {id}"));
    }

    fn delete(&mut self) {
        if let Some(id) = self.names[0].take() {
            fs::remove_file(&self.log).unwrap();
            self.give_up_unless_held(id);
            self.note(format!("delete {id}"));
        }
    }

    fn give_up_unless_held(&mut self, id: FileId) {
        if !self.files[id].held {
            let text = self.files[id].text.clone();
            self.may.extend(lines_of(&text));
        }
    }

    fn move_aside(&mut self) {
        if self.aside.is_none()
            && let Some(id) = self.names[0].take()
        {
            fs::rename(&self.log, self.root.join("aside")).unwrap();
            self.aside = Some(id);
            self.files[id].strayed = !self.files[id].held;
            self.note(format!("move {id} aside"));
        }
    }

    fn move_back(&mut self) {
        let Some(id) = self.aside.take() else { return };
        self.delete();
        fs::rename(self.root.join("aside"), &self.log).unwrap();
        self.names[0] = Some(id);
        self.note(format!("move {id} back"));
    }

    /// The same text in another inode, as an editor saves it: all of it is new, so it must be other text to be told
    /// apart; here it is a fresh file put over the log.
    fn replace(&mut self) {
        let Some(old) = self.names[0] else { return };
        let path = self.root.join("replacement");
        let writer = OpenOptions::new().append(true).create_new(true).open(&path).unwrap();
        self.files.push(ModelFile { writer: Some(writer), fresh: true, ..ModelFile::default() });
        let id = self.files.len() - 1;
        self.write(id);
        fs::rename(&path, &self.log).unwrap();
        self.names[0] = Some(id);
        self.give_up_unless_held(old);
        self.note(format!("replace {old} by {id}"));
    }

    fn swap_folder(&mut self) {
        let folder = self.log.parent().unwrap();
        self.swaps += 1;
        fs::rename(folder, self.root.join(format!("logs.{}", self.swaps))).unwrap();
        fs::create_dir(folder).unwrap();
        for id in std::mem::take(&mut self.names).into_iter().flatten() {
            self.give_up_unless_held(id);
        }
        for (_, copy, unread) in std::mem::take(&mut self.copied) {
            self.may.extend(lines_of(&unread));
            self.may.extend(lines_of(&self.files[copy].text.clone()));
        }
        self.note("swap the folder");
    }

    /// A writer that still has an old generation open.
    fn straggle(&mut self) {
        let held: Vec<FileId> =
            (0..self.files.len()).filter(|&id| self.files[id].held && self.names[0] != Some(id)).collect();
        if held.is_empty() {
            return;
        }
        let id = held[self.dice.roll(held.len() as u64) as usize];
        self.write(id);
    }

    fn see(&mut self, block: &[u8]) {
        assert_eq!(block.last(), Some(&b'\n'), "half a line was handed out");
        for line in block.split_inclusive(|&b| b == b'\n') {
            let shown = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
            let files: Vec<FileId> = (0..self.files.len())
                .filter(|&id| lines_of(&self.files[id].text).any(|other| other == line))
                .collect();
            assert!(self.seen.insert(line.to_vec()), "seen twice: {shown} (in files {files:?})");
            if let Some((file, order)) = self.must.remove(line) {
                let last = self.last_seen_in.insert(file, order).unwrap_or(0);
                assert!(last < order, "out of order in file {file}: {shown}");
            } else {
                assert!(self.may.contains(line), "never written, or not as a whole: {shown}");
            }
        }
    }

    fn poll(&mut self, tailer: &mut Tailer, now: Instant) {
        self.settle();
        loop {
            let mut out = Vec::new();
            let polled = tailer.poll(now, &mut |block| out.push(block.to_vec())).unwrap();
            for block in out {
                self.see(&block);
            }
            if !polled.more {
                break;
            }
        }
        assert!(self.must.is_empty(), "{} lines lost, first {:?}", self.must.len(), {
            let line = self.must.iter().min_by_key(|(_, at)| **at).unwrap();
            (String::from_utf8_lossy(&line.0[..line.0.len().min(60)]).into_owned(), line.1)
        });
        self.note("poll");
    }

    fn step(&mut self, tailer: &mut Tailer, now: Instant) {
        match self.dice.roll(40) {
            0..=10 => {
                let id = self.base();
                self.write(id);
            }
            11..=13 => {
                let id = self.base();
                self.write_partial(id);
            }
            14..=15 => self.rotate(),
            16 => {
                self.rotate();
                self.create();
            }
            17 => self.copytruncate(),
            18 => self.empty(),
            19 => self.delete(),
            20 => {
                self.delete();
                self.create();
            }
            21 => self.move_aside(),
            22 => self.move_back(),
            23 => self.replace(),
            24 if self.dice.roll(4) == 0 => self.swap_folder(),
            25..=26 => self.straggle(),
            27 => {
                // a last line, then removed: only an open descriptor still reaches it
                let id = self.base();
                self.write(id);
                self.delete();
            }
            28 if self.names[0].is_none() => {
                self.create();
            }
            _ => self.poll(tailer, now),
        }
    }
}

/// One run; a new folder every 500 steps keeps the model small.
fn run(seed: u64, steps: u64) {
    let root = tempfile::tempdir().unwrap();
    let mut world = World::new(root.path(), seed);
    // so many that the model need not know which are let go
    let limits = Limits { old_files: 1_000, old_for: Duration::from_secs(3_600), ..Limits::default() };
    let mut tailer = Tailer::new(&world.log, limits);
    let start = Instant::now();
    let mut polled = Ok(());
    world.poll(&mut tailer, start);
    for step in 0..steps {
        let now = start + Duration::from_millis(step);
        polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.step(&mut tailer, now)));
        if polled.is_err() {
            break;
        }
    }
    if polled.is_ok() {
        polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.poll(&mut tailer, start)));
    }
    if let Err(cause) = polled {
        let from = world.trace.len().saturating_sub(40);
        eprintln!("the last steps:\n  {}", world.trace[from..].join("\n  "));
        eprintln!("again with: GATELIGHT_SEED={seed} GATELIGHT_TAIL_STEPS={steps}");
        std::panic::resume_unwind(cause);
    }
}

#[test]
fn every_line_once_and_in_order_whatever_happens_to_the_file() {
    let steps = number("GATELIGHT_TAIL_STEPS", 2_000);
    let seed = number("GATELIGHT_SEED", 1);
    let per_run = 500.min(steps);
    for at in 0..steps.div_ceil(per_run) {
        run(seed + at, per_run);
    }
}

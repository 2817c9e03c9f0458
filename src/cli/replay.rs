//! `gatelight replay`: judges recordings or plain logs with a virtual clock.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::evidence::clock;
use crate::evidence::patterns::Patterns;
use crate::files;
use crate::health::{Change, Deadlines, Light};
use crate::postmortem;
use crate::recording::{self, Printed, Recording};
use crate::terminal::progress::Progress;
use crate::terminal::{Terminal, style, warn};
use crate::text::display::label;
use crate::text::error::{self, Context as _};
use crate::text::status::{
    AT_THE_END, HELD_GREEN_ASIDE, NO_EVIDENCE, NO_STAMPS, STANDARD_INPUT, UNKNOWN_EVENTS, WAS_CUT,
};
use crate::text::{self, fill, labelled};
use crate::worker::map_in_order;

/// Most bytes read from standard input.
const MAX_STDIN: u64 = 16 << 30;

/// Changes per batch for printing.
const BATCH: usize = 64;

/// Batches that may wait to be printed.
const BATCHES_WAITING: usize = 16;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings, or log files of one profile, also rotated ones; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON object for each change
    #[arg(long)]
    pub json: bool,
}

/// Replays all files.
pub(super) fn run(args: &Args, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    // buffered: years of logs give thousands of lines a second, and standard output is flushed after each line otherwise
    let Terminal { lang, color, symbols, width, .. } = *terminal;
    let mut out = BufWriter::new(&mut *terminal.out);
    let ended = replay_all(args, &mut Terminal { out: &mut out, lang, color, symbols, width });
    let flushed = out.flush();
    let code = ended?;
    flushed?;
    Ok(code)
}

fn replay_all(args: &Args, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let patterns = Arc::new(Patterns::new(&[])?);
    let piped = args.files.iter().any(|path| is_stdin(path)).then(Piped::read).transpose()?;
    let played = play_all(args, piped.as_ref(), &patterns, terminal);
    // errors name standard input, not its copy
    match piped {
        Some(piped) => {
            let (copy, name) = (piped.path.display().to_string(), terminal.lang.pick(STANDARD_INPUT));
            played.map_err(|error| error.cleaned(&|text| text.replace(&copy, name)))
        }
        None => played,
    }
}

fn play_all(
    args: &Args,
    piped: Option<&Piped>,
    patterns: &Arc<Patterns>,
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    let (mut recordings, mut logs) = (Vec::new(), Vec::new());
    for path in &args.files {
        let path = piped.filter(|_| is_stdin(path)).map_or(path, |piped| &piped.path);
        let is_recording = recording::has_header(path).with_context(|| path.display().to_string())?;
        if is_recording { &mut recordings } else { &mut logs }.push(path.clone());
    }
    let played = map_in_order(&recordings, |path| Replayed::of(path, patterns));
    for (path, played) in recordings.iter().zip(played) {
        played?.show(path, args.json, terminal)?;
    }
    if !logs.is_empty() {
        play_logs(&logs, args.json, patterns, terminal)?;
    }
    Ok(super::OK)
}

/// Judges on another thread, while this one prints.
fn play_logs(
    logs: &[PathBuf],
    json: bool,
    patterns: &Arc<Patterns>,
    terminal: &mut Terminal<'_>,
) -> error::Result<()> {
    let bar = Progress::of_files(logs);
    let logs = postmortem::Logs::open(logs, &clock::time_zone())?;
    for path in &logs.silent {
        warn(&labelled(terminal.lang, &path.to_string_lossy(), terminal.lang.pick(NO_STAMPS)));
    }
    let printer = Printer::new(logs.start, json);
    let (sender, batches) = sync_channel(BATCHES_WAITING);
    let judge = move || {
        let mut batch = Vec::new();
        let played = logs.play(patterns, &Deadlines::default(), &|bytes| bar.advance(bytes), &mut |change| {
            batch.push(change);
            if batch.len() == BATCH && sender.send(std::mem::take(&mut batch)).is_err() {
                // printing failed; its error is reported
                return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
            }
            Ok(())
        });
        let _ = sender.send(batch);
        played
    };
    thread::scope(|scope| {
        let judge = scope.spawn(judge);
        let last = printer.show_all(batches, terminal)?;
        let played = judge.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        match last {
            Some(last) => printer.summary(&last, played.end, terminal),
            None => printer.nothing(terminal),
        }
    })
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Standard input, copied to a temporary file: logs are read from both ends.
struct Piped {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Piped {
    fn read() -> error::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("stdin");
        let named = || path.display().to_string();
        let mut file = File::create(&path).with_context(named)?;
        let copied = std::io::copy(&mut std::io::stdin().lock().take(MAX_STDIN), &mut file);
        if copied.with_context(named)? == MAX_STDIN {
            let too_large: std::io::Error = std::io::ErrorKind::FileTooLarge.into();
            return Err(too_large).with_context(named);
        }
        Ok(Self { path, _folder: folder })
    }
}

/// A recording that was judged again.
struct Replayed {
    start: Timestamp,
    changes: Vec<Change>,
    end: Timestamp,
    unknown: usize,
    cut: bool,
    /// Whether it holds several profiles.
    several: bool,
}

impl Replayed {
    fn of(path: &Path, patterns: &Arc<Patterns>) -> error::Result<Self> {
        let named = || path.display().to_string();
        let file = BufReader::new(files::open(path).with_context(named)?);
        let recording = Recording::read(file).with_context(named)?;
        let mut changes: Vec<Change> = Vec::new();
        let core = recording
            .play(Arc::clone(patterns), Deadlines::default(), &mut |change| changes.push(change.clone()));
        let (start, unknown, cut) = (recording.header.start, recording.unknown, recording.cut);
        let several = recording.header.profiles.len() > 1;
        Ok(Self { start, changes, end: core.now(), unknown, cut, several })
    }

    fn show(&self, path: &Path, json: bool, terminal: &mut Terminal<'_>) -> error::Result<()> {
        let printer = Printer { several: self.several, ..Printer::new(self.start, json) };
        let mut last: BTreeMap<&str, &Change> = BTreeMap::new();
        for change in &self.changes {
            printer.show(change, terminal)?;
            last.insert(if self.several { &change.profile } else { "" }, change);
        }
        if last.is_empty() {
            printer.nothing(terminal)?;
        }
        for change in last.into_values() {
            printer.summary(change, self.end, terminal)?;
        }
        let lang = terminal.lang;
        if self.unknown > 0 {
            let count = self.unknown.to_string();
            let text = fill(lang.pick(UNKNOWN_EVENTS), &[("count", &count)]);
            warn(&labelled(lang, &path.to_string_lossy(), &text));
        }
        if self.cut {
            warn(&labelled(lang, &path.to_string_lossy(), lang.pick(WAS_CUT)));
        }
        Ok(())
    }
}

/// Prints changes.
struct Printer {
    start: Timestamp,
    json: bool,
    zone: TimeZone,
    /// Whether changes of several profiles are printed, so that each is named.
    several: bool,
}

impl Printer {
    fn new(start: Timestamp, json: bool) -> Self {
        Self { start, json, zone: clock::time_zone(), several: false }
    }

    /// Prints all changes and returns the last one.
    fn show_all(
        &self,
        batches: Receiver<Vec<Change>>,
        terminal: &mut Terminal<'_>,
    ) -> error::Result<Option<Change>> {
        let mut last = None;
        for change in batches.into_iter().flatten() {
            self.show(&change, terminal)?;
            last = Some(change);
        }
        Ok(last)
    }

    fn show(&self, change: &Change, terminal: &mut Terminal<'_>) -> error::Result<()> {
        if self.json {
            writeln!(terminal.out, "{}", serde_json::to_string(&Printed::new(change, self.start))?)?;
            return Ok(());
        }
        let lang = terminal.lang;
        let at = self.zone.to_datetime(change.at);
        write!(terminal.out, "{} {:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())?;
        let light = style::light(change.to.light(), terminal);
        let title = text::reason::title_of(&change.to, lang);
        let title = if self.several { labelled(lang, &label(&change.profile), &title) } else { title };
        write!(terminal.out, "  {light} {title}")?;
        if let Some(held) = change.to.held_green.filter(|_| change.from.light() == Light::Green) {
            let held = text::duration(lang, held);
            write!(terminal.out, "{}", fill(lang.pick(HELD_GREEN_ASIDE), &[("held", &held)]))?;
        }
        writeln!(terminal.out)?;
        if let Some(proof) = change.to.evidence.as_ref().filter(|proof| !proof.line.is_empty()) {
            let line = text::proof::line(lang, proof);
            writeln!(terminal.out, "{:21}{}", "", style::dim(&line, terminal.color))?;
        }
        Ok(())
    }

    /// Says to people that there was no change.
    fn nothing(&self, terminal: &mut Terminal<'_>) -> error::Result<()> {
        if !self.json {
            terminal.wrapped_lines(terminal.lang.pick(NO_EVIDENCE))?;
        }
        Ok(())
    }

    /// Prints a summary for people: the last light, what it means, what to do.
    fn summary(&self, last: &Change, end: Timestamp, terminal: &mut Terminal<'_>) -> error::Result<()> {
        if self.json {
            return Ok(());
        }
        let lang = terminal.lang;
        let said = text::reason::of(&last.to, lang);
        let light = format!("{} {}", style::light(last.to.light(), terminal), said.title);
        let held = text::duration(lang, end.duration_since(last.at));
        let values =
            [("light", &*light), ("held", &held), ("meaning", &said.meaning), ("advice", &said.advice)];
        let text = fill(lang.pick(AT_THE_END), &values);
        let text = if self.several { labelled(lang, &label(&last.profile), &text) } else { text };
        terminal.wrapped_lines(text.trim_end())?;
        Ok(())
    }
}

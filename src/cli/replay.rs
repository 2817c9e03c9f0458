//! `gatelight replay`: judges recordings or plain logs with a virtual clock.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::evidence::patterns::Patterns;
use crate::health::{Change, Deadlines};
use crate::postmortem;
use crate::recording::{Printed, Recording};
use crate::terminal::progress::Progress;
use crate::terminal::{Terminal, style, warn};
use crate::text::error::{self, Context as _};
use crate::text::status::{AT_THE_END, HELD_GREEN_ASIDE, NO_STAMPS, STANDARD_INPUT, UNKNOWN_EVENTS, WAS_CUT};
use crate::text::trouble::NOT_REGULAR;
use crate::text::{self, fill, labelled};
use crate::worker::map_in_order;

/// Most bytes read from standard input.
const STDIN_MAX: u64 = 16 << 30;

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
        let is_recording = looks_like_a_recording(path, args.files.len() == 1)?;
        if is_recording { &mut recordings } else { &mut logs }.push(path.clone());
    }
    let played = map_in_order(&recordings, |path| Replayed::of(path, patterns));
    for (path, played) in recordings.iter().zip(played) {
        played?.show(path, args.json, terminal)?;
    }
    if !logs.is_empty() {
        let bar = Progress::of_files(&logs);
        let logs = postmortem::Logs::open(&logs, &jiff::tz::TimeZone::system())?;
        for path in &logs.silent {
            warn(&labelled(terminal.lang, &path.to_string_lossy(), terminal.lang.pick(NO_STAMPS)));
        }
        let start = logs.start;
        let mut last = None;
        let played =
            logs.play(patterns, &Deadlines::default(), &|bytes| bar.advance(bytes), &mut |change| {
                show(&change, start, args.json, terminal)?;
                last = Some(change);
                Ok(())
            })?;
        summary(last.as_ref(), played.end, args.json, terminal)?;
    }
    Ok(super::OK)
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
        let copied = std::io::copy(&mut std::io::stdin().lock().take(STDIN_MAX), &mut file);
        if copied.with_context(named)? == STDIN_MAX {
            let too_large: std::io::Error = std::io::ErrorKind::FileTooLarge.into();
            return Err(too_large).with_context(named);
        }
        Ok(Self { path, _folder: folder })
    }
}

/// Whether the file begins like a recording. Among several files, JSON without a recording's header is a log without
/// timestamps that a shell pattern matched (`gateway-exit-diag.log`).
fn looks_like_a_recording(path: &Path, alone: bool) -> error::Result<bool> {
    let named = || path.display().to_string();
    let kind = std::fs::metadata(path).with_context(named)?;
    if !kind.is_file() {
        let file = path.display().to_string();
        return Err(error::Error::new(NOT_REGULAR, &[("file", &file)]));
    }
    let mut first = Vec::new();
    let head = BufReader::new(File::open(path).with_context(named)?);
    head.take(4096).read_until(b'\n', &mut first).with_context(named)?;
    let other_json =
        || serde_json::from_slice::<Value>(&first).is_ok_and(|value| value.get("recording").is_none());
    Ok(first.trim_ascii_start().starts_with(b"{") && (alone || !other_json()))
}

/// A recording that was judged anew.
struct Replayed {
    start: Timestamp,
    changes: Vec<Change>,
    end: Timestamp,
    unknown: usize,
    cut: bool,
}

impl Replayed {
    fn of(path: &Path, patterns: &Arc<Patterns>) -> error::Result<Self> {
        let named = || path.display().to_string();
        let file = BufReader::new(File::open(path).with_context(named)?);
        let recording = Recording::read(file).with_context(named)?;
        let mut changes: Vec<Change> = Vec::new();
        let core = recording
            .play(Arc::clone(patterns), Deadlines::default(), &mut |change| changes.push(change.clone()));
        let (start, unknown, cut) = (recording.header.start, recording.unknown, recording.cut);
        Ok(Self { start, changes, end: core.now(), unknown, cut })
    }

    fn show(&self, path: &Path, json: bool, terminal: &mut Terminal<'_>) -> error::Result<()> {
        for change in &self.changes {
            show(change, self.start, json, terminal)?;
        }
        summary(self.changes.last(), self.end, json, terminal)?;
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

/// Prints a summary: the last light, what it means, what to do.
fn summary(
    last: Option<&Change>,
    end: Timestamp,
    json: bool,
    terminal: &mut Terminal<'_>,
) -> error::Result<()> {
    let Some(last) = last.filter(|_| !json) else { return Ok(()) };
    let lang = terminal.lang;
    let said = text::reason::of(&last.to, lang);
    let light = style::light(last.to.light(), terminal);
    let light = format!("{light} {}", said.title);
    let held = text::duration(lang, end.duration_since(last.at));
    let words = [
        ("light", light.as_str()),
        ("held", held.as_str()),
        ("meaning", &said.meaning),
        ("advice", &said.advice),
    ];
    writeln!(terminal.out, "{}", fill(lang.pick(AT_THE_END), &words).trim_end())?;
    Ok(())
}

fn show(change: &Change, start: Timestamp, json: bool, terminal: &mut Terminal<'_>) -> error::Result<()> {
    if json {
        writeln!(terminal.out, "{}", serde_json::to_string(&Printed::new(change, start))?)?;
        return Ok(());
    }
    let lang = terminal.lang;
    let at = change.at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S");
    let light = style::light(change.to.light(), terminal);
    write!(terminal.out, "{at}  {light} {}", text::reason::title_of(&change.to, lang))?;
    if let Some(held) = change.to.held_green.filter(|_| change.from.light() == crate::health::Light::Green) {
        let held = text::duration(lang, held);
        write!(terminal.out, "{}", fill(lang.pick(HELD_GREEN_ASIDE), &[("held", &held)]))?;
    }
    writeln!(terminal.out)?;
    let evidence = change.to.evidence.as_ref().map_or("", |proof| &proof.line);
    if !evidence.is_empty() {
        writeln!(terminal.out, "{:21}{}", "", style::dim(evidence, terminal.color))?;
    }
    Ok(())
}

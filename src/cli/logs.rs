//! `gatelight logs`: the logs of a profile merged by time, coloured by meaning.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::civil::DateTime;

use super::{OK, Terminal, USAGE};
use crate::app::engine::{Engine, interrupted, runtime};
use crate::diagnose::LogLine;
use crate::evidence::line::{Level, head};
use crate::evidence::logbook::Scanner;
use crate::evidence::redact::{clean_line, one_line};
use crate::evidence::tail::{Limits, Tailer};
use crate::evidence::watch::Watch;
use crate::health::{Light, Signal};
use crate::profile::Profile;
use crate::terminal::style;
use crate::text::error::io;
use crate::text::{fill, status as words};
use crate::watcher::LOOK;

/// A line is shown up to this many characters.
const LINE_CHARS: usize = 2000;

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which profile.
    #[arg(value_name = "PROFILE")]
    pub profile: String,
    /// Go on with what is written from now on.
    #[arg(short, long)]
    pub follow: bool,
    /// How many lines of the past.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 200)]
    pub lines: usize,
    /// Open the unified log (macOS) or the journal (Linux) instead.
    #[arg(long)]
    pub system: bool,
}

/// Shows the logs.
pub fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let known = crate::profile::scan(&engine.places);
    let Some(profile) = known.profiles.iter().find(|profile| profile.name == args.profile) else {
        return Ok(super::status::no_such_profile(&args.profile, engine));
    };
    if args.system {
        return Ok(system_log(profile, engine));
    }
    let patterns = engine.patterns()?;
    let mut view = View { scanner: Scanner::new(Arc::clone(&patterns)), terminal };
    let (mut tailers, past) = read_past(profile, args.lines);
    for line in &past {
        view.show(line)?;
    }
    if !args.follow {
        return Ok(OK);
    }
    runtime()?.block_on(async {
        let mut watch = Watch::new()?;
        let folders: std::collections::BTreeSet<&Path> =
            profile.logs.iter().filter_map(|log| log.parent()).collect();
        for folder in folders {
            watch.add_dir(folder)?;
        }
        for log in &profile.logs {
            watch.add_file(log)?;
        }
        let mut stop = std::pin::pin!(interrupted());
        let mut left = std::pin::pin!(super::watch::reader_left());
        loop {
            tokio::select! {
                changed = watch.changed() => { changed?; }
                () = tokio::time::sleep(LOOK) => {}
                () = &mut left => return Ok(OK),
                () = &mut stop => return Ok(OK),
            }
            let mut fresh: Vec<Line> = Vec::new();
            for (name, tailer) in &mut tailers {
                let mut stamp = None;
                // What cannot be read now is tried again; the others go on.
                let _ =
                    tailer.poll(Instant::now(), &mut |block| collect(name, block, &mut stamp, &mut fresh));
            }
            fresh.sort_by_key(|line| line.stamp);
            let mut shown: VecDeque<Line> = VecDeque::new();
            for line in fresh {
                if !is_copy(&shown, &line) {
                    view.show(&line)?;
                    shown.push_back(line);
                }
            }
        }
    })
}

/// One line of a log.
struct Line {
    source: String,
    stamp: Option<DateTime>,
    own_stamp: bool,
    text: Vec<u8>,
}

type Followed = Vec<(String, Tailer)>;

/// The last lines of every log, merged by time, copies in several files shown once.
fn read_past(profile: &Profile, wanted: usize) -> (Followed, VecDeque<Line>) {
    let mut tailers = Vec::new();
    let mut all: Vec<Line> = Vec::new();
    for path in &profile.logs {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let (tailer, mut reader) = Tailer::start_at_end_with_history(path, Limits::default(), Instant::now());
        let mut blocks = Vec::new();
        let mut count = 0;
        while count < wanted
            && let Some(block) = reader.next_block()
        {
            count += memchr::memchr_iter(b'\n', &block.bytes).count();
            blocks.push(block.bytes);
        }
        let (mut stamp, mut lines) = (None, Vec::new());
        for block in blocks.iter().rev() {
            collect(&name, block, &mut stamp, &mut lines);
        }
        let skip = lines.len().saturating_sub(wanted);
        all.extend(lines.into_iter().skip(skip));
        tailers.push((name, tailer));
    }
    // A log without stamps (standard error) has no place among the others; its lines stand in errors.log as well.
    all.retain(|line| line.stamp.is_some());
    all.sort_by_key(|line| line.stamp);
    let mut merged: VecDeque<Line> = VecDeque::new();
    for line in all {
        if !is_copy(&merged, &line) {
            merged.push_back(line);
            if merged.len() > wanted {
                merged.pop_front();
            }
        }
    }
    (tailers, merged)
}

/// The last lines of every log of this profile, merged, for a report. Nothing in them is redacted yet.
pub fn merged(profile: &Profile, wanted: usize) -> Vec<LogLine> {
    let zone = jiff::tz::TimeZone::system();
    let lines = read_past(profile, wanted).1.into_iter();
    lines
        .map(|line| LogLine {
            at: line.stamp.and_then(|stamp| zone.to_ambiguous_timestamp(stamp).compatible().ok()),
            file: line.source,
            text: one_line(&String::from_utf8_lossy(&line.text), LINE_CHARS),
        })
        .collect()
}

fn collect(name: &str, block: &[u8], stamp: &mut Option<DateTime>, lines: &mut Vec<Line>) {
    for text in block.split(|b| *b == b'\n').filter(|text| !text.is_empty()) {
        let own = head(text).and_then(|head| head.stamp);
        *stamp = own.or(*stamp);
        lines.push(Line {
            source: name.to_owned(),
            stamp: *stamp,
            own_stamp: own.is_some(),
            text: text.to_vec(),
        });
    }
}

/// Whether a line of the same time in another file says the same.
fn is_copy(shown: &VecDeque<Line>, line: &Line) -> bool {
    let message =
        |line: &Line| head(&line.text).map_or_else(|| line.text.clone(), |head| head.message.to_vec());
    let mine = message(line);
    shown.iter().rev().take_while(|other| other.stamp == line.stamp).any(|other| {
        other.source != line.source && other.own_stamp == line.own_stamp && message(other) == mine
    })
}

struct View<'a, 'b> {
    scanner: Scanner,
    terminal: &'a mut Terminal<'b>,
}

impl View<'_, '_> {
    fn show(&mut self, line: &Line) -> anyhow::Result<()> {
        let text = String::from_utf8_lossy(&line.text);
        let text = clean_line(text.trim_end_matches('\r'), LINE_CHARS);
        let mut meaning = None;
        let mut block = line.text.clone();
        block.push(b'\n');
        self.scanner.read(&line.source, &block, jiff::Timestamp::UNIX_EPOCH, &mut |event| {
            if !matches!(event.signal, Signal::Info | Signal::Record) {
                meaning = Some(event.signal);
            }
        });
        let color = self.terminal.color;
        let shown = match meaning.map(light_of) {
            Some(light) => style::in_light(&text, light, color),
            None if head(&line.text).is_some_and(|head| head.level >= Level::Warning) => {
                style::bold(&text, color)
            }
            None => text,
        };
        let source = style::dim(&format!("{:<17}", line.source), color);
        writeln!(self.terminal.out, "{source} {shown}")?;
        Ok(())
    }
}

fn light_of(signal: Signal) -> Light {
    match signal {
        Signal::Connected | Signal::Inbound | Signal::Ready | Signal::Webhook => Light::Green,
        Signal::Start
        | Signal::FeishuExpected
        | Signal::Attempt
        | Signal::Lost
        | Signal::Disconnected
        | Signal::Takeover
        | Signal::PlannedStop
        | Signal::PlannedRestart
        | Signal::Shutdown
        | Signal::Exiting
        | Signal::SecondInstance
        | Signal::Dropped => Light::Amber,
        Signal::Sending | Signal::Info | Signal::Record => Light::Grey,
        _ => Light::Red,
    }
}

/// Runs the system's own log reader in this terminal.
fn system_log(profile: &Profile, engine: &Engine) -> u8 {
    let mut command = if cfg!(target_os = "macos") {
        let mut command = std::process::Command::new("/usr/bin/log");
        command.args(crate::ui::open::unified_log(profile));
        command
    } else {
        let mut command = std::process::Command::new("/usr/bin/journalctl");
        command.args(["--user", "--since", "-1h"]);
        match profile.label() {
            Some(unit) => command.arg(format!("--user-unit={unit}")),
            None => command.arg("--identifier=hermes"),
        };
        command
    };
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => OK,
        Ok(_) => USAGE,
        Err(error) => {
            let values = [("program", program.as_str()), ("why", &io(engine.lang, &error))];
            eprintln!("{}", fill(engine.lang.pick(words::NO_SYSTEM_LOG), &values));
            USAGE
        }
    }
}

//! `gatelight logs`: prints the logs of a profile, merged by time and coloured by meaning.

use std::sync::Arc;

use super::value::count;
use super::{OK, USAGE, names};
use crate::app::engine::Engine;
use crate::diagnose::log::{MAX_LINE, MergedLine, read_new, read_past};
use crate::evidence::clean_lines::Lines;
use crate::evidence::line::{Level, head};
use crate::evidence::logbook::Scanner;
use crate::evidence::tail;
use crate::evidence::watch::Watch;
use crate::health::{CronSignal, Light, LinkWord, Signal};
use crate::profile::{Profile, homes};
use crate::runtime::interruptible;
use crate::terminal::{Terminal, style, warn};
use crate::text::error;
use crate::text::error::io;
use crate::text::{fill, status as words};
use crate::watcher::POLL_INTERVAL;

/// Width of the column with the names of the files: that of `gateway.error.log`.
const SOURCE_WIDTH: usize = 17;

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The profile; not needed if there is only one.
    #[arg(value_name = "PROFILE", add = names::candidates())]
    pub profile: Option<String>,
    /// Print new lines as they are written, until Ctrl-C.
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last lines to print.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 200, value_parser = count, allow_negative_numbers = true)]
    pub lines: usize,
    /// Show the unified log (macOS) or the journal (Linux) instead.
    #[arg(long)]
    pub system: bool,
}

/// Shows the logs.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let profile = match names::one_profile(args.profile.as_deref(), engine) {
        Ok(profile) => profile,
        Err(code) => return Ok(code),
    };
    let gateway = gateway_of(&profile, engine)?;
    let gateway = gateway.as_deref();
    if args.system {
        let started = gateway.filter(|_| profile.job.is_none()).unwrap_or(&profile);
        return Ok(system_log(started, engine));
    }
    let patterns = engine.patterns()?;
    let scanner = Scanner::new(Arc::clone(&patterns));
    let width = if gateway.is_some() { SOURCE_WIDTH + "gateway: ".len() } else { SOURCE_WIDTH };
    let mut view = View { scanner, lines: Lines::default(), width, terminal };
    let (mut tailers, past) = read_past(&profile, gateway, args.lines);
    let follow = args.follow.then(interruptible).transpose()?;
    let logs = || gateway.into_iter().chain([&profile]).flat_map(|profile| &profile.logs);
    let unreadable = logs().find_map(|log| tail::check(log).err());
    if let Some(error) = &unreadable {
        warn(&fill(engine.lang.pick(words::LOG_UNREADABLE), &[("why", &error.to_string())]));
    } else if past.is_empty() && args.lines > 0 {
        let folder = profile.logs_folder().display().to_string();
        warn(&fill(engine.lang.pick(words::NO_LINES), &[("folder", &folder)]));
    }
    for line in &past {
        view.show(line)?;
    }
    let Some((runtime, stop)) = follow else { return Ok(OK) };
    runtime.block_on(async {
        let mut watch = Watch::new()?;
        for log in logs() {
            if let Some(folder) = log.parent() {
                watch.add_dir(folder)?;
            }
            watch.add_file(log)?;
        }
        let mut stop = std::pin::pin!(stop.wait());
        let mut left = std::pin::pin!(super::watch::reader_left());
        loop {
            tokio::select! {
                changed = watch.changed() => { changed?; }
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = &mut left => return Ok(OK),
                () = &mut stop => return Ok(OK),
            }
            for line in read_new(&mut tailers) {
                view.show(&line)?;
            }
        }
    })
}

/// The profile whose gateway serves this one; `None`: it has its own, or none. Only a profile below another home can be
/// served, so that others need no look.
fn gateway_of(profile: &Profile, engine: &Engine) -> error::Result<Option<Arc<Profile>>> {
    if homes::root_of(&profile.home).is_none() {
        return Ok(None);
    }
    let snapshot = engine.look(Vec::new())?;
    let gateway = snapshot.find(&profile.name).and_then(|view| snapshot.gateway_of(view));
    Ok(gateway.map(|gateway| Arc::clone(&gateway.profile)))
}

struct View<'a, 'b> {
    scanner: Scanner,
    lines: Lines,
    /// Width of the column with the names of the files.
    width: usize,
    terminal: &'a mut Terminal<'b>,
}

impl View<'_, '_> {
    fn show(&mut self, line: &MergedLine) -> error::Result<()> {
        let text = String::from_utf8_lossy(&line.text);
        let text = self.lines.clean(&line.source, text.trim_end_matches('\r'), MAX_LINE);
        let mut meaning = None;
        let mut block = line.text.clone();
        block.push(b'\n');
        self.scanner.read(&line.source, &block, jiff::Timestamp::UNIX_EPOCH, &mut |event| {
            if !matches!(event.record.signal, Signal::Info | Signal::Record) {
                meaning = Some(event.record.signal);
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
        let source = style::dim(&format!("{:<width$}", line.source, width = self.width), color);
        writeln!(self.terminal.out, "{source} {shown}")?;
        Ok(())
    }
}

fn light_of(signal: Signal) -> Light {
    match signal {
        Signal::Link(link) => light_of_word(link.word),
        Signal::Ready => Light::Green,
        Signal::Start
        | Signal::Takeover
        | Signal::PlannedStop
        | Signal::PlannedRestart
        | Signal::Shutdown
        | Signal::Drained
        | Signal::Exiting
        | Signal::SecondInstance
        | Signal::Dropped
        | Signal::Cron(CronSignal::Died | CronSignal::TickFailed) => Light::Amber,
        Signal::Info | Signal::Record | Signal::Cron(CronSignal::Started) => Light::Grey,
        Signal::ExecutorShutdown
        | Signal::ConfigError
        | Signal::RespawnStorm
        | Signal::NoLinkLeft
        | Signal::LoopMissed => Light::Red,
    }
}

fn light_of_word(word: LinkWord) -> Light {
    match word {
        LinkWord::Proof | LinkWord::Inbound | LinkWord::Webhook => Light::Green,
        LinkWord::Sending => Light::Grey,
        LinkWord::Expected
        | LinkWord::Announced
        | LinkWord::Reannounced
        | LinkWord::Claim
        | LinkWord::Attempt
        | LinkWord::Lost
        | LinkWord::LostByError
        | LinkWord::Blip
        | LinkWord::Conflict
        | LinkWord::Paused
        | LinkWord::Resumed => Light::Amber,
        _ => Light::Red,
    }
}

/// Runs the system's log reader in this terminal.
fn system_log(profile: &Profile, engine: &Engine) -> u8 {
    let mut command = if cfg!(target_os = "macos") {
        let mut command = std::process::Command::new("/usr/bin/log");
        command.args(crate::app::open::unified_log(profile));
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
            warn(&fill(engine.lang.pick(words::NO_SYSTEM_LOG), &values));
            USAGE
        }
    }
}

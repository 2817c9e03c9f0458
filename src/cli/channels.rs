//! `gatelight channels`: lists the channels of the settings with their state, or tests one.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::names::MAX_NAME;
use super::{OK, RED};
use crate::app::engine::Engine;
use crate::channels::curl::Curl;
use crate::channels::dispatch::{self, ChannelView};
use crate::channels::outgoing::Outgoing;
use crate::channels::store::{self, Stored};
use crate::channels::target;
use crate::config::{ChannelSettings, HeartbeatSettings};
use crate::evidence::clock;
use crate::redact::one_line;
use crate::runtime::runtime;
use crate::terminal::Terminal;
use crate::text::display::label;
use crate::text::error;
use crate::text::{COMMA, Lang, Message, channels as say, fill};

/// Arguments of `gatelight channels`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Send a test message through this channel now
    #[arg(long, value_name = "NAME")]
    test: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists the channels, or tests one. [`RED`]: one of them cannot send.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    match &args.test {
        Some(name) => test(name, args.json, engine, terminal),
        None => list(args.json, engine, terminal),
    }
}

fn test(name: &str, as_json: bool, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let channels = &engine.config.channel;
    let Some(channel) = channels.iter().find(|channel| channel.name == name) else {
        if channels.is_empty() {
            return Err(error::Error::new(say::NONE, &[]));
        }
        let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
        let known = names.join(engine.lang.pick(COMMA));
        let name = one_line(name, MAX_NAME);
        return Err(error::Error::new(say::UNKNOWN, &[("name", &name), ("known", &known)]));
    };
    let now = Timestamp::now();
    let lang = channel.language.map_or(engine.lang, |language| language.choose(engine.system_lang));
    let message = Outgoing::test(now, lang);
    let curl = Curl::from_environment();
    let attempt = dispatch::attempt(&curl, channel, &message, now);
    // secrets are already removed from the server's message
    let result = runtime()?.block_on(attempt).map_err(|trouble| trouble.why);
    let code = if result.is_ok() { OK } else { RED };
    if as_json {
        let why = result.err().map(|why| why.text(Lang::En));
        writeln!(
            terminal.out,
            "{}",
            json!({"version": VERSION, "name": name, "sent": why.is_none(), "why": why})
        )?;
        return Ok(code);
    }
    let name = label(name);
    let text = match result {
        Ok(()) => fill(terminal.lang.pick(say::LINE_TESTED), &[("name", &name)]),
        Err(why) => {
            let why = why.text(terminal.lang);
            let text = fill(terminal.lang.pick(say::LINE_NOT_SENT), &[("name", &name), ("why", &why)]);
            format!("{}{text}", mark(terminal))
        }
    };
    terminal.wrapped_lines(&text)?;
    Ok(code)
}

/// What precedes a failure: files and pipes get words only.
const fn mark(terminal: &Terminal<'_>) -> &'static str {
    if terminal.symbols { "✖ " } else { "" }
}

/// Version of the JSON: increases when a key is removed or changes its meaning.
const VERSION: u32 = 1;

fn list(as_json: bool, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let stored = store::read(&store::file(&engine.folders.data));
    let view = |channel: &ChannelSettings| {
        let outbox = stored.channels.get(&channel.name).cloned().unwrap_or_default();
        (target::address(channel), ChannelView::of(channel, &outbox))
    };
    let channels: Vec<(String, ChannelView)> = engine.config.channel.iter().map(view).collect();
    let heartbeat = engine.config.heartbeat.as_ref();
    let beat_fails = heartbeat.is_some() && stored.heartbeat_failure.is_some();
    let fails = beat_fails || channels.iter().any(|(_, channel)| channel.failure.is_some());
    if as_json {
        writeln!(terminal.out, "{:#}", as_value(&channels, heartbeat, &stored))?;
    } else {
        as_text(&channels, heartbeat, &stored, terminal)?;
    }
    Ok(if fails { RED } else { OK })
}

fn as_value(channels: &[(String, ChannelView)], beat: Option<&HeartbeatSettings>, stored: &Stored) -> Value {
    let failure = |at: Timestamp, why: &Message| json!({"at": at.to_string(), "why": why.text(Lang::En)});
    let channels: Vec<Value> = channels
        .iter()
        .map(|(address, channel)| {
            json!({
                "name": channel.name,
                "kind": channel.kind.word(),
                "address": address,
                "waiting": channel.waiting,
                "last_sent": channel.last_sent.map(|at| at.to_string()),
                "failure": channel.failure.as_ref().map(|(at, why)| failure(*at, why)),
            })
        })
        .collect();
    let beat = beat.map(|settings| {
        let failed = stored.heartbeat_failure.as_ref();
        json!({
            "every_seconds": settings.every.as_secs(),
            "fail_on_red": settings.fail_on_red,
            "failure": failed.map(|failed| failure(failed.at, &failed.why)),
        })
    });
    json!({"version": VERSION, "channels": channels, "heartbeat": beat})
}

fn as_text(
    channels: &[(String, ChannelView)],
    beat: Option<&HeartbeatSettings>,
    stored: &Stored,
    terminal: &mut Terminal<'_>,
) -> error::Result<()> {
    let lang = terminal.lang;
    let zone = clock::time_zone();
    let time = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    if channels.is_empty() && beat.is_none() {
        terminal.wrapped_lines(lang.pick(say::NONE))?;
        return Ok(());
    }
    for (address, channel) in channels {
        let name = label(&channel.name);
        let head = [("name", &*name), ("kind", channel.kind.title(lang)), ("address", address)];
        terminal.wrapped_lines(&fill(lang.pick(say::LINE_HEAD), &head))?;
        let sent = match channel.last_sent {
            Some(at) => fill(lang.pick(say::LINE_SENT), &[("time", &time(at))]),
            None => lang.pick(say::LINE_UNUSED).to_owned(),
        };
        writeln!(terminal.out, "  {sent}")?;
        if channel.waiting > 0 {
            let waiting = channel.waiting.to_string();
            writeln!(terminal.out, "  {}", fill(lang.pick(say::LINE_WAITING), &[("count", &waiting)]))?;
        }
        if let Some((at, why)) = &channel.failure {
            failed(*at, why, &time, terminal)?;
        }
    }
    if let Some(settings) = beat {
        let every =
            crate::text::duration(lang, jiff::SignedDuration::from_secs(settings.every.as_secs() as i64));
        writeln!(terminal.out, "{}", fill(lang.pick(say::LINE_HEARTBEAT), &[("span", &every)]))?;
        if let Some(failure) = &stored.heartbeat_failure {
            failed(failure.at, &failure.why, &time, terminal)?;
        }
    }
    Ok(())
}

fn failed(
    at: Timestamp,
    why: &Message,
    time: &impl Fn(Timestamp) -> String,
    terminal: &mut Terminal<'_>,
) -> error::Result<()> {
    let why = why.text(terminal.lang);
    let line = fill(terminal.lang.pick(say::LINE_FAILED), &[("time", &time(at)), ("why", &why)]);
    terminal.wrapped(&format!("{}{line}", mark(terminal)), "  ", "    ")?;
    Ok(())
}

//! The menu-bar agent: the watcher and all that works in the background on one thread, the desktop on the main thread.

use std::sync::mpsc::sync_channel;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::sync::watch::channel as watch_channel;

use super::background::Background;
use super::engine::Engine;
use super::instance::{self, Instance};
use crate::cli::{OK, watch};
use crate::config::ConfigError;
use crate::terminal::Terminal;
use crate::text::config::DEFAULTS_HOLD;
use crate::text::error::Trouble;
use crate::text::trouble::ENGINE_GONE;
use crate::text::{agent as words, fill};
use crate::ui::app::{AppHandles, Presence};
use crate::ui::tray;

/// Messages to the desktop side that wait at most.
const QUEUE: usize = 256;

/// Runs until somebody quits. Without a desktop it says so and watches in the terminal.
///
/// `mistake`: why the settings file is not used; the menu tells it until it is mended. An icon that does not come after
/// the login, because of a word in a file, would tell nobody anything.
pub fn run(engine: &Engine, mistake: Option<ConfigError>, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let lang = engine.lang;
    let (input_sender, inputs) = mpsc::channel(QUEUE);
    let (commands, command_receiver) = mpsc::unbounded_channel();
    let (ready, started) = sync_channel(1);
    let (hidden, no_panel) = watch_channel(false);
    let background = Background::new(engine, input_sender, command_receiver, no_panel)?;
    if let Some(mistake) = &mistake {
        eprintln!("gatelight: {} — {}", mistake.text(lang), lang.pick(DEFAULTS_HOLD));
    }
    let lock = match instance::take(&engine.folders.data)? {
        Instance::First(lock) => lock,
        Instance::Second { .. } => {
            writeln!(terminal.out, "{}", lang.pick(words::RUNS_ALREADY))?;
            return Ok(OK);
        }
    };
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || background.run(|| ready.send(()).unwrap_or_default()))?;
    let Ok(()) = started.recv() else {
        // It ended before it began; its own words say why.
        return join(thread);
    };
    let no_host = lang.pick(words::NO_HOST);
    let handles = AppHandles {
        inputs,
        commands: commands.clone(),
        config: engine.config.clone(),
        config_error: mistake,
        folders: engine.folders.clone(),
        system_lang: engine.system_lang,
        zone: TimeZone::system(),
        presence: Box::new(move |presence| {
            let none = *presence == Presence::NoHost;
            // told once, however often it is found again
            if hidden.send_replace(none) != none && none {
                eprintln!("gatelight: {no_host}");
            }
        }),
        lock: Some(lock),
    };
    let shown = tray::run(handles);
    let quit = || drop(commands.send(crate::ui::UiCommand::Quit));
    match shown {
        Ok(()) => {
            quit();
            join(thread)
        }
        Err(error) => {
            // History, hook and settings go on behind it.
            writeln!(terminal.out, "{}", fill(lang.pick(words::NO_DESKTOP), &[("why", &error.to_string())]))?;
            let watched = watch::run(&watch::Args { profile: None, json: false }, engine, terminal);
            quit();
            join(thread)?;
            watched
        }
    }
}

fn join(thread: std::thread::JoinHandle<anyhow::Result<()>>) -> anyhow::Result<u8> {
    match thread.join() {
        Ok(result) => result.map(|()| OK),
        Err(_) => Err(Trouble::new(ENGINE_GONE, &[]).into()),
    }
}

//! `gatelight` without a command: the menu-bar agent. The engine runs on its own thread, the desktop on the main
//! thread.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use jiff::Timestamp;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;
use tokio::sync::watch::{Sender, channel as watch_channel};

use super::{OK, watch};
use crate::app::background::{Background, ShowLights, StandIn};
use crate::app::engine::Engine;
use crate::app::instance::{self, Instance};
use crate::app::messages::EngineRequest;
use crate::config::ConfigError;
use crate::evidence::clock;
use crate::health::{Light, Reason};
use crate::log;
use crate::runtime::{Interrupts, runtime, share_heap};
use crate::terminal::Terminal;
use crate::text::error::{self, Context as _};
use crate::text::trouble::ENGINE_GONE;
use crate::text::{Lang, agent as words, fill};
use crate::ui::app::{AppHandles, Presence};
use crate::ui::tray::{self, TrayError};
use crate::watcher::Handle;
use crate::watcher::snapshot::Snapshot;

/// Capacity of the queue of events for the desktop.
const QUEUE: usize = 256;

/// The exit code after a crash of the engine.
const CRASHED: u8 = 1;

/// Runs until the user quits. Without a desktop it prints the lights in the terminal.
///
/// `mistake`: why the settings file is not used. The menu shows it until it is corrected: an icon that is missing after
/// login because of a typo in a file would leave the user without any hint.
pub(super) fn run(
    engine: &Engine,
    mistake: Option<ConfigError>,
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    #[cfg(target_os = "macos")]
    tray::enter_app();
    share_heap();
    let lang = engine.lang;
    let (events, inputs) = mpsc::channel(QUEUE);
    let (commands, requests) = mpsc::unbounded_channel();
    let (hidden, no_panel) = watch_channel(false);
    let stand_in: StandIn = Box::new(PrintedLights::new());
    let background = Background::new(engine, events, requests, no_panel, stand_in)?;
    // caught before anything is printed, in case the terminal replaces the desktop
    let stop = background.interrupts();
    if let Some(mistake) = &mistake {
        tracing::warn!("settings not used: {mistake}");
        log::to_stderr(&format!("{} — {}", mistake.text(lang), lang.pick(mistake.what_holds())));
    }
    // held until the end, even if the desktop fails
    let Some((_lock, listener)) = only_instance(engine, terminal)? else { return Ok(OK) };
    if !instance::is_job() {
        // as at a log-out: this signal ends the engine, and the desktop or the output in the terminal
        listener.on_hand_over(move || {
            log::to_stderr(lang.pick(words::HANDED_OVER));
            let _own_process_exists = kill_process(getpid(), Signal::TERM);
        });
    }
    let (thread, started) = start(background)?;
    let Some(handle) = started else { return join(thread, lang) };
    let handles = AppHandles {
        inputs,
        commands: commands.clone(),
        config: engine.config.clone(),
        config_error: mistake,
        folders: engine.folders.clone(),
        system_lang: engine.system_lang,
        zone: clock::time_zone(),
        presence: Box::new(move |presence| report_presence(*presence, &hidden, lang)),
        listener: Some(listener),
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "agent started");
    let watched = match tray::run(handles) {
        Ok(()) => Ok(OK),
        Err(error) => watch_in_terminal(&error, handle, stop, engine, terminal),
    };
    let _engine_has_ended = commands.send(EngineRequest::Quit);
    let ended = join(thread, lang)?;
    if watched.as_ref().is_ok_and(|code| *code == OK) { Ok(ended) } else { watched }
}

/// Takes the lock of the only agent. `None`: another one runs, and was asked to show itself; the user was told.
fn only_instance(
    engine: &Engine,
    terminal: &mut Terminal<'_>,
) -> error::Result<Option<(instance::Lock, instance::Listener)>> {
    let data = &engine.folders.data;
    match instance::take(data, instance::is_job()).with_context(|| data.display().to_string())? {
        Instance::First(lock, listener) => Ok(Some((lock, listener))),
        Instance::Second { shown } => {
            let phrase = if shown { words::RUNS_ALREADY } else { words::RUNS_ALREADY_UNSEEN };
            terminal.wrapped_lines(engine.lang.pick(phrase))?;
            Ok(None)
        }
    }
}

/// Prints what the engine's watcher reports, since there is no desktop.
fn watch_in_terminal(
    error: &TrayError,
    handle: Handle,
    stop: Interrupts,
    engine: &Engine,
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    tracing::warn!("no desktop: {error}");
    let text = fill(engine.lang.pick(words::NO_DESKTOP), &[("why", &error.text(engine.lang))]);
    terminal.wrapped(&text, "", "")?;
    let arguments = watch::Args { profiles: Vec::new(), json: false };
    runtime()?.block_on(watch::print(handle, stop, &arguments, engine, terminal))
}

type EngineThread = JoinHandle<error::Result<()>>;

/// Starts the engine's thread. `None`: the engine did not start, and the thread ends with its error.
fn start(background: Background) -> error::Result<(EngineThread, Option<Handle>)> {
    let (ready, started) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || background.run(|handle| ready.send(handle).unwrap_or_default()))?;
    Ok((thread, started.recv().ok()))
}

/// Reports once that no panel shows the icon, or that one shows it again.
fn report_presence(presence: Presence, hidden: &Sender<bool>, lang: Lang) {
    let none = presence == Presence::NoHost;
    if hidden.send_replace(none) == none {
        return;
    }
    if none {
        tracing::warn!("no panel shows the icon");
        log::to_stderr(lang.pick(words::NO_HOST));
    } else {
        tracing::info!("a panel shows the icon again");
    }
}

fn join(thread: EngineThread, lang: Lang) -> error::Result<u8> {
    let Ok(result) = thread.join() else {
        // not USAGE: with that exit code a service manager does not start the agent again
        log::to_stderr(lang.pick(ENGINE_GONE));
        return Ok(CRASHED);
    };
    tracing::info!("agent ended");
    result.map(|()| OK)
}

/// Prints the lights while no panel shows the icon, as `gatelight watch` does, but on standard error.
struct PrintedLights {
    printer: watch::Printer,
    /// The state of each profile that was printed last.
    printed: HashMap<String, (Light, Reason)>,
}

impl PrintedLights {
    fn new() -> Self {
        Self { printer: watch::Printer::new(Timestamp::now(), false), printed: HashMap::new() }
    }
}

impl ShowLights for PrintedLights {
    fn show(&mut self, snapshot: &Snapshot, lang: Lang) {
        let mut out = std::io::stderr();
        let symbols = out.is_terminal();
        let mut terminal = Terminal { out: &mut out, lang, color: false, symbols, width: None };
        for view in &snapshot.profiles {
            let state = (view.verdict.light(), view.verdict.reason);
            if self.printed.insert(view.profile.name.clone(), state) != Some(state) {
                // a closed terminal must not end the agent
                let _closed = self.printer.change(&view.as_change(false), &mut terminal);
            }
        }
        self.printed.retain(|name, _| snapshot.find(name).is_some());
    }

    fn hide(&mut self) {
        self.printed.clear();
    }
}

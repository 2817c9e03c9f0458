//! The command line: arguments, a call, output, exit codes. One file per command; decisions are made below.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::CompleteEnv;

use crate::app::descriptors;
use crate::app::engine::{Engine, user_home};
use crate::config::Folders;
use crate::files;
use crate::log::{self, InvalidLevels, Outputs};
use crate::terminal::{Output, Terminal, warn};
use crate::text::error::{self, Context as _};
use crate::text::log::INVALID_LEVELS;
use crate::text::{Lang, fill};

mod agent;
mod channels;
mod config;
mod demo;
mod diagnose;
pub mod doctor;
mod generate;
mod help;
pub mod history;
mod logs;
mod names;
mod record;
mod replay;
mod report;
pub mod restart;
mod serve;
mod silence;
mod simulate;
pub mod status;
pub mod swiftbar;
mod value;
pub mod watch;

/// Success; `status`: all green.
const OK: u8 = 0;
/// `status`: at least one red.
const RED: u8 = 1;
/// Wrong usage or settings.
pub const USAGE: u8 = 2;
/// `status`: none red, not all green.
const NOT_GREEN: u8 = 3;
/// No profile found.
pub const NO_PROFILE: u8 = 4;
/// The reader of standard output closed it before a verdict was printed (`gatelight status | head -1`): what a shell reports
/// for a program that SIGPIPE ended. Not 0: in a script with `pipefail`, that would say that all is green.
const NOT_TOLD: u8 = 128 + 13;

const EXAMPLES: &str = "\
Without a command, the menu-bar agent starts.

Examples:
  gatelight status --json                               every light, for scripts
  gatelight watch work                                  one line per change
  gatelight logs default -f                             the merged logs, as they grow
  gatelight restart --red                               restart what is red, showing each step
  gatelight ack work                                    no reminders until something changes
  gatelight mute work --until 18:00                     no notifications until then
  gatelight doctor --fix --dry-run                      what would be repaired
  gatelight history --since 30d                         what happened
  gatelight report --open                               the same as a page in the browser
  gatelight diagnose default > issue.md                 a report for an issue
  gatelight record default --out wrong-light.jsonl      record until Ctrl-C
  gatelight replay ~/.hermes/logs/agent.log*            re-judge old logs or a recording
  gatelight serve --listen 127.0.0.1:9789               metrics for Prometheus
  gatelight channels --test team                        a test message to your team
  gatelight config check                                check the settings file
  gatelight completions zsh > ~/.zfunc/_gatelight       completions for the shell
  gatelight man ~/.local/share/man/man1                 man pages
  gatelight demo --for 60                               see it work, nothing installed";

/// A status light for every Hermes Gateway profile on this machine
#[derive(Debug, Parser)]
#[command(
    name = "gatelight",
    version,
    // not wrapped by clap: see `help`
    term_width = 0,
    after_help = EXAMPLES
)]
pub struct Cli {
    /// The command
    #[command(subcommand)]
    command: Option<Command>,
    /// Write Gatelight's log to standard error as well; GATELIGHT_LOG=debug shows more
    #[arg(short, long, global = true)]
    verbose: bool,
}

impl Cli {
    /// The exit code if nobody reads the output to its end.
    const fn unread(&self) -> u8 {
        use Command::{Ack, Channels, Doctor, Restart, Status};
        match &self.command {
            Some(Status(_) | Restart(_) | Doctor(_) | Channels(_) | Ack(_)) => NOT_TOLD,
            _ => OK,
        }
    }

    /// Whether this command logs into the file: it runs until it is stopped.
    fn keeps_log(&self) -> bool {
        match &self.command {
            None | Some(Command::Watch(_) | Command::Record(_) | Command::Serve(_)) => true,
            Some(Command::Logs(args)) => args.follow,
            Some(_) => false,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the light of every profile
    #[command(
        after_help = "Exit code: 0 all green, 1 at least one red, 2 wrong usage or settings, 3 none red but not all green, 4 no profile.\n\nExamples:\n  gatelight status --json\n  gatelight status work --swiftbar"
    )]
    Status(status::Args),
    /// Print every change as it happens
    #[command(after_help = "Example:\n  gatelight watch work --json")]
    Watch(watch::Args),
    /// Re-judge a recording or Hermes logs (their timestamps are the clock)
    #[command(
        after_help = "Examples:\n  gatelight replay ~/.hermes/logs/agent.log*\n  gatelight replay wrong-light.jsonl --json\n  zcat agent.log.gz | gatelight replay -"
    )]
    Replay(replay::Args),
    /// Record what Gatelight observes of a profile until Ctrl-C, without secrets and names
    #[command(after_help = "Example:\n  gatelight record default --out wrong-light.jsonl")]
    Record(record::Args),
    /// Show the logs of a profile, merged by time
    #[command(after_help = "Examples:\n  gatelight logs default -f\n  gatelight logs work -n 1000 | less")]
    Logs(logs::Args),
    /// Restart gateways, and wait until they are connected again
    #[command(
        after_help = "Exit code: 0 all connected again, 1 one failed or was not restarted, 2 wrong usage or settings or no such profile, 3 none failed but an outcome is unknown, 4 no profile.\n\nExamples:\n  gatelight restart work\n  gatelight restart --red"
    )]
    Restart(restart::Args),
    /// Acknowledge a red profile: no reminders until something changes
    #[command(
        after_help = "Exit code: 0 acknowledged, 1 the profile is not red, 2 wrong usage or settings or no such profile, 4 no profile.\n\nExamples:\n  gatelight ack work\n  gatelight ack work --undo"
    )]
    Ack(silence::AckArgs),
    /// Mute a profile: no notifications about it for a while
    #[command(
        after_help = "Examples:\n  gatelight mute work --until 18:00\n  gatelight mute work --until 2h\n  gatelight mute work --off"
    )]
    Mute(silence::MuteArgs),
    /// Find problems in the job files, and repair them
    #[command(
        after_help = "Exit code: 0 no problems or all repaired, 1 findings are left, 2 wrong usage or settings or no such profile, 4 no profile.\n\nExamples:\n  gatelight doctor\n  gatelight doctor --fix --dry-run"
    )]
    Doctor(doctor::Args),
    /// Show incidents, their causes and how often they happened
    #[command(
        after_help = "Examples:\n  gatelight history --since 30d\n  gatelight history work --csv > incidents.csv"
    )]
    History(history::Args),
    /// Write the history as an HTML page
    #[command(
        after_help = "Examples:\n  gatelight report --open\n  gatelight report --from-logs ~/.hermes/logs/agent.log* --out story.html"
    )]
    Report(report::Args),
    /// Print a report about one profile to paste into an issue, without secrets and names
    #[command(
        after_help = "Examples:\n  gatelight diagnose default > issue.md\n  gatelight diagnose default --recording wrong-light.jsonl > issue.md"
    )]
    Diagnose(diagnose::Args),
    /// List the channels that notify you away from this machine, or test one
    #[command(
        after_help = "Exit code: 0 all channels can send, 1 one failed, 2 wrong usage or settings or no such channel.\n\nExamples:\n  gatelight channels\n  gatelight channels --test team"
    )]
    Channels(channels::Args),
    /// Serve metrics for Prometheus
    #[command(
        after_help = "Examples:\n  gatelight serve --listen 127.0.0.1:9789\n  gatelight serve --listen 0.0.0.0:9789 --token-file ~/.config/gatelight/token"
    )]
    Serve(serve::Args),
    /// Find, create or check the settings file
    #[command(
        after_help = "Exit code: 0 no errors, 2 errors, or the file already exists.\n\nExamples:\n  gatelight config init\n  gatelight config check"
    )]
    Config {
        /// path: print where the file is; init: create it, with the defaults as comments; check: list its mistakes
        action: config::Action,
    },
    /// Print the completion script of a shell
    #[command(after_help = "Example:\n  gatelight completions zsh > ~/.zfunc/_gatelight")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    #[command(after_help = "Example:\n  gatelight man ~/.local/share/man/man1")]
    Man {
        /// The folder
        folder: std::path::PathBuf,
    },
    /// Watch two simulated gateways fail and recover; nothing has to be installed
    #[command(after_help = "Example:\n  gatelight demo --for 60")]
    Demo(demo::Args),
    /// A simulated gateway, as the demo starts it.
    #[command(hide = true)]
    Simulate(simulate::Args),
}

/// The program: parses the arguments, runs the command, reports errors on standard error.
pub fn main() -> ExitCode {
    // a shell asks for completions: prints them and ends
    CompleteEnv::with_factory(|| help::in_language(Cli::command(), Lang::of_system())).complete();
    let (ended, unread) = match Cli::try_parse() {
        Ok(cli) => {
            let unread = cli.unread();
            (run(cli), unread)
        }
        Err(answer) => (help::print(&answer, language()), OK),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is_broken_pipe() => ExitCode::from(unread),
        Err(error) => {
            warn(&format!("gatelight: {}", error.text(language())));
            ExitCode::from(USAGE)
        }
    }
}

/// The language of the settings, or of the system if they cannot be read.
fn language() -> Lang {
    Engine::load_usable().map_or_else(|_| Lang::of_system(), |(engine, _)| engine.lang)
}

/// Starts this process's log. Without a home folder there is no file.
fn start_log(cli: &Cli) {
    let home = user_home().ok().filter(|_| cli.keeps_log());
    let file = home.map(|home| Folders::of_user(&home).log_file);
    if let Err(InvalidLevels { value, reason }) = log::init(Outputs { file, stderr: cli.verbose }) {
        let values = [("variable", log::LEVELS), ("value", &*value), ("why", &*reason)];
        log::to_stderr(&fill(Lang::of_system().pick(INVALID_LEVELS), &values));
    }
}

/// Refuses a `TZ` that names a FIFO or another special file: reading the time zone would open it and block.
fn check_time_zone() -> error::Result<()> {
    let value = std::env::var_os("TZ").unwrap_or_default();
    let path = Path::new(&value).to_string_lossy();
    let path = path.strip_prefix(':').unwrap_or(&path);
    if !path.starts_with('/') {
        return Ok(());
    }
    match files::open(Path::new(path)) {
        // a zone that does not exist is UTC
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context(format!("TZ={path}")),
        _ => Ok(()),
    }
}

fn run(cli: Cli) -> error::Result<u8> {
    start_log(&cli);
    check_time_zone()?;
    descriptors::raise();
    let mut stdout = Output::lock();
    let terminal = &mut Terminal::stdout(&mut stdout, Lang::of_system());
    let Some(command) = cli.command else {
        let (engine, mistakes) = Engine::load_usable()?;
        terminal.lang = engine.lang;
        return agent::run(&engine, mistakes.into_iter().next(), terminal);
    };
    // commands that act on gateways, or run unattended, need all settings
    let strict = |terminal: &mut Terminal<'_>| {
        let engine = Engine::load()?;
        terminal.lang = engine.lang;
        Ok::<_, error::Error>(engine)
    };
    // the others ignore settings with a mistake
    let lenient = |terminal: &mut Terminal<'_>| {
        let (engine, mistakes) = Engine::load_usable()?;
        terminal.lang = engine.lang;
        config::print_first(&mistakes, engine.lang);
        Ok::<_, error::Error>(engine)
    };
    match command {
        Command::Simulate(args) => simulate::run(args),
        Command::Demo(args) => demo::run(&args, terminal),
        Command::Replay(args) => replay::run(&args, terminal),
        Command::Completions { shell } => generate::write_completions(shell, terminal),
        Command::Man { folder } => {
            terminal.lang = language();
            generate::write_man_pages(&folder, terminal)
        }
        Command::Status(args) => {
            // a mistake in the settings must not hide the lights
            let (engine, mistakes) = Engine::load_usable()?;
            terminal.lang = engine.lang;
            status::run(&args, &engine, &mistakes, terminal)
        }
        Command::Config { action } => {
            let (engine, mistakes) = Engine::load_usable()?;
            terminal.lang = engine.lang;
            config::run(action, &engine, &mistakes, terminal)
        }
        Command::Watch(args) => watch::run(&args, &lenient(terminal)?, terminal),
        Command::Record(args) => record::run(&args, &lenient(terminal)?, terminal),
        Command::Logs(args) => logs::run(&args, &lenient(terminal)?, terminal),
        Command::History(args) => history::run(&args, &lenient(terminal)?, terminal),
        Command::Report(args) => report::run(&args, &lenient(terminal)?, terminal),
        Command::Diagnose(args) => diagnose::run(&args, &lenient(terminal)?, terminal),
        Command::Doctor(args) if !args.changes() => doctor::run(&args, &lenient(terminal)?, terminal),
        Command::Doctor(args) => doctor::run(&args, &strict(terminal)?, terminal),
        Command::Restart(args) => restart::run_here(args, &strict(terminal)?, terminal),
        Command::Ack(args) => silence::acknowledge(&args, &lenient(terminal)?, terminal),
        Command::Mute(args) => silence::mute(&args, &lenient(terminal)?, terminal),
        Command::Channels(args) => channels::run(&args, &strict(terminal)?, terminal),
        Command::Serve(args) => serve::run(&args, &strict(terminal)?, terminal),
    }
}

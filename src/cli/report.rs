//! `gatelight report`: one page that shows what happened.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use super::OK;
use super::history::since;
use crate::app::engine::Engine;
use crate::app::open;
use crate::evidence::clock;
use crate::postmortem;
use crate::redact::one_line;
use crate::report::{Request, Source, check_replaceable, write_private};
use crate::terminal::progress::Progress;
use crate::terminal::{Terminal, printable, warn};
use crate::text::error::{self, Context as _};
use crate::text::{fill, labelled, report as phrases, status, trouble};

/// Longest line that names logs, in characters.
const MAX_LINE: usize = 2_000;

/// Arguments of `gatelight report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// List the incidents of this time span: 24h, 7d, 12w, 1y
    #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = since)]
    since: SignedDuration,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// The file to write; - is standard output (default: beside the history)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file of --out even if it is not a report
    #[arg(long, requires = "out")]
    force: bool,
    /// Use these old logs instead of the history; also rotated ones, and of several profiles
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from_logs: Vec<PathBuf>,
}

/// Makes the page, writes it, and opens it with `--open`.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let (history, patterns) = (engine.history_file(), engine.patterns()?);
    let bar = Progress::of_files(&args.from_logs);
    let progress = |bytes| bar.advance(bytes);
    let source = match args.from_logs.as_slice() {
        [] => Source::History(&history),
        files => Source::Logs { files, patterns: &patterns, progress: &progress },
    };
    let (lang, now, zone) = (terminal.lang, Timestamp::now(), clock::time_zone());
    let page = Request { source, since: args.since, now, lang, zone }.make()?;
    drop(bar);
    for (name, files) in postmortem::by_profile(&args.from_logs) {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let values = [("files", &*files.join(", ")), ("name", &*name)];
        warn(&one_line(&fill(lang.pick(phrases::TAKEN_FOR), &values), MAX_LINE));
    }
    for path in &page.silent {
        warn(&labelled(lang, &path.to_string_lossy(), lang.pick(status::NO_STAMPS)));
    }
    let path = match &args.out {
        Some(path) if path.as_os_str() == "-" => {
            let written = terminal.out.write_all(page.html.as_bytes()).and_then(|()| terminal.out.flush());
            written.context(trouble::PAGE_NOT_WRITTEN)?;
            return Ok(OK);
        }
        Some(path) => path.clone(),
        None => history.with_file_name("report.html"),
    };
    let path = std::path::absolute(&path)?;
    // the default page was written by Gatelight
    check_replaceable(&path, args.force || args.out.is_none())?;
    write_private(&path, page.html.as_bytes()).with_context(|| path.display().to_string())?;
    writeln!(
        terminal.out,
        "{}",
        fill(lang.pick(phrases::WRITTEN), &[("path", &printable(&path.display().to_string()))])
    )?;
    if args.open {
        open::start_file(&path)?;
    }
    Ok(OK)
}

//! `gatelight report`: one page that shows what happened.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};

use super::history::{Deps, load, since};
use crate::history::{Record, Window};
use crate::report::{ReportInput, render};
use crate::text::error::{OrSay, Trouble};
use crate::text::{self, fill, report as phrases, trouble};

/// Arguments of `gatelight report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List the incidents of this time: 24h, 7d, 12w
    #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = since)]
    since: SignedDuration,
    /// Show the page in the browser
    #[arg(long)]
    open: bool,
    /// Write the page here ("-": standard output) instead of beside the history
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Tell what these old logs tell, instead of the history; rotated ones too, of several profiles too
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from_logs: Vec<PathBuf>,
}

impl Args {
    /// As the menu asks for it: everything, written here and opened.
    pub fn for_menu(out: PathBuf) -> Self {
        Self { since: SignedDuration::from_hours(90 * 24), open: true, out: Some(out), from_logs: Vec::new() }
    }
}

/// What a replay of old logs gives: what they tell, and the time at which they end.
pub type Replayed = (Record, Timestamp);

/// Runs it. `replay` reads old logs.
pub fn run(
    args: &Args,
    deps: &mut Deps<'_>,
    replay: &dyn Fn(&[PathBuf]) -> anyhow::Result<Replayed>,
) -> anyhow::Result<u8> {
    let from_logs = !args.from_logs.is_empty();
    let (record, end) = if from_logs {
        replay(&args.from_logs)?
    } else {
        // the longest strip is 90 days
        let all = Window::last(args.since.max(SignedDuration::from_hours(90 * 24)), deps.now);
        (load(deps.history, all)?.unwrap_or_default(), deps.now)
    };
    let page = render(&ReportInput {
        record,
        window: Window::last(args.since, end),
        made_at: end,
        from_logs,
        lang: deps.lang,
        zone: deps.zone.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let path = match &args.out {
        Some(path) if path.as_os_str() == "-" => {
            deps.out
                .write_all(page.as_bytes())
                .and_then(|()| deps.out.flush())
                .or_say(trouble::PAGE_NOT_WRITTEN)?;
            return Ok(0);
        }
        Some(path) => path.clone(),
        None => deps.history.with_file_name("report.html"),
    };
    let path = std::path::absolute(&path)?;
    write_private(&path, page.as_bytes()).with_context(|| path.display().to_string())?;
    let said = fill(deps.lang.pick(phrases::WRITTEN), &[("path", &path.display().to_string())]);
    writeln!(deps.out, "{said}")?;
    if args.open {
        open(&path)?;
    }
    Ok(0)
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Shows a file in the browser: `open` on macOS, `xdg-open` elsewhere. Does not wait for it.
pub fn open(path: &Path) -> anyhow::Result<()> {
    let program = if cfg!(target_os = "macos") { "/usr/bin/open" } else { "/usr/bin/xdg-open" };
    if !Path::new(program).exists() {
        bail!(Trouble::new(text::status::NOT_INSTALLED, &[("program", program)]));
    }
    Command::new(program)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| program.to_owned())?;
    Ok(())
}

//! `gatelight diagnose`: a report about one profile for an issue.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{OK, status};
use crate::app::engine::{Engine, first_look};
use crate::app::{diagnostics, job_files, record};
use crate::runtime::runtime;
use crate::terminal::Terminal;
use crate::text::error;

/// How long a recording for a report runs.
const RECORDING: Duration = Duration::from_secs(60);

/// Arguments of `gatelight diagnose`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which profile
    pub profile: String,
    /// Write a recording of what is seen for a minute beside it, for attaching
    #[arg(long, value_name = "FILE")]
    pub recording: Option<PathBuf>,
}

/// Prints the report.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let snapshot = runtime()?.block_on(async {
        let mut handle = engine.watch(Vec::new(), None)?;
        Ok::<_, error::Error>(first_look(&mut handle).await)
    })?;
    let Some(view) = snapshot.find(&args.profile) else {
        return Ok(status::no_such_profile(&args.profile, engine));
    };
    let anonymiser = Arc::new(engine.anonymiser());
    if let Some(out) = &args.recording {
        let end = || async { tokio::time::sleep(RECORDING).await };
        record::record(&args.profile, out, engine, &anonymiser, || Ok(()), end)?;
    }
    let recording = args.recording.as_ref().map(|path| path.display().to_string());
    let text =
        diagnostics::text(engine, view, &job_files::findings(engine), &anonymiser, recording.as_deref());
    terminal.out.write_all(text.as_bytes())?;
    Ok(OK)
}

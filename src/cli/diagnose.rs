//! `gatelight diagnose`: a report about one profile for an issue.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{OK, USAGE, names};
use crate::app::engine::Engine;
use crate::app::{diagnostics, job_files, record};
use crate::terminal::progress::Progress;
use crate::terminal::{Terminal, warn};
use crate::text::error;

/// How long a recording for a report runs.
const RECORDING: Duration = Duration::from_secs(60);

/// Arguments of `gatelight diagnose`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The profile; not needed if there is only one
    #[arg(value_name = "PROFILE", add = names::candidates())]
    pub profile: Option<String>,
    /// Also record for one minute into this file, to attach to the issue
    #[arg(long, value_name = "FILE")]
    pub recording: Option<PathBuf>,
}

/// Prints the report.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let profile = match names::one_profile(args.profile.as_deref(), engine) {
        Ok(profile) => profile,
        Err(code) => return Ok(code),
    };
    let snapshot = engine.look(Vec::new())?;
    let Some(view) = snapshot.find(&profile.name) else {
        // removed since the scan
        let known = snapshot.profiles.iter().map(|view| view.profile.name.as_str());
        warn(&names::not_found(Some(&profile.name), known, &engine.places, engine.lang).1);
        return Ok(USAGE);
    };
    let anonymiser = Arc::new(engine.anonymiser());
    if let Some(out) = &args.recording {
        let end = || async {
            let _bar = Progress::of_time(RECORDING);
            tokio::time::sleep(RECORDING).await;
        };
        record::record(&profile.name, out, engine, &anonymiser, || Ok(()), end)?;
    }
    let recording = args.recording.as_ref().map(|path| path.display().to_string());
    let text = diagnostics::text(
        engine,
        &snapshot,
        view,
        &job_files::findings(engine),
        &anonymiser,
        recording.as_deref(),
    );
    terminal.out.write_all(text.as_bytes())?;
    Ok(OK)
}

//! `gatelight simulate` (hidden): a simulated gateway, as the demo starts it.

use std::path::PathBuf;

use crate::demo::simulate::{self, Gateway};
use crate::text::error;

/// Exit code of a gateway that was ended: not 0, so that its manager starts it again.
const ENDED: u8 = 1;

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The home that it writes into.
    #[arg(long)]
    home: PathBuf,
    /// `clean`, `reconnects`, `hollow`, or the path of a recording.
    #[arg(long, default_value = "clean")]
    script: String,
    /// What it plays when it is started again.
    #[arg(long)]
    then: Option<String>,
    /// Ignores SIGTERM, as a hollow gateway may.
    #[arg(long)]
    ignore_term: bool,
}

/// Plays the incident until the process is ended.
pub(super) fn run(args: Args) -> error::Result<u8> {
    let Args { home, script, then, ignore_term } = args;
    simulate::run(&Gateway { home, script, then, ignore_term })?;
    Ok(ENDED)
}

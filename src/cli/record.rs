//! `gatelight record`: records what Gatelight observes of a profile.

use std::path::PathBuf;
use std::sync::Arc;

use super::{OK, names};
use crate::app::engine::Engine;
use crate::app::record;
use crate::runtime::interrupted;
use crate::terminal::{Terminal, printable};
use crate::text::error;
use crate::text::{fill, status as words};

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The profile; not needed if there is only one.
    #[arg(value_name = "PROFILE", add = names::candidates())]
    pub profile: Option<String>,
    /// The file to write; an existing one is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Records until Ctrl-C.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let profile = match names::one_profile(args.profile.as_deref(), engine) {
        Ok(profile) => profile,
        Err(code) => return Ok(code),
    };
    let file = printable(&args.out.display().to_string());
    let recording = fill(engine.lang.pick(words::RECORDING), &[("file", &file)]);
    let out = &mut *terminal.out;
    let begun = || writeln!(out, "{recording}");
    record::record(&profile.name, &args.out, engine, &Arc::new(engine.anonymiser()), begun, interrupted)?;
    writeln!(terminal.out, "{}", fill(engine.lang.pick(words::RECORDED), &[("file", &file)]))?;
    Ok(OK)
}

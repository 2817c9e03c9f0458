//! `gatelight record`: what is seen of one profile, as a recording.

use std::path::PathBuf;
use std::sync::Arc;

use super::{OK, status};
use crate::app::engine::Engine;
use crate::app::record;
use crate::runtime::interrupted;
use crate::terminal::Terminal;
use crate::text::error;
use crate::text::{fill, status as words};

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which profile.
    #[arg(value_name = "PROFILE")]
    pub profile: String,
    /// Where to; an existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Records until Ctrl-C.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let known = crate::profile::scan(&engine.places);
    if !known.profiles.iter().any(|profile| profile.name == args.profile) {
        return Ok(status::no_such_profile(&args.profile, engine));
    }
    let file = args.out.display().to_string();
    let recording = fill(engine.lang.pick(words::RECORDING), &[("file", &file)]);
    let out = &mut *terminal.out;
    let begun = || writeln!(out, "{recording}");
    record::record(&args.profile, &args.out, engine, &Arc::new(engine.anonymiser()), begun, interrupted)?;
    writeln!(terminal.out, "{}", fill(engine.lang.pick(words::RECORDED), &[("file", &file)]))?;
    Ok(OK)
}

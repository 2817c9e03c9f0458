//! `gatelight serve`: metrics for Prometheus.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::OK;
use super::value::address;
use crate::app::engine::Engine;
use crate::runtime::{interrupted, runtime};
use crate::serve::{self, Config, http::LISTEN};
use crate::terminal::Terminal;
use crate::text::error;

/// Arguments of `gatelight serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to listen; other machines can be allowed only with --token-file
    #[arg(long, value_name = "ADDRESS:PORT", default_value = LISTEN, value_parser = address)]
    listen: SocketAddr,
    /// A file with the bearer token that clients have to send; only you may be able to read it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Serves until Ctrl-C.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let config = Config::new(args.listen, args.token_file.as_deref())?;
    runtime()?.block_on(async {
        let handle = engine.watch(Vec::new())?;
        let listening = |address| writeln!(terminal.out, "http://{address}/metrics");
        serve::serve(config, &handle, &engine.history_file(), listening, interrupted()).await?;
        Ok(OK)
    })
}

//! Arguments of `gatelight serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::serve::{Config, ServeError, http::LISTEN};

/// Arguments of `gatelight serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; beyond this machine only with --token-file
    #[arg(long, value_name = "ADDRESS:PORT", default_value = LISTEN)]
    listen: SocketAddr,
    /// A file, readable by you alone, with the bearer token that a scraper has to send
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Args {
    /// Checks them; see [`Config::new`].
    pub fn config(&self) -> Result<Config, ServeError> {
        Config::new(self.listen, self.token_file.as_deref())
    }
}

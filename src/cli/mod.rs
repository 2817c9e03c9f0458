//! The command line: one file a command, exit codes, nothing decided.

use std::io::{IsTerminal, Write};

use clap::{Parser, Subcommand};

use crate::text::Lang;

pub mod demo;
pub mod doctor;
pub mod engine;
pub mod history;
pub mod logs;
pub mod record;
pub mod replay;
pub mod report;
pub mod serve;

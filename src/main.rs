//! The `gatelight` command.

fn main() {}

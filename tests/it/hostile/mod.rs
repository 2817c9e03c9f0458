//! Bad input, lack of resources, secrets.

mod environment;
mod fuzz_targets;
mod secrets;

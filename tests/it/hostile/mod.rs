//! Bad input, lack of resources, secrets.

mod environment;
mod fuzz_targets;
mod odd_files;
mod secrets;

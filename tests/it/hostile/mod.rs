//! Bad input, lack of resources, secrets.

mod channel_secrets;
mod environment;
mod first_look;
mod fuzz_targets;
mod leaks;
mod locked_history;
mod odd_files;
mod private_words;
mod secrets;
mod strangers;
mod unanswered_prompt;

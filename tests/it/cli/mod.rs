//! The command line: arguments, output, exit codes, what the READMEs say about them.

mod interrupts;
mod readme;
mod restart_args_and_output;
mod screens;
mod served_profiles;
mod settings_in_force;
mod silences;
mod watch_and_status;
mod watching;

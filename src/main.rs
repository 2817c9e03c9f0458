//! The `gatelight` program.

fn main() -> std::process::ExitCode {
    gatelight::cli::main()
}

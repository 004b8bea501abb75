//! The `keyledger` program: see `gateway::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::crypto::install();
    gateway::cli::main()
}

//! The binary: the command line, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::crypto::install();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    gateway::cli::run(std::env::args_os(), &environment)
}

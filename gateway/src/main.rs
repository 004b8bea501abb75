//! The binary: the command line, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::crypto::install();
    gateway::cli::complete();
    gateway::cli::run(std::env::args_os(), &gateway::cli::environment())
}

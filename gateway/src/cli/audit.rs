//! `keyledger audit`: evidence for whoever audits.

use clap::Subcommand;

use super::error::CliError;
use super::output::Output;
use super::{Environment, block_on};

mod report;
mod verify;

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Tell who could administer in a period, which keys were made and ended and by whom, and whether the log is whole
    Report(report::Report),
    /// Check proofs that `keyledger events prove` made, offline
    Verify(verify::VerifyProofs),
}

impl Audit {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Report(report) => block_on(report.run(environment, output)),
            Self::Verify(verify) => verify.run(output),
        }
    }
}

//! `keyledger oauth`

use clap::Subcommand;

use super::Environment;
use super::error::CliError;
use super::output::Output;

mod attempts;

#[derive(Debug, Subcommand)]
pub enum Oauth {
    /// See how clients got in by OAuth, and what was missing where they didn't
    Attempts(attempts::Attempts),
}

impl Oauth {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Attempts(command) => command.run(environment, output).await,
        }
    }
}

//! `keyledger signers`

use clap::Subcommand;

use super::Environment;
use super::error::CliError;
use super::output::Output;

mod list;
mod rotate;

#[derive(Debug, Subcommand)]
pub enum Signers {
    /// Show every key that signs, or did
    List(list::List),
    /// Publish a new key; the one before it is retired five minutes later
    Rotate(rotate::Rotate),
}

impl Signers {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Rotate(command) => command.run(environment, output).await,
        }
    }
}

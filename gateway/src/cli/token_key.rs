//! `keyledger token-keys`

use clap::Subcommand;

use super::Environment;
use super::error::CliError;
use super::output::Output;

mod list;
mod rotate;

#[derive(Debug, Subcommand)]
pub enum TokenKeys {
    /// Show every key that signs access tokens, or did
    List(list::List),
    /// Publish the next key; nothing valid is refused meanwhile
    Rotate(rotate::Rotate),
}

impl TokenKeys {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Rotate(command) => command.run(environment, output).await,
        }
    }
}

//! `keyledger secrets`: renews what lies in the vaults. As control, by NATS, so that it works while no process does.

use clap::{Args, Subcommand};
use events::log::jetstream::JetStreamLog;

use super::error::CliError;
use super::output::Output;
use super::process::{self, Configured};
use super::{Environment, block_on};
use crate::bootstrap::Bootstrap;
use crate::config::NatsRole;
use crate::serve::{ServeError, connections};
use crate::vault::VaultError;
use crate::vault::renewal::{RenewalError, Vaults};

mod list;
mod renew;
mod reseal;
mod retire;

#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// Show the peppers, the identity, session, snapshot and sign-in keys, and what rests on each pepper
    List(list::List),
    /// Draw the next pepper, or identity, session, snapshot or sign-in key; it is used ten minutes later
    Renew(renew::Renew),
    /// Delete a former one for ever
    Retire(retire::Retire),
    /// Bring everything in the vaults under the first line of the master key files
    Reseal(reseal::Reseal),
}

/// What each of them takes.
#[derive(Debug, Args)]
struct AsControl {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl AsControl {
    async fn open(self, environment: &Environment) -> Result<Bootstrap, CliError> {
        process::parts(&self.configured.load_some(environment)?).await
    }

    /// The same, with the log as it can be read from its beginning to its end.
    async fn open_with_log(self, environment: &Environment) -> Result<(Bootstrap, JetStreamLog), CliError> {
        let config = self.configured.load_some(environment)?;
        let parts = process::parts(&config).await?;
        let log = connections::log(&config, NatsRole::Control, &parts.clock, &parts.random).await?;
        Ok((parts, log))
    }
}

fn vaults(parts: &Bootstrap) -> Vaults<'_> {
    Vaults { node: &parts.node, control: &parts.control, people: parts.sealing.vault() }
}

impl Secrets {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        block_on(async {
            match self {
                Self::List(command) => command.run(environment, output).await,
                Self::Renew(command) => command.run(environment, output).await,
                Self::Retire(command) => command.run(environment, output).await,
                Self::Reseal(command) => command.run(environment, output).await,
            }
        })
    }
}

impl From<RenewalError> for CliError {
    fn from(error: RenewalError) -> Self {
        match error {
            RenewalError::Vault(error) => unread(error),
            RenewalError::Full(_)
            | RenewalError::Announced { .. }
            | RenewalError::Unknown(_)
            | RenewalError::NotFormer => Self::Refused(error.to_string()),
        }
    }
}

fn unread(error: VaultError) -> CliError {
    ServeError::Vault(error).into()
}

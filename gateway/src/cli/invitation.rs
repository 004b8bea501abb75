//! `keyledger invitations`

use clap::Subcommand;

use super::Environment;
use super::error::CliError;
use super::output::{Column, Output, text};

mod create;
mod list;
mod withdraw;

#[derive(Debug, Subcommand)]
pub enum Invitations {
    /// Invite somebody to become a member; the link is shown once, and sent by nobody
    Create(create::Create),
    /// List an organization's invitations
    List(list::List),
    /// Withdraw an invitation
    Withdraw(withdraw::Withdraw),
}

impl Invitations {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment, output).await,
            Self::List(command) => command.run(environment, output).await,
            Self::Withdraw(command) => command.run(environment, output).await,
        }
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "EMAIL", cell: |item| text(item, "email") },
    Column { head: "ROLE", cell: |item| text(item, "role") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "EXPIRES", cell: |item| text(item, "expires_at") },
];

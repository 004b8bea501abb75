//! `keyledger approvals`

use clap::{Args, Subcommand};

use super::Environment;
use super::complete;
use super::connection::Session;
use super::error::CliError;
use super::oauth_client::client_id;
use super::output::{Column, Output, text};
use super::place::OfOrganization;

mod give;
mod list;
mod require;
mod withdraw;

#[derive(Debug, Subcommand)]
pub enum Approvals {
    /// List the clients that an organization has approved
    List(list::List),
    /// Approve a client: the organization's people may use it
    Give(give::Give),
    /// Withdraw a client's approval
    Withdraw(withdraw::Withdraw),
    /// Let an organization's people use approved clients alone
    Require(require::Require),
    /// Let an organization's people use any client
    Waive(require::Require),
}

impl Approvals {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Give(command) => command.run(environment, output).await,
            Self::Withdraw(command) => command.run(environment, output).await,
            Self::Require(command) => command.run(true, environment, output).await,
            Self::Waive(command) => command.run(false, environment, output).await,
        }
    }
}

/// Which client of which organization.
#[derive(Debug, Args)]
pub struct OfApproval {
    /// The client, by id or by the URL of its metadata document, also where nobody has used it yet
    #[arg(add = complete::clients())]
    client: String,
    #[command(flatten)]
    of: OfOrganization,
}

impl OfApproval {
    /// The approval's path in the API.
    async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        Ok(format!("{}/approvals/{}", self.of.path(session).await?, client_id(&self.client)?))
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "CLIENT", cell: |item| text(item, "client") },
    Column { head: "NAME", cell: |item| text(item, "client_name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "DOCUMENT", cell: |item| text(item, "document") },
    Column { head: "SINCE", cell: |item| text(item, "updated_at") },
];

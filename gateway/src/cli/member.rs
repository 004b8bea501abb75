//! `keyledger members`

use clap::{Args, Subcommand};
use events::UserId;

use super::Environment;
use super::connection::Session;
use super::error::CliError;
use super::output::{Column, Output, text, words};
use super::place::OfOrganization;

mod add;
mod change;
mod list;
mod remove;

#[derive(Debug, Subcommand)]
pub enum Members {
    /// List an organization's members
    List(list::List),
    /// Add a person to an organization
    Add(add::Add),
    /// Change what a member may do
    Change(change::Change),
    /// Remove a member: nothing that the person has there works any more
    Remove(remove::Remove),
}

impl Members {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Add(command) => command.run(environment, output).await,
            Self::Change(command) => command.run(environment, output).await,
            Self::Remove(command) => command.run(environment, output).await,
        }
    }
}

/// Which member.
#[derive(Debug, Args)]
pub struct OfMember {
    /// The person's id
    person: UserId,
    #[command(flatten)]
    of: OfOrganization,
}

impl OfMember {
    async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        Ok(format!("{}/members/{}", self.of.path(session).await?, self.person))
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "PERSON", cell: |item| text(item, "person") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "EMAIL", cell: |item| text(item, "email") },
    Column { head: "ROLE", cell: |item| text(item, "role") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "SCOPES", cell: |item| words(item, "scopes") },
];

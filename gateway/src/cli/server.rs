//! `keyledger servers`

use clap::Subcommand;

use super::Environment;
use super::error::CliError;
use super::output::{Column, Output, text};

mod change;
mod list;
mod register;
mod remove;
mod settings;
mod show;

#[derive(Debug, Subcommand)]
pub enum Servers {
    /// Register an MCP server
    Register(register::Register),
    /// List an organization's servers
    List(list::List),
    /// Show a server
    Show(show::Show),
    /// Change a server's name, upstream, how it is called or whether calls pass
    Change(change::Change),
    /// Remove a server, for ever
    Remove(remove::Remove),
}

impl Servers {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Register(command) => command.run(environment, output).await,
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::Change(command) => command.run(environment, output).await,
            Self::Remove(command) => command.run(environment, output).await,
        }
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "SLUG", cell: |item| text(item, "slug") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "UPSTREAM", cell: |item| text(item, "upstream") },
];

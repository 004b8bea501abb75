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

const ID: Column = Column { head: "ID", cell: |item| text(item, "id") };
const SLUG: Column = Column { head: "SLUG", cell: |item| text(item, "slug") };
const NAME: Column = Column { head: "NAME", cell: |item| text(item, "name") };
const STATE: Column = Column { head: "STATE", cell: |item| text(item, "state") };
const UPSTREAM: Column = Column { head: "UPSTREAM", cell: |item| text(item, "upstream") };
const URL: Column = Column { head: "CLIENTS' URL", cell: |item| text(item, "url") };
const AUDIENCE: Column = Column { head: "AUDIENCE", cell: |item| text(item, "audience") };

/// Of a list.
const COLUMNS: &[Column] = &[ID, SLUG, NAME, STATE, UPSTREAM];
/// Of one.
const LINES: &[Column] = &[ID, SLUG, NAME, STATE, URL, UPSTREAM, AUDIENCE];

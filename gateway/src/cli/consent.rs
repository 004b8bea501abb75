//! `keyledger consents`

use clap::Subcommand;

use super::Environment;
use super::error::CliError;
use super::grant::{client, holder, server};
use super::output::{Column, Output, text, words};

mod list;
mod withdraw;

#[derive(Debug, Subcommand)]
pub enum Consents {
    /// List what people, and those who hold keys, let clients do in an organization
    List(list::List),
    /// Withdraw a consent: no grant that came of it works any more
    Withdraw(withdraw::Withdraw),
}

impl Consents {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Withdraw(command) => command.run(environment, output).await,
        }
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "HOLDER", cell: holder },
    Column { head: "CLIENT", cell: client },
    Column { head: "SERVER", cell: server },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "CHANGED", cell: |item| text(item, "updated_at") },
    Column { head: "SCOPES", cell: |item| words(item, "scopes") },
];

//! `keyledger organizations`

use clap::Subcommand;

use super::Environment;
use super::error::CliError;
use super::output::{Column, Output, text};

mod create;
mod events;
mod forget;
mod forgotten;
mod list;
mod rename;
mod resume;
mod show;
mod suspend;

#[derive(Debug, Subcommand)]
pub enum Organizations {
    /// Create an organization
    Create(create::Create),
    /// List organizations
    List(list::List),
    /// Show an organization
    Show(show::Show),
    /// Rename an organization
    Rename(rename::Rename),
    /// Suspend an organization: none of its keys works until it is resumed
    Suspend(suspend::Suspend),
    /// Resume a suspended organization
    Resume(resume::Resume),
    /// Forget a suspended organization: what people wrote of it and of all that it owns is erased, for ever
    Forget(forget::Forget),
    /// Show what of a forgotten organization is erased by now
    Forgotten(forgotten::Forgotten),
    /// Show what happened in an organization
    Events(events::Events),
}

impl Organizations {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment, output).await,
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::Rename(command) => command.run(environment, output).await,
            Self::Suspend(command) => command.run(environment, output).await,
            Self::Resume(command) => command.run(environment, output).await,
            Self::Forget(command) => command.run(environment, output).await,
            Self::Forgotten(command) => command.run(environment, output).await,
            Self::Events(command) => command.run(environment, output).await,
        }
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "SLUG", cell: |item| text(item, "slug") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "CREATED", cell: |item| text(item, "created_at") },
];

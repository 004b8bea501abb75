//! `keyledger keys`

use clap::Subcommand;
use serde_json::Value;

use super::Environment;
use super::error::CliError;
use super::output::{Column, Output, text, words};

mod change;
mod expiry;
mod history;
mod issue;
mod list;
mod metadata;
mod rename;
mod scopes;
mod show;

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Issue a key; its secret is shown once
    Issue(issue::Issue),
    /// List keys
    List(list::List),
    /// Show a key
    Show(show::Show),
    /// Show what happened to a key
    History(history::History),
    /// Revoke a key, for ever
    Revoke(change::WithReason),
    /// Disable a key until it is enabled
    Disable(change::WithReason),
    /// Enable a disabled key
    Enable(change::Plain),
    /// Rename a key
    Rename(rename::Rename),
    /// Set what a key may do
    Scopes(scopes::Scopes),
    /// Set when a key expires
    Expiry(expiry::Expiry),
    /// Set what is noted with a key
    Metadata(metadata::Metadata),
}

impl Keys {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Issue(command) => command.run(environment, output).await,
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::History(command) => command.run(environment, output).await,
            Self::Revoke(command) => command.run("revoke", "revoked", environment, output).await,
            Self::Disable(command) => command.run("disable", "disabled", environment, output).await,
            Self::Enable(command) => command.run("enable", "enabled", environment, output).await,
            Self::Rename(command) => command.run(environment, output).await,
            Self::Scopes(command) => command.run(environment, output).await,
            Self::Expiry(command) => command.run(environment, output).await,
            Self::Metadata(command) => command.run(environment, output).await,
        }
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "KEY", cell: shown },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "EXPIRES", cell: |item| text(item, "expires_at") },
    Column { head: "SCOPES", cell: |item| words(item, "scopes") },
];

/// What people know a key by.
fn shown(item: &Value) -> String {
    format!("{}_…{}", text(item, "prefix"), text(item, "last_four"))
}

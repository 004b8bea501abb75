//! `keyledger clients`

use clap::{Args, Subcommand};
use events::ClientId;
use events::client::Uri;

use super::Environment;
use super::complete;
use super::connection::Session;
use super::error::CliError;
use super::output::{Column, Output, text, words};
use super::place::{OfOwner, is_id};

mod add;
mod change;
mod list;
mod metadata;
mod plain;
mod secret;
mod show;

#[derive(Debug, Subcommand)]
pub enum Clients {
    /// Register a client, and draw its secret where it needs one
    Add(add::Add),
    /// List clients
    List(list::List),
    /// Show a client
    Show(show::Show),
    /// Change the name, addresses or method of a client that was registered here
    Change(change::Change),
    /// Let a disabled client's grants work again
    Enable(plain::Plain),
    /// Let none of a client's grants work until it is enabled
    Disable(plain::Plain),
    /// Remove a client, for ever, with all its grants
    Remove(plain::Plain),
    /// Issue and revoke a client's secrets
    #[command(subcommand)]
    Secrets(secret::Secrets),
}

impl Clients {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Add(command) => command.run(environment, output).await,
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::Change(command) => command.run(environment, output).await,
            Self::Enable(command) => command.enable(environment, output).await,
            Self::Disable(command) => command.disable(environment, output).await,
            Self::Remove(command) => command.remove(environment, output).await,
            Self::Secrets(command) => command.run(environment, output).await,
        }
    }
}

/// Which client.
#[derive(Debug, Args)]
pub struct OfClient {
    /// The client, by id or by the URL of its metadata document
    #[arg(add = complete::clients())]
    client: String,
    #[command(flatten)]
    of: OfOwner,
}

impl OfClient {
    /// The client's path in the API.
    async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        Ok(format!("{}/{}", self.of.clients(session).await?, client_id(&self.client)?))
    }
}

/// The id of what is named.
pub fn client_id(named: &str) -> Result<String, CliError> {
    if is_id(named) {
        return Ok(named.to_owned());
    }
    let url = named.parse::<Uri>().ok().filter(|_| named.contains("://"));
    url.map(|url| ClientId::of_document(&url).to_string()).ok_or_else(|| {
        CliError::Usage(format!(
            "`{named}` is neither a client's id nor the URL of a client's metadata document; `keyledger clients list` shows them"
        ))
    })
}

/// What it is known by.
fn known_by(item: &serde_json::Value) -> String {
    match text(item, "document").as_str() {
        "-" => text(item, "origin"),
        document => document.to_owned(),
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "KNOWN BY", cell: known_by },
    Column { head: "METHOD", cell: |item| text(&item["metadata"], "token_endpoint_auth_method") },
    Column { head: "ANSWERS GO TO", cell: |item| words(&item["metadata"], "redirect_uris") },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_named_by_its_id_or_by_its_document() {
        let id = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
        assert_eq!(client_id(id).unwrap(), id);
        let document = "https://claude.ai/oauth/mcp-oauth-client-metadata";
        assert_eq!(client_id(document).unwrap(), "8caad1f7-597b-8ff7-a6f0-9455b86d28cb");
        for neither in ["", "claude", "claude.ai/oauth", "https://a.example/ x"] {
            assert!(matches!(client_id(neither), Err(CliError::Usage(_))), "{neither}");
        }
    }
}

//! `keyledger issuers`

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Environment;
use super::complete;
use super::connection::Session;
use super::error::CliError;
use super::output::{Column, Output, text};
use super::place::{OfOwner, is_id};

mod add;
mod change;
mod credential;
mod list;
mod plain;
mod settings;
mod show;
mod test;

#[derive(Debug, Subcommand)]
pub enum Issuers {
    /// Register an identity provider: OpenID Connect, or Microsoft Entra ID
    Add(add::Add),
    /// List issuers
    List(list::List),
    /// Show an issuer, and what to register there
    Show(show::Show),
    /// Change an issuer's name, tenants or settings
    Change(change::Change),
    /// Set or remove the credential that the gateway shows the issuer
    Credential(credential::Credential),
    /// Let people sign in at an issuer again
    Enable(plain::Plain),
    /// Let nobody sign in at an issuer
    Disable(plain::Plain),
    /// Remove an issuer, for ever
    Remove(plain::WithReason),
    /// Try an issuer: discovery, keys, client id and credential
    Test(test::Test),
}

impl Issuers {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Add(command) => command.run(environment, output).await,
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::Change(command) => command.run(environment, output).await,
            Self::Credential(command) => command.run(environment, output).await,
            Self::Enable(command) => command.enable(environment, output).await,
            Self::Disable(command) => command.disable(environment, output).await,
            Self::Remove(command) => command.remove(environment, output).await,
            Self::Test(command) => command.run(environment, output).await,
        }
    }
}

/// Which issuer.
#[derive(Debug, Args)]
pub struct OfIssuer {
    /// The issuer, by slug or id
    #[arg(add = complete::issuers())]
    issuer: String,
    #[command(flatten)]
    of: OfOwner,
}

impl OfIssuer {
    /// The issuer's path in the API.
    async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        let issuers = self.of.issuers(session).await?;
        if is_id(&self.issuer) {
            return Ok(format!("{issuers}/{}", self.issuer));
        }
        let mut after: Option<String> = None;
        loop {
            let mut query = vec![("limit", "200".to_owned())];
            query.extend(after.map(|cursor| ("after", cursor)));
            let page = session.client.get(&issuers, &query).await?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if let Some(found) = items.iter().find(|item| text(item, "slug") == self.issuer) {
                return Ok(format!("{issuers}/{}", text(found, "id")));
            }
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() {
                return Err(CliError::Refused(format!("there is no issuer `{}` here", self.issuer)));
            }
        }
    }
}

/// Whose word it takes.
fn issuer(item: &Value) -> String {
    let protocol = &item["protocol"];
    match protocol.get("tenants").and_then(Value::as_array).map(Vec::len) {
        None => text(protocol, "issuer"),
        Some(1) => format!("{} (1 tenant)", text(protocol, "authority")),
        Some(tenants) => format!("{} ({tenants} tenants)", text(protocol, "authority")),
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "SLUG", cell: |item| text(item, "slug") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "ISSUER", cell: issuer },
    Column { head: "CREDENTIAL", cell: |item| text(&item["credential"], "kind") },
];

//! `keyledger grants`

use clap::{Args, Subcommand};
use events::{ClientId, GrantId, UserId};
use serde_json::Value;

use super::Environment;
use super::connection::Session;
use super::error::CliError;
use super::output::{Column, Output, named, text, words};
use super::place::{OfOrganization, server_id};

mod end;
mod list;
mod show;

#[derive(Debug, Subcommand)]
pub enum Grants {
    /// List what clients may do in an organization
    List(list::List),
    /// Show a grant, and whether it works
    Show(show::Show),
    /// End a grant, for ever: its tokens are refused, and open streams cut
    End(end::End),
}

impl Grants {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::End(command) => command.run(environment, output).await,
        }
    }
}

/// Which grant.
#[derive(Debug, Args)]
pub struct OfGrant {
    /// The grant's id
    grant: GrantId,
    #[command(flatten)]
    of: OfOrganization,
}

impl OfGrant {
    async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        Ok(format!("{}/grants/{}", self.of.path(session).await?, self.grant))
    }
}

/// Which of an organization's grants, or consents.
#[derive(Debug, Args)]
pub struct Choice {
    /// Only this client's, by id
    #[arg(long, value_name = "ID")]
    client: Option<ClientId>,
    /// Only what this person gave, by id
    #[arg(long, value_name = "ID")]
    person: Option<UserId>,
    /// Only on this server, by slug or id
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
}

impl Choice {
    /// As the API is asked. `organization`: the path of the organization.
    pub async fn query(
        &self,
        session: &Session<'_>,
        organization: &str,
        state: Option<&str>,
    ) -> Result<Vec<(&'static str, String)>, CliError> {
        let server = match &self.server {
            Some(server) => Some(server_id(session, organization, server).await?),
            None => None,
        };
        let client = self.client.map(|client| client.to_string());
        let person = self.person.map(|person| person.to_string());
        let state = state.map(str::to_owned);
        let query = [("client", client), ("person", person), ("server", server), ("state", state)];
        Ok(query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }
}

/// Who gave it.
pub fn holder(item: &Value) -> String {
    let holder = &item["holder"];
    format!("{} {}", text(holder, "kind"), named(holder, "id", "name"))
}

/// By its document, where it has one.
pub fn client(item: &Value) -> String {
    let client = &item["client"];
    client.get("document").and_then(Value::as_str).map_or_else(|| text(client, "id"), str::to_owned)
}

/// By its slug, where it is known.
pub fn server(item: &Value) -> String {
    let slug = item.get("server_slug").and_then(Value::as_str);
    slug.map_or_else(|| text(item, "server"), str::to_owned)
}

/// `yes`, or why not.
fn works(item: &Value) -> String {
    let works = &item["works"];
    if works.get("now") == Some(&Value::Bool(true)) { "yes".to_owned() } else { text(works, "reason") }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "HOLDER", cell: holder },
    Column { head: "CLIENT", cell: client },
    Column { head: "SERVER", cell: server },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "WORKS", cell: works },
    Column { head: "UNTIL", cell: |item| text(item, "expires_at") },
    Column { head: "SCOPES", cell: |item| words(item, "scopes") },
];

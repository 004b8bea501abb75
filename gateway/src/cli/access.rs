//! `keyledger access`

use clap::{Args, Subcommand};

use super::Environment;
use super::connection::Session;
use super::error::CliError;
use super::output::Output;
use super::place::organization_id;

mod follow;
mod list;

#[derive(Debug, Subcommand)]
pub enum Access {
    /// List who read what people wrote, whose commands were refused, and which keys were let in or not
    List(list::List),
    /// Print the same as it comes, one JSON value a line
    Follow(follow::Follow),
}

/// Which records.
#[derive(Debug, Args)]
struct Choice {
    /// Of this organization, by slug or id; without it all that the admin key may read
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Option<String>,
    /// Only records of these types, such as text.read,command.refused
    #[arg(long = "type", value_name = "TYPE,…")]
    kinds: Option<String>,
    /// Only what this actor did: key:ID
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
}

impl Access {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Follow(command) => command.run(environment, output).await,
        }
    }
}

impl Choice {
    async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        let id = match &self.organization {
            Some(organization) => Some(organization_id(session, organization).await?),
            None => {
                let caller = session.client.get("/api/v1/caller", &[]).await?;
                caller["organization"].as_str().map(str::to_owned)
            }
        };
        Ok(id.map_or_else(|| "/api/v1/access".to_owned(), |id| format!("/api/v1/organizations/{id}/access")))
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let given = [("type", &self.kinds), ("actor", &self.actor)];
        given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

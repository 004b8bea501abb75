//! `keyledger clients secrets`

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::OfClient;
use crate::cli::Environment;
use crate::cli::connection::{Connection, Session};
use crate::cli::error::CliError;
use crate::cli::length::Length;
use crate::cli::output::{Output, text};
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// Issue a further secret, which is shown once; the others go on working
    Issue(Issue),
    /// Revoke a secret: it proves nothing any more
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub struct Issue {
    #[command(flatten)]
    client: OfClient,
    /// It proves nothing from then on, such as 2027-01-01T00:00:00Z; without it, until it is revoked
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// The same, so long from now on: 90d, 12h
    #[arg(long, value_name = "LENGTH", conflicts_with = "expires_at")]
    expires_in: Option<Length>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    client: OfClient,
    /// The secret's id, which `clients show` has
    secret: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Secrets {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Issue(command) => command.run(environment, output).await,
            Self::Revoke(command) => command.run(environment, output).await,
        }
    }
}

impl Issue {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/secrets", self.client.path(&session).await?);
        let expires_at = self.expires_at.or(self.expires_in.map(Length::after_now));
        let body = members([("expires_at", expires_at.map(Value::from))]);
        session.command_shown(&self.waiting, Method::POST, &path, &body, show).await
    }
}

impl Revoke {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/secrets/{}", self.client.path(&session).await?, self.secret);
        session.command(&self.waiting, Method::DELETE, &path, &json!({}), "its secret is revoked").await
    }
}

/// The secret alone on standard output, so that it can be put somewhere safe unseen.
fn show(session: &mut Session<'_>, issued: &Value) -> Result<(), CliError> {
    let Some(secret) = issued.get("secret").and_then(Value::as_str) else {
        return Err(CliError::Refused(format!("{}: {}", text(issued, "id"), text(issued, "notice"))));
    };
    session
        .output
        .note(format!("{}: issued. This is the secret, shown only now:", text(issued, "secret_id")));
    session.output.line(secret)
}

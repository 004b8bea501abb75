//! `keyledger keys issue`

use clap::{Args, ValueEnum};
use http::Method;
use serde_json::{Value, json};

use crate::cli::Environment;
use crate::cli::client;
use crate::cli::connection::{Connection, Session};
use crate::cli::error::CliError;
use crate::cli::length::Length;
use crate::cli::output::{Output, text};
use crate::cli::place::OfOwner;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Issue {
    /// What people call it
    name: String,
    /// What it may do, such as mcp:docs or mcp:docs:tools:search; can be given more than once
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// Refused from then on, such as 2027-01-01T00:00:00Z; without it never
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// The same, so long from now on: 30d, 12h
    #[arg(long, value_name = "LENGTH", conflicts_with_all = ["expires_at", "idempotency_key"])]
    expires_in: Option<Length>,
    /// Refused before; without it valid at once
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// What it is for; no decision rests on it
    #[arg(long, value_enum, default_value_t = Kind::Live)]
    environment: Kind,
    /// It speaks for this person
    #[arg(long, value_name = "ID", conflicts_with = "service")]
    user: Option<String>,
    /// It speaks for this service
    #[arg(long, value_name = "ID")]
    service: Option<String>,
    /// A JSON object to note with it
    #[arg(long, value_name = "JSON", value_parser = super::metadata::object)]
    metadata: Option<Value>,
    /// Any text of your own: issued again under the same one, it is the same key, and its secret is not shown again
    #[arg(long, value_name = "TEXT", value_parser = client::idempotency)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    of: OfOwner,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Live,
    Test,
}

impl Issue {
    pub async fn run(mut self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        session.client.send_as(self.idempotency_key.take());
        let path = self.of.keys(&session).await?;
        let waiting = self.waiting;
        session.command_shown(&waiting, Method::POST, &path, &self.body(), show).await
    }

    fn body(self) -> Value {
        let owner = match (self.user, self.service) {
            (Some(id), _) => Some(json!({ "kind": "user", "id": id })),
            (None, Some(id)) => Some(json!({ "kind": "service", "id": id })),
            (None, None) => None,
        };
        let environment = match self.environment {
            Kind::Live => "live",
            Kind::Test => "test",
        };
        members([
            ("name", Some(self.name.into())),
            ("scopes", Some(self.scopes.into())),
            ("environment", Some(environment.into())),
            ("expires_at", self.expires_at.or(self.expires_in.map(Length::after_now)).map(Value::from)),
            ("not_before", self.not_before.map(Value::from)),
            ("owner", owner),
            ("metadata", self.metadata),
        ])
    }
}

/// The key alone on standard output, so that it can be put somewhere safe unseen.
fn show(session: &mut Session<'_>, issued: &Value) -> Result<(), CliError> {
    let Some(secret) = issued.get("secret").and_then(Value::as_str) else {
        return Err(CliError::Refused(format!("{}: {}", text(issued, "id"), text(issued, "notice"))));
    };
    session.output.note(format!("{}: issued. This is the key, shown only now:", text(issued, "id")));
    session.output.line(secret)
}

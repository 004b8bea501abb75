//! `keyledger clients add`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::metadata::Metadata;
use crate::cli::Environment;
use crate::cli::client;
use crate::cli::connection::{Connection, Session};
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};
use crate::cli::place::OfOwner;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Add {
    /// What people are shown when they are asked for their consent
    name: String,
    #[command(flatten)]
    metadata: Metadata,
    /// Any text of your own: registered again under the same one, it is the same client, and its secret is not shown again
    #[arg(long, value_name = "TEXT", value_parser = client::idempotency)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    of: OfOwner,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Add {
    pub async fn run(mut self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        session.client.send_as(self.idempotency_key.take());
        let path = self.of.clients(&session).await?;
        let metadata = self.metadata.over(&json!({ "redirect_uris": [] }))?;
        let body = json!({ "name": self.name, "metadata": metadata });
        session.command_shown(&self.waiting, Method::POST, &path, &body, show).await
    }
}

/// What the client is configured with.
fn show(session: &mut Session<'_>, written: &Value) -> Result<(), CliError> {
    session.output.line(format!("client_id: {}", text(written, "id")))?;
    match (written.get("secret").and_then(Value::as_str), written.get("notice").and_then(Value::as_str)) {
        (Some(secret), _) => {
            session.output.line(format!("client_secret: {secret}"))?;
            session.output.note("registered. The secret is shown only now.");
        }
        (None, Some(notice)) => session.output.note(notice),
        (None, None) => session.output.note("registered"),
    }
    Ok(())
}

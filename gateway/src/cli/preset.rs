//! `keyledger presets`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Environment;
use super::connection::Connection;
use super::error::CliError;
use super::output::{Column, Output, text, words};

#[derive(Debug, Subcommand)]
pub enum Presets {
    /// List the addresses of well-known clients, and what the installation adds
    List(List),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
}

impl Presets {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
        }
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "CLIENT", cell: |item| text(item, "name") },
    Column { head: "ADDRESSES", cell: |item| words(item, "redirects") },
];

impl List {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let found = session.client.get("/api/v1/presets", &[]).await?;
        if session.json {
            return session.output.json(&found);
        }
        let mut items = found.get("clients").and_then(Value::as_array).cloned().unwrap_or_default();
        if found.get("added").and_then(Value::as_array).is_some_and(|added| !added.is_empty()) {
            items.push(json!({ "name": "(oauth.redirects)", "redirects": found["added"] }));
        }
        session.output.table(COLUMNS, &items)?;
        session.output.note(format!("as they were on {}", text(&found, "date")));
        Ok(())
    }
}

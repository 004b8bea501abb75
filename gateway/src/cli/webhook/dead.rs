//! `keyledger webhooks dead` and `resend`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OfWebhook;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Paging;
use crate::cli::output::{Column, Output, named, text};

#[derive(Debug, Args)]
pub struct Dead {
    #[command(flatten)]
    webhook: OfWebhook,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct Resend {
    #[command(flatten)]
    webhook: OfWebhook,
    /// One of them, by its id in the list; without it all
    #[arg(long, value_name = "ID")]
    id: Option<i64>,
    #[command(flatten)]
    connection: Connection,
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "MESSAGE", cell: |item| text(item, "message") },
    Column { head: "TYPE", cell: |item| text(item, "type") },
    Column { head: "OBJECT", cell: |item| named(item, "object", "object_name") },
    Column { head: "ATTEMPTS", cell: |item| text(item, "attempts") },
    Column { head: "GIVEN UP", cell: |item| text(item, "dead_at") },
    Column { head: "ERROR", cell: |item| text(item, "error") },
];

impl Dead {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/dead", self.webhook.path(&session).await?);
        self.paging.show(&mut session, &path, COLUMNS).await
    }
}

impl Resend {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let path = format!("{}/dead/resend", self.webhook.path(&session).await?);
        let body = self.id.map_or_else(|| json!({}), |id| json!({ "id": id }));
        let sent = session.client.write(Method::POST, &path, &body).await?;
        if session.json {
            return session.output.json(&sent);
        }
        session
            .output
            .line(format!("{} sent again", sent.get("messages").and_then(Value::as_u64).unwrap_or(0)))
    }
}

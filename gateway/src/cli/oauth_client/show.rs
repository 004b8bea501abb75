//! `keyledger clients show`

use clap::Args;
use serde_json::Value;

use super::{OfClient, known_by};
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Reading;
use crate::cli::output::{Column, Output, text, words};

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    client: OfClient,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

/// Each with the time when it was issued.
fn secrets(item: &Value) -> String {
    let secrets = item.get("secrets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let shown = |secret: &Value| match text(secret, "expires_at").as_str() {
        "-" => format!("{} (of {})", text(secret, "id"), text(secret, "issued_at")),
        until => format!("{} (of {}, until {until})", text(secret, "id"), text(secret, "issued_at")),
    };
    if secrets.is_empty() { "-".to_owned() } else { secrets.iter().map(shown).collect::<Vec<_>>().join(", ") }
}

const CARD: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "ORGANIZATION", cell: |item| text(item, "organization_slug") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "KNOWN BY", cell: known_by },
    Column { head: "METHOD", cell: |item| text(&item["metadata"], "token_endpoint_auth_method") },
    Column { head: "ANSWERS GO TO", cell: |item| words(&item["metadata"], "redirect_uris") },
    Column { head: "KEYS AT", cell: |item| text(&item["metadata"], "jwks_uri") },
    Column { head: "GRANT TYPES", cell: |item| words(&item["metadata"], "grant_types") },
    Column { head: "SECRETS", cell: secrets },
    Column { head: "REGISTERED", cell: |item| text(item, "created_at") },
    Column { head: "CHANGED", cell: |item| text(item, "updated_at") },
];

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.client.path(&session).await?;
        let found = session.client.get(&path, &self.reading.query()).await?;
        session.show(CARD, &found)
    }
}

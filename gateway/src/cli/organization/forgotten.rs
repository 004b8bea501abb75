//! `keyledger organizations forgotten`

use clap::Args;
use serde_json::Value;

use crate::cli::Environment;
use crate::cli::complete;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::cli::place::organization_id;

#[derive(Debug, Args)]
pub struct Forgotten {
    /// By slug or id
    #[arg(add = complete::organizations())]
    organization: String,
    #[command(flatten)]
    connection: Connection,
}

const COLUMNS: &[Column] = &[
    Column { head: "SLUG", cell: |item| text(item, "slug") },
    Column { head: "FORGOTTEN", cell: |item| text(item, "forgotten_at") },
    Column { head: "BY", cell: |item| text(item, "actor") },
    Column { head: "EVENT", cell: |item| text(item, "event") },
    Column { head: "KEY DELETED", cell: |item| text(item, "key_deleted") },
    Column { head: "STILL IN", cell: still_in },
    Column { head: "COMPLETE", cell: |item| text(item, "complete") },
    Column { head: "REMAINS", cell: |item| text(item, "remains") },
];

/// The read models that have not erased it yet, or have rows of before.
fn still_in(item: &Value) -> String {
    let models = item["read_models"].as_array().into_iter().flatten();
    let names: Vec<String> = models
        .filter_map(|model| match (&model["erased"], &model["vacuumed"]) {
            (Value::Bool(true), Value::Bool(true)) => None,
            (Value::Bool(true), _) => Some(format!("{} (rows of before)", text(model, "projection"))),
            _ => Some(text(model, "projection")),
        })
        .collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

impl Forgotten {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let id = organization_id(&session, &self.organization).await?;
        let found = session.client.get(&format!("/api/v1/organizations/{id}/forgotten"), &[]).await?;
        session.show(COLUMNS, &found)
    }
}

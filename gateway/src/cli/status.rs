//! `keyledger status`

use clap::Args;
use serde_json::Value;

use super::Environment;
use super::connection::Connection;
use super::error::CliError;
use super::output::{Column, Output, text};

#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    connection: Connection,
}

const CARD: &[Column] = &[
    Column { head: "version", cell: |item| text(item, "version") },
    Column { head: "log", cell: |item| at(item, &["log", "id"]) },
    Column { head: "log: reachable", cell: |item| at(item, &["log", "reachable"]) },
    Column { head: "log: newest event", cell: |item| at(item, &["log", "last_sequence"]) },
    Column { head: "log: unproven", cell: |item| at(item, &["log", "unproven"]) },
    Column { head: "node: applied", cell: |item| at(item, &["node", "applied"]) },
    Column { head: "node: events behind", cell: |item| at(item, &["node", "lag_events"]) },
    Column { head: "node: known complete, seconds ago", cell: age },
    Column { head: "node: serving stale", cell: |item| at(item, &["node", "serving_stale"]) },
    Column { head: "node: clock offset, ms", cell: |item| at(item, &["node", "clock_offset_millis"]) },
    Column { head: "organizations", cell: |item| at(item, &["node", "organizations"]) },
    Column { head: "servers", cell: |item| at(item, &["node", "servers"]) },
    Column { head: "keys", cell: |item| at(item, &["node", "keys"]) },
    Column { head: "closed", cell: |item| at(item, &["node", "closed"]) },
    Column { head: "read models: reachable", cell: |item| at(item, &["read_models", "reachable"]) },
    Column { head: "read models: applied", cell: |item| at(item, &["read_models", "applied"]) },
    Column { head: "read models: events behind", cell: |item| at(item, &["read_models", "lag_events"]) },
    Column { head: "parked events", cell: |item| at(item, &["read_models", "parked"]) },
];

const PROJECTIONS: &[Column] = &[
    Column { head: "PROJECTION", cell: |item| text(item, "name") },
    Column { head: "APPLIED", cell: |item| text(item, "applied") },
    Column { head: "BEHIND", cell: |item| text(item, "lag_events") },
    Column { head: "PARKED", cell: |item| text(item, "parked") },
    Column { head: "DIVERGED", cell: |item| text(item, "diverged") },
];

const PARKED: &[Column] = &[
    Column { head: "PARKED", cell: |item| text(item, "sequence") },
    Column { head: "IN", cell: |item| text(item, "projection") },
    Column { head: "EVENT", cell: |item| text(item, "type") },
    Column { head: "VERSION", cell: |item| text(item, "schema_version") },
    Column { head: "SUBJECT", cell: |item| text(item, "subject") },
    Column { head: "WHY", cell: |item| text(item, "reason") },
];

impl Status {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let status = session.client.get("/api/v1/status", &[]).await?;
        if session.json {
            return session.output.json(&status);
        }
        session.output.card(CARD, &status)?;
        if let Some(projections) = status["read_models"]["projections"].as_array().filter(|it| !it.is_empty())
        {
            session.output.line("")?;
            session.output.table(PROJECTIONS, projections)?;
        }
        match status["read_models"]["first_parked"].as_array() {
            Some(parked) if !parked.is_empty() => {
                session.output.line("")?;
                session.output.table(PARKED, parked)
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn age(item: &Value) -> String {
    item["node"]["age_seconds"].as_f64().map_or_else(|| "-".to_owned(), |age| format!("{age:.1}"))
}

fn at(item: &Value, path: &[&str]) -> String {
    let Some((last, before)) = path.split_last() else { return String::new() };
    let parent = before.iter().try_fold(item, |item, member| item.get(member));
    parent.map_or_else(|| "-".to_owned(), |parent| text(parent, last))
}

//! `keyledger projections lost`

use clap::Args;
use projections::lost::{self, LostError};
use projections::origin::CompareError;
use projections::postgres::history::Told;
use serde_json::{Value, json};

use super::AsWorker;
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::cli::process::Configured;

mod script;

/// After an older copy of the log was put back. It reads both and changes nothing; run it before `projections rebuild
/// --accept-difference`, which makes PostgreSQL forget as well.
#[derive(Debug, Args)]
pub struct Lost {
    /// Print a shell script of the commands that do it again: to be read, then run with the control's admin key
    #[arg(long, conflicts_with = "json")]
    script: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

const COLUMNS: &[Column] = &[
    Column { head: "SEQUENCE", cell: |item| text(item, "sequence") },
    Column { head: "TIME", cell: |item| text(item, "time") },
    Column { head: "EVENT", cell: |item| text(item, "kind") },
    Column { head: "ORGANIZATION", cell: |item| text(item, "organization") },
    Column { head: "WHAT", cell: |item| named(item, "aggregate_id", "name") },
    Column { head: "WHO", cell: |item| named(item, "actor", "actor_name") },
    Column { head: "CHANGE", cell: |item| text(item, "data") },
];

impl Lost {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let found = lost::find(&*worker.log, &worker.pool).await?;
        let items: Vec<Value> = found.events.iter().map(item).collect();
        if found.more {
            output.note(format!("there are more than these {}: do these first, and ask again", items.len()));
        }
        if self.json {
            return output.json(&json!({ "after": found.after, "items": items, "more": found.more }));
        }
        if items.is_empty() {
            output.note("the log has all that the read models tell of");
        }
        if self.script {
            return output.document(&script::of(found.after, &found.events));
        }
        if items.is_empty() {
            return Ok(());
        }
        output.table(COLUMNS, &items)?;
        output.note(format!("both have event {}; of these {} the log has none", found.after, items.len()));
        Ok(())
    }
}

fn item(told: &Told) -> Value {
    let mut item = json!(told.row);
    item["organization"] = json!(told.organization);
    item["name"] = json!(told.name);
    item["actor_name"] = json!(told.actor_name);
    item
}

fn named(item: &Value, id: &str, name: &str) -> String {
    match item.get(name).and_then(Value::as_str) {
        Some(name) => format!("{} ({name})", text(item, id)),
        None => text(item, id),
    }
}

impl From<LostError> for CliError {
    fn from(error: LostError) -> Self {
        match error {
            LostError::AnotherLog { .. } => {
                Self::Refused(format!("{error}. `postgres.url` or `nats.url` points elsewhere"))
            }
            LostError::Compare(CompareError::ReadModels(error)) => error.into(),
            LostError::Compare(CompareError::Log(error)) => Self::Unavailable(error.to_string()),
        }
    }
}

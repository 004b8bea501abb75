//! `keyledger fleet`

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Environment;
use super::connection::Connection;
use super::error::CliError;
use super::output::{Column, Output, text};

mod forget;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Fleet {
    #[command(subcommand)]
    change: Option<Change>,
    #[command(flatten)]
    connection: Connection,
}

const MEMBERS: &[Column] = &[
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "ROLES", cell: roles },
    Column { head: "VERSION", cell: |item| text(item, "version") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "READY", cell: |item| text(item, "ready") },
    Column { head: "APPLIED", cell: |item| text(item, "applied") },
    Column { head: "BEHIND", cell: |item| text(item, "lag_events") },
    Column { head: "COMPLETE", cell: age },
    Column { head: "CLOCK", cell: clock },
    Column { head: "HEARD", cell: heard },
    Column { head: "ID", cell: |item| text(item, "id") },
];

const LEASES: &[Column] = &[
    Column { head: "SHARED WORK", cell: |item| text(item, "name") },
    Column { head: "HELD BY", cell: |item| text(item, "holder_name") },
    Column { head: "SINCE", cell: |item| text(item, "since") },
];

#[derive(Debug, Subcommand)]
enum Change {
    /// Forget a member that has died, so that `--wait fleet` waits for it no more
    Forget(forget::Forget),
}

impl Fleet {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self.change {
            Some(Change::Forget(command)) => command.run(environment, output).await,
            None => self.show(environment, output).await,
        }
    }

    async fn show(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let fleet = session.client.get("/api/v1/fleet", &[]).await?;
        if session.json {
            return session.output.json(&fleet);
        }
        let none = Vec::new();
        let members = fleet["members"].as_array().unwrap_or(&none);
        session.output.table(MEMBERS, members)?;
        for member in members {
            if let Some(reason) = member["reason"].as_str() {
                session.output.line(format!("{} is not ready: {reason}", text(member, "name")))?;
            }
        }
        match fleet["leases"].as_array() {
            Some(leases) if !leases.is_empty() => {
                session.output.line("")?;
                session.output.table(LEASES, leases)
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn roles(item: &Value) -> String {
    let roles = item["roles"].as_array().into_iter().flatten();
    roles.filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

/// How long ago it was known to be complete.
fn age(item: &Value) -> String {
    item["age_seconds"].as_f64().map_or_else(|| "-".to_owned(), |age| format!("{age:.1} s ago"))
}

fn clock(item: &Value) -> String {
    item["clock_offset_millis"].as_i64().map_or_else(|| "-".to_owned(), |offset| format!("{offset:+} ms"))
}

fn heard(item: &Value) -> String {
    let millis = item["heard_millis_ago"].as_u64().unwrap_or_default();
    format!("{}.{} s ago", millis / 1_000, millis % 1_000 / 100)
}

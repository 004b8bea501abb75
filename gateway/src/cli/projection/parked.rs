//! `keyledger projections parked`: events that a projection could not take in, with what follows of their
//! aggregates.

use clap::{Args, Subcommand};
use projections::parked::{self, ParkedEvent};
use projections::runner::{ProjectError, Retried};
use projections::{Projection, checkpoint};
use serde_json::{Value, json};

use super::AsWorker;
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::cli::process::Configured;

#[derive(Debug, Subcommand)]
pub enum Parked {
    /// Show which wait, and why
    List(List),
    /// Show one with the event as the log has it
    Show(Show),
    /// Take in what can be taken in now, aggregate by aggregate
    Retry(Retry),
}

#[derive(Debug, Args)]
pub struct List {
    /// organizations, servers, keys, webhooks, people, members, invitations, issuers, consents, grants, clients, approvals, history; without it all
    #[arg(value_name = "NAME")]
    projection: Option<Projection>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Args)]
pub struct Show {
    /// organizations, servers, keys, webhooks, people, members, invitations, issuers, consents, grants, clients, approvals, history
    #[arg(value_name = "NAME")]
    projection: Projection,
    /// The event's sequence in the log
    sequence: u64,
    #[command(flatten)]
    configured: Configured,
}

/// Workers do the same when they start. Nothing of an aggregate is taken in before all that waits of it can be.
#[derive(Debug, Args)]
pub struct Retry {
    /// organizations, servers, keys, webhooks, people, members, invitations, issuers, consents, grants, clients, approvals, history
    #[arg(value_name = "NAME")]
    projection: Projection,
    /// Of the aggregate of this event alone
    sequence: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

const COLUMNS: &[Column] = &[
    Column { head: "IN", cell: |item| text(item, "projection") },
    Column { head: "PARKED", cell: |item| text(item, "sequence") },
    Column { head: "EVENT", cell: |item| text(item, "kind") },
    Column { head: "VERSION", cell: |item| text(item, "schema_version") },
    Column { head: "SUBJECT", cell: |item| text(item, "subject") },
    Column { head: "WHY", cell: |item| text(item, "reason") },
];

impl Parked {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.run(environment, output).await,
            Self::Show(show) => show.run(environment, output).await,
            Self::Retry(retry) => retry.run(environment, output).await,
        }
    }
}

impl List {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let mut items = Vec::new();
        let mut more = 0;
        for projection in self.projection.map_or(Projection::ALL.to_vec(), |one| vec![one]) {
            let found = parked::list(&worker.pool, projection).await?;
            more += found.count.saturating_sub(found.first.len() as u64);
            items.extend(found.first.iter().map(|event| item(projection, event)));
        }
        if self.json {
            return output.json(&json!({ "items": items }));
        }
        if items.is_empty() {
            output.note("no event waits");
            return Ok(());
        }
        output.table(COLUMNS, &items)?;
        if more > 0 {
            output.note(format!("and {more} more"));
        }
        Ok(())
    }
}

fn item(projection: Projection, event: &ParkedEvent) -> Value {
    let mut item = json!(event);
    item["projection"] = json!(projection);
    item
}

impl Show {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let parked = find(&worker, self.projection, self.sequence).await?;
        let stored = worker.log.message(self.sequence).await;
        let stored = stored.map_err(|error| CliError::Unavailable(error.to_string()))?;
        let mut shown = item(self.projection, &parked);
        // Its digests and sealed texts tell nothing; what is no JSON is no event of ours.
        shown["in_log"] = stored.map_or(Value::Null, |stored| {
            serde_json::from_slice(&stored.payload).unwrap_or_else(|error| json!(error.to_string()))
        });
        output.json(&shown)
    }
}

async fn find(worker: &AsWorker, projection: Projection, sequence: u64) -> Result<ParkedEvent, CliError> {
    parked::get(&worker.pool, projection, sequence)
        .await?
        .ok_or_else(|| CliError::Refused(format!("event {sequence} does not wait in `{projection}`")))
}

/// A worker that keeps the projection meanwhile may be faster, so many times.
const TRIES: usize = 50;

impl Retry {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        if checkpoint::read(&worker.pool, self.projection).await?.is_none() {
            return Err(CliError::Refused(format!("`{}` has nothing yet", self.projection)));
        }
        let only = match self.sequence {
            Some(sequence) => Some(find(&worker, self.projection, sequence).await?.subject.to_string()),
            None => None,
        };
        let projector = worker.projector(self.projection);
        let mut done = Retried::default();
        for attempt in 1.. {
            match projector.retry_parked(only.as_deref()).await {
                Ok(retried) => {
                    done.aggregates += retried.aggregates;
                    done.events += retried.events;
                    done.waiting = retried.waiting;
                    break;
                }
                Err(ProjectError::Fenced) if attempt < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.json {
            return output.json(&done);
        }
        output.line(format!(
            "{}: {} events of {} aggregates taken in; {} wait",
            self.projection, done.events, done.aggregates, done.waiting
        ))
    }
}

//! What `keyledger drains` and `keyledger exports` have in common: how far each is, and to begin anew. They run with a
//! worker's configuration, which names them.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;
use events::clock::{Clock, Random, SystemClock, SystemRandom};
use events::log::Log;
use events::log::jetstream::JetStreamLog;
use projections::postgres::place::{self, PlaceKind};
use projections::postgres::{self, Pool};
use serde_json::json;

use super::Environment;
use super::error::CliError;
use super::output::{Column, Output, text};
use super::process::Configured;
use super::projection::list::{kept_by, lease};
use crate::config::{Config, NatsRole, Role};
use crate::serve::{connections, worker};
use crate::store::leases::FleetLeases;

#[derive(Debug, Args)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Args)]
pub struct Reset {
    /// Its name in the configuration
    name: String,
    #[command(flatten)]
    configured: Configured,
}

const COLUMNS: &[Column] = &[
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "CONFIGURED", cell: |item| text(item, "configured") },
    Column { head: "AT", cell: |item| text(item, "sequence") },
    Column { head: "BEHIND", cell: |item| text(item, "lag_events") },
    Column { head: "LAST MOVED", cell: |item| text(item, "moved_at") },
    Column { head: "KEPT BY", cell: kept_by },
    Column { head: "STANDS STILL SINCE", cell: |item| text(item, "problem_since") },
    Column { head: "WHY", cell: |item| text(item, "problem") },
];

/// What a worker has.
pub struct AsWorker {
    pub config: Config,
    pub log: JetStreamLog,
    pub pool: Pool,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl AsWorker {
    pub async fn connect(configured: Configured, environment: &Environment) -> Result<Self, CliError> {
        let config = configured.load(vec![Role::Worker], environment)?;
        let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) =
            (Arc::new(SystemClock), Arc::new(SystemRandom));
        let log = connections::log(&config, NatsRole::Worker, &clock, &random).await?;
        let pool = worker::pool(&config)?;
        postgres::migrate(&pool).await?;
        Ok(Self { config, log, pool, clock, random })
    }
}

impl List {
    pub async fn run(
        self,
        kind: PlaceKind,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let last =
            worker.log.info().await.map_err(|error| CliError::Unavailable(error.to_string()))?.last_sequence;
        let leases = FleetLeases::new(worker.log.client().clone());
        let configured: BTreeSet<&String> = match kind {
            PlaceKind::Drain => worker.config.drains.keys().collect(),
            PlaceKind::Export => worker.config.exports.keys().collect(),
        };
        let rows = place::all(&worker.pool, kind).await?;
        let known: BTreeSet<&String> = rows.iter().map(|row| &row.name).collect();
        let mut items = Vec::new();
        for name in known.union(&configured) {
            let row = rows.iter().find(|row| row.name == **name);
            let sequence = row.map_or(0, |row| row.handed.sequence);
            items.push(json!({
                "name": name,
                "configured": configured.contains(name),
                "sequence": sequence,
                "stored_at": row.and_then(|row| row.handed.stored_at),
                "moved_at": row.map(|row| row.handed.moved_at),
                "lag_events": last.saturating_sub(sequence),
                "lease": lease(&leases, &format!("{}.{name}", kind.as_str())).await,
                "problem": row.and_then(|row| row.problem.as_ref()),
                "problem_since": row.and_then(|row| row.problem_since),
            }));
        }
        if self.json { output.json(&json!({ "items": items })) } else { output.table(COLUMNS, &items) }
    }
}

impl Reset {
    pub async fn run(
        self,
        kind: PlaceKind,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        if !place::reset(&worker.pool, kind, &self.name).await? {
            return Err(CliError::Refused(format!("no {} of this name has begun", kind.as_str())));
        }
        output.line(format!("{}: its place is forgotten, and it begins anew", self.name))
    }
}

//! `keyledger projections list`

use clap::Args;
use projections::lease::{self, Lease, LeaseStore};
use projections::{checkpoint, origin, parked, rebuild};
use serde_json::{Value, json};

use super::AsWorker;
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::cli::process::Configured;
use crate::store::leases::FleetLeases;

#[derive(Debug, Args)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

const COLUMNS: &[Column] = &[
    Column { head: "PROJECTION", cell: |item| text(item, "name") },
    Column { head: "APPLIED", cell: |item| text(item, "applied") },
    Column { head: "BEHIND", cell: |item| text(item, "lag_events") },
    Column { head: "PARKED", cell: |item| text(item, "parked") },
    Column { head: "KEPT BY", cell: kept_by },
    Column { head: "SINCE", cell: |item| text(&item["lease"], "since") },
    Column { head: "COPY AT", cell: |item| text(item, "copy_applied") },
    Column { head: "DIVERGED", cell: |item| text(item, "diverged") },
];

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let last = worker.log.info().await.map_err(|error| CliError::Unavailable(error.to_string()))?;
        let leases = FleetLeases::new(worker.client.clone());
        let mut items = Vec::new();
        for (projection, checkpoint) in checkpoint::all(&worker.pool).await? {
            let applied = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence);
            let diverged = match &checkpoint {
                Some(checkpoint) => origin::against(&*worker.log, checkpoint).await.unwrap_or_default(),
                None => None,
            };
            let copy = rebuild::unfinished(&worker.pool, projection).await?;
            items.push(json!({
                "name": projection,
                "applied": applied,
                "applied_at": checkpoint.map(|checkpoint| checkpoint.stored_at),
                "lag_events": last.last_sequence.saturating_sub(applied),
                "parked": parked::count(&worker.pool, projection).await?,
                "lease": lease(&leases, projection.as_str()).await,
                "copy_applied": copy.map(|copy| copy.applied),
                "diverged": diverged,
            }));
        }
        if self.json { output.json(&json!({ "items": items })) } else { output.table(COLUMNS, &items) }
    }
}

/// The worker's name, and the end of its id: many workers may run on one machine.
pub(in crate::cli) fn kept_by(item: &Value) -> String {
    let holder = text(&item["lease"], "holder");
    match holder.rsplit_once('-') {
        Some((_, end)) => format!("{} {end}", text(&item["lease"], "name")),
        None => holder,
    }
}

/// Who keeps it, as far as is known.
pub(in crate::cli) async fn lease(leases: &FleetLeases, name: &str) -> Option<Value> {
    let stored = leases.read(&lease::entry(name)).await.ok()??;
    let lease: Lease = serde_json::from_slice(&stored.value).ok()?;
    lease.holder.is_some().then(|| json!(lease))
}

//! The worker's snapshots: of the directory that the process serves from, or, where it serves nobody, of one of
//! its own.

use std::sync::Arc;
use std::time::Duration;

use projections::directory::Gate;
use projections::directory::gate::GateConfig;
use projections::lease::Held;

use super::{Authenticating, Process, ServeError, connections, worker};
use crate::config::{self, NatsRole};
use crate::snapshots::{LEASE, Schedule, Signers, Writer};
use crate::store::snapshots::Objects;
use crate::vault::VaultName;

/// Over a connection of its own: a snapshot is large, and read models should not wait behind it. The answer is the gate
/// before the directory that is written down.
pub(super) async fn start(
    process: &Process,
    authenticating: Option<&Authenticating>,
    held: Held,
) -> Result<Arc<Gate>, ServeError> {
    let log = connections::log_for(process, NatsRole::Worker, "snapshots").await?;
    process.measure_nats("snapshots", log.client().clone());
    let people = connections::vault(&process.config, VaultName::People, log.client()).await?;
    let (directory, gate) = match authenticating {
        Some(parts) => (Arc::clone(&parts.directory), Arc::clone(&parts.gate)),
        // It answers for nobody.
        None => {
            let gate = GateConfig { needs_lease: false, ..process.gate_config() };
            process.follow(log.clone(), Signers::Worker(people.clone()), gate)?
        }
    };
    let kept = Arc::clone(&gate);
    let writer = Writer {
        objects: Objects::new(log.client().clone()),
        log: Arc::new(log),
        people,
        directory,
        gate,
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    };
    let (schedule, cancel) = (Schedule::of(&process.config.snapshots), process.cancel.clone());
    let work = move |until_lost| {
        let writer = writer.clone();
        async move { writer.run(schedule, until_lost).await }
    };
    process.tasks.spawn(worker::while_held(held, LEASE, cancel, work));
    Ok(kept)
}

impl Schedule {
    fn of(config: &config::Snapshots) -> Self {
        Self {
            every_events: config.every_events,
            every: Duration::from_secs(config.every_minutes.saturating_mul(60)),
            keep: config.keep,
        }
    }
}

//! The directory of a process: from a snapshot, then from the log, beside what the log's checkpoints say.

use std::sync::Arc;
use std::time::Duration;

use events::Shard;
use events::log::jetstream::JetStreamLog;
use projections::directory::follow::{self, FollowConfig};
use projections::directory::gate::GateConfig;
use projections::directory::{Directory, Gate};

use super::{Process, ServeError, worker};
use crate::checkpoints::Sources;
use crate::config::Role;
use crate::snapshots::{Loader, Signers};
use crate::store::checkpoints::Checkpoints;
use crate::store::snapshots::Objects;

impl Process {
    /// A directory that starts from a snapshot and follows the log.
    pub(super) fn follow(
        &self,
        log: JetStreamLog,
        signers: Signers,
        gate: GateConfig,
    ) -> Result<(Arc<Directory>, Arc<Gate>), ServeError> {
        let directory = Arc::new(Directory::with_signers(Arc::clone(&self.signers)));
        let gate = Arc::new(Gate::new(Arc::clone(&directory), Arc::clone(&self.clock), gate));
        self.measure_gate(&gate);
        let follow_config = FollowConfig {
            ask_every: Duration::from_millis(self.config.freshness.ask_every_ms),
            answers_for_keys: self.config.has(Role::Node) || self.config.has(Role::Control),
            ..FollowConfig::default()
        };
        let checkpoints = Checkpoints::new(log.client().clone(), Shard::ZERO);
        let pool = if self.config.has(Role::Worker) { Some(worker::followed_pool(self)?) } else { None };
        let sources = Arc::new(Sources::new(checkpoints, signers.vault().clone(), pool));
        let objects = Objects::new(log.client().clone());
        let loader = Loader { objects, signers, clock: Arc::clone(&self.clock) };
        let (following, gated, clock) = (Arc::clone(&directory), Arc::clone(&gate), Arc::clone(&self.clock));
        let cancel = self.followers.cancel.clone();
        self.followers.tasks.spawn(async move {
            if cancel.run_until_cancelled(loader.load(&log, &following, &gated)).await.is_some() {
                follow::run(Arc::new(log), sources, following, gated, clock, follow_config, cancel).await;
            }
        });
        Ok((directory, gate))
    }
}

//! What of a process is measured when its metrics are asked for: its connections, its gate, its read models.

use std::sync::{Arc, Mutex, PoisonError};

use projections::directory::Gate;
use projections::postgres::{self, Pool};
use projections::runner::{Measured, ProjectorState};
use projections::{Projection, runner};
use tokio::sync::watch;

use super::{Process, ServeError, secrets, worker};
use crate::config::Role;
use crate::store;

impl Process {
    /// A connection to NATS, by the name of what it is for.
    pub(super) fn measure_nats(&self, connection: &'static str, client: store::Client) {
        let before: Mutex<Option<String>> = Mutex::new(None);
        self.at_scrape.add(move || {
            let (server, up) = store::connected_to(&client);
            let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(before) = before.as_ref().filter(|before| **before != server) {
                nats(connection, before, false);
            }
            nats(connection, &server, up);
            *before = Some(server);
        });
    }

    pub(super) fn measure_gate(&self, gate: &Arc<Gate>) {
        let gate = Arc::clone(gate);
        self.at_scrape.add(move || gate.measure());
    }

    /// How many connections of a pool are in use.
    pub(super) fn measure_pool(&self, name: &'static str, pool: Pool) {
        self.at_scrape.add(move || {
            let in_use = u32::try_from(postgres::in_use(&pool)).unwrap_or(u32::MAX);
            metrics::gauge!("keyledger_postgres_pool_in_use", "pool" => name).set(in_use);
        });
    }

    /// How far the read models are: the gate's directory knows the log's end sooner than who looks now and again.
    pub(super) fn measure_projections(&self, measured: Arc<Measured>, gate: Arc<Gate>) {
        self.at_scrape.add(move || {
            measured.saw_end(gate.log_end());
            measured.measure();
        });
    }

    /// Whether this worker keeps a read model now, and what it says of one that it can't keep.
    pub(super) fn watch_projector(
        &self,
        projection: Projection,
        state: watch::Receiver<runner::ProjectorState>,
    ) {
        let running = state.clone();
        self.at_scrape.add(move || {
            let is_running = *running.borrow() == ProjectorState::Following;
            metrics::gauge!("keyledger_projection_running", "projection" => projection.as_str())
                .set(u8::from(is_running));
        });
        self.lacks.add(move || match &*state.borrow() {
            ProjectorState::Starting | ProjectorState::Following => None,
            ProjectorState::Waiting(reason) | ProjectorState::Diverged(reason) => {
                Some(format!("the read model `{projection}` stands still: {reason}"))
            }
        });
    }

    /// Asks PostgreSQL whether it answers, where something rests on that.
    pub(super) fn watch_postgres(&self) -> Result<(), ServeError> {
        let needs = match (self.config.has(Role::Control), self.config.has(Role::Worker)) {
            (false, false) => return Ok(()),
            (true, false) => "lists and the history can't be read",
            (false, true) => "no read model is kept",
            (true, true) => "lists and the history can't be read, and no read model is kept",
        };
        let pool = worker::pool_of(&self.config, 1)?;
        secrets::follow_postgres(self, pool.clone());
        let (tell, told) = watch::channel(None);
        let (clock, cancel) = (Arc::clone(&self.clock), self.cancel.clone());
        self.tasks.spawn(async move {
            match cancel.run_until_cancelled(postgres::keep_asking(&pool, clock, &tell)).await {
                None => {}
                Some(never) => match never {},
            }
        });
        self.lacks.add(move || {
            let reason = told.borrow();
            reason.as_ref().map(|reason| format!("PostgreSQL does not answer, so that {needs}: {reason}"))
        });
        Ok(())
    }
}

fn nats(connection: &'static str, server: &str, up: bool) {
    metrics::gauge!("keyledger_nats_connected", "connection" => connection, "server" => server.to_owned())
        .set(u8::from(up));
}

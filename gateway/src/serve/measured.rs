//! What of a process is measured when its metrics are asked for: its connections, its gate, its read models.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::lasting::Lasting;
use projections::Projection;
use projections::directory::Gate;
use projections::directory::gate::Aging;
use projections::postgres::{self, Amiss, Pool};
use projections::runner::{Measured, ProjectorState};
use tokio::sync::watch;

use super::{Process, ServeError, secrets, worker};
use crate::config::Role;
use crate::store;

/// A projection, and how whoever keeps it here fares.
pub(super) type Kept = (Projection, watch::Receiver<ProjectorState>);

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

    /// A state is told to whoever asks, for as long as it lasts.
    pub(super) fn tell_state(&self, state: Arc<Lasting>) {
        self.lacks.add(move || state.now());
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

    /// Which read models this worker keeps now, and what it says of those that it can't keep.
    pub(super) fn watch_projectors(&self, states: Vec<Kept>) {
        let running = states.clone();
        self.at_scrape.add(move || {
            for (projection, state) in &running {
                let is_running = *state.borrow() == ProjectorState::Following;
                metrics::gauge!("keyledger_projection_running", "projection" => projection.as_str())
                    .set(u8::from(is_running));
            }
        });
        self.lacks.add(move || stand_still(&states));
    }

    /// What answers for keys says how old what it knows is before that closes it. What it says afterwards is why it is
    /// not ready.
    pub(super) fn tell_age(&self, gate: &Arc<Gate>) {
        let gate = Arc::clone(gate);
        self.lacks.add(move || gate.aging().filter(|_| gate.check().is_ok()).map(|aging| aging.to_string()));
    }

    /// A worker that hears nothing of the log is ready and stands still. The gate is the one before what it writes down.
    pub(super) fn tell_silence(&self, gate: &Arc<Gate>) {
        let gate = Arc::clone(gate);
        self.lacks.add(move || gate.aging().map(|Aging { age, .. }| unheard(age)));
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
        let (clock, cancel, reads) =
            (Arc::clone(&self.clock), self.cancel.clone(), self.config.has(Role::Control));
        self.tasks.spawn(async move {
            match cancel.run_until_cancelled(postgres::keep_asking(&pool, clock, reads, &tell)).await {
                None => {}
                Some(never) => match never {},
            }
        });
        self.lacks.add(move || told.borrow().as_ref().map(|amiss| without_postgres(amiss, needs)));
        Ok(())
    }
}

fn without_postgres(amiss: &Amiss, needs: &str) -> String {
    match amiss {
        Amiss::Silent(reason) => format!("PostgreSQL does not answer, so that {needs}: {reason}"),
        Amiss::Refuses(denied) => format!("PostgreSQL refuses, so that not all can be read: {denied}"),
    }
}

fn unheard(age: Duration) -> String {
    format!(
        "the read models and all else that follows the log stand still: NATS last confirmed where the log ends {:.0} s ago",
        age.as_secs_f64()
    )
}

/// Those that stand still for one reason are told of together.
fn stand_still(states: &[Kept]) -> Option<String> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for (projection, state) in states {
        let state = state.borrow();
        let (ProjectorState::Waiting(reason) | ProjectorState::Diverged(reason)) = &*state else { continue };
        let name = format!("`{projection}`");
        match reasons.iter_mut().find(|(of, _)| of == reason) {
            Some((_, names)) => names.push(name),
            None => reasons.push((reason.clone(), vec![name])),
        }
    }
    let told = reasons.iter().map(|(reason, names)| match &names[..] {
        [one] => format!("the read model {one} stands still: {reason}"),
        names => format!("the read models {} stand still: {reason}", names.join(", ")),
    });
    (!reasons.is_empty()).then(|| told.collect::<Vec<_>>().join("; "))
}

fn nats(connection: &'static str, server: &str, up: bool) {
    metrics::gauge!("keyledger_nats_connected", "connection" => connection, "server" => server.to_owned())
        .set(u8::from(up));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_still_for_one_reason_is_told_once() {
        let state = |projection, state| (projection, watch::channel(state).1);
        let away = || ProjectorState::Waiting("PostgreSQL: Connection refused".to_owned());
        let mut states = vec![
            state(Projection::Organizations, ProjectorState::Following),
            state(Projection::Servers, away()),
            state(Projection::Keys, ProjectorState::Diverged("another log".to_owned())),
            state(Projection::History, away()),
        ];
        assert_eq!(
            stand_still(&states).unwrap(),
            "the read models `servers`, `history` stand still: PostgreSQL: Connection refused; \
             the read model `keys` stands still: another log"
        );
        states.truncate(1);
        assert_eq!(stand_still(&states), None);
    }
}

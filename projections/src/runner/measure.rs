//! How far the projections have come, as gauges: of all of them, whoever keeps them. Places are looked at now and again;
//! what lies between a place and the log's end is worked out whenever somebody asks, so that it grows while PostgreSQL does
//! not answer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::Timestamp;
use events::clock::Clock;
use events::lasting::{Lasting, Words};
use events::log::Log;

use crate::Projection;
use crate::checkpoint::{self, Checkpoint};
use crate::parked;
use crate::postgres::{Pool, ReadModelError};

/// What was seen last.
pub struct Measured {
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
    parked: BTreeMap<Projection, Lasting>,
}

struct Seen {
    /// The log's, as far as it is known here.
    end: u64,
    places: BTreeMap<Projection, Seat>,
}

/// A projection's place. Before it was seen it is the log's beginning: nothing is known to be applied.
#[derive(Clone, Copy, Default)]
struct Seat {
    sequence: u64,
    stored_at: Option<Timestamp>,
    parked: Option<u64>,
    /// Since when it is known to lack something.
    behind: Option<Instant>,
}

impl Measured {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let words = Words { lasts: "events are parked", ends: "no event is parked any more" };
        let state = |projection: Projection| Lasting::new(Arc::clone(&clock), words).of(projection.as_str());
        Self {
            parked: Projection::ALL.into_iter().map(|projection| (projection, state(projection))).collect(),
            seen: Mutex::new(Seen {
                end: 0,
                places: Projection::ALL.into_iter().map(|it| (it, Seat::default())).collect(),
            }),
            clock,
        }
    }

    /// Looks until cancelled.
    pub async fn keep(&self, log: Arc<dyn Log>, pool: Pool, every: Duration) -> Infallible {
        loop {
            if let Ok(info) = log.info().await {
                self.saw_end(info.last_sequence);
            }
            if let Err(error) = self.look(&pool).await {
                tracing::debug!(%error, "the projections were not measured");
            }
            tokio::time::sleep(every).await;
        }
    }

    async fn look(&self, pool: &Pool) -> Result<(), ReadModelError> {
        for (projection, checkpoint) in checkpoint::all(pool).await? {
            self.saw(projection, checkpoint.as_ref(), parked::count(pool, projection).await?);
        }
        Ok(())
    }

    /// The log has messages up to this one.
    pub fn saw_end(&self, end: u64) {
        let now = self.clock.instant();
        let mut seen = self.lock();
        seen.end = seen.end.max(end);
        let end = seen.end;
        seen.places.values_mut().for_each(|seat| seat.note(end, now));
    }

    fn saw(&self, projection: Projection, checkpoint: Option<&Checkpoint>, parked: u64) {
        let now = self.clock.instant();
        let mut seen = self.lock();
        let end = seen.end;
        if let Some(seat) = seen.places.get_mut(&projection) {
            seat.sequence = checkpoint.map_or(0, |checkpoint| checkpoint.sequence);
            seat.stored_at = checkpoint.map(|checkpoint| checkpoint.stored_at);
            seat.parked = Some(parked);
            seat.note(end, now);
        }
        drop(seen);
        match (self.parked.get(&projection), parked) {
            (Some(state), 0) => state.ended(),
            (Some(state), waiting) => state.warn(&format_args!(
                "{waiting} wait: this version can't read them, or what came before them; `keyledger projections parked list`"
            )),
            (None, _) => {}
        }
    }

    /// Sets the gauges, as things stand now.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the counts stay far below 2^53")]
    pub fn measure(&self) {
        let (now, wall) = (self.clock.instant(), self.clock.now());
        let seen = self.lock();
        for (projection, seat) in &seen.places {
            let name = projection.as_str();
            let (events, seconds) = seat.lag(seen.end, now, wall);
            metrics::gauge!("keyledger_projection_lag_events", "projection" => name).set(events as f64);
            metrics::gauge!("keyledger_projection_lag_seconds", "projection" => name).set(seconds);
            let stored_at = seat.stored_at.map_or(0, Timestamp::unix_millis) as f64 / 1_000.0;
            metrics::gauge!("keyledger_projection_last_applied_timestamp_seconds", "projection" => name)
                .set(stored_at);
            if let Some(parked) = seat.parked {
                metrics::gauge!("keyledger_parked_events", "projection" => name).set(parked as f64);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn note(&mut self, end: u64, now: Instant) {
        self.behind = (end > self.sequence).then(|| self.behind.unwrap_or(now));
    }

    /// In events, and in seconds: since it was seen to be behind, or, where it moves on and is never level with the end,
    /// how old the newest that it has is.
    fn lag(&self, end: u64, now: Instant, wall: Timestamp) -> (u64, f64) {
        let events = end.saturating_sub(self.sequence);
        let Some(behind) = self.behind.filter(|_| events > 0) else { return (events, 0.0) };
        let since = now.saturating_duration_since(behind);
        let old = self.stored_at.map_or(since, |stored_at| wall.since(stored_at));
        (events, since.min(old).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use events::clock::ManualClock;
    use events::{EventId, LogId};
    use uuid::Uuid;

    use super::*;

    const KEYS: Projection = Projection::Keys;

    fn at(sequence: u64, clock: &ManualClock) -> Checkpoint {
        let event = Some(EventId::new(Uuid::from_u128(1)));
        Checkpoint { log: LogId::new(Uuid::nil()), sequence, event, stored_at: clock.now() }
    }

    fn lag(measured: &Measured) -> (u64, f64) {
        let seen = measured.lock();
        seen.places[&KEYS].lag(seen.end, measured.clock.instant(), measured.clock.now())
    }

    #[test]
    fn a_lag_grows_with_the_log_while_postgresql_does_not_answer() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let measured = Measured::new(Arc::clone(&clock) as _);
        measured.saw_end(10);
        measured.saw(KEYS, Some(&at(10, &clock)), 0);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(lag(&measured), (0, 0.0));
        measured.saw_end(57);
        assert_eq!(lag(&measured), (47, 0.0), "an hour of silence is no lag");
        clock.advance(Duration::from_secs(30));
        assert_eq!(lag(&measured), (47, 30.0));
        measured.saw(KEYS, Some(&at(57, &clock)), 0);
        assert_eq!(lag(&measured), (0, 0.0));
    }

    #[test]
    fn what_moves_on_and_is_never_level_is_as_late_as_the_newest_that_it_has() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let measured = Measured::new(Arc::clone(&clock) as _);
        for end in 1..100 {
            measured.saw_end(end + 1);
            measured.saw(KEYS, Some(&at(end, &clock)), 0);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(lag(&measured), (1, 1.0));
    }

    #[test]
    fn a_worker_that_starts_while_postgresql_is_away_counts_all_of_the_log() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let measured = Measured::new(Arc::clone(&clock) as _);
        measured.saw_end(47);
        clock.advance(Duration::from_secs(9));
        assert_eq!(lag(&measured), (47, 9.0));
    }
}

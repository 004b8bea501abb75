//! What is written of how a directory follows: states that last, and a replay's progress.

use std::sync::Arc;

use events::clock::Clock;
use events::lasting::{Lasting, Words};

use crate::directory::Gate;

/// What may last, and how it is told.
pub struct States {
    pub follows_not: Lasting,
    pub no_signers: Lasting,
    pub diverged: Lasting,
    pub unproven: Lasting,
    pub uncompared: Lasting,
    pub closed: Lasting,
    pub stale: Lasting,
}

impl States {
    pub fn new(clock: &Arc<dyn Clock>, answers_for_keys: bool) -> Self {
        let state = |lasts, ends| Lasting::new(Arc::clone(clock), Words { lasts, ends });
        Self {
            follows_not: state(
                "the directory does not follow the log",
                "the directory follows the log again",
            ),
            no_signers: state(
                "the keys that sign events are not known",
                "the keys that sign events are known",
            ),
            diverged: state(
                "the log is not the one that was followed: closed until somebody has seen what it lost, and restarts",
                "the log is the one that was followed",
            ),
            unproven: state(
                "the log's leader proves nothing, and the directory grows older",
                "the log's leader proves again what it says",
            ),
            uncompared: state(
                "the log is not compared with its checkpoints",
                "the log is compared with its checkpoints again",
            ),
            closed: if answers_for_keys {
                state("not ready: no key is answered for", "ready again")
            } else {
                state(
                    "what this process knows of the log is not proven: no snapshot is written",
                    "what this process knows of the log is proven again",
                )
            },
            stale: state(
                "what is known is older than it should be, and served all the same",
                "what is known is fresh again",
            ),
        }
    }
}

/// What is said of a replay, at each question.
#[derive(Default)]
pub struct Progress {
    said_ready: bool,
    applied: u64,
}

impl Progress {
    pub fn say(&mut self, gate: &Gate, states: &States) {
        if self.said_ready {
            match gate.check() {
                Ok(()) => states.closed.ended(),
                Err(reason) => states.closed.warn(&reason),
            }
            match gate.serving_stale() {
                None => states.stale.ended(),
                Some(_) => states.stale.alarm(&"`freshness.on_stale` says so; revocations do not reach it"),
            }
            return;
        }
        let (applied, target) = (gate.applied(), gate.target());
        if gate.is_caught_up() {
            self.said_ready = true;
            tracing::info!(applied, target, "the directory has caught up with the log");
        } else if applied > self.applied {
            self.applied = applied;
            tracing::info!(applied, target, "the directory replays the log");
        }
    }
}

#[cfg(test)]
mod tests {
    use events::clock::SystemClock;

    use super::*;

    #[test]
    fn a_process_that_answers_for_no_key_does_not_say_so_of_keys() {
        let told = |answers_for_keys| {
            let states = States::new(&(Arc::new(SystemClock) as _), answers_for_keys);
            states.closed.warn(&"why");
            states.closed.now().unwrap()
        };
        assert_eq!(told(true), "not ready: no key is answered for: why");
        assert!(!told(false).contains("ready") && !told(false).contains("key"), "{}", told(false));
    }
}

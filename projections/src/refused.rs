//! That an event is refused which nobody may obey: told by metrics in one way, whoever meets it.

use events::UnreadableCause;

/// Counts one. Whoever stores copies is no writer either.
pub(crate) fn count(cause: UnreadableCause) {
    match cause {
        UnreadableCause::Signature | UnreadableCause::Place => {
            metrics::counter!("keyledger_unsigned_events_total").increment(1)
        }
        UnreadableCause::Version => {}
    }
}

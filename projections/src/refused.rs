//! That an event is refused which nobody may obey: told by metrics in one way, whoever meets it.

use events::UnreadableCause;

/// Counts one.
pub(crate) fn count(cause: UnreadableCause) {
    if is_of_no_writer(cause) {
        metrics::counter!("keyledger_unsigned_events_total").increment(1);
    }
}

/// Whether somebody else wrote it. Whoever stores copies is no writer either.
pub(crate) fn is_of_no_writer(cause: UnreadableCause) -> bool {
    match cause {
        UnreadableCause::Signature | UnreadableCause::Place => true,
        UnreadableCause::Version => false,
    }
}

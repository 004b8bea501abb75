//! Why a gate is closed, in words that say what to do.

use std::time::Duration;

use events::UnreadableCause;

/// Why the gate is closed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotReady {
    #[error("starting: {applied} of {target} events applied")]
    Starting { applied: u64, target: u64 },
    #[error("starting: {loaded} of {size} bytes of a snapshot loaded")]
    Loading { loaded: u64, size: u64 },
    #[error("no installation lives in this log yet: run `keyledger bootstrap`")]
    NotBootstrapped,
    #[error(
        "it holds no lease in the fleet, without which what it knows is not proven: does NATS answer, and has \
             `keyledger nats setup` made the bucket KL_FLEET?"
    )]
    Unleased,
    #[error("the log's checkpoints have not been read yet, without which it proves nothing")]
    Unattested,
    /// A process that is started anew follows the other log, and knows nothing of what that has lost.
    #[error(
        "the log is not the one that was followed: {0}. After a restart a key that was revoked in what it has lost works again: see \
         first what that is (`keyledger projections lost`; \"Putting back a backup\" in docs/operating), then restart"
    )]
    Diverged(String),
    #[error("event {sequence} about the installation can't be read: {}", why(.cause))]
    InstallationClosed {
        sequence: u64,
        /// `None`: a snapshot says that it is so, and not why.
        cause: Option<UnreadableCause>,
    },
    /// Another part of the process knows better than the directory.
    #[error("{0}")]
    Held(String),
    #[error("the clocks are {offset_millis} ms apart (positive: the log's is ahead); at most {max_millis}")]
    ClockSkew { offset_millis: i64, max_millis: u64 },
    #[error("last known to be complete {} s ago; at most {} s", age.as_secs(), max.as_secs())]
    Stale { age: Duration, max: Duration },
}

impl NotReady {
    /// Whether it may be otherwise in a while with nobody's doing.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Starting { .. }
            | Self::Loading { .. }
            | Self::Unleased
            | Self::Unattested
            | Self::ClockSkew { .. }
            | Self::Stale { .. } => true,
            Self::NotBootstrapped | Self::Diverged(_) | Self::InstallationClosed { .. } | Self::Held(_) => {
                false
            }
        }
    }
}

fn why(cause: &Option<UnreadableCause>) -> String {
    cause.map_or_else(|| "`keyledger events verify` tells why".to_owned(), |cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_looks_at_what_was_lost_before_a_restart_forgets_it() {
        let told = NotReady::Diverged("a reason".to_owned()).to_string();
        let (look, restart) = (told.find("projections lost").unwrap(), told.find("then restart").unwrap());
        assert!(look < restart && told.contains("a reason"), "{told}");
    }
}

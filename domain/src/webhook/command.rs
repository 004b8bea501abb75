//! What can be asked of a webhook.

use events::webhook::EventTypes;
use events::{SealedText, SecretId, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Register {
        name: SealedText,
        url: SealedText,
        types: EventTypes,
        secret: SecretId,
    },
    /// What is `None` stays as it is.
    Change {
        name: Option<SealedText>,
        url: Option<SealedText>,
        types: Option<EventTypes>,
    },
    Pause {
        reason: Option<SealedText>,
    },
    Resume {
        /// Its endpoint said to be gone, so that nothing was sent although nobody has paused it.
        stopped: bool,
    },
    /// Another secret signs; the one before signs beside it until then.
    RotateSecret {
        secret: SecretId,
        overlap_until: Timestamp,
    },
    /// The newest secret signs alone.
    EndOverlap,
    /// For ever.
    Remove {
        reason: Option<SealedText>,
    },
}

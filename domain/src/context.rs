//! What comes with a command: when, who, and which command it is. Everything in it is drawn by the caller.

use events::Fingerprint;
use events::{Actor, CommandId, EventId, Timestamp};

use crate::authority::Authority;

/// The circumstances of one command: what its events' envelopes tell, and what its sender may give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Context {
    pub now: Timestamp,
    pub actor: Actor,
    pub authority: Authority,
    pub command: CommandId,
    pub fingerprint: Fingerprint,
    /// The id of the command's first event. Drawn before the command's texts are sealed, since they are
    /// sealed to it, and anew for each call: it tells this call's event from an earlier call's.
    pub event: EventId,
    /// The event that made a reactor send the command.
    pub causation: Option<EventId>,
}

//! Which command it is. A client's retry, a reactor's second run and a create that is sent twice must meet
//! their own events again, so these ids are computed from what stays the same: UUIDs of version 8 (RFC 9562
//! §5.8) of the first 16 bytes of SHA-256 over the parts, each with its length in bytes (u64, big-endian)
//! before it.

use events::actor::ActorName;
use events::{Actor, AggregateType, CommandId, EventId, Owner};
use uuid::Uuid;

/// The command that a client names by its `Idempotency-Key`. The key itself is not stored. Another
/// organization's or principal's equal key names another command.
pub fn from_idempotency_key(owner: Owner, actor: &Actor, key: &str) -> CommandId {
    CommandId::new(derive(&[&owner.to_string(), &actor.to_string(), key]))
}

/// The command with which a reactor answers an event.
pub fn from_cause(event: EventId, reactor: &ActorName) -> CommandId {
    CommandId::new(derive(&[&event.to_string(), reactor.as_str()]))
}

/// The id of the aggregate that a command creates: the same command meets its own aggregate.
pub fn create_id(command: CommandId, kind: &AggregateType) -> Uuid {
    derive(&[&command.to_string(), kind.as_str()])
}

/// The id of a further event that is appended with a command's first one.
pub(crate) fn further_event(first: EventId, place: &str) -> EventId {
    EventId::new(derive(&[&first.to_string(), "event", place]))
}

fn derive(parts: &[&str]) -> Uuid {
    events::parts::uuid(parts.iter().map(|part| part.as_bytes()))
}

#[cfg(test)]
mod tests;

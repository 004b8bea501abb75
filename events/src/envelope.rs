//! The envelope: CloudEvents 1.0 JSON, whole in the message's payload (headers are NATS's own).

mod chain;
#[cfg(test)]
mod tests;
mod unreadable;
mod wire;

use bytes::Bytes;
use serde_json::value::RawValue;

pub use self::chain::Chain;
pub use self::unreadable::{Unreadable, UnreadableCause, UnreadableReason};
pub use self::wire::{CONTENT_TYPE, data_schema, schema, schema_id};
use self::wire::{SOURCE, Unsigned, whole};
use crate::actor::Actor;
use crate::event::{DecodeError, Event};
use crate::fingerprint::Fingerprint;
use crate::id::{CommandId, EventId, LogId, SignerId};
use crate::installation::{InstallationEvent, LossAccepted};
use crate::log::Stored;
use crate::position::Position;
use crate::signature;
use crate::signer::SigningKey;
use crate::subject::Subject;
use crate::timestamp::Timestamp;

/// What the envelope says of an event, beside its data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    pub id: EventId,
    pub log: LogId,
    /// The CloudEvents `type`, such as `key.issued`.
    pub kind: Box<str>,
    pub schema_version: u32,
    pub time: Timestamp,
    pub subject: Subject,
    /// The event of the same object before it; `None`: it is the first. One that stands anywhere else was stored by
    /// somebody who had it from elsewhere ([`Read::after`]).
    pub previous: Option<EventId>,
    pub actor: Actor,
    pub command: CommandId,
    pub fingerprint: Fingerprint,
    /// The event that made a reactor send the command.
    pub causation: Option<EventId>,
    /// The key that it says it is signed by.
    pub writer: SignerId,
}

/// An event that is about to be appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    pub id: EventId,
    pub log: LogId,
    pub time: Timestamp,
    pub subject: Subject,
    pub previous: Option<EventId>,
    pub actor: Actor,
    pub command: CommandId,
    pub fingerprint: Fingerprint,
    pub causation: Option<EventId>,
    pub event: Event,
}

/// An event that is about to be appended, as it will be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    draft: Draft,
    payload: Bytes,
}

/// An event as the log holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    pub position: Position,
    /// When the log stored it, by the log's clock.
    pub stored_at: Timestamp,
    pub envelope: Envelope,
    pub event: Event,
}

/// A message in the log that is no envelope of ours, or whose subject disagrees with it. It closes nothing.
#[derive(Debug)]
pub struct Foreign {
    pub sequence: u64,
    pub subject: String,
    pub reason: ForeignReason,
}

#[derive(Debug, thiserror::Error)]
pub enum ForeignReason {
    #[error("not a CloudEvents envelope of ours: {0}")]
    NoEnvelope(#[from] serde_json::Error),
    #[error("source is not urn:keyledger:log:<log id>")]
    Source,
    #[error("it says that it belongs to another log")]
    OtherLog,
    #[error("its subject disagrees with its envelope")]
    SubjectDisagrees,
}

/// What a message of the log turned out to be.
#[derive(Debug)]
pub enum Read {
    Event(Box<Recorded>),
    Unreadable(Box<Unreadable>),
    Foreign(Foreign),
}

impl Read {
    /// The event's id; `None`: it is no event of ours, or its id can't be read.
    pub fn event_id(&self) -> Option<EventId> {
        match self {
            Self::Event(recorded) => Some(recorded.envelope.id),
            Self::Unreadable(unreadable) => unreadable.id,
            Self::Foreign(_) => None,
        }
    }

    /// The same after the newest event of the same object, `None`: there is none. A true event that was stored once more,
    /// or was signed and is stored too late, follows another one: nobody obeys it, whoever signed it.
    #[must_use]
    pub fn after(self, newest: Option<EventId>) -> Self {
        match self {
            Self::Event(recorded) if recorded.envelope.previous != newest => {
                let reason = UnreadableReason::OutOfPlace { previous: recorded.envelope.previous, newest };
                recorded.not_obeyed(reason)
            }
            read @ (Self::Event(_) | Self::Unreadable(_) | Self::Foreign(_)) => read,
        }
    }

    /// An operator's word that something is lost.
    pub fn loss_accepted(&self) -> Option<&LossAccepted> {
        let Self::Event(recorded) = self else { return None };
        let InstallationEvent::LossAccepted(accepted) = recorded.event.as_installation()? else {
            return None;
        };
        Some(accepted)
    }
}

impl Recorded {
    /// The same for somebody who does not obey it.
    fn not_obeyed(self, reason: UnreadableReason) -> Read {
        let Self { position, stored_at, envelope, event: _ } = self;
        Read::Unreadable(Box::new(Unreadable::of(position, stored_at, envelope, reason)))
    }
}

impl Draft {
    /// The event with its payload, signed.
    pub fn signed(self, key: &SigningKey) -> Result<Signed, serde_json::Error> {
        let members = serde_json::to_vec(&Unsigned {
            specversion: "1.0",
            id: self.id,
            source: format!("{SOURCE}{}", self.log),
            kind: self.event.kind(),
            dataschema: data_schema(self.event.kind(), self.event.version()),
            subject: self.subject.to_string(),
            time: self.time,
            schemaversion: self.event.version(),
            shard: self.subject.shard,
            organization: self.subject.owner,
            aggregatetype: &self.subject.aggregate_type,
            aggregateid: &self.subject.aggregate_id,
            previousid: self.previous,
            actor: &self.actor,
            commandid: self.command,
            fingerprint: self.fingerprint,
            causationid: self.causation,
            data: self.event.data()?,
            writer: key.id(),
        })?;
        let payload = signature::sign(&self.subject.to_string(), members, key).into();
        Ok(Signed { draft: self, payload })
    }

    /// The event as it will be read back from this position, signed by this key.
    pub fn recorded(self, writer: SignerId, position: Position, stored_at: Timestamp) -> Recorded {
        Recorded {
            position,
            stored_at,
            envelope: Envelope {
                id: self.id,
                log: self.log,
                kind: self.event.kind().into(),
                schema_version: self.event.version(),
                time: self.time,
                subject: self.subject,
                previous: self.previous,
                actor: self.actor,
                command: self.command,
                fingerprint: self.fingerprint,
                causation: self.causation,
                writer,
            },
            event: self.event,
        }
    }
}

impl Signed {
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The message's payload.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}

/// Reads a message of the log, and leaves to [`SignerSet`](crate::SignerSet) whether a writer signed it. `log` is the log's id as its first event tells it, `None` while reading that
/// first event itself.
pub fn read(stored: &Stored, log: Option<LogId>) -> Read {
    match whole(&stored.payload) {
        Ok(wire) if wire.agrees(&stored.subject) => match wire.open(&stored.subject, log) {
            Ok((envelope, data)) => judge(stored, envelope, &data),
            Err(reason) => {
                Read::Foreign(Foreign { sequence: stored.sequence, subject: stored.subject.clone(), reason })
            }
        },
        Ok(_) | Err(_) => unreadable::look(stored, log),
    }
}

/// Whether it is an event of a log from before events were signed.
pub fn is_unsigned(stored: &Stored) -> bool {
    unreadable::is_unsigned(&stored.payload)
}

fn judge(stored: &Stored, envelope: Envelope, data: &RawValue) -> Read {
    let position = Position { log: envelope.log, shard: envelope.subject.shard, sequence: stored.sequence };
    let stored_at = stored.stored_at;
    let reason = match Event::decode(&envelope.kind, envelope.schema_version, data.get()) {
        Ok(event) if event.aggregate_type() == envelope.subject.aggregate_type => {
            return Read::Event(Box::new(Recorded { position, stored_at, envelope, event }));
        }
        Ok(_) => UnreadableReason::WrongAggregate,
        Err(DecodeError::UnknownKind) => UnreadableReason::UnknownKind,
        Err(DecodeError::UnknownVersion) => UnreadableReason::UnknownVersion,
        Err(DecodeError::Data(error)) => UnreadableReason::Data(error),
    };
    Read::Unreadable(Box::new(Unreadable::of(position, stored_at, envelope, reason)))
}

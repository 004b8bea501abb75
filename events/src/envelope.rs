//! The envelope: CloudEvents 1.0 JSON, whole in the message's payload (headers are NATS's own).

#[cfg(test)]
mod tests;
mod unreadable;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::unreadable::{Unreadable, UnreadableReason};
use crate::actor::Actor;
use crate::event::{DecodeError, Event};
use crate::id::{CommandId, EventId, LogId, SignerId};
use crate::log::Stored;
use crate::position::{Position, Shard};
use crate::signature;
use crate::signer::{Signature, SigningKey};
use crate::subject::{AggregateId, AggregateType, Owner, Subject};
use crate::timestamp::Timestamp;
use crate::token::{BYTES_32, UUID, object, spelt, text_serde};

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
}

/// HMAC-SHA-256 of the command as the client sent it. Same command id, other fingerprint: another command.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = crate::digest::DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<crate::digest::DigestBytes>().map(|bytes| Self(bytes.0))
    }
}

text_serde!(Fingerprint, "Fingerprint", "32 bytes, base64url without padding", { "pattern": BYTES_32 });

const SOURCE: &str = "urn:keyledger:log:";

/// What the names of schemas begin with: `urn:keyledger:schema:<type>:<version>` is that of an event's data.
const SCHEMA: &str = "urn:keyledger:schema:";

/// What the payload is, as a header of its message says it (CloudEvents' NATS binding §3.2.1).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The name of a schema: of the envelope, or of a kind and version.
pub fn schema_id(of: impl fmt::Display) -> String {
    format!("{SCHEMA}{of}")
}

/// The `dataschema` of a kind and version, which is the schema's `$id`.
pub fn data_schema(kind: &str, version: u32) -> String {
    schema_id(format_args!("{kind}:{version}"))
}

/// The envelope's members in their stored order. Unknown members are tolerated.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Envelope", inline)]
struct Wire<'a> {
    #[serde(borrow)]
    #[schemars(extend("const" = "1.0"))]
    specversion: Cow<'a, str>,
    id: EventId,
    /// `urn:keyledger:log:<log id>`
    #[schemars(extend("format" = "uri", "pattern" = format!("^{SOURCE}{UUID}$")))]
    source: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    /// The name of the schema of `data`: `urn:keyledger:schema:<type>:<schemaversion>`
    #[schemars(extend("format" = "uri"))]
    dataschema: Cow<'a, str>,
    /// The subject that the message lies on: what the event is about.
    #[schemars(with = "Subject")]
    subject: Cow<'a, str>,
    #[serde(deserialize_with = "spelt")]
    time: Timestamp,
    #[schemars(schema_with = "version_schema")]
    schemaversion: u32,
    shard: Shard,
    organization: Owner,
    aggregatetype: AggregateType,
    aggregateid: AggregateId,
    actor: Actor,
    commandid: CommandId,
    fingerprint: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causationid: Option<EventId>,
    #[serde(borrow)]
    #[schemars(with = "serde_json::Value")]
    data: Cow<'a, RawValue>,
    /// The id of the key that signed the event.
    writer: SignerId,
    /// Ed25519 over the subject, a line feed and the payload up to this member's comma.
    signature: Signature,
}

/// All members but the signature, which is made over them.
#[derive(Serialize)]
struct Unsigned<'a> {
    specversion: &'a str,
    id: EventId,
    source: String,
    #[serde(rename = "type")]
    kind: &'a str,
    dataschema: String,
    subject: String,
    time: Timestamp,
    schemaversion: u32,
    shard: Shard,
    organization: Owner,
    aggregatetype: &'a AggregateType,
    aggregateid: &'a AggregateId,
    actor: &'a Actor,
    commandid: CommandId,
    fingerprint: Fingerprint,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<EventId>,
    data: Box<RawValue>,
    writer: SignerId,
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

/// The envelope, where this version can read each of its members.
fn whole(payload: &[u8]) -> Result<Wire<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let wire = object(&mut deserializer)?;
    deserializer.end()?;
    Ok(wire)
}

/// Whether it is an event of a log from before events were signed.
pub fn is_unsigned(stored: &Stored) -> bool {
    unreadable::is_unsigned(&stored.payload)
}

/// The log that a source names.
fn source(text: &str) -> Option<LogId> {
    text.strip_prefix(SOURCE)?.parse().ok()
}

/// A number of 32 bits: JSON Schema has no format for that.
fn version_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
}

/// Whether this is the name of the schema of a kind and version.
fn names_schema(text: &str, kind: &str, version: u32) -> bool {
    let parts = || text.strip_prefix(SCHEMA)?.strip_prefix(kind)?.strip_prefix(':');
    parts().is_some_and(|named| named == version.to_string())
}

impl<'a> Wire<'a> {
    /// Whether what is said twice, or always alike, is said so.
    fn agrees(&self, on: &str) -> bool {
        self.specversion == "1.0"
            && self.subject == on
            && names_schema(&self.dataschema, &self.kind, self.schemaversion)
    }

    fn open(self, on: &str, log: Option<LogId>) -> Result<(Envelope, Cow<'a, RawValue>), ForeignReason> {
        let source = source(&self.source).ok_or(ForeignReason::Source)?;
        if source != log.unwrap_or_else(|| self.id.into()) {
            return Err(ForeignReason::OtherLog);
        }
        let subject = Subject {
            shard: self.shard,
            owner: self.organization,
            aggregate_type: self.aggregatetype,
            aggregate_id: self.aggregateid,
        };
        if *on != subject.to_string() {
            return Err(ForeignReason::SubjectDisagrees);
        }
        let envelope = Envelope {
            id: self.id,
            log: source,
            kind: self.kind.into(),
            schema_version: self.schemaversion,
            time: self.time,
            subject,
            actor: self.actor,
            command: self.commandid,
            fingerprint: self.fingerprint,
            causation: self.causationid,
            writer: self.writer,
        };
        Ok((envelope, self.data))
    }
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

/// The JSON Schema of the envelope.
pub fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Wire<'static>);
    schema.insert("$id".to_owned(), schema_id("envelope").into());
    schema
}

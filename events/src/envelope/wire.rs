//! The envelope's members as a message has them, and what their schema says.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Envelope, ForeignReason};
use crate::actor::Actor;
use crate::fingerprint::Fingerprint;
use crate::id::{CommandId, EventId, LogId, SignerId};
use crate::position::Shard;
use crate::signer::Signature;
use crate::subject::{AggregateId, AggregateType, Owner, Subject};
use crate::timestamp::Timestamp;
use crate::token::{UUID, object, spelt};

pub(super) const SOURCE: &str = "urn:keyledger:log:";

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
pub(super) struct Wire<'a> {
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
    /// The id of the event of the same object before it; absent: it is the first. An event that follows another one
    /// than it says is a copy, and counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previousid: Option<EventId>,
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
pub(super) struct Unsigned<'a> {
    pub specversion: &'a str,
    pub id: EventId,
    pub source: String,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub dataschema: String,
    pub subject: String,
    pub time: Timestamp,
    pub schemaversion: u32,
    pub shard: Shard,
    pub organization: Owner,
    pub aggregatetype: &'a AggregateType,
    pub aggregateid: &'a AggregateId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previousid: Option<EventId>,
    pub actor: &'a Actor,
    pub commandid: CommandId,
    pub fingerprint: Fingerprint,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causationid: Option<EventId>,
    pub data: Box<RawValue>,
    pub writer: SignerId,
}

/// The envelope, where this version can read each of its members.
pub(super) fn whole(payload: &[u8]) -> Result<Wire<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let wire = object(&mut deserializer)?;
    deserializer.end()?;
    Ok(wire)
}

/// The log that a source names.
pub(super) fn source(text: &str) -> Option<LogId> {
    text.strip_prefix(SOURCE)?.parse().ok()
}

/// A number of 32 bits: JSON Schema has no format for that.
fn version_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
}

/// Whether this is the name of the schema of a kind and version.
pub(super) fn names_schema(text: &str, kind: &str, version: u32) -> bool {
    let parts = || text.strip_prefix(SCHEMA)?.strip_prefix(kind)?.strip_prefix(':');
    parts().is_some_and(|named| named == version.to_string())
}

impl<'a> Wire<'a> {
    /// Whether what is said twice, or always alike, is said so.
    pub(super) fn agrees(&self, on: &str) -> bool {
        self.specversion == "1.0"
            && self.subject == on
            && names_schema(&self.dataschema, &self.kind, self.schemaversion)
    }

    pub(super) fn open(
        self,
        on: &str,
        log: Option<LogId>,
    ) -> Result<(Envelope, Cow<'a, RawValue>), ForeignReason> {
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
            previous: self.previousid,
            actor: self.actor,
            command: self.commandid,
            fingerprint: self.fingerprint,
            causation: self.causationid,
            writer: self.writer,
        };
        Ok((envelope, self.data))
    }
}

/// The JSON Schema of the envelope.
pub fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Wire<'static>);
    crate::token::end_with_the_text(&mut schema);
    schema.insert("$id".to_owned(), schema_id("envelope").into());
    schema
}

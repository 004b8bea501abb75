//! What a message is whose envelope this version can't read whole. A true event of this log is never passed over
//! for that: what is skipped in silence fails open. Its source tells that it is one, and the subject that it lies
//! on what it is about.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::wire::{names_schema, source};
use super::{Envelope, Foreign, ForeignReason, Read};
use crate::actor::Actor;
use crate::fingerprint::Fingerprint;
use crate::id::{CommandId, EventId, LogId, SignerId};
use crate::log::Stored;
use crate::members::Members;
use crate::position::{Position, Shard};
use crate::signature::BadSignature;
use crate::signer::Signature;
use crate::subject::{AggregateId, AggregateType, Owner, Subject};
use crate::timestamp::Timestamp;
use crate::token::spelt;

/// A true event that this version can't read: its aggregate is closed from here on. It tells what could be read.
#[derive(Debug)]
pub struct Unreadable {
    pub position: Position,
    pub stored_at: Timestamp,
    /// What it is about, by the subject that it lies on.
    pub subject: Subject,
    pub id: Option<EventId>,
    pub kind: Option<Box<str>>,
    pub schema_version: Option<u32>,
    pub time: Option<Timestamp>,
    pub command: Option<CommandId>,
    /// The key that it says it is signed by.
    pub writer: Option<SignerId>,
    pub reason: UnreadableReason,
}

#[derive(Debug, thiserror::Error)]
pub enum UnreadableReason {
    #[error("unknown kind")]
    UnknownKind,
    #[error("unknown version")]
    UnknownVersion,
    #[error("data not of its version's shape: {0}")]
    Data(serde_json::Error),
    #[error("an event of another type of aggregate than its subject's")]
    WrongAggregate,
    /// Such as an actor of a kind that a newer version knows.
    #[error("the envelope's `{member}` is of an unknown form: {problem}")]
    Member { member: &'static str, problem: String },
    #[error("the envelope is of an unknown form")]
    Envelope,
    #[error("no writer of this installation signed it: {0}")]
    Signature(#[from] BadSignature),
    /// What a copy is, wherever it was had from.
    #[error(
        "it says that it follows {}, and the object's newest event is {}: somebody who may store messages stored it again, \
         or late",
        told(.previous),
        told(.newest)
    )]
    OutOfPlace { previous: Option<EventId>, newest: Option<EventId> },
    /// Nobody obeys what comes after such a one.
    #[error("it comes after message {0} of its object, which can't be read or was stored out of its place")]
    Follows(u64),
}

/// Whose doing it is that an event can't be read, and so what is to be done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnreadableCause {
    /// A newer version's, as far as this one can tell.
    #[error("it is of a form that this version does not know: upgrade this process")]
    Version,
    /// Somebody's who is no writer.
    #[error("no writer of this installation signed it: see `keyledger events verify`")]
    Signature,
    /// Somebody's who is no writer either, and had a true event.
    #[error(
        "it is not the one that follows: somebody who may store messages stored it again, or late: see `keyledger events \
         verify`"
    )]
    Place,
}

/// An event that may be none.
fn told(event: &Option<EventId>) -> String {
    event.map_or_else(|| "no event".to_owned(), |event| event.to_string())
}

impl UnreadableReason {
    pub fn cause(&self) -> UnreadableCause {
        match self {
            Self::Signature(_) | Self::Member { member: "writer" | "signature", .. } => {
                UnreadableCause::Signature
            }
            Self::OutOfPlace { .. } | Self::Follows(_) => UnreadableCause::Place,
            Self::UnknownKind
            | Self::UnknownVersion
            | Self::Data(_)
            | Self::WrongAggregate
            | Self::Member { .. }
            | Self::Envelope => UnreadableCause::Version,
        }
    }

    /// Whether it is for want of a good signature.
    pub fn is_of_signature(&self) -> bool {
        self.cause() == UnreadableCause::Signature
    }

    /// Whether it stays so in every version: no writer wrote it, or not for this place.
    pub fn is_for_good(&self) -> bool {
        match self {
            Self::Signature(_) | Self::OutOfPlace { .. } => true,
            // A newer version may know it, a signature of another form as well.
            Self::UnknownKind
            | Self::UnknownVersion
            | Self::Data(_)
            | Self::WrongAggregate
            | Self::Member { .. }
            | Self::Follows(_)
            | Self::Envelope => false,
        }
    }
}

impl Unreadable {
    /// Of an event whose envelope was read.
    pub(crate) fn of(
        position: Position,
        stored_at: Timestamp,
        envelope: Envelope,
        reason: UnreadableReason,
    ) -> Self {
        let Envelope { id, kind, schema_version, time, subject, command, writer, .. } = envelope;
        Self {
            position,
            stored_at,
            subject,
            id: Some(id),
            kind: Some(kind),
            schema_version: Some(schema_version),
            time: Some(time),
            command: Some(command),
            writer: Some(writer),
            reason,
        }
    }
}

/// The envelope's members as they stand in the message.
struct Stands<'a>(Members<'a>);

/// As events hold it.
#[derive(Deserialize)]
struct Moment(#[serde(deserialize_with = "spelt")] Timestamp);

/// Why a member is not read.
struct Unknown {
    member: &'static str,
    problem: String,
}

impl From<Unknown> for UnreadableReason {
    fn from(Unknown { member, problem }: Unknown) -> Self {
        Self::Member { member, problem }
    }
}

pub(super) fn look(stored: &Stored, log: Option<LogId>) -> Read {
    let foreign = |reason| {
        Read::Foreign(Foreign { sequence: stored.sequence, subject: stored.subject.clone(), reason })
    };
    let members = match serde_json::from_slice(&stored.payload) {
        Ok(members) => Stands(members),
        Err(error) => return foreign(ForeignReason::NoEnvelope(error)),
    };
    let id: Option<EventId> = members.get("id").ok();
    let Ok(text) = members.get::<String>("source") else { return foreign(ForeignReason::Source) };
    let Some(source) = source(&text) else { return foreign(ForeignReason::Source) };
    if Some(source) != log.or(id.map(LogId::from)) {
        return foreign(ForeignReason::OtherLog);
    }
    let subject = match members.subject(&stored.subject) {
        Ok(subject) => subject,
        Err(reason) => return foreign(reason),
    };
    Read::Unreadable(Box::new(Unreadable {
        position: Position { log: source, shard: Shard::ZERO, sequence: stored.sequence },
        stored_at: stored.stored_at,
        subject,
        id,
        kind: members.get("type").ok(),
        schema_version: members.get("schemaversion").ok(),
        time: members.get("time").ok().map(|Moment(time)| time),
        command: members.get("commandid").ok(),
        writer: members.get("writer").ok(),
        reason: members.unknown(),
    }))
}

/// Whether it is an event of ours without any signature.
pub(super) fn is_unsigned(payload: &[u8]) -> bool {
    let Ok(Members(members)) = serde_json::from_slice(payload) else { return false };
    let envelope = Stands(Members(members));
    let ours = envelope.get::<String>("source").is_ok_and(|text| source(&text).is_some());
    ours && !envelope.0.0.iter().any(|(name, _)| name == "signature")
}

impl Stands<'_> {
    fn get<T: DeserializeOwned>(&self, member: &'static str) -> Result<T, Unknown> {
        let unknown = |problem: &str| Unknown { member, problem: problem.to_owned() };
        let mut found = self.0.0.iter().filter(|(name, _)| name == member);
        match (found.next(), found.next()) {
            (None, _) => Err(unknown("it is missing")),
            (Some((_, value)), None) => {
                serde_json::from_str(value.get()).map_err(|error| unknown(&error.to_string()))
            }
            (Some(_), Some(_)) => Err(unknown("it stands twice")),
        }
    }

    /// A member that may be absent.
    fn optional<T: DeserializeOwned>(&self, member: &'static str) -> Result<Option<T>, Unknown> {
        let is_there = self.0.0.iter().any(|(name, _)| name == member);
        if is_there { self.get::<Option<T>>(member) } else { Ok(None) }
    }

    /// The subject of the aggregate. A member that can be read and names another one makes the message foreign.
    fn subject(&self, on: &str) -> Result<Subject, ForeignReason> {
        let Ok(subject) = on.parse::<Subject>() else {
            // Whoever wrote it knows subjects that this version does not: nobody here can tell what it is about.
            return if self.spells(on) {
                Ok(Subject::unknown())
            } else {
                Err(ForeignReason::SubjectDisagrees)
            };
        };
        let named = [
            self.names("subject", &subject),
            self.names("shard", &subject.shard),
            self.names("organization", &subject.owner),
            self.names("aggregatetype", &subject.aggregate_type),
            self.names("aggregateid", &subject.aggregate_id),
        ];
        if named.contains(&Some(false)) { Err(ForeignReason::SubjectDisagrees) } else { Ok(subject) }
    }

    /// Whether a member names this part of the subject; `None`: it can't be read.
    fn names<T: DeserializeOwned + PartialEq>(&self, member: &'static str, part: &T) -> Option<bool> {
        self.get::<T>(member).ok().map(|named| named == *part)
    }

    /// Whether the members spell the subject, whatever they mean.
    fn spells(&self, subject: &str) -> bool {
        let text = |member| self.get::<String>(member).ok();
        let spelt = || {
            Some(format!(
                "{}{}.{}.{}.{}",
                Subject::PREFIX,
                text("shard")?,
                text("organization")?,
                text("aggregatetype")?,
                text("aggregateid")?
            ))
        };
        spelt().is_some_and(|spelt| spelt == subject)
    }

    /// The first member that this version can't read.
    fn unknown(&self) -> UnreadableReason {
        let read = || {
            match self.get::<String>("specversion")?.as_str() {
                "1.0" => {}
                _ => return Err(Unknown { member: "specversion", problem: "it is not 1.0".to_owned() }),
            }
            self.get::<EventId>("id")?;
            let kind = self.get::<String>("type")?;
            self.get::<Moment>("time")?;
            let version = self.get::<u32>("schemaversion")?;
            if !names_schema(&self.get::<String>("dataschema")?, &kind, version) {
                let problem = "it names no schema of the event's type and version".to_owned();
                return Err(Unknown { member: "dataschema", problem });
            }
            self.get::<Subject>("subject")?;
            self.get::<Shard>("shard")?;
            self.get::<Owner>("organization")?;
            self.get::<AggregateType>("aggregatetype")?;
            self.get::<AggregateId>("aggregateid")?;
            self.optional::<EventId>("previousid")?;
            self.get::<Actor>("actor")?;
            self.get::<CommandId>("commandid")?;
            self.get::<Fingerprint>("fingerprint")?;
            self.optional::<EventId>("causationid")?;
            self.get::<IgnoredAny>("data")?;
            self.get::<SignerId>("writer")?;
            self.get::<Signature>("signature")
        };
        match read() {
            Ok(_) => UnreadableReason::Envelope,
            Err(unknown) => unknown.into(),
        }
    }
}

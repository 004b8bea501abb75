//! What a message is whose envelope this version can't read whole. A true event of this log is never passed over
//! for that: what is skipped in silence fails open. Its source tells that it is one, and the subject that it lies
//! on what it is about.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Fingerprint, Foreign, ForeignReason, Read, Unreadable, UnreadableReason, names_schema, source};
use crate::actor::Actor;
use crate::id::{CommandId, EventId, LogId};
use crate::log::Stored;
use crate::members::Members;
use crate::position::{Position, Shard};
use crate::subject::{AggregateId, AggregateType, Owner, Subject};
use crate::timestamp::Timestamp;
use crate::token::spelt;

/// The envelope's members as they stand in the message.
struct Envelope<'a>(Members<'a>);

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
        Ok(members) => Envelope(members),
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
        reason: members.unknown(),
    }))
}

impl Envelope<'_> {
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
            self.get::<Actor>("actor")?;
            self.get::<CommandId>("commandid")?;
            self.get::<Fingerprint>("fingerprint")?;
            if self.0.0.iter().any(|(name, _)| name == "causationid") {
                self.get::<Option<EventId>>("causationid")?;
            }
            self.get::<IgnoredAny>("data")
        };
        match read() {
            Ok(IgnoredAny) => UnreadableReason::Envelope,
            Err(unknown) => unknown.into(),
        }
    }
}

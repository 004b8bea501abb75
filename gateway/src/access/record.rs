//! A record, as it is told and as it is stored.

use std::collections::BTreeMap;
use std::net::IpAddr;

use events::sealed::{Field, SealedField};
use events::{Actor, EventId, KeyId, OrganizationId, Owner, SealedText, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

events::named! {
    /// What a record is of.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum Kind {
        /// An answer that held what people wrote. The same read by the same key within a minute is one.
        TextRead = "text.read",
        /// Records like these were read. Once an hour for each key.
        AccessRead = "access.read",
        /// A command that was not carried out, for what was asked or by whom.
        CommandRefused = "command.refused",
        /// A key was let in: its first request in an hour from an address.
        AuthenticationAccepted = "authentication.accepted",
        /// A key was not, once a minute from an address; or, counted, credentials that nobody has.
        AuthenticationRefused = "authentication.refused",
        /// A key did more in a minute than is told one by one.
        RecordsOmitted = "records.omitted",
    }
}

impl Kind {
    /// As its name says.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The key that asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Who {
    pub key: KeyId,
    /// Whose it is: under whose key its address is sealed.
    pub owner: Owner,
}

/// What is told of a request.
#[derive(Clone, Debug)]
pub struct Told {
    pub kind: Kind,
    pub time: Timestamp,
    pub who: Option<Who>,
    /// Who may read of it.
    pub about: Owner,
    pub request: Option<Uuid>,
    pub method: Option<String>,
    /// As the API's document has it.
    pub route: Option<String>,
    /// What its placeholders stand for.
    pub ids: BTreeMap<String, Uuid>,
    pub status: Option<u16>,
    /// The kind of problem that was answered. What it says in words may hold words of the request.
    pub problem: Option<String>,
    /// Why a key was not let in.
    pub reason: Option<&'static str>,
    /// Of how many it is.
    pub count: Option<u64>,
    pub address: Option<IpAddr>,
}

impl Told {
    pub fn new(kind: Kind, time: Timestamp, who: Option<Who>, about: Owner) -> Self {
        Self {
            kind,
            time,
            who,
            about,
            request: None,
            method: None,
            route: None,
            ids: BTreeMap::new(),
            status: None,
            problem: None,
            reason: None,
            count: None,
            address: None,
        }
    }
}

/// As it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    pub id: Uuid,
    pub time: Timestamp,
    /// A [`Kind`]; one of a newer version is passed on as it is.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// Absent: the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SealedAddress>,
}

/// From where it was asked: under the key of the organization that the asking key belongs to, or the installation's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SealedAddress {
    pub owner: Owner,
    pub text: SealedText,
}

impl Record {
    /// Without its address, which is to be sealed to its id.
    pub fn of(id: Uuid, told: Told) -> Self {
        Self {
            id,
            time: told.time,
            kind: told.kind.as_str().to_owned(),
            actor: told.who.map(|who| Actor::Key(who.key)),
            organization: told.about.organization(),
            request: told.request,
            method: told.method,
            route: told.route,
            ids: told.ids,
            status: told.status,
            problem: told.problem,
            reason: told.reason.map(str::to_owned),
            count: told.count,
            address: None,
        }
    }

    /// What its address is sealed to.
    pub fn field(id: Uuid, owner: Owner) -> Option<SealedField> {
        let aggregate = id.to_string().parse().ok()?;
        Some(SealedField {
            keyholder: owner.into(),
            aggregate,
            event: EventId::new(id),
            field: Field::Address,
        })
    }
}

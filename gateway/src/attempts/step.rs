//! One step, as it is told and as it is stored.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use events::{GrantId, Timestamp};
use http::HeaderMap;
use http::header::USER_AGENT;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::unseen;

/// The steps, in the order in which a client takes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A 401 that said where to begin.
    Challenge,
    ResourceMetadata,
    ServerMetadata,
    Registration,
    /// An authorization request was taken.
    Authorization,
    SignIn,
    /// The person allowed it, and the code was sent.
    Consent,
    Token,
    /// The first call that was let in.
    Call,
}

impl Stage {
    #[cfg(test)]
    pub const ALL: [Self; 9] = [
        Self::Challenge,
        Self::ResourceMetadata,
        Self::ServerMetadata,
        Self::Registration,
        Self::Authorization,
        Self::SignIn,
        Self::Consent,
        Self::Token,
        Self::Call,
    ];

    /// As it is stored and answered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::ResourceMetadata => "resource_metadata",
            Self::ServerMetadata => "server_metadata",
            Self::Registration => "registration",
            Self::Authorization => "authorization",
            Self::SignIn => "sign_in",
            Self::Consent => "consent",
            Self::Token => "token",
            Self::Call => "call",
        }
    }
}

/// Why a step was refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody registers here by themselves.
    RegistrationOff,
    /// The initial access token is missing or wrong.
    RegistrationToken,
    /// An address that no answer is sent to.
    Redirect,
    /// What the client says of itself.
    Metadata,
    TooMany,
    ClientUnknown,
    ClientDisabled,
    /// Its document can't be fetched.
    DocumentAway,
    DocumentUnfit,
    PushedGone,
    /// It is not what the protocol asks for, such as without PKCE.
    Request,
    Resource,
    Scope,
    /// Nothing may be shown, and somebody had to be asked.
    Silent,
    /// The identity provider, or its word.
    Issuer,
    /// The person has no account, or none that counts.
    Person,
    Key,
    /// Another browser, or one that keeps no cookies.
    Browser,
    Denied,
    NotApproved,
    OtherOrganization,
    NoRight,
    /// The client did not show who it is.
    ClientProof,
    /// The code, or what belongs to it.
    Code,
    /// A token that does not count.
    Token,
    /// Something of ours does not answer.
    Unavailable,
}

#[cfg(test)]
impl Why {
    pub const ALL: [Self; 26] = [
        Self::RegistrationOff,
        Self::RegistrationToken,
        Self::Redirect,
        Self::Metadata,
        Self::TooMany,
        Self::ClientUnknown,
        Self::ClientDisabled,
        Self::DocumentAway,
        Self::DocumentUnfit,
        Self::PushedGone,
        Self::Request,
        Self::Resource,
        Self::Scope,
        Self::Silent,
        Self::Issuer,
        Self::Person,
        Self::Key,
        Self::Browser,
        Self::Denied,
        Self::NotApproved,
        Self::OtherOrganization,
        Self::NoRight,
        Self::ClientProof,
        Self::Code,
        Self::Token,
        Self::Unavailable,
    ];
}

/// From where somebody asks, and by which program: what an attempt is known by until its client has a name.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Visitor {
    /// The network, not the address: whose machine it was is nobody's matter here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// As it is stored.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Step {
    pub at: Timestamp,
    pub stage: Stage,
    /// `None`: it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What the client or the person was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// `client_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// `organization/server`, as its address has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The authorization request, by a name that opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// Where the answer goes: without what stands after `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    #[serde(flatten)]
    pub visitor: Visitor,
}

/// What is kept of a text, in characters.
const LONGEST: usize = 300;
const LONGEST_AGENT: usize = 120;

impl Step {
    pub fn new(at: Timestamp, stage: Stage) -> Self {
        Self {
            at,
            stage,
            why: None,
            said: None,
            client: None,
            server: None,
            request: None,
            grant: None,
            redirect: None,
            visitor: Visitor::default(),
        }
    }

    #[must_use]
    pub fn refused(self, why: Why, said: &str) -> Self {
        Self { why: Some(why), said: kept(said), ..self }
    }

    #[must_use]
    pub fn by(self, visitor: Visitor) -> Self {
        Self { visitor, ..self }
    }
}

/// One line of it, as far as it is kept; `None`: there is nothing.
pub fn kept(text: &str) -> Option<String> {
    shortened(text, LONGEST)
}

fn shortened(text: &str, most: usize) -> Option<String> {
    let short: String = text.chars().take(most).collect();
    Some(unseen::one_line(short.trim())).filter(|text| !text.is_empty())
}

impl Visitor {
    /// The connection's other end, such as a proxy, and what it calls itself.
    pub fn of(peer: Option<IpAddr>, headers: &HeaderMap) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self { from: peer.map(network), agent: agent.and_then(|agent| shortened(agent, LONGEST_AGENT)) }
    }
}

/// The network of an address: 24 bits of IPv4, 48 of IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

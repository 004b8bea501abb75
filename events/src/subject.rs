//! Subjects: where an aggregate's events lie in the log.
//!
//! `kl.events.<shard>.<organization>.<aggregate type>.<aggregate id>`, one subject per aggregate; `_` stands
//! for the installation in the organization's place.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::id::{
    ApprovalId, ClientId, ConsentId, GrantId, InstallationId, InvitationId, IssuerId, KeyId, MemberId,
    OrganizationId, ServerId, UserId, WebhookId,
};
use crate::position::Shard;
use crate::slug::{Slug, SlugKind};
use crate::token::{TOKEN, UUID, is_token, text_serde};

/// The subjects of every event.
pub const ALL_EVENTS: &str = "kl.events.>";

/// To whom an aggregate belongs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Owner {
    /// The installation itself: `_`.
    Installation,
    Organization(OrganizationId),
}

impl Owner {
    pub fn organization(self) -> Option<OrganizationId> {
        match self {
            Self::Installation => None,
            Self::Organization(id) => Some(id),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation => f.write_str("_"),
            Self::Organization(id) => id.fmt(f),
        }
    }
}

impl FromStr for Owner {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if text == "_" {
            return Ok(Self::Installation);
        }
        text.parse().map(Self::Organization).map_err(|_| SubjectError(text.chars().take(64).collect()))
    }
}

text_serde!(Owner, "Owner", "an organization's id, or _ for the installation itself", {
    "pattern": format!("^(?:_|{UUID})$"),
});

macro_rules! aggregate_types {
    ($($type:ident = $name:literal;)*) => {
        /// What kind of thing an aggregate is.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum AggregateType {
            $($type,)*
            /// A type that a newer version writes: a valid token that this one does not know.
            Unknown(Box<str>),
        }

        impl AggregateType {
            /// Every type that this version knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$type),*];

            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$type => $name,)*
                    Self::Unknown(name) => name,
                }
            }
        }

        impl FromStr for AggregateType {
            type Err = SubjectError;

            fn from_str(text: &str) -> Result<Self, SubjectError> {
                match text {
                    $($name => Ok(Self::$type),)*
                    other if is_token(other) => Ok(Self::Unknown(other.into())),
                    other => Err(SubjectError(other.chars().take(64).collect())),
                }
            }
        }
    };
}

aggregate_types! {
    Installation = "installation";
    Organization = "organization";
    Server = "server";
    Key = "key";
    Slug = "slug";
    Webhook = "webhook";
    Person = "person";
    Member = "member";
    Invitation = "invitation";
    Client = "client";
    Approval = "approval";
    Consent = "consent";
    Grant = "grant";
    Issuer = "issuer";
}

impl fmt::Display for AggregateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

text_serde!(AggregateType, "AggregateType", "what kind of thing it is, such as key", {
    "pattern": format!("^{TOKEN}$"),
});

/// An aggregate's id as it stands in a subject: a UUID, or `<kind>-<slug>` for a reservation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AggregateId(Box<str>);

impl AggregateId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of_reservation(kind: SlugKind, slug: &Slug) -> Self {
        Self(format!("{}-{slug}", kind.as_str()).into())
    }
}

macro_rules! aggregate_id_from {
    ($($id:ty),*) => {$(
        impl From<$id> for AggregateId {
            fn from(id: $id) -> Self {
                Self(id.to_string().into())
            }
        }

        impl TryFrom<&AggregateId> for $id {
            type Error = crate::id::IdError;

            fn try_from(id: &AggregateId) -> Result<Self, Self::Error> {
                id.0.parse()
            }
        }
    )*};
}
aggregate_id_from!(
    InstallationId,
    OrganizationId,
    ServerId,
    KeyId,
    WebhookId,
    UserId,
    MemberId,
    InvitationId,
    ClientId,
    ApprovalId,
    ConsentId,
    GrantId,
    IssuerId
);

impl fmt::Display for AggregateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AggregateId {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if is_token(text) {
            Ok(Self(text.into()))
        } else {
            Err(SubjectError(text.chars().take(64).collect()))
        }
    }
}

text_serde!(AggregateId, "AggregateId", "lower-case letters, digits, - and _", { "pattern": format!("^{TOKEN}$") });

/// One aggregate's place in the log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject {
    pub shard: Shard,
    pub owner: Owner,
    pub aggregate_type: AggregateType,
    pub aggregate_id: AggregateId,
}

/// The text is not a subject of ours, or not a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not kl.events.<shard>.<organization>.<aggregate type>.<aggregate id>, or no part of it")]
pub struct SubjectError(pub String);

impl Subject {
    pub(crate) const PREFIX: &str = "kl.events.";

    /// Of something that nobody here can tell: it may be about all of the installation.
    pub(crate) fn unknown() -> Self {
        let unknown = || Self::unknown_type().into();
        Self::of(Owner::Installation, AggregateType::Unknown(unknown()), AggregateId(unknown()))
    }

    /// The aggregate type of what nobody here can tell.
    pub fn unknown_type() -> &'static str {
        "unknown"
    }

    /// What the subjects of an owner's aggregates of one type begin with.
    pub fn start(owner: Owner, aggregate_type: &AggregateType) -> String {
        format!("{}{}.{owner}.{aggregate_type}.", Self::PREFIX, Shard::ZERO)
    }

    pub fn installation(id: InstallationId) -> Self {
        Self::of(Owner::Installation, AggregateType::Installation, id.into())
    }

    pub fn organization(id: OrganizationId) -> Self {
        Self::of(Owner::Installation, AggregateType::Organization, id.into())
    }

    pub fn server(organization: OrganizationId, id: ServerId) -> Self {
        Self::of(Owner::Organization(organization), AggregateType::Server, id.into())
    }

    pub fn key(owner: Owner, id: KeyId) -> Self {
        Self::of(owner, AggregateType::Key, id.into())
    }

    pub fn webhook(owner: Owner, id: WebhookId) -> Self {
        Self::of(owner, AggregateType::Webhook, id.into())
    }

    pub fn person(id: UserId) -> Self {
        Self::of(Owner::Installation, AggregateType::Person, id.into())
    }

    pub fn member(organization: OrganizationId, id: MemberId) -> Self {
        Self::of(Owner::Organization(organization), AggregateType::Member, id.into())
    }

    pub fn invitation(organization: OrganizationId, id: InvitationId) -> Self {
        Self::of(Owner::Organization(organization), AggregateType::Invitation, id.into())
    }

    pub fn client(owner: Owner, id: ClientId) -> Self {
        Self::of(owner, AggregateType::Client, id.into())
    }

    pub fn approval(organization: OrganizationId, id: ApprovalId) -> Self {
        Self::of(Owner::Organization(organization), AggregateType::Approval, id.into())
    }

    pub fn consent(organization: OrganizationId, id: ConsentId) -> Self {
        Self::of(Owner::Organization(organization), AggregateType::Consent, id.into())
    }

    pub fn grant(organization: OrganizationId, id: GrantId) -> Self {
        Self::of(Owner::Organization(organization), AggregateType::Grant, id.into())
    }

    pub fn issuer(owner: Owner, id: IssuerId) -> Self {
        Self::of(owner, AggregateType::Issuer, id.into())
    }

    pub fn slug(owner: Owner, kind: SlugKind, slug: &Slug) -> Self {
        Self::of(owner, AggregateType::Slug, AggregateId::of_reservation(kind, slug))
    }

    fn of(owner: Owner, aggregate_type: AggregateType, aggregate_id: AggregateId) -> Self {
        Self { shard: Shard::ZERO, owner, aggregate_type, aggregate_id }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}.{}.{}.{}",
            Self::PREFIX,
            self.shard,
            self.owner,
            self.aggregate_type,
            self.aggregate_id
        )
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError(text.chars().take(200).collect());
        let mut tokens = text.strip_prefix(Self::PREFIX).ok_or_else(wrong)?.split('.');
        let (Some(shard), Some(owner), Some(kind), Some(id), None) =
            (tokens.next(), tokens.next(), tokens.next(), tokens.next(), tokens.next())
        else {
            return Err(wrong());
        };
        Ok(Self {
            shard: shard.parse().map_err(|_| wrong())?,
            owner: owner.parse().map_err(|_| wrong())?,
            aggregate_type: kind.parse().map_err(|_| wrong())?,
            aggregate_id: id.parse().map_err(|_| wrong())?,
        })
    }
}

text_serde!(Subject, "Subject", "kl.events.<shard>.<organization>.<aggregate type>.<aggregate id>", {
    "pattern": format!(r"^kl\.events\.0\.(?:_|{UUID})\.{TOKEN}\.{TOKEN}$"),
});

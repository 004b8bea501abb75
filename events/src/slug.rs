//! Slugs: the names that stand in URLs and scopes, and the event that claims one.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sealed::{Field, SealedText};
use crate::subject::AggregateId;
use crate::token::text_serde;

/// 1 to 63 lower-case letters, digits and single inner hyphens (a DNS label), such as `acme-tools`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slug(Box<str>);

/// The text is not a slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a slug: 1 to 63 lower-case letters, digits and single hyphens between them")]
pub struct SlugError(pub String);

impl Slug {
    pub const MAX_BYTES: usize = 63;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of an id, a digest or a number: what is written so is a slug.
    pub(crate) fn written(text: impl fmt::Display) -> Self {
        Self(text.to_string().into())
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        let bytes = text.as_bytes();
        let good = (1..=Self::MAX_BYTES).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if good { Ok(Self(text.into())) } else { Err(SlugError(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_serde!(Slug, "Slug", "1 to 63 lower-case letters, digits and single hyphens between them", {
    "pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    "maxLength": Slug::MAX_BYTES,
});

crate::named! {
    /// What a slug names.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SlugKind {
        Organization = "organization",
        Server = "server",
        /// Who somebody is at an identity provider: the digest of it.
        Identity = "identity",
        /// What comes of an invitation: it makes one member, or is withdrawn.
        Invitation = "invitation",
        /// The ordinal number of an owner who leaves an organization: of two who leave at once, one is later.
        Departure = "departure",
        Issuer = "issuer",
    }
}

impl SlugKind {
    /// Whether not even the object that it names claims it again: it stands for something that happens once.
    pub fn is_claimed_once(self) -> bool {
        match self {
            Self::Organization | Self::Server | Self::Identity | Self::Issuer => false,
            Self::Invitation | Self::Departure => true,
        }
    }
}

/// A slug that an event claims for its own aggregate: `commit` stores the reservation in the same batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    pub kind: SlugKind,
    pub slug: Slug,
}

impl Reservation {
    /// The reservation's own aggregate: `<kind>-<slug>`.
    pub fn aggregate_id(&self) -> AggregateId {
        AggregateId::of_reservation(self.kind, &self.slug)
    }
}

/// Events of a slug. A slug belongs to one object for ever: it never names another one, also after removal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SlugEvent {
    Reserved(Reserved),
}

impl SlugEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Reserved(Reserved { kind: _, slug: _, object: _ }) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Reserved(_) => None,
        }
    }
}

/// `slug.reserved` version 1: a slug names this object, for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reserved {
    pub kind: SlugKind,
    pub slug: Slug,
    /// The aggregate that the slug names from now on.
    pub object: AggregateId,
}

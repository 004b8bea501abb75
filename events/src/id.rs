//! Ids. Each kind is a type of its own, so that a key's id can't stand where a server's is asked for.

mod derived;
#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::token::{Text, UUID};

/// The text is not a UUID in its hyphenated lower-case form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: `{text}` is not a UUID such as 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b")]
pub struct IdError {
    pub kind: &'static str,
    pub text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(extend("pattern" = format!("^{UUID}$")))]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text("a UUID in lower case with hyphens", PhantomData))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Only the hyphenated lower-case form: one id has one spelling.
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text)
                    .ok()
                    .filter(|uuid| {
                        let mut buffer = Uuid::encode_buffer();
                        *uuid.as_hyphenated().encode_lower(&mut buffer) == *text
                    })
                    .map(Self)
                    .ok_or_else(|| IdError { kind: stringify!($name), text: text.chars().take(64).collect() })
            }
        }
    )*};
}

ids! {
    /// One Keyledger installation.
    InstallationId;
    /// An organization: the tenant that owns servers and keys.
    OrganizationId;
    /// An MCP server behind the gateway.
    ServerId;
    /// An API key: the object, not its secret.
    KeyId;
    /// A webhook: where events are sent to.
    WebhookId;
    /// A tenant of Entra ID.
    TenantId;
    /// One secret of a key, or of a webhook. A key that is rotated keeps its id and gets a new secret id.
    SecretId;
    /// A person.
    UserId;
    /// A person's membership in an organization.
    MemberId;
    /// An invitation to become a member.
    InvitationId;
    /// An OAuth client.
    ClientId;
    /// What a person or a client was granted.
    GrantId;
    /// An identity provider that people sign in at.
    IssuerId;
    /// What somebody consented to.
    ConsentId;
    /// That an organization lets its people use a client.
    ApprovalId;
    /// One event.
    EventId;
    /// One command: what makes a retry recognisable.
    CommandId;
    /// One event log: the id of shard 0's first event.
    LogId;
    /// A pepper under which key digests are made.
    PepperId;
    /// A key under which free text is sealed.
    SealingKeyId;
    /// A key that signs access tokens.
    TokenKeyId;
    /// A key that signs events, or heads of the log.
    SignerId;
}

impl From<EventId> for LogId {
    /// The log is named by its first event.
    fn from(first: EventId) -> Self {
        Self(first.uuid())
    }
}

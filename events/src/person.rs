//! Events of a person: somebody who signs in, known by what identity providers say. Nobody is known by an e-mail address
//! alone, and what is personal is sealed under a key of the person's own.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::IssuerId;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::{Reservation, Slug, SlugKind};
use crate::token::{object, text_serde};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PersonEvent {
    Added(Added),
    IdentityAdded(IdentityAdded),
    IdentityRemoved(IdentityRemoved),
    ProfileChanged(ProfileChanged),
    Suspended(Suspended),
    Resumed(Resumed),
    SignedOut(SignedOut),
    Ended(Ended),
    Forgotten(Forgotten),
}

impl PersonEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Added(Added { identity: _, email, email_verified: _, name, picture })
            | Self::ProfileChanged(ProfileChanged { email, email_verified: _, name, picture }) => {
                let mut fields = optional(Field::Email, email);
                fields.extend(optional(Field::Name, name));
                fields.extend(optional(Field::Picture, picture));
                fields
            }
            Self::Suspended(Suspended { reason })
            | Self::Resumed(Resumed { reason })
            | Self::Ended(Ended { reason }) => optional(Field::Reason, reason),
            Self::IdentityAdded(IdentityAdded { identity: _ })
            | Self::IdentityRemoved(IdentityRemoved { identity: _ })
            | Self::SignedOut(SignedOut {})
            | Self::Forgotten(Forgotten {}) => Vec::new(),
        }
    }

    /// An identity is one person's for ever.
    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Added(Added { identity, .. }) | Self::IdentityAdded(IdentityAdded { identity }) => {
                Some(identity.reservation())
            }
            Self::IdentityRemoved(_)
            | Self::ProfileChanged(_)
            | Self::Suspended(_)
            | Self::Resumed(_)
            | Self::SignedOut(_)
            | Self::Ended(_)
            | Self::Forgotten(_) => None,
        }
    }
}

/// Who a person is at an identity provider.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    pub issuer: IssuerId,
    pub digest: IdentityDigest,
}

impl Identity {
    fn reservation(&self) -> Reservation {
        Reservation { kind: SlugKind::Identity, slug: self.digest.slug() }
    }
}

/// The first 20 bytes of HMAC-SHA-256 over issuer, tenant and subject, under a key that the log does not hold: whoever
/// reads the log learns no subject of it, nor whether it is somebody's whose subject is known. 40 lower-case
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityDigest(pub [u8; 20]);

/// The text is no such digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identity's digest is 40 lower-case hexadecimal digits")]
pub struct IdentityDigestError;

impl IdentityDigest {
    /// Under which it is reserved.
    pub fn slug(&self) -> Slug {
        Slug::written(self)
    }
}

impl fmt::Display for IdentityDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for IdentityDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for IdentityDigest {
    type Err = IdentityDigestError;

    fn from_str(text: &str) -> Result<Self, IdentityDigestError> {
        let digits: Option<Vec<u8>> = text
            .bytes()
            .map(|digit| match digit {
                b'0'..=b'9' => Some(digit - b'0'),
                b'a'..=b'f' => Some(digit - b'a' + 10),
                _ => None,
            })
            .collect();
        let digits = digits.filter(|digits| digits.len() == 40).ok_or(IdentityDigestError)?;
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
        }
        Ok(Self(bytes))
    }
}

text_serde!(IdentityDigest, "IdentityDigest", "20 bytes, 40 lower-case hexadecimal digits", {
    "pattern": "^[0-9a-f]{40}$",
});

/// `person.added` version 1: somebody who signed in for the first time, or whom an operator expects.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Added {
    #[serde(deserialize_with = "object")]
    pub identity: Identity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<SealedText>,
    /// Whether the identity provider says that the address is the person's.
    pub email_verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SealedText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<SealedText>,
}

/// `person.identity_added` version 1: the person signs in by this one as well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IdentityAdded {
    #[serde(deserialize_with = "object")]
    pub identity: Identity,
}

/// `person.identity_removed` version 1: the person no longer signs in by this one. It becomes nobody else's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IdentityRemoved {
    #[serde(deserialize_with = "object")]
    pub identity: Identity,
}

/// `person.profile_changed` version 1: all that is known of the person from now on. What is absent is known no longer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProfileChanged {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<SealedText>,
    /// Whether the identity provider says that the address is the person's.
    pub email_verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SealedText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<SealedText>,
}

/// `person.suspended` version 1: nothing of theirs works until the person is resumed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Suspended {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `person.resumed` version 1: what was theirs works again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `person.signed_out` version 1: every session that began before ends, and nothing else does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SignedOut {}

/// `person.ended` version 1: for ever. With the person end their sessions, their grants, their own keys and what they
/// are in organizations.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `person.forgotten` version 1: what is known of a person who is ended is erased wherever it can be read, and the key
/// that sealed it is deleted. The last event of a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Forgotten {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_digest_is_read_back_from_its_text_and_is_a_slug(bytes in any::<[u8; 20]>()) {
            let digest = IdentityDigest(bytes);
            prop_assert_eq!(digest.to_string().parse::<IdentityDigest>().unwrap(), digest);
            prop_assert_eq!(digest.to_string().parse::<Slug>().unwrap(), digest.slug());
        }
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let good = "0123456789abcdef0123456789abcdef01234567";
        assert!(good.parse::<IdentityDigest>().is_ok());
        for bad in ["", &good[1..], &good.to_uppercase(), &good.replace('0', "g"), &format!("{good}0")] {
            assert!(bad.parse::<IdentityDigest>().is_err(), "{bad}");
        }
    }
}

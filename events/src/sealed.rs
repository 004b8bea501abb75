//! Sealed text: free text and personal fields as the log holds them. Deleting the key forgets the text,
//! and the log stays whole.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{EventId, OrganizationId, SealingKeyId, UserId};
use crate::parts;
use crate::subject::{AggregateId, AggregateType, Owner, Subject};
use crate::token::{object, text_serde};

/// AES-256-GCM (NIST SP 800-38D) ciphertext with its 16-byte tag, under the organization's sealing key.
// Or another [`Keyholder`]'s. The line above stands in committed schemas, which never change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SealedText {
    pub key: SealingKeyId,
    pub nonce: SealedBytes,
    pub ciphertext: SealedBytes,
}

impl<'de> Deserialize<'de> for SealedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            key: SealingKeyId,
            nonce: SealedBytes,
            ciphertext: SealedBytes,
        }
        let Members { key, nonce, ciphertext } = object(deserializer)?;
        Ok(Self { key, nonce, ciphertext })
    }
}

/// Bytes, base64url without padding in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBytes(pub Vec<u8>);

/// The text is not base64url.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes are base64url without padding")]
pub struct SealedBytesError;

impl fmt::Display for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sealed bytes", self.0.len())
    }
}

impl FromStr for SealedBytes {
    type Err = SealedBytesError;

    fn from_str(text: &str) -> Result<Self, SealedBytesError> {
        URL_SAFE_NO_PAD.decode(text).map(Self).map_err(|_| SealedBytesError)
    }
}

text_serde!(SealedBytes, "SealedBytes", "bytes, base64url without padding", {
    "pattern": "^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$",
});

crate::named! {
    /// A field of an event that holds sealed text. Its name is part of the seal, so it never changes.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Field {
        Name = "name",
        Reason = "reason",
        /// A JSON object.
        Metadata = "metadata",
        /// An IP address: of no event, but of a record of who read or tried something.
        Address = "address",
        /// Where a webhook's events are sent to: it may hold a token.
        Url = "url",
        Email = "email",
        /// Where a person's picture lies.
        Picture = "picture",
    }
}

/// A field whose text may be absent.
pub(crate) fn optional(field: Field, text: &Option<SealedText>) -> Vec<(Field, &SealedText)> {
    text.iter().map(|text| (field, text)).collect()
}

/// Whose sealing key a text is sealed under, and so with whom it is forgotten.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Keyholder {
    Owner(Owner),
    /// What is known of a person is forgotten with that person.
    Person(UserId),
}

impl Keyholder {
    /// Whose key seals the texts of an aggregate's events.
    pub fn of(subject: &Subject) -> Self {
        let id = &subject.aggregate_id;
        let own = match subject.aggregate_type {
            AggregateType::Organization => {
                OrganizationId::try_from(id).ok().map(|id| Self::Owner(Owner::Organization(id)))
            }
            AggregateType::Person => UserId::try_from(id).ok().map(Self::Person),
            AggregateType::Installation
            | AggregateType::Server
            | AggregateType::Key
            | AggregateType::Slug
            | AggregateType::Webhook
            | AggregateType::Member
            | AggregateType::Invitation
            | AggregateType::Client
            | AggregateType::Approval
            | AggregateType::Consent
            | AggregateType::Grant
            | AggregateType::Issuer
            | AggregateType::Unknown(_) => None,
        };
        own.unwrap_or(Self::Owner(subject.owner))
    }
}

impl From<Owner> for Keyholder {
    fn from(owner: Owner) -> Self {
        Self::Owner(owner)
    }
}

/// As it stands in associated data: it never changes.
impl fmt::Display for Keyholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(owner) => owner.fmt(f),
            Self::Person(id) => write!(f, "person:{id}"),
        }
    }
}

/// Which field of which event a text belongs to. It is the seal's associated data, so that a text moved to
/// another event, field or organization does not open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedField {
    pub keyholder: Keyholder,
    pub aggregate: AggregateId,
    pub event: EventId,
    pub field: Field,
}

impl SealedField {
    /// A field of an aggregate's event. An organization's own texts are sealed under its own key, and a person's under
    /// that person's, although their subjects belong to the installation.
    pub fn of(subject: &Subject, event: EventId, field: Field) -> Self {
        Self { keyholder: Keyholder::of(subject), aggregate: subject.aggregate_id.clone(), event, field }
    }

    /// Each part with its length before it, so that no two fields share an encoding.
    pub fn associated_data(&self) -> Vec<u8> {
        let (keyholder, event) = (self.keyholder.to_string(), self.event.to_string());
        let parts = [&keyholder, self.aggregate.as_str(), &event, self.field.as_str()];
        parts::joined(parts.map(str::as_bytes))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::KeyId;

    #[test]
    fn organizations_and_people_have_their_own_texts_under_their_own_keys() {
        let organization: OrganizationId = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b".parse().unwrap();
        let event: EventId = "0190a1b2-c3d4-7e5f-8a6b-000000000001".parse().unwrap();
        let key: KeyId = "0190a1b2-c3d4-7e5f-8a6b-000000000002".parse().unwrap();
        let person: UserId = "0190a1b2-c3d4-7e5f-8a6b-000000000003".parse().unwrap();
        let of_organization = Keyholder::Owner(Owner::Organization(organization));
        for (subject, keyholder) in [
            (Subject::organization(organization), of_organization),
            (Subject::key(Owner::Organization(organization), key), of_organization),
            (Subject::key(Owner::Installation, key), Owner::Installation.into()),
            (Subject::person(person), Keyholder::Person(person)),
            (Subject::member(organization, crate::MemberId::of(organization, person)), of_organization),
        ] {
            let field = SealedField::of(&subject, event, Field::Name);
            assert_eq!((field.keyholder, field.aggregate), (keyholder, subject.aggregate_id));
        }
    }

    /// A text that is moved to another organization, aggregate, event or field does not open.
    #[test]
    fn no_two_fields_share_their_associated_data() {
        let keyholders = [
            Owner::Installation.into(),
            Keyholder::Owner(Owner::Organization(OrganizationId::new(Uuid::from_u128(1)))),
            Keyholder::Person(UserId::new(Uuid::from_u128(1))),
        ];
        let mut seen = std::collections::HashSet::new();
        for keyholder in keyholders {
            for aggregate in ["a", "ab", "a-b"] {
                for event in [1, 2] {
                    for field in Field::ALL {
                        let field = SealedField {
                            keyholder,
                            aggregate: aggregate.parse().unwrap(),
                            event: EventId::new(Uuid::from_u128(event)),
                            field,
                        };
                        assert!(seen.insert(field.associated_data()), "{field:?}");
                    }
                }
            }
        }
    }

    /// Stored ciphertexts open with these bytes: they never change.
    #[test]
    fn associated_data_is_each_part_after_its_length() {
        let field = SealedField {
            keyholder: Owner::Installation.into(),
            aggregate: "k".parse().unwrap(),
            event: EventId::new(Uuid::nil()),
            field: Field::Name,
        };
        let mut expected = Vec::new();
        for part in ["_", "k", "00000000-0000-0000-0000-000000000000", "name"] {
            expected.extend([0, 0, 0, 0, 0, 0, 0, u8::try_from(part.len()).unwrap()]);
            expected.extend(part.as_bytes());
        }
        assert_eq!(field.associated_data(), expected);
    }

    #[test]
    fn sealed_bytes_are_not_shown() {
        assert_eq!(format!("{:?}", SealedBytes(vec![1, 2, 3])), "3 sealed bytes");
    }
}

//! `POST /api/v1/keys/verify`: its place in the document. The public listener serves it, by `request::verify`,
//! from memory; a test here holds the two to the same shapes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::issue::EnvironmentOfKey;

/// A question about a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyKey {
    /// The key in question, as its holder sent it.
    pub key: String,
    /// Scopes separated by spaces, such as `mcp:docs:tools:search`: is the key good for all of them?
    #[serde(default)]
    pub scope: Option<String>,
    /// A server's slug: does the key open it at all?
    #[serde(default)]
    pub server: Option<String>,
}

/// What is known of the key now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAnswer {
    /// Whether it is good for what was asked.
    pub valid: bool,
    pub outcome: VerifyOutcome,
    /// Absent for a key that is malformed, unknown or another organization's.
    #[serde(default)]
    pub key: Option<VerifiedKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifyOutcome {
    Valid,
    Malformed,
    /// Or another organization's.
    Unknown,
    Revoked,
    Disabled,
    NotYetValid,
    Expired,
    OrganizationSuspended,
    /// The person who holds it is.
    PersonSuspended,
    PersonEnded,
    /// The person who holds it is no member of its organization.
    NoMember,
    /// An event about it can't be read or may not be obeyed: nobody can judge it.
    Closed,
    InsufficientScope,
}

/// A key of one's own organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedKey {
    pub id: Uuid,
    pub prefix: String,
    pub last_four: String,
    #[serde(default)]
    pub organization: Option<Uuid>,
    pub owner: VerifiedOwner,
    pub environment: EnvironmentOfKey,
    /// None of a revoked key, which also has no times.
    pub scopes: Vec<String>,
    #[serde(default)]
    #[schema(format = DateTime)]
    pub not_before: Option<String>,
    #[serde(default)]
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// For whom the key speaks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum VerifiedOwner {
    Installation,
    Organization,
    User { id: Uuid },
    Service { id: Uuid },
}

/// Verify a key
///
/// Whether a key is good for a scope, answered from memory by any node, on the **public** listener. The asking
/// key needs the scope `keys:verify`, and learns of keys of its own organization only: the answer for any
/// other key is the same as for one that does not exist.
#[utoipa::path(
    post,
    path = "/api/v1/keys/verify",
    operation_id = "keys_verify",
    tag = "verify",
    request_body = VerifyKey,
    responses((status = 200, description = "The answer", body = VerifyAnswer))
)]
#[expect(dead_code, reason = "its document only: the public listener serves it")]
pub fn verify() {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use events::key::{Environment, KeyOwner};
    use events::{KeyId, OrganizationId, Timestamp};

    use super::*;
    use crate::request::verify::{KeyFacts, Question, Verdict};

    #[test]
    fn the_document_shows_what_is_asked_and_answered() {
        let asked =
            VerifyKey { key: "k".into(), scope: Some("mcp:docs".into()), server: Some("docs".into()) };
        let asked = serde_json::to_string(&asked).unwrap();
        assert!(serde_json::from_str::<Question<'_>>(&asked).is_ok());

        let facts = KeyFacts {
            id: KeyId::new(Uuid::from_u128(1)),
            prefix: "kl_live".into(),
            last_four: "abcd".into(),
            organization: Some(OrganizationId::new(Uuid::from_u128(2))),
            owner: KeyOwner::Organization,
            environment: Environment::Live,
            scopes: Arc::new("mcp:docs".parse().unwrap()),
            not_before: Some(Timestamp::UNIX_EPOCH),
            expires_at: Some(Timestamp::UNIX_EPOCH),
        };
        let verdict = Verdict { valid: true, outcome: "valid", key: Some(facts) };
        let answered = serde_json::to_string(&verdict).unwrap();
        let answered: VerifyAnswer = serde_json::from_str(&answered).unwrap();
        assert_eq!((answered.valid, answered.outcome), (true, VerifyOutcome::Valid));
    }

    #[test]
    fn every_outcome_has_its_name_in_the_document() {
        use crate::request::AuthenticationError;
        use crate::request::principal::Invalid;
        let invalid = [
            Invalid::Revoked,
            Invalid::Disabled,
            Invalid::NotYetValid,
            Invalid::Expired,
            Invalid::OrganizationSuspended,
            Invalid::PersonSuspended,
            Invalid::PersonEnded,
            Invalid::NoMember,
            Invalid::Closed,
        ];
        let names = invalid.map(Invalid::name).into_iter();
        let names = names.chain([AuthenticationError::Malformed.name(), AuthenticationError::Unknown.name()]);
        for name in names {
            assert!(serde_json::from_str::<VerifyOutcome>(&format!("\"{name}\"")).is_ok(), "{name}");
        }
    }
}

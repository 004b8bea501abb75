//! `POST /api/v1/keys/verify`: its place in the document. The public listener serves it, by `request::verify`,
//! from memory; a test here holds the two to the same shapes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::issue::EnvironmentOfKey;

/// A question about a key, or an access token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyKey {
    /// The key in question, or an access token of this gateway, as its holder sent it.
    pub key: String,
    /// Scopes separated by spaces, such as `mcp:docs:tools:search`: is it good for all of them?
    #[serde(default)]
    pub scope: Option<String>,
    /// A server's slug: does it open that one at all?
    #[serde(default)]
    pub server: Option<String>,
}

/// What is known of it now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAnswer {
    /// Whether it is good for what was asked.
    pub valid: bool,
    pub outcome: VerifyOutcome,
    /// Absent for a key that is malformed, unknown or another organization's.
    #[serde(default)]
    pub key: Option<VerifiedKey>,
    /// By which an access token's client acts; absent where that is unknown, or another organization's.
    #[serde(default)]
    pub grant: Option<VerifiedGrant>,
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
    /// An access token that is none of this gateway.
    ForeignToken,
    /// An access token that no key of this gateway has signed, or that was changed.
    BadSignature,
    /// The key that signed the access token is retired.
    TokenKey,
    /// An access token for a server that is none of this gateway.
    WrongAudience,
    /// An access token's grant was ended.
    GrantEnded,
    /// By whose right the client acts: they have none any more.
    GrantHolder,
    ClientDisabled,
    ClientGone,
    /// The organization wants clients to be approved, and has not approved this one.
    ClientNotApproved,
    ConsentWithdrawn,
}

/// A grant of one's own organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedGrant {
    pub id: Uuid,
    /// For whom the client acts: `user:<id>` of a person, or what a key says of whom it speaks for.
    pub subject: String,
    /// The client, as OAuth knows it.
    pub client_id: String,
    pub organization: Uuid,
    /// The slug of the one server that the token is for.
    pub server: String,
    /// What the client may do with this token now.
    pub scopes: Vec<String>,
    #[schema(format = DateTime)]
    pub expires_at: String,
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

/// Verify a key or an access token
///
/// Whether a key, or an access token of this gateway, is good for a scope, answered from memory by any node, on the
/// **public** listener. The asking key needs the scope `keys:verify`, and learns of keys and grants of its own
/// organization only: the answer for any other is the same as for one that does not exist.
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
    use events::{GrantId, KeyId, OrganizationId, Timestamp};

    use super::*;
    use crate::request::verify::{GrantFacts, KeyFacts, Question, Verdict};

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
        let grant = GrantFacts {
            id: GrantId::new(Uuid::from_u128(3)),
            subject: "user:x".into(),
            client_id: "https://client.example/".into(),
            organization: OrganizationId::new(Uuid::from_u128(2)),
            server: "docs".parse().unwrap(),
            scopes: Arc::new("mcp:docs".parse().unwrap()),
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let verdict = Verdict { valid: true, outcome: "valid", key: Some(facts), grant: Some(grant) };
        let answered = serde_json::to_string(&verdict).unwrap();
        let answered: VerifyAnswer = serde_json::from_str(&answered).unwrap();
        assert_eq!((answered.valid, answered.outcome), (true, VerifyOutcome::Valid));
        assert_eq!(answered.grant.map(|grant| grant.server).as_deref(), Some("docs"));
    }

    #[test]
    fn every_outcome_has_its_name_in_the_document() {
        use crate::access_token::Fault;
        use crate::request::AuthenticationError;
        use crate::request::ancestry::Fallen;
        use crate::request::authenticate::TokenError;
        use crate::request::principal::Invalid;
        let fallen = [
            Fallen::Ended,
            Fallen::Expired,
            Fallen::Holder,
            Fallen::ClientDisabled,
            Fallen::ClientGone,
            Fallen::NotApproved,
            Fallen::NoConsent,
        ];
        let faults = [Fault::Foreign, Fault::Signature, Fault::NotYetValid, Fault::Expired];
        let tokens = fallen.map(|fallen| TokenError::Invalid(Invalid::Fallen(fallen))).into_iter();
        let tokens = tokens
            .chain(faults.map(TokenError::Fault))
            .chain([TokenError::Audience, TokenError::Invalid(Invalid::TokenKey)]);
        let tokens = tokens.map(|error| AuthenticationError::from(error).name());
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
        for name in names.chain(tokens) {
            assert!(serde_json::from_str::<VerifyOutcome>(&format!("\"{name}\"")).is_ok(), "{name}");
        }
    }
}

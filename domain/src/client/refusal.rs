//! Why a client says no.

use events::SecretId;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such client")]
    Unknown,
    #[error("the client is registered already")]
    AlreadyRegistered,
    #[error("the client is removed")]
    Removed,
    #[error("an organization's own clients are entered by its admins")]
    NotOfAnOrganization,
    #[error("a client that is known by its document has no secret: it proves itself by its keys")]
    NoSecrets,
    #[error("a client has at most {0} secrets: revoke one first")]
    TooManySecrets(usize),
    #[error("the client has had a secret of this id")]
    SecretExists,
    #[error("the client has no secret {0}")]
    NoSecret(SecretId),
    #[error("the secret would have ended already")]
    ExpiryInThePast,
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}

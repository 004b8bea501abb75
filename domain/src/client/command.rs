//! What can be asked of a client.

use events::client::{ClientMetadata, Registered, SecretIssued};
use events::{SealedText, SecretId};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Known by what it is registered as already: so already. With its first secret, where it has one: never one without
    /// the other.
    Register {
        registered: Box<Registered>,
        secret: Option<SecretIssued>,
    },
    /// What is `None` stays as it is.
    Change {
        metadata: Option<Box<ClientMetadata>>,
        name: Option<SealedText>,
    },
    IssueSecret(SecretIssued),
    RevokeSecret {
        secret_id: SecretId,
    },
    /// None of its grants works until it is enabled.
    Disable {
        reason: Option<SealedText>,
    },
    Enable {
        reason: Option<SealedText>,
    },
    /// For ever.
    Remove {
        reason: Option<SealedText>,
    },
}

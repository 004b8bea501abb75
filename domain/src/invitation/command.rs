//! What can be asked of an invitation. That somebody accepts it is a command on the member whom it makes.

use events::digest::KeyDigest;
use events::{InvitationId, Role, ScopeSet, SealedText, SecretId, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Create(Box<Create>),
    /// Nobody becomes a member by it from now on.
    Withdraw {
        /// Its own id, which is claimed.
        invitation: InvitationId,
        reason: Option<SealedText>,
    },
}

/// A new invitation. Its secret is drawn outside: the command carries what the log may know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Create {
    pub role: Role,
    pub scopes: ScopeSet,
    pub secret_id: SecretId,
    pub digest: KeyDigest,
    pub expires_at: Timestamp,
    pub email: Option<SealedText>,
    pub name: Option<SealedText>,
}

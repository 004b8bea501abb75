//! What a node holds of a client.

use std::sync::Arc;

use events::client::{ClientEvent, ClientMetadata, Origin, Registered, SecretIssued, Uri};
use events::digest::DigestBytes;
use events::{ClientId, Owner, SecretId, Timestamp};

use crate::directory::newest::{Cause, Newest};

/// One client as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientEntry {
    pub id: ClientId,
    /// The organization whose people alone may use it, or the installation.
    pub owner: Owner,
    pub origin: Origin,
    /// Empty of one that is removed.
    pub metadata: Arc<ClientMetadata>,
    /// Those that are not revoked, oldest first.
    pub secrets: Arc<[ClientSecret]>,
    pub state: ClientState,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

/// What is held of a client's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientSecret {
    pub id: SecretId,
    /// As of a key: [`events::digest::KeyDigest`].
    pub digest: DigestBytes,
    /// `None`: it does not end by itself.
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ClientState {
    Active,
    /// None of its grants works until it is enabled.
    Disabled,
    /// For ever.
    Removed,
    /// An event of it can't be read here.
    Closed,
}

impl ClientEntry {
    /// Whether the document at this URL is what it is known by.
    pub fn is_of_document(&self, url: &Uri) -> bool {
        match &self.origin {
            Origin::Document { url: own } => own == url,
            Origin::Dynamic | Origin::Given => false,
        }
    }

    pub(super) fn registered(id: ClientId, owner: Owner, registered: &Registered, cause: Cause) -> Self {
        Self {
            id,
            owner,
            origin: registered.origin.clone(),
            metadata: Arc::new(registered.metadata.clone()),
            secrets: Arc::default(),
            state: ClientState::Active,
            generation: cause.sequence,
            newest: cause.newest,
        }
    }

    /// The entry after an event; `None` when a node has nothing to change.
    pub(super) fn after(&self, event: &ClientEvent, cause: Cause) -> Option<Self> {
        if matches!(self.state, ClientState::Removed | ClientState::Closed) {
            return None;
        }
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        match event {
            ClientEvent::Registered(_) => None,
            ClientEvent::Changed(changed) if changed.metadata == *self.metadata => None,
            ClientEvent::Changed(changed) => {
                Some(Self { metadata: Arc::new(changed.metadata.clone()), ..entry })
            }
            ClientEvent::SecretIssued(issued) => {
                let secrets = self.secrets.iter().copied().chain([ClientSecret::issued(issued)]);
                Some(Self { secrets: secrets.collect(), ..entry })
            }
            ClientEvent::SecretRevoked(revoked) => {
                let left = self.secrets.iter().filter(|secret| secret.id != revoked.secret_id);
                Some(Self { secrets: left.copied().collect(), ..entry })
            }
            ClientEvent::Disabled(_) => Some(Self { state: ClientState::Disabled, ..entry }),
            ClientEvent::Enabled(_) => Some(Self { state: ClientState::Active, ..entry }),
            // What only a client that works needs is let go.
            ClientEvent::Removed(_) => Some(Self {
                state: ClientState::Removed,
                metadata: Arc::default(),
                secrets: Arc::default(),
                ..entry
            }),
        }
    }
}

impl ClientSecret {
    fn issued(issued: &SecretIssued) -> Self {
        let SecretIssued { secret_id, digest, expires_at } = issued;
        Self { id: *secret_id, digest: digest.bytes, expires_at: *expires_at }
    }
}

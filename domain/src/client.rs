//! An OAuth client: who asks people to let it act for them. What is removed never comes back.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::client::{Changed, ClientEvent, ClientMetadata, Origin, Registered};
use events::digest::KeyDigest;
use events::{SealedText, SecretId, Timestamp};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Client {
    #[default]
    Unknown,
    Known(Box<KnownClient>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownClient {
    pub origin: Origin,
    pub metadata: ClientMetadata,
    pub name: SealedText,
    /// Those that are not revoked, oldest first.
    pub secrets: Vec<Secret>,
    pub state: State,
}

/// What proves that it is this client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Secret {
    pub id: SecretId,
    pub digest: KeyDigest,
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    Active,
    Disabled,
    /// For ever.
    Removed,
}

impl Client {
    /// The client, once it is registered; also when it is removed.
    pub fn known(&self) -> Option<&KnownClient> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    fn applied(&mut self, event: &ClientEvent) {
        match (event, &mut *self) {
            (ClientEvent::Registered(registered), Self::Unknown) => {
                *self = Self::Known(Box::new(KnownClient::of(registered)));
            }
            (event, Self::Known(known)) => known.apply(event),
            // Decisions never make these: a change of what was never registered.
            (
                ClientEvent::Changed(_)
                | ClientEvent::SecretIssued(_)
                | ClientEvent::SecretRevoked(_)
                | ClientEvent::Disabled(_)
                | ClientEvent::Enabled(_)
                | ClientEvent::Removed(_),
                Self::Unknown,
            ) => {}
        }
    }
}

impl KnownClient {
    fn of(registered: &Registered) -> Self {
        let Registered { origin, metadata, name } = registered.clone();
        Self { origin, metadata, name, secrets: Vec::new(), state: State::Active }
    }

    fn apply(&mut self, event: &ClientEvent) {
        match event {
            ClientEvent::Registered(_) => {}
            ClientEvent::Changed(changed) => {
                let Changed { metadata, name } = (**changed).clone();
                self.metadata = metadata;
                if let Some(name) = name {
                    self.name = name;
                }
            }
            ClientEvent::SecretIssued(issued) => self.secrets.push(Secret {
                id: issued.secret_id,
                digest: issued.digest.clone(),
                expires_at: issued.expires_at,
            }),
            ClientEvent::SecretRevoked(revoked) => {
                self.secrets.retain(|secret| secret.id != revoked.secret_id);
            }
            ClientEvent::Disabled(_) => self.state = State::Disabled,
            ClientEvent::Enabled(_) => self.state = State::Active,
            ClientEvent::Removed(_) => self.state = State::Removed,
        }
    }
}

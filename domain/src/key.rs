//! An API key. A revoked key never comes back: nothing but a further reason to revoke it is accepted.

mod command;
mod decide;
mod refusal;
pub mod secret;
#[cfg(test)]
mod tests;

use events::key::{
    Environment, ExpiryChanged, Issued, KeyEvent, KeyOwner, MetadataChanged, Renamed, ScopesChanged,
};
use events::{ScopeSet, SealedText, SecretId, Timestamp};
use serde::{Deserialize, Serialize};

pub use command::{Command, Issue};
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Key {
    #[default]
    Unknown,
    Known(Box<KnownKey>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownKey {
    pub state: State,
    pub secret_id: SecretId,
    pub prefix: String,
    pub last_four: String,
    pub owner: KeyOwner,
    pub environment: Environment,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub scopes: ScopeSet,
    pub name: SealedText,
    pub metadata: Option<SealedText>,
}

/// Expiry is not a state: it is a moment that passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Active,
    Disabled,
    Revoked,
}

impl Key {
    /// The key, once it is issued; also when it is revoked.
    pub fn known(&self) -> Option<&KnownKey> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    fn applied(&mut self, event: &KeyEvent) {
        match (event, &mut *self) {
            (KeyEvent::Issued(issued), Self::Unknown) => {
                *self = Self::Known(Box::new(KnownKey::issued(issued)));
            }
            // Decisions never make these: a second issue, or a change of what was never issued.
            (KeyEvent::Issued(_), Self::Known(_)) | (_, Self::Unknown) => {}
            (event, Self::Known(known)) => known.applied(event),
        }
    }
}

impl KnownKey {
    fn issued(issued: &Issued) -> Self {
        Self {
            state: State::Active,
            secret_id: issued.secret_id,
            prefix: issued.prefix.clone(),
            last_four: issued.last_four.clone(),
            owner: issued.owner.clone(),
            environment: issued.environment,
            not_before: issued.not_before,
            expires_at: issued.expires_at,
            scopes: issued.scopes.clone(),
            name: issued.name.clone(),
            metadata: issued.metadata.clone(),
        }
    }

    fn applied(&mut self, event: &KeyEvent) {
        match event {
            KeyEvent::Issued(_) => {}
            KeyEvent::Revoked(_) => self.state = State::Revoked,
            KeyEvent::Disabled(_) => self.pass_to(State::Disabled),
            KeyEvent::Enabled(_) => self.pass_to(State::Active),
            KeyEvent::ExpiryChanged(ExpiryChanged { expires_at }) => self.expires_at = *expires_at,
            KeyEvent::Renamed(Renamed { name }) => self.name = name.clone(),
            KeyEvent::ScopesChanged(ScopesChanged { scopes }) => self.scopes = scopes.clone(),
            KeyEvent::MetadataChanged(MetadataChanged { metadata }) => self.metadata = metadata.clone(),
        }
    }

    fn pass_to(&mut self, state: State) {
        match self.state {
            // For ever, whatever the log says afterwards.
            State::Revoked => {}
            State::Active | State::Disabled => self.state = state,
        }
    }
}

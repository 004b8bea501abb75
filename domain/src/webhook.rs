//! A webhook: where its owner's events are sent to. What is removed never comes back.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::webhook::{Changed, EventTypes, Registered, SecretRotated, WebhookEvent};
use events::{SealedText, SecretId, Timestamp};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Webhook {
    #[default]
    Unknown,
    Known(Box<KnownWebhook>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownWebhook {
    pub name: SealedText,
    pub url: SealedText,
    pub types: EventTypes,
    pub state: State,
    /// Which secret signs.
    pub secret: SecretId,
    /// The one before, and until when it signs as well.
    pub previous: Option<(SecretId, Timestamp)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    Active,
    /// Nothing is sent until it is resumed.
    Paused,
    /// For ever.
    Removed,
}

impl Webhook {
    /// The webhook, once it is registered; also when it is removed.
    pub fn known(&self) -> Option<&KnownWebhook> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    fn applied(&mut self, event: &WebhookEvent) {
        match (event, &mut *self) {
            (WebhookEvent::Registered(Registered { name, url, types, secret }), Self::Unknown) => {
                *self = Self::Known(Box::new(KnownWebhook {
                    name: name.clone(),
                    url: url.clone(),
                    types: types.clone(),
                    state: State::Active,
                    secret: *secret,
                    previous: None,
                }));
            }
            (event, Self::Known(known)) => known.apply(event),
            // Decisions never make these: a change of what was never registered.
            (
                WebhookEvent::Changed(_)
                | WebhookEvent::Paused(_)
                | WebhookEvent::Resumed(_)
                | WebhookEvent::SecretRotated(_)
                | WebhookEvent::OverlapEnded(_)
                | WebhookEvent::Removed(_),
                Self::Unknown,
            ) => {}
        }
    }
}

impl KnownWebhook {
    fn apply(&mut self, event: &WebhookEvent) {
        match event {
            WebhookEvent::Registered(_) => {}
            WebhookEvent::Changed(Changed { name, url, types }) => {
                if let Some(name) = name {
                    self.name = name.clone();
                }
                if let Some(url) = url {
                    self.url = url.clone();
                }
                if let Some(types) = types {
                    self.types = types.clone();
                }
            }
            WebhookEvent::Paused(_) if self.state == State::Active => self.state = State::Paused,
            WebhookEvent::Resumed(_) if self.state == State::Paused => self.state = State::Active,
            WebhookEvent::Paused(_) | WebhookEvent::Resumed(_) => {}
            WebhookEvent::SecretRotated(SecretRotated { secret, overlap_until }) => {
                self.previous = Some((self.secret, *overlap_until));
                self.secret = *secret;
            }
            WebhookEvent::OverlapEnded(_) => self.previous = None,
            WebhookEvent::Removed(_) => self.state = State::Removed,
        }
    }
}

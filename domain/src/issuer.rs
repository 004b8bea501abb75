//! An issuer: an identity provider at which people sign in. Who issues never changes, since its word stands for the people
//! whom it spoke of before; what is removed never comes back, and its slug names no other one.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::SecretId;
use events::issuer::{Changed, CredentialKind, CredentialSet, IssuerEvent, IssuerSettings, Registered};
use serde::{Deserialize, Serialize};

pub use command::{Command, Register, SettingsChange};
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Issuer {
    #[default]
    Unknown,
    Known(Box<KnownIssuer>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownIssuer {
    pub settings: IssuerSettings,
    pub enabled: bool,
    pub credential: Option<(SecretId, CredentialKind)>,
    pub removed: bool,
}

impl Issuer {
    /// The issuer, once it is registered; also when it is removed.
    pub fn known(&self) -> Option<&KnownIssuer> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    fn applied(&mut self, event: &IssuerEvent) {
        match (event, &mut *self) {
            (IssuerEvent::Registered(Registered { slug: _, name: _, settings, enabled }), Self::Unknown) => {
                *self = Self::Known(Box::new(KnownIssuer {
                    settings: settings.clone(),
                    enabled: *enabled,
                    credential: None,
                    removed: false,
                }));
            }
            (event, Self::Known(known)) => known.apply(event),
            // Decisions never make these: a change of what was never registered.
            (
                IssuerEvent::Changed(_)
                | IssuerEvent::Renamed(_)
                | IssuerEvent::CredentialSet(_)
                | IssuerEvent::CredentialRemoved(_)
                | IssuerEvent::Removed(_),
                Self::Unknown,
            ) => {}
        }
    }
}

impl KnownIssuer {
    fn apply(&mut self, event: &IssuerEvent) {
        match event {
            IssuerEvent::Registered(_) | IssuerEvent::Renamed(_) => {}
            IssuerEvent::Changed(Changed { settings, enabled }) => {
                self.settings = settings.clone();
                self.enabled = *enabled;
            }
            IssuerEvent::CredentialSet(CredentialSet { credential, kind }) => {
                self.credential = Some((*credential, *kind));
            }
            IssuerEvent::CredentialRemoved(_) => self.credential = None,
            IssuerEvent::Removed(_) => self.removed = true,
        }
    }
}

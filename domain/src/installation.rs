//! The installation: it exists from its bootstrap on, once and for ever.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::installation::{Bootstrapped, InstallationEvent, Recovered};
use events::{KeyId, PepperId};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Installation {
    #[default]
    Unknown,
    Bootstrapped {
        /// The admin key that the last bootstrap or recovery let in.
        admin_key: KeyId,
        pepper: PepperId,
    },
}

impl Installation {
    fn applied(&mut self, event: &InstallationEvent) {
        match event {
            InstallationEvent::Bootstrapped(Bootstrapped { admin_key, pepper }) => {
                *self = Self::Bootstrapped { admin_key: *admin_key, pepper: *pepper };
            }
            InstallationEvent::Recovered(Recovered { admin_key: new }) => {
                if let Self::Bootstrapped { admin_key, .. } = self {
                    *admin_key = *new;
                }
            }
        }
    }
}

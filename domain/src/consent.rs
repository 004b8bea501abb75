//! A consent: a person, or whoever holds a key, lets a client act for them on one server. It may be withdrawn, and
//! given again, which is another consent than the one before.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::consent::{ConsentEvent, Given};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Consent {
    #[default]
    Unknown,
    Known {
        given: Box<Given>,
        withdrawn: bool,
    },
}

impl Consent {
    /// What is consented to now.
    pub fn standing(&self) -> Option<&Given> {
        match self {
            Self::Unknown | Self::Known { given: _, withdrawn: true } => None,
            Self::Known { given, withdrawn: false } => Some(given),
        }
    }

    fn applied(&mut self, event: &ConsentEvent) {
        match (event, &mut *self) {
            (ConsentEvent::Given(given), _) => {
                *self = Self::Known { given: Box::new(given.clone()), withdrawn: false };
            }
            (ConsentEvent::Withdrawn(_), Self::Known { given: _, withdrawn }) => *withdrawn = true,
            // Decisions never make this: what was never given is withdrawn.
            (ConsentEvent::Withdrawn(_), Self::Unknown) => {}
        }
    }
}

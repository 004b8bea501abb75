//! A person: who signs in. What is ended never comes back.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use events::person::{Added, Identity, IdentityAdded, IdentityRemoved, PersonEvent};
use serde::{Deserialize, Serialize};

pub use command::{Command, Profile};
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Person {
    #[default]
    Unknown,
    Known(Box<KnownPerson>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownPerson {
    pub identities: BTreeSet<Identity>,
    pub state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    Active,
    /// Nothing of theirs works until they are resumed.
    Suspended,
    /// For ever.
    Ended,
    /// Ended, and nothing is known of them any more.
    Forgotten,
}

impl Person {
    /// By so many identities one may sign in.
    pub const MAX_IDENTITIES: usize = 20;

    /// The person, once there is one; also when ended.
    pub fn known(&self) -> Option<&KnownPerson> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    /// Whether it is somebody who may come back: not ended.
    pub fn lives(&self) -> bool {
        self.known().is_some_and(|known| matches!(known.state, State::Active | State::Suspended))
    }

    fn applied(&mut self, event: &PersonEvent) {
        match (event, &mut *self) {
            (PersonEvent::Added(Added { identity, .. }), Self::Unknown) => {
                let identities = BTreeSet::from([*identity]);
                *self = Self::Known(Box::new(KnownPerson { identities, state: State::Active }));
            }
            (event, Self::Known(known)) => known.apply(event),
            // Decisions never make these: a change of somebody who was never added.
            (
                PersonEvent::IdentityAdded(_)
                | PersonEvent::IdentityRemoved(_)
                | PersonEvent::ProfileChanged(_)
                | PersonEvent::Suspended(_)
                | PersonEvent::Resumed(_)
                | PersonEvent::SignedOut(_)
                | PersonEvent::Ended(_)
                | PersonEvent::Forgotten(_),
                Self::Unknown,
            ) => {}
        }
    }
}

impl KnownPerson {
    fn apply(&mut self, event: &PersonEvent) {
        match event {
            PersonEvent::Added(_) | PersonEvent::ProfileChanged(_) | PersonEvent::SignedOut(_) => {}
            PersonEvent::IdentityAdded(IdentityAdded { identity }) => _ = self.identities.insert(*identity),
            PersonEvent::IdentityRemoved(IdentityRemoved { identity }) => {
                self.identities.remove(identity);
            }
            PersonEvent::Suspended(_) => self.pass_to(State::Suspended),
            PersonEvent::Resumed(_) => self.pass_to(State::Active),
            PersonEvent::Ended(_) => self.pass_to(State::Ended),
            PersonEvent::Forgotten(_) => self.state = State::Forgotten,
        }
    }

    fn pass_to(&mut self, state: State) {
        match self.state {
            // For ever, whatever the log says afterwards.
            State::Ended | State::Forgotten => {}
            State::Active | State::Suspended => self.state = state,
        }
    }
}

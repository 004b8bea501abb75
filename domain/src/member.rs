//! A member: what a person is in an organization. One who was removed may be added again.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::member::{Added, Changed, MemberEvent};
use events::{Role, ScopeSet, UserId};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Member {
    #[default]
    Unknown,
    Known(Box<KnownMember>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownMember {
    pub person: UserId,
    pub role: Role,
    /// What of MCP servers clients may be granted for this person.
    pub scopes: ScopeSet,
    pub removed: bool,
}

impl Member {
    /// What the person is, or was before being removed.
    pub fn known(&self) -> Option<&KnownMember> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    /// What the person is there now.
    pub fn now(&self) -> Option<&KnownMember> {
        self.known().filter(|known| !known.removed)
    }

    pub fn is_owner(&self) -> bool {
        self.now().is_some_and(|known| known.role == Role::Owner)
    }

    fn applied(&mut self, event: &MemberEvent) {
        match (event, &mut *self) {
            (MemberEvent::Added(Added { person, role, scopes, invitation: _ }), _) => {
                *self = Self::Known(Box::new(KnownMember {
                    person: *person,
                    role: *role,
                    scopes: scopes.clone(),
                    removed: false,
                }));
            }
            (MemberEvent::Changed(Changed { role, scopes, departure: _ }), Self::Known(known)) => {
                known.role = *role;
                known.scopes = scopes.clone();
            }
            (MemberEvent::Removed(_), Self::Known(known)) => known.removed = true,
            // Decisions never make these: a change of whom was never added.
            (MemberEvent::Changed(_) | MemberEvent::Removed(_), Self::Unknown) => {}
        }
    }
}

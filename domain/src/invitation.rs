//! An invitation: whoever has its secret may become a member by it, once. What became of it, the member who came by it or
//! its withdrawal, claims the same name in the log.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::invitation::{Created, InvitationEvent};
use events::{Role, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};

pub use command::{Command, Create};
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Invitation {
    #[default]
    Unknown,
    Known(Box<KnownInvitation>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownInvitation {
    pub role: Role,
    pub scopes: ScopeSet,
    pub expires_at: Timestamp,
    pub withdrawn: bool,
}

impl Invitation {
    /// The longest that one may be good for, in milliseconds: 30 days.
    pub const MAX_LIFETIME_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

    /// The invitation, once it is created; also when it is withdrawn.
    pub fn known(&self) -> Option<&KnownInvitation> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    fn applied(&mut self, event: &InvitationEvent) {
        match (event, &mut *self) {
            (InvitationEvent::Created(Created { role, scopes, expires_at, .. }), Self::Unknown) => {
                *self = Self::Known(Box::new(KnownInvitation {
                    role: *role,
                    scopes: scopes.clone(),
                    expires_at: *expires_at,
                    withdrawn: false,
                }));
            }
            (InvitationEvent::Withdrawn(_), Self::Known(known)) => known.withdrawn = true,
            // Decisions never make these.
            (InvitationEvent::Created(_), Self::Known(_))
            | (InvitationEvent::Withdrawn(_), Self::Unknown) => {}
        }
    }
}

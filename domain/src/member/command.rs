//! What can be asked of a member.

use events::{InvitationId, Role, ScopeSet, SealedText, UserId};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Add {
        person: UserId,
        role: Role,
        scopes: ScopeSet,
        /// By which the person comes. It makes one member, once.
        invitation: Option<InvitationId>,
    },
    /// What is `None` stays as it is.
    Change {
        role: Option<Role>,
        scopes: Option<ScopeSet>,
        /// Also where no owner is left.
        leave_without_owner: bool,
    },
    Remove {
        reason: Option<SealedText>,
        /// Also where no owner is left.
        leave_without_owner: bool,
    },
}

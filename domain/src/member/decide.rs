//! A member's decisions.

use events::member::{Added, Changed, Departure, MemberEvent, Removed};
use events::{AggregateType, InvitationId, Role, ScopeSet, Slug};

use super::{Command, KnownMember, Member, Refusal};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Member {
    const TYPE: &'static str = "member";
    type Command = Command;
    type Event = MemberEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Member
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<MemberEvent>, Refusal> {
        match (self.now(), command) {
            (None, Command::Add { person, role, scopes, invitation }) => {
                may_add(facts.owner)?;
                check(scopes)?;
                may_give(*role, facts)?;
                Ok(vec![MemberEvent::Added(Added {
                    person: *person,
                    role: *role,
                    scopes: scopes.clone(),
                    invitation: *invitation,
                })])
            }
            (Some(_), Command::Add { .. }) => Err(Refusal::AlreadyMember),
            (None, Command::Remove { .. }) if self.known().is_some() => Ok(vec![]),
            (None, Command::Change { .. } | Command::Remove { .. }) => Err(Refusal::Unknown),
            (Some(now), command) => Ok(now.change(command, facts)?.into_iter().collect()),
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Add { .. })
    }

    fn urgent(command: &Command) -> bool {
        matches!(command, Command::Remove { .. })
    }

    fn room(&self, command: &Command) -> Room {
        match command {
            Command::Remove { .. } => Room::Always,
            Command::Add { .. } | Command::Change { .. } => Room::Bound,
        }
    }

    fn apply(&mut self, event: &MemberEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &MemberEvent) -> bool {
        match (self.now(), event) {
            (None, event) => matches!(event, MemberEvent::Added(_)),
            (Some(_), MemberEvent::Added(_)) => false,
            (Some(now), MemberEvent::Changed(Changed { role, departure, .. })) => {
                departure.is_some() == (now.role == Role::Owner && *role != Role::Owner)
            }
            (Some(now), MemberEvent::Removed(Removed { departure, .. })) => {
                departure.is_some() == (now.role == Role::Owner)
            }
        }
    }

    fn parts_with_owner(&self, command: &Command) -> bool {
        let leaves = match command {
            Command::Add { .. } => false,
            Command::Change { role, .. } => role.is_some_and(|role| role != Role::Owner),
            Command::Remove { .. } => true,
        };
        leaves && self.is_owner()
    }

    fn slug_taken(slug: &Slug) -> Option<Refusal> {
        // A departure's number: another owner left meanwhile, and who is left is looked at again.
        let of_invitation = slug.as_str().parse::<InvitationId>().is_ok();
        of_invitation.then_some(Refusal::InvitationSpent)
    }
}

impl KnownMember {
    /// `None`: already so.
    fn change(&self, command: &Command, facts: &Facts) -> Result<Option<MemberEvent>, Refusal> {
        match command {
            Command::Add { .. } => Ok(None),
            Command::Change { role, scopes, leave_without_owner } => {
                let role = role.unwrap_or(self.role);
                let scopes = scopes.as_ref().unwrap_or(&self.scopes);
                if role == self.role && *scopes == self.scopes {
                    return Ok(None);
                }
                check(scopes)?;
                may_give(self.role, facts)?;
                may_give(role, facts)?;
                let leaves = self.role == Role::Owner && role != Role::Owner;
                let departure = leaves.then(|| departure(*leave_without_owner, facts)).transpose()?;
                Ok(Some(MemberEvent::Changed(Changed { role, scopes: scopes.clone(), departure })))
            }
            Command::Remove { reason, leave_without_owner } => {
                may_give(self.role, facts)?;
                let leaves = self.role == Role::Owner;
                let departure = leaves.then(|| departure(*leave_without_owner, facts)).transpose()?;
                Ok(Some(MemberEvent::Removed(Removed { reason: reason.clone(), departure })))
            }
        }
    }
}

/// An owner leaves: the number of that. Two who leave at once claim the same one, so one of them is later and looks
/// again at who is left.
fn departure(leave_without_owner: bool, facts: &Facts) -> Result<Departure, Refusal> {
    let others = facts.other_owners.ok_or(Refusal::LastOwner)?;
    if others.remain || leave_without_owner { Ok(others.departure) } else { Err(Refusal::LastOwner) }
}

fn may_add(owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Active => Ok(()),
        Standing::Installation | Standing::Unknown | Standing::NotAsked => Err(Refusal::OrganizationUnknown),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
    }
}

/// Nobody gives management that they do not hold themselves, nor takes it away from who has more.
fn may_give(role: Role, facts: &Facts) -> Result<(), Refusal> {
    match facts.authority.lacks(&role.scopes()) {
        None => Ok(()),
        Some(scope) => Err(Refusal::ScopeNotHeld { scope: scope.clone() }),
    }
}

fn check(scopes: &ScopeSet) -> Result<(), Refusal> {
    if scopes.is_mcp() { Ok(()) } else { Err(Refusal::ManagementScopes) }
}

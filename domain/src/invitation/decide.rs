//! An invitation's decisions.

use events::invitation::{Created, InvitationEvent, Withdrawn};
use events::{AggregateType, Slug};

use super::{Command, Create, Invitation, Refusal};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Invitation {
    const TYPE: &'static str = "invitation";
    type Command = Command;
    type Event = InvitationEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Invitation
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<InvitationEvent>, Refusal> {
        match (self.known(), command) {
            (None, Command::Create(create)) => {
                may_create(create, facts)?;
                let Create { role, scopes, secret_id, digest, expires_at, email, name } = (**create).clone();
                let created = Created { role, scopes, secret_id, digest, expires_at, email, name };
                Ok(vec![InvitationEvent::Created(created)])
            }
            (None, Command::Withdraw { .. }) => Err(Refusal::Unknown),
            (Some(_), Command::Create(_)) => Err(Refusal::AlreadyCreated),
            (Some(known), Command::Withdraw { .. }) if known.withdrawn => Ok(vec![]),
            (Some(_), Command::Withdraw { invitation, reason }) => {
                let withdrawn = Withdrawn { invitation: *invitation, reason: reason.clone() };
                Ok(vec![InvitationEvent::Withdrawn(withdrawn)])
            }
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Create(_))
    }

    fn urgent(command: &Command) -> bool {
        matches!(command, Command::Withdraw { .. })
    }

    fn room(&self, command: &Command) -> Room {
        match command {
            Command::Withdraw { .. } => Room::Always,
            Command::Create(_) => Room::Bound,
        }
    }

    fn apply(&mut self, event: &InvitationEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &InvitationEvent) -> bool {
        match (self.known(), event) {
            (None, event) => matches!(event, InvitationEvent::Created(_)),
            (Some(known), event) => !known.withdrawn && matches!(event, InvitationEvent::Withdrawn(_)),
        }
    }

    fn slug_taken(_: &Slug) -> Option<Refusal> {
        Some(Refusal::Accepted)
    }
}

fn may_create(create: &Create, facts: &Facts) -> Result<(), Refusal> {
    match facts.owner {
        Standing::Active => {}
        Standing::Installation | Standing::Unknown | Standing::NotAsked => {
            return Err(Refusal::OrganizationUnknown);
        }
        Standing::Suspended => return Err(Refusal::OrganizationSuspended),
        Standing::Closed => return Err(Refusal::OrganizationClosed),
    }
    if !create.scopes.is_mcp() {
        return Err(Refusal::ManagementScopes);
    }
    // Nobody invites to what they do not hold themselves.
    if let Some(scope) = facts.authority.lacks(&create.role.scopes()) {
        return Err(Refusal::ScopeNotHeld { scope: scope.clone() });
    }
    let expires_at = create.expires_at;
    if expires_at <= facts.now {
        return Err(Refusal::ExpiryInThePast { expires_at });
    }
    if expires_at.unix_millis() - facts.now.unix_millis() > Invitation::MAX_LIFETIME_MS {
        return Err(Refusal::ExpiryTooLate { expires_at });
    }
    Ok(())
}

//! A consent's decisions.

use events::consent::{ConsentEvent, Given, Withdrawn};
use events::{AggregateType, ScopeSet};

use super::{Command, Consent, Refusal};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Consent {
    const TYPE: &'static str = "consent";
    type Command = Command;
    type Event = ConsentEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Consent
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<ConsentEvent>, Refusal> {
        match (self, command) {
            (_, Command::Give(asked)) => {
                may_give(facts.owner)?;
                if !asked.scopes.is_mcp() {
                    return Err(Refusal::Management);
                }
                if matches!(self, Self::Known { given, .. } if !is_of_the_same(given, asked)) {
                    return Err(Refusal::Other);
                }
                let scopes = match self.standing() {
                    Some(standing) => union(&standing.scopes, &asked.scopes)?,
                    None => asked.scopes.clone(),
                };
                let same = self.standing().is_some_and(|standing| standing.scopes == scopes);
                let given = ConsentEvent::Given(Given { scopes, ..(**asked).clone() });
                Ok(if same { vec![] } else { vec![given] })
            }
            (Self::Unknown, Command::Withdraw { .. }) => Err(Refusal::Unknown),
            // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
            (Self::Known { given: _, withdrawn: true }, Command::Withdraw { reason: None }) => Ok(vec![]),
            (Self::Known { .. }, Command::Withdraw { reason }) => {
                Ok(vec![ConsentEvent::Withdrawn(Withdrawn { reason: reason.clone() })])
            }
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Give(_))
    }

    fn urgent(command: &Command) -> bool {
        matches!(command, Command::Withdraw { .. })
    }

    fn room(&self, command: &Command) -> Room {
        match command {
            Command::Withdraw { .. } if self.standing().is_some() => Room::Always,
            Command::Give(_) | Command::Withdraw { .. } => Room::Bound,
        }
    }

    fn apply(&mut self, event: &ConsentEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &ConsentEvent) -> bool {
        match (self, event) {
            (Self::Unknown, ConsentEvent::Given(asked)) => asked.scopes.is_mcp(),
            (Self::Unknown, ConsentEvent::Withdrawn(_)) => false,
            (Self::Known { given, withdrawn }, ConsentEvent::Given(asked)) => {
                let wider = || given.scopes.iter().all(|scope| asked.scopes.covers(scope));
                asked.scopes.is_mcp() && is_of_the_same(given, asked) && (*withdrawn || wider())
            }
            (Self::Known { .. }, ConsentEvent::Withdrawn(_)) => true,
        }
    }
}

fn is_of_the_same(one: &Given, other: &Given) -> bool {
    (one.holder, one.client, one.server) == (other.holder, other.client, other.server)
}

/// Both, without those that another one of them covers.
fn union(one: &ScopeSet, other: &ScopeSet) -> Result<ScopeSet, Refusal> {
    let more = other.iter().filter(|scope| !one.covers(scope));
    let kept = one.iter().filter(|scope| !other.covers(scope) || other.iter().any(|more| more == *scope));
    Ok(ScopeSet::new(kept.chain(more).cloned().collect())?)
}

fn may_give(owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Active => Ok(()),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
        // The installation has no servers that people use.
        Standing::Unknown | Standing::NotAsked | Standing::Installation => Err(Refusal::OrganizationUnknown),
    }
}

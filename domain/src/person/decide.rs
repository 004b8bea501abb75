//! A person's decisions.

use events::person::{
    Added, Ended, Forgotten, IdentityAdded, IdentityRemoved, PersonEvent, ProfileChanged, Resumed, SignedOut,
    Suspended,
};
use events::{AggregateType, Slug};

use super::{Command, KnownPerson, Person, Profile, Refusal, State};
use crate::aggregate::{Decide, Facts, Room};

impl Decide for Person {
    const TYPE: &'static str = "person";
    type Command = Command;
    type Event = PersonEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Person
    }

    fn decide(&self, command: &Command, _: &Facts) -> Result<Vec<PersonEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Add { identity, profile }) => {
                let Profile { email, email_verified, name, picture } = profile.clone();
                let added = Added { identity: *identity, email, email_verified, name, picture };
                Ok(vec![PersonEvent::Added(added)])
            }
            (
                Self::Unknown,
                Command::AddIdentity { .. }
                | Command::RemoveIdentity { .. }
                | Command::ChangeProfile { .. }
                | Command::Suspend { .. }
                | Command::Resume { .. }
                | Command::SignOut
                | Command::End { .. }
                | Command::Forget,
            ) => Err(Refusal::Unknown),
            (Self::Known(_), Command::Add { .. }) => Err(Refusal::AlreadyAdded),
            (Self::Known(known), command) => Ok(known.decide(command)?.into_iter().collect()),
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Add { .. })
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::Suspend { .. }
            | Command::SignOut
            | Command::End { .. }
            | Command::RemoveIdentity { .. } => true,
            Command::Add { .. }
            | Command::AddIdentity { .. }
            | Command::ChangeProfile { .. }
            | Command::Resume { .. }
            | Command::Forget => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        match (self.known().map(|known| known.state), command) {
            (Some(State::Active | State::Suspended), Command::End { .. })
            | (Some(State::Ended), Command::Forget)
            | (Some(State::Active), Command::Suspend { .. }) => Room::Always,
            (Some(State::Suspended), Command::Resume { .. })
            | (Some(State::Active | State::Suspended), Command::SignOut | Command::RemoveIdentity { .. }) => {
                Room::Reserve
            }
            (_, _) => Room::Bound,
        }
    }

    fn apply(&mut self, event: &PersonEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &PersonEvent) -> bool {
        match (self, event) {
            (Self::Unknown, event) => matches!(event, PersonEvent::Added(_)),
            (Self::Known(_), PersonEvent::Added(_)) => false,
            (Self::Known(known), PersonEvent::Ended(_)) => known.state != State::Forgotten,
            (Self::Known(known), PersonEvent::Forgotten(_)) => known.state == State::Ended,
            (Self::Known(_), PersonEvent::IdentityAdded(_) | PersonEvent::ProfileChanged(_)) => self.lives(),
            (Self::Known(_), PersonEvent::Suspended(_) | PersonEvent::SignedOut(_)) => self.lives(),
            (Self::Known(known), PersonEvent::Resumed(_)) => known.state == State::Suspended,
            (Self::Known(known), PersonEvent::IdentityRemoved(IdentityRemoved { identity })) => {
                self.lives() && known.identities.contains(identity)
            }
        }
    }

    fn slug_taken(_: &Slug) -> Option<Refusal> {
        Some(Refusal::IdentityTaken)
    }
}

impl KnownPerson {
    /// `None`: already so.
    fn decide(&self, command: &Command) -> Result<Option<PersonEvent>, Refusal> {
        match (self.state, command) {
            (State::Forgotten, Command::Forget) => return Ok(None),
            (State::Forgotten, _) => return Err(Refusal::Forgotten),
            (State::Ended, Command::Forget) => return Ok(Some(PersonEvent::Forgotten(Forgotten {}))),
            (State::Active | State::Suspended, Command::Forget) => return Err(Refusal::NotEnded),
            // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
            (State::Ended, Command::End { reason }) => {
                let again = reason.is_some();
                return Ok(again.then(|| PersonEvent::Ended(Ended { reason: reason.clone() })));
            }
            (State::Ended, _) => return Err(Refusal::Ended),
            (State::Active | State::Suspended, _) => {}
        }
        Ok(match command {
            Command::Add { .. } | Command::Forget => None,
            Command::AddIdentity { identity } => {
                if self.identities.contains(identity) {
                    return Ok(None);
                }
                if self.identities.len() >= Person::MAX_IDENTITIES {
                    return Err(Refusal::TooManyIdentities);
                }
                Some(PersonEvent::IdentityAdded(IdentityAdded { identity: *identity }))
            }
            Command::RemoveIdentity { identity } => self
                .identities
                .contains(identity)
                .then_some(PersonEvent::IdentityRemoved(IdentityRemoved { identity: *identity })),
            Command::ChangeProfile { profile } => {
                let Profile { email, email_verified, name, picture } = profile.clone();
                Some(PersonEvent::ProfileChanged(ProfileChanged { email, email_verified, name, picture }))
            }
            Command::Suspend { reason } => (self.state == State::Active || reason.is_some())
                .then(|| PersonEvent::Suspended(Suspended { reason: reason.clone() })),
            Command::Resume { reason } => (self.state == State::Suspended)
                .then(|| PersonEvent::Resumed(Resumed { reason: reason.clone() })),
            Command::SignOut => Some(PersonEvent::SignedOut(SignedOut {})),
            Command::End { reason } => Some(PersonEvent::Ended(Ended { reason: reason.clone() })),
        })
    }
}

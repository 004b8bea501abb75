//! A webhook's decisions.

use events::AggregateType;
use events::webhook::{
    Changed, OverlapEnded, Paused, Registered, Removed, Resumed, SecretRotated, WebhookEvent,
};

use super::{Command, KnownWebhook, Refusal, State, Webhook};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Webhook {
    const TYPE: &'static str = "webhook";
    type Command = Command;
    type Event = WebhookEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Webhook
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<WebhookEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Register { name, url, types, secret }) => {
                may_register(facts.owner)?;
                Ok(vec![WebhookEvent::Registered(Registered {
                    name: name.clone(),
                    url: url.clone(),
                    types: types.clone(),
                    secret: *secret,
                })])
            }
            (
                Self::Unknown,
                Command::Change { .. }
                | Command::Pause { .. }
                | Command::Resume { .. }
                | Command::RotateSecret { .. }
                | Command::EndOverlap
                | Command::Remove { .. },
            ) => Err(Refusal::Unknown),
            (Self::Known(_), Command::Register { .. }) => Err(Refusal::AlreadyRegistered),
            (Self::Known(known), command) => known.decide(command),
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Register { .. })
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::Pause { .. } | Command::EndOverlap | Command::Remove { .. } => true,
            Command::Register { .. }
            | Command::Change { .. }
            | Command::Resume { .. }
            | Command::RotateSecret { .. } => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        match (self.known().map(|known| known.state), command) {
            (Some(State::Active | State::Paused), Command::Remove { .. }) => Room::Always,
            (Some(State::Active), Command::Pause { .. })
            | (Some(State::Paused), Command::Resume { .. })
            | (Some(State::Active | State::Paused), Command::RotateSecret { .. } | Command::EndOverlap) => {
                Room::Reserve
            }
            (_, _) => Room::Bound,
        }
    }

    fn apply(&mut self, event: &WebhookEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &WebhookEvent) -> bool {
        match (self, event) {
            (Self::Unknown, event) => matches!(event, WebhookEvent::Registered(_)),
            (Self::Known(_), WebhookEvent::Registered(_)) => false,
            (Self::Known(_), WebhookEvent::Removed(_)) => true,
            (
                Self::Known(known),
                // Also where it was not paused: that an endpoint was gone is no event.
                WebhookEvent::Changed(_)
                | WebhookEvent::Paused(_)
                | WebhookEvent::Resumed(_)
                | WebhookEvent::SecretRotated(_)
                | WebhookEvent::OverlapEnded(_),
            ) => known.state != State::Removed,
        }
    }
}

impl KnownWebhook {
    fn decide(&self, command: &Command) -> Result<Vec<WebhookEvent>, Refusal> {
        let removed = self.state == State::Removed;
        match command {
            Command::Remove { reason } => {
                // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
                let again = removed && reason.is_none();
                let event = WebhookEvent::Removed(Removed { reason: reason.clone() });
                Ok(if again { vec![] } else { vec![event] })
            }
            _ if removed => Err(Refusal::Removed),
            Command::Change { name, url, types } => {
                let types = types.clone().filter(|types| *types != self.types);
                let changed = Changed { name: name.clone(), url: url.clone(), types };
                Ok((!changed.is_empty()).then_some(WebhookEvent::Changed(changed)).into_iter().collect())
            }
            Command::Pause { reason } => {
                let again = self.state == State::Paused && reason.is_none();
                let event = WebhookEvent::Paused(Paused { reason: reason.clone() });
                Ok(if again { vec![] } else { vec![event] })
            }
            Command::Resume { stopped } => {
                let rests = *stopped || self.state == State::Paused;
                Ok(rests.then_some(WebhookEvent::Resumed(Resumed {})).into_iter().collect())
            }
            Command::RotateSecret { secret, overlap_until } => {
                Ok(vec![WebhookEvent::SecretRotated(SecretRotated {
                    secret: *secret,
                    overlap_until: *overlap_until,
                })])
            }
            Command::EndOverlap => {
                let ends = self.previous.map(|_| WebhookEvent::OverlapEnded(OverlapEnded {}));
                Ok(ends.into_iter().collect())
            }
            Command::Register { .. } => Err(Refusal::AlreadyRegistered),
        }
    }
}

fn may_register(owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Active | Standing::Installation => Ok(()),
        Standing::Unknown | Standing::NotAsked => Err(Refusal::OrganizationUnknown),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
    }
}

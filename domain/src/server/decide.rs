//! A server's decisions.

use events::server::{Changed, Registered, Removed, ServerEvent};
use events::{AggregateType, Slug};

use super::{Command, KnownServer, Refusal, Server};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Server {
    const TYPE: &'static str = "server";
    type Command = Command;
    type Event = ServerEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Server
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<ServerEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Register { slug, upstream, enabled, name, settings }) => {
                may_register(facts.owner)?;
                Ok(vec![ServerEvent::Registered(Registered {
                    slug: slug.clone(),
                    upstream: upstream.clone(),
                    enabled: *enabled,
                    name: name.clone(),
                    settings: settings.clone(),
                })])
            }
            (Self::Unknown, Command::Change { .. } | Command::Remove { .. }) => Err(Refusal::Unknown),
            (Self::Known(_), Command::Register { .. }) => Err(Refusal::AlreadyRegistered),
            (Self::Known(known), Command::Change { upstream, enabled, name, settings }) => {
                if known.removed {
                    return Err(Refusal::Removed);
                }
                let settings = settings.of(&known.settings);
                let changed = Changed {
                    upstream: upstream.clone().filter(|upstream| *upstream != known.upstream),
                    enabled: enabled.filter(|enabled| *enabled != known.enabled),
                    name: name.clone(),
                    settings: (settings != known.settings).then_some(settings),
                };
                Ok((!changed.is_empty()).then_some(ServerEvent::Changed(changed)).into_iter().collect())
            }
            (Self::Known(known), Command::Remove { reason }) => Ok(known.remove(reason.as_ref())),
        }
    }

    fn creates(command: &Command) -> bool {
        match command {
            Command::Register { .. } => true,
            Command::Change { .. } | Command::Remove { .. } => false,
        }
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::Remove { .. } => true,
            Command::Change { enabled, .. } => *enabled == Some(false),
            Command::Register { .. } => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        let Some(known) = self.known().filter(|known| !known.removed) else { return Room::Bound };
        match command {
            Command::Remove { .. } => Room::Always,
            Command::Change { enabled: Some(false), .. } if known.enabled => Room::Always,
            Command::Register { .. } | Command::Change { .. } => Room::Bound,
        }
    }

    fn apply(&mut self, event: &ServerEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &ServerEvent) -> bool {
        match (self, event) {
            (Self::Unknown, ServerEvent::Registered(_)) | (Self::Known(_), ServerEvent::Removed(_)) => true,
            (Self::Unknown, ServerEvent::Changed(_) | ServerEvent::Removed(_))
            | (Self::Known(_), ServerEvent::Registered(_)) => false,
            (Self::Known(known), ServerEvent::Changed(_)) => !known.removed,
        }
    }

    fn slug_taken(slug: &Slug) -> Option<Refusal> {
        Some(Refusal::SlugTaken { slug: slug.clone() })
    }
}

impl KnownServer {
    fn remove(&self, reason: Option<&events::SealedText>) -> Vec<ServerEvent> {
        // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
        if self.removed && reason.is_none() {
            return vec![];
        }
        vec![ServerEvent::Removed(Removed { reason: reason.cloned() })]
    }
}

fn may_register(owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Active => Ok(()),
        Standing::Installation => Err(Refusal::NoOrganization),
        Standing::Unknown | Standing::NotAsked => Err(Refusal::OrganizationUnknown),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
    }
}

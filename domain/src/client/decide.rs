//! A client's decisions.

use events::AggregateType;
use events::client::{
    Changed, ClientEvent, Disabled, Enabled, Origin, Registered, Removed, SecretIssued, SecretRevoked,
};

use super::{Client, Command, KnownClient, Refusal, State};
use crate::aggregate::{Decide, Facts, Room, Standing};

/// Secrets that prove a client at once: every node holds them.
const MAX_SECRETS: usize = 5;

impl Decide for Client {
    const TYPE: &'static str = "client";
    type Command = Command;
    type Event = ClientEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Client
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<ClientEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Register { registered, secret }) => {
                may_register(registered, facts.owner)?;
                if let Some(issued) = secret {
                    KnownClient::of(registered).may_issue(issued, facts)?;
                }
                let registered = ClientEvent::Registered(registered.clone());
                Ok(std::iter::once(registered).chain(secret.clone().map(ClientEvent::SecretIssued)).collect())
            }
            (
                Self::Unknown,
                Command::Change { .. }
                | Command::IssueSecret(_)
                | Command::RevokeSecret { .. }
                | Command::Disable { .. }
                | Command::Enable { .. }
                | Command::Remove { .. },
            ) => Err(Refusal::Unknown),
            (Self::Known(known), command) => Ok(known.decide(command, facts)?.into_iter().collect()),
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Register { .. })
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::RevokeSecret { .. } | Command::Disable { .. } | Command::Remove { .. } => true,
            Command::Register { .. }
            | Command::Change { .. }
            | Command::IssueSecret(_)
            | Command::Enable { .. } => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        match (self.known().map(|known| known.state), command) {
            (Some(State::Active | State::Disabled), Command::Remove { .. }) => Room::Always,
            (Some(State::Active), Command::Disable { .. })
            | (Some(State::Disabled), Command::Enable { .. })
            | (Some(State::Active | State::Disabled), Command::RevokeSecret { .. }) => Room::Reserve,
            (_, _) => Room::Bound,
        }
    }

    fn apply(&mut self, event: &ClientEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &ClientEvent) -> bool {
        let Self::Known(known) = self else { return matches!(event, ClientEvent::Registered(_)) };
        let has = |secret| known.secrets.iter().any(|own| own.id == secret);
        match event {
            ClientEvent::Registered(_) => false,
            ClientEvent::Removed(_) => true,
            _ if known.state == State::Removed => false,
            ClientEvent::Changed(_) | ClientEvent::Disabled(_) => true,
            ClientEvent::Enabled(_) => known.state == State::Disabled,
            ClientEvent::SecretIssued(issued) => {
                !has(issued.secret_id) && known.secrets.len() < MAX_SECRETS && known.may_have_secrets()
            }
            ClientEvent::SecretRevoked(revoked) => has(revoked.secret_id),
        }
    }
}

impl KnownClient {
    fn may_have_secrets(&self) -> bool {
        match self.origin {
            Origin::Document { url: _ } => false,
            Origin::Dynamic | Origin::Given => true,
        }
    }

    /// `None`: already so.
    fn decide(&self, command: &Command, facts: &Facts) -> Result<Option<ClientEvent>, Refusal> {
        let removed = self.state == State::Removed;
        match command {
            // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
            Command::Remove { reason } => {
                let event = ClientEvent::Removed(Removed { reason: reason.clone() });
                Ok((!removed || reason.is_some()).then_some(event))
            }
            _ if removed => Err(Refusal::Removed),
            // Several people consent to a new client at once.
            Command::Register { registered, secret: _ }
                if registered.origin == self.origin && registered.origin != Origin::Given =>
            {
                Ok(None)
            }
            Command::Register { .. } => Err(Refusal::AlreadyRegistered),
            Command::Change { metadata, name } => {
                let metadata = metadata.as_deref().filter(|metadata| **metadata != self.metadata);
                let changed =
                    Changed { metadata: metadata.unwrap_or(&self.metadata).clone(), name: name.clone() };
                let changes = metadata.is_some() || name.is_some();
                Ok(changes.then(|| ClientEvent::Changed(Box::new(changed))))
            }
            Command::IssueSecret(issued) => {
                self.may_issue(issued, facts)?;
                Ok(Some(ClientEvent::SecretIssued(issued.clone())))
            }
            Command::RevokeSecret { secret_id } => {
                if !self.secrets.iter().any(|secret| secret.id == *secret_id) {
                    return Err(Refusal::NoSecret(*secret_id));
                }
                Ok(Some(ClientEvent::SecretRevoked(SecretRevoked { secret_id: *secret_id })))
            }
            Command::Disable { reason } => {
                let event = ClientEvent::Disabled(Disabled { reason: reason.clone() });
                Ok((self.state == State::Active || reason.is_some()).then_some(event))
            }
            Command::Enable { reason } => {
                let event = ClientEvent::Enabled(Enabled { reason: reason.clone() });
                Ok((self.state == State::Disabled).then_some(event))
            }
        }
    }

    fn may_issue(&self, issued: &SecretIssued, facts: &Facts) -> Result<(), Refusal> {
        if !self.may_have_secrets() {
            return Err(Refusal::NoSecrets);
        }
        if self.secrets.iter().any(|secret| secret.id == issued.secret_id) {
            return Err(Refusal::SecretExists);
        }
        if self.secrets.len() >= MAX_SECRETS {
            return Err(Refusal::TooManySecrets(MAX_SECRETS));
        }
        if issued.expires_at.is_some_and(|at| at <= facts.now) {
            return Err(Refusal::ExpiryInThePast);
        }
        Ok(())
    }
}

fn may_register(registered: &Registered, owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Installation => Ok(()),
        Standing::Active if registered.origin == Origin::Given => Ok(()),
        Standing::Active => Err(Refusal::NotOfAnOrganization),
        Standing::Unknown | Standing::NotAsked => Err(Refusal::OrganizationUnknown),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
    }
}

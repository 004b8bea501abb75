//! An issuer's decisions.

use events::issuer::{
    Changed, CredentialRemoved, CredentialSet, IssuerEvent, IssuerSettings, Registered, Removed, Renamed,
};
use events::{AggregateType, SealedText, Slug};

use super::{Command, Issuer, KnownIssuer, Refusal, Register, SettingsChange};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Issuer {
    const TYPE: &'static str = "issuer";
    type Command = Command;
    type Event = IssuerEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Issuer
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<IssuerEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Register(register)) => {
                may_register(facts.owner)?;
                register.decide()
            }
            (
                Self::Unknown,
                Command::Change { .. }
                | Command::SetCredential { .. }
                | Command::RemoveCredential
                | Command::Remove { .. },
            ) => Err(Refusal::Unknown),
            (Self::Known(_), Command::Register(_)) => Err(Refusal::AlreadyRegistered),
            (Self::Known(known), command) => known.decide(command),
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Register(_))
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::Remove { .. } | Command::RemoveCredential => true,
            Command::Change { enabled, .. } => *enabled == Some(false),
            Command::Register(_) | Command::SetCredential { .. } => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        let Some(known) = self.known().filter(|known| !known.removed) else { return Room::Bound };
        match command {
            Command::Remove { .. } => Room::Always,
            Command::Change { enabled: Some(false), .. } if known.enabled => Room::Always,
            Command::RemoveCredential if known.credential.is_some() => Room::Reserve,
            Command::SetCredential { .. } => Room::Reserve,
            Command::Register(_) | Command::Change { .. } | Command::RemoveCredential => Room::Bound,
        }
    }

    fn apply(&mut self, event: &IssuerEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &IssuerEvent) -> bool {
        match (self, event) {
            (Self::Unknown, event) => matches!(event, IssuerEvent::Registered(_)),
            (Self::Known(_), IssuerEvent::Registered(_)) => false,
            (Self::Known(_), IssuerEvent::Removed(_)) => true,
            (Self::Known(known), IssuerEvent::Changed(changed)) => {
                !known.removed && known.settings.protocol.is_same_issuer(&changed.settings.protocol)
            }
            (
                Self::Known(known),
                IssuerEvent::Renamed(_) | IssuerEvent::CredentialSet(_) | IssuerEvent::CredentialRemoved(_),
            ) => !known.removed,
        }
    }

    fn slug_taken(slug: &Slug) -> Option<Refusal> {
        Some(Refusal::SlugTaken { slug: slug.clone() })
    }
}

impl Register {
    fn decide(&self) -> Result<Vec<IssuerEvent>, Refusal> {
        let Self { slug, name, settings, enabled, credential } = self;
        stand_together(settings)?;
        let registered = Registered {
            slug: slug.clone(),
            name: name.clone(),
            settings: settings.clone(),
            enabled: *enabled,
        };
        let set = credential
            .map(|(credential, kind)| IssuerEvent::CredentialSet(CredentialSet { credential, kind }));
        Ok(std::iter::once(IssuerEvent::Registered(registered)).chain(set).collect())
    }
}

impl KnownIssuer {
    fn decide(&self, command: &Command) -> Result<Vec<IssuerEvent>, Refusal> {
        match command {
            Command::Remove { reason } => {
                // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
                let again = self.removed && reason.is_none();
                let event = IssuerEvent::Removed(Removed { reason: reason.clone() });
                Ok(if again { vec![] } else { vec![event] })
            }
            _ if self.removed => Err(Refusal::Removed),
            Command::Change { name, settings, enabled } => self.change(name.as_ref(), settings, *enabled),
            Command::SetCredential { credential, kind } => {
                Ok(vec![IssuerEvent::CredentialSet(CredentialSet { credential: *credential, kind: *kind })])
            }
            Command::RemoveCredential => {
                let removed = self.credential.map(|_| IssuerEvent::CredentialRemoved(CredentialRemoved {}));
                Ok(removed.into_iter().collect())
            }
            Command::Register(_) => Err(Refusal::AlreadyRegistered),
        }
    }

    fn change(
        &self,
        name: Option<&SealedText>,
        settings: &SettingsChange,
        enabled: Option<bool>,
    ) -> Result<Vec<IssuerEvent>, Refusal> {
        let settings = settings.of(&self.settings);
        if !self.settings.protocol.is_same_issuer(&settings.protocol) {
            return Err(Refusal::AnotherIssuer);
        }
        let changes = settings != self.settings;
        if changes {
            stand_together(&settings)?;
        }
        let enabled = enabled.unwrap_or(self.enabled);
        let changed = (changes || enabled != self.enabled)
            .then_some(IssuerEvent::Changed(Changed { settings, enabled }));
        let renamed = name.map(|name| IssuerEvent::Renamed(Renamed { name: name.clone() }));
        Ok(changed.into_iter().chain(renamed).collect())
    }
}

fn stand_together(settings: &IssuerSettings) -> Result<(), Refusal> {
    settings.problem().map_or(Ok(()), |problem| Err(Refusal::Settings(problem)))
}

fn may_register(owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Active | Standing::Installation => Ok(()),
        Standing::Unknown | Standing::NotAsked => Err(Refusal::OrganizationUnknown),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
    }
}

//! A key's decisions.

use events::key::{
    Disabled, Enabled, ExpiryChanged, Issued, KeyEvent, KeyOwner, MetadataChanged, Renamed, Revoked,
    ScopesChanged,
};
use events::{AggregateType, ScopeSet, Timestamp};

use super::{Command, Issue, Key, KnownKey, Refusal, State};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Key {
    const TYPE: &'static str = "key";
    type Command = Command;
    type Event = KeyEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Key
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<KeyEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Issue(issue)) => issue.decide(facts).map(|event| vec![event]),
            (Self::Unknown, _) => Err(Refusal::Unknown),
            (Self::Known(_), Command::Issue(_)) => Err(Refusal::AlreadyIssued),
            (Self::Known(known), command) => {
                known.decide(command, facts).map(|event| event.into_iter().collect())
            }
        }
    }

    fn creates(command: &Command) -> bool {
        match command {
            Command::Issue(_) => true,
            Command::Revoke { .. }
            | Command::Disable { .. }
            | Command::Enable
            | Command::SetExpiry { .. }
            | Command::Rename { .. }
            | Command::SetScopes { .. }
            | Command::SetMetadata { .. } => false,
        }
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::Revoke { .. } | Command::Disable { .. } => true,
            Command::Issue(_)
            | Command::Enable
            | Command::SetExpiry { .. }
            | Command::Rename { .. }
            | Command::SetScopes { .. }
            | Command::SetMetadata { .. } => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        let Some(known) = self.known() else { return Room::Bound };
        match command {
            Command::Revoke { .. } if known.state != State::Revoked => Room::Always,
            Command::Disable { .. } if known.state == State::Active => Room::Always,
            Command::Enable => Room::Reserve,
            Command::SetScopes { scopes } if scopes.iter().all(|scope| known.scopes.covers(scope)) => {
                Room::Reserve
            }
            Command::SetExpiry { expires_at } if !is_later(*expires_at, known.expires_at) => Room::Reserve,
            Command::Issue(_)
            | Command::Revoke { .. }
            | Command::Disable { .. }
            | Command::SetExpiry { .. }
            | Command::Rename { .. }
            | Command::SetScopes { .. }
            | Command::SetMetadata { .. } => Room::Bound,
        }
    }

    fn apply(&mut self, event: &KeyEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &KeyEvent) -> bool {
        match (self, event) {
            (Self::Unknown, KeyEvent::Issued(_)) | (Self::Known(_), KeyEvent::Revoked(_)) => true,
            (Self::Unknown, _) | (Self::Known(_), KeyEvent::Issued(_)) => false,
            (Self::Known(known), KeyEvent::Enabled(_)) => known.state == State::Disabled,
            (
                Self::Known(known),
                KeyEvent::Disabled(_)
                | KeyEvent::ExpiryChanged(_)
                | KeyEvent::Renamed(_)
                | KeyEvent::ScopesChanged(_)
                | KeyEvent::MetadataChanged(_),
            ) => known.state != State::Revoked,
        }
    }
}

impl Issue {
    fn decide(&self, facts: &Facts) -> Result<KeyEvent, Refusal> {
        may_issue(&self.owner, facts.owner)?;
        check_scopes(&self.owner, &self.scopes)?;
        check_expiry(self.not_before, self.expires_at, facts.now)?;
        may_give(&self.scopes, facts)?;
        let Self {
            secret_id,
            digest,
            prefix,
            last_four,
            owner,
            environment,
            not_before,
            expires_at,
            scopes,
            issued_by,
            name,
            metadata,
        } = self.clone();
        Ok(KeyEvent::Issued(Issued {
            secret_id,
            digest,
            prefix,
            last_four,
            owner,
            environment,
            not_before,
            expires_at,
            scopes,
            issued_by,
            name,
            metadata,
        }))
    }
}

impl KnownKey {
    /// `None`: already so.
    fn decide(&self, command: &Command, facts: &Facts) -> Result<Option<KeyEvent>, Refusal> {
        if let Command::Revoke { reason } = command {
            // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
            let new = self.state != State::Revoked || reason.is_some();
            return Ok(new.then(|| KeyEvent::Revoked(Revoked { reason: reason.clone() })));
        }
        if self.state == State::Revoked {
            return Err(Refusal::Revoked);
        }
        Ok(match command {
            Command::Issue(_) | Command::Revoke { .. } => None,
            Command::Disable { reason } => (self.state == State::Active || reason.is_some())
                .then(|| KeyEvent::Disabled(Disabled { reason: reason.clone() })),
            Command::Enable => {
                // Making a key work again, or longer, gives its scopes anew. Also where it is so already: whoever may not
                // ask for it is told so.
                may_give(&self.scopes, facts)?;
                if self.state != State::Disabled {
                    return Ok(None);
                }
                Some(KeyEvent::Enabled(Enabled {}))
            }
            Command::SetExpiry { expires_at } => {
                if !is_later(self.expires_at, *expires_at) {
                    may_give(&self.scopes, facts)?;
                }
                if *expires_at == self.expires_at {
                    return Ok(None);
                }
                check_expiry(self.not_before, *expires_at, facts.now)?;
                Some(KeyEvent::ExpiryChanged(ExpiryChanged { expires_at: *expires_at }))
            }
            Command::Rename { name } => Some(KeyEvent::Renamed(Renamed { name: name.clone() })),
            Command::SetScopes { scopes } => {
                check_scopes(&self.owner, scopes)?;
                may_give(scopes, facts)?;
                if *scopes == self.scopes {
                    return Ok(None);
                }
                Some(KeyEvent::ScopesChanged(ScopesChanged { scopes: scopes.clone() }))
            }
            Command::SetMetadata { metadata } => (metadata.is_some() || self.metadata.is_some())
                .then(|| KeyEvent::MetadataChanged(MetadataChanged { metadata: metadata.clone() })),
        })
    }
}

fn may_issue(owner: &KeyOwner, standing: Standing) -> Result<(), Refusal> {
    let installation = match owner {
        KeyOwner::Installation => true,
        KeyOwner::Organization | KeyOwner::User { .. } | KeyOwner::Service { .. } => false,
    };
    match standing {
        Standing::Installation if installation => Ok(()),
        Standing::Active if !installation => Ok(()),
        Standing::Installation | Standing::Active => Err(Refusal::WrongOwner),
        Standing::Unknown | Standing::NotAsked => Err(Refusal::OrganizationUnknown),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
    }
}

/// Nobody gives management that it does not hold itself.
fn may_give(scopes: &ScopeSet, facts: &Facts) -> Result<(), Refusal> {
    match facts.authority.lacks(scopes) {
        None => Ok(()),
        Some(scope) => Err(Refusal::ScopeNotHeld { scope: scope.clone() }),
    }
}

/// `None`: never.
fn is_later(expiry: Option<Timestamp>, than: Option<Timestamp>) -> bool {
    than.is_some_and(|than| expiry.is_none_or(|expiry| expiry > than))
}

fn check_scopes(owner: &KeyOwner, scopes: &ScopeSet) -> Result<(), Refusal> {
    if *owner == KeyOwner::Installation && scopes.is_mcp() {
        return Err(Refusal::InstallationScopes);
    }
    Ok(())
}

fn check_expiry(
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(expires_at) = expires_at else { return Ok(()) };
    if expires_at <= now {
        return Err(Refusal::ExpiryInThePast { expires_at });
    }
    match not_before {
        Some(not_before) if not_before >= expires_at => {
            Err(Refusal::ExpiresBeforeItStarts { not_before, expires_at })
        }
        Some(_) | None => Ok(()),
    }
}

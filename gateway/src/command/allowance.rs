//! How much an organization may hold, since every node keeps it in memory.
//!
//! What it holds is counted by the directory at hand, which is a moment behind; what this process has let pass and the
//! directory does not show yet is counted beside it, so that commands at once do not pass together. Of several control
//! processes each counts its own, so the bound can be passed by what the others did in that moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{
    Approval, Client, Consent, Decide, Grant, Installation, Invitation, Issuer, Key, Member, Organization,
    Person, Server, Webhook, approval, client, consent, grant, installation, invitation, issuer, key, member,
    organization, person, server, webhook,
};
use events::{
    ApprovalId, ClientId, ConsentId, GrantId, InvitationId, KeyId, MemberId, OrganizationId, Owner, ServerId,
};
use projections::directory::{Directory, Holding};
use uuid::Uuid;

use crate::config::Organizations;

/// A noun whose objects take room.
pub trait Takes: Decide {
    /// What the command adds to what the object's organization holds, beside what the directory shows.
    fn takes(command: &Self::Command, object: Uuid, directory: &Directory) -> Holding;
}

/// The organization has no room.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the organization holds {held} {what}, this asks for {asked} more, and one may have {bound} (`{setting}`)"
)]
pub struct NoRoom {
    /// Such as `keys`.
    pub what: &'static str,
    pub held: u64,
    pub asked: u64,
    pub bound: u64,
    /// The configuration's name for the bound.
    pub setting: &'static str,
}

/// The room of all organizations.
pub struct Allowance {
    directory: Arc<Directory>,
    bounds: Organizations,
    ledger: Mutex<Ledger>,
}

/// The commands that were let pass, until the directory shows them.
#[derive(Default)]
struct Ledger {
    passed: Vec<Passed>,
    tickets: u64,
}

struct Passed {
    ticket: u64,
    organization: OrganizationId,
    object: Uuid,
    takes: Holding,
    /// The sequence of its event, once it is stored.
    stored: Option<u64>,
}

/// A command's room. Given back when it is dropped, unless the command was stored.
pub struct Taken {
    allowance: Arc<Allowance>,
    ticket: Option<u64>,
}

impl Allowance {
    pub fn new(directory: Arc<Directory>, bounds: Organizations) -> Arc<Self> {
        Arc::new(Self { directory, bounds, ledger: Mutex::default() })
    }

    /// Takes room for a command on an object of the owner's.
    pub fn take<A: Takes>(
        self: &Arc<Self>,
        owner: Owner,
        object: Uuid,
        command: &A::Command,
    ) -> Result<Taken, NoRoom> {
        let mut taken = Taken { allowance: Arc::clone(self), ticket: None };
        let Owner::Organization(organization) = owner else { return Ok(taken) };
        let mut ledger = self.ledger();
        // Looked at before what it holds: what comes in between is counted twice for a moment, and not left out.
        let applied = self.directory.applied();
        ledger.passed.retain(|passed| passed.stored.is_none_or(|stored| stored > applied));
        let takes = A::takes(command, object, &self.directory);
        // The same command again has its room, and is told what came of it.
        let again = |passed: &Passed| passed.object == object && passed.takes == takes;
        if takes == Holding::default() || ledger.passed.iter().any(again) {
            return Ok(taken);
        }
        // The same for what a command created: whether the directory shows it is looked at before what is held.
        let others = ledger.passed.iter().filter(|passed| passed.organization == organization);
        let others = others.filter(|passed| !self.shows(passed)).map(|passed| passed.takes);
        let others = others.fold(Holding::default(), Holding::plus);
        let held = self.directory.holding(organization).plus(others);
        self.check(held, takes)?;
        ledger.tickets += 1;
        let ticket = ledger.tickets;
        ledger.passed.push(Passed { ticket, organization, object, takes, stored: None });
        taken.ticket = Some(ticket);
        Ok(taken)
    }

    /// Whether what a command created is in the directory, although its writer has not heard yet that it is stored.
    fn shows(&self, Passed { object, takes, .. }: &Passed) -> bool {
        (takes.keys > 0 && self.directory.key(KeyId::new(*object)).is_some())
            || (takes.servers > 0 && self.directory.server_by_id(ServerId::new(*object)).is_some())
            || (takes.members > 0 && self.directory.member_by_id(MemberId::new(*object)).is_some())
            || (takes.invitations > 0 && self.directory.invitation(InvitationId::new(*object)).is_some())
            || (takes.clients > 0 && self.directory.client(ClientId::new(*object)).is_some())
            || (takes.approvals > 0 && self.directory.approval_by_id(ApprovalId::new(*object)).is_some())
            || (takes.consents > 0 && self.directory.consent_by_id(ConsentId::new(*object)).is_some())
            || (takes.grants > 0 && self.directory.grant(GrantId::new(*object)).is_some())
    }

    fn check(&self, held: Holding, takes: Holding) -> Result<(), NoRoom> {
        let Organizations {
            max_keys,
            max_revoked_keys,
            max_servers,
            max_scope_bytes,
            max_members,
            max_invitations,
            max_clients,
            max_consents,
            max_grants,
        } = self.bounds;
        let with = held.plus(takes);
        let room = |what, setting, held: u64, with: u64, bound: u64| {
            let asked = with.saturating_sub(held);
            if with > bound { Err(NoRoom { what, held, asked, bound, setting }) } else { Ok(()) }
        };
        if takes.keys > 0 {
            room("keys", "organizations.max_keys", held.keys, with.keys, max_keys)?;
            // Each key is revoked one day, and stays.
            let revoked = held.revoked_keys;
            room("revoked keys", "organizations.max_revoked_keys", revoked, revoked + 1, max_revoked_keys)?;
        }
        if takes.servers > 0 {
            room("servers", "organizations.max_servers", held.servers, with.servers, max_servers)?;
        }
        if takes.members > 0 {
            room("members", "organizations.max_members", held.members, with.members, max_members)?;
        }
        if takes.invitations > 0 {
            let (held, with) = (held.invitations, with.invitations);
            room("invitations", "organizations.max_invitations", held, with, max_invitations)?;
        }
        if takes.clients > 0 {
            room("clients", "organizations.max_clients", held.clients, with.clients, max_clients)?;
        }
        // The clients that somebody may use: each organization has as much room for those as for its own.
        if takes.approvals > 0 {
            let (held, with) = (held.approvals, with.approvals);
            room("approvals", "organizations.max_clients", held, with, max_clients)?;
        }
        if takes.consents > 0 {
            room("consents", "organizations.max_consents", held.consents, with.consents, max_consents)?;
        }
        if takes.grants > 0 {
            room("grants", "organizations.max_grants", held.grants, with.grants, max_grants)?;
        }
        if takes.scope_bytes > 0 {
            let (held, with) = (held.scope_bytes, with.scope_bytes);
            room("bytes of scopes", "organizations.max_scope_bytes", held, with, max_scope_bytes)?;
        }
        Ok(())
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The command's event is stored: the directory shows it once it has come so far.
    pub fn stored(mut self, sequence: u64) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut ledger = self.allowance.ledger();
        let own = ledger.passed.iter_mut().find(|passed| passed.ticket == ticket);
        own.into_iter().for_each(|passed| passed.stored = Some(sequence));
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.allowance.ledger().passed.retain(|passed| passed.ticket != ticket);
        }
    }
}

impl Takes for Key {
    fn takes(command: &key::Command, object: Uuid, directory: &Directory) -> Holding {
        let shown = directory.key(KeyId::new(object)).map(|entry| entry.scopes.text_bytes());
        match (command, shown) {
            (key::Command::Issue(issue), None) => {
                Holding { keys: 1, scope_bytes: issue.scopes.text_bytes(), ..Holding::default() }
            }
            (key::Command::SetScopes { scopes }, shown) => {
                let more = scopes.text_bytes().saturating_sub(shown.unwrap_or_default());
                Holding { scope_bytes: more, ..Holding::default() }
            }
            // One that is there already is told so.
            (key::Command::Issue(_), Some(_))
            | (
                key::Command::Revoke { .. }
                | key::Command::Disable { .. }
                | key::Command::Enable
                | key::Command::SetExpiry { .. }
                | key::Command::Rename { .. }
                | key::Command::SetMetadata { .. },
                _,
            ) => Holding::default(),
        }
    }
}

impl Takes for Server {
    fn takes(command: &server::Command, object: Uuid, directory: &Directory) -> Holding {
        match command {
            server::Command::Register { .. } => {
                let new = directory.server_by_id(ServerId::new(object)).is_none();
                Holding { servers: new.into(), ..Holding::default() }
            }
            server::Command::Change { .. } | server::Command::Remove { .. } => Holding::default(),
        }
    }
}

/// The API counts them, and they are few.
impl Takes for Issuer {
    fn takes(_: &issuer::Command, _: Uuid, _: &Directory) -> Holding {
        Holding::default()
    }
}

/// The installation's are bounded by who consents to them.
impl Takes for Client {
    fn takes(command: &client::Command, object: Uuid, directory: &Directory) -> Holding {
        match command {
            client::Command::Register { .. } => {
                let new = directory.client(ClientId::new(object)).is_none();
                Holding { clients: new.into(), ..Holding::default() }
            }
            client::Command::Change { .. }
            | client::Command::IssueSecret(_)
            | client::Command::RevokeSecret { .. }
            | client::Command::Disable { .. }
            | client::Command::Enable { .. }
            | client::Command::Remove { .. } => Holding::default(),
        }
    }
}

/// Also of clients that nobody has used yet: no other bound holds for those.
impl Takes for Approval {
    fn takes(command: &approval::Command, object: Uuid, directory: &Directory) -> Holding {
        match command {
            approval::Command::Give { .. } => {
                let new = directory.approval_by_id(ApprovalId::new(object)).is_none();
                Holding { approvals: new.into(), ..Holding::default() }
            }
            approval::Command::Withdraw { .. } => Holding::default(),
        }
    }
}

impl Takes for Consent {
    fn takes(command: &consent::Command, object: Uuid, directory: &Directory) -> Holding {
        match command {
            consent::Command::Give(_) => {
                let new = directory.consent_by_id(ConsentId::new(object)).is_none();
                Holding { consents: new.into(), ..Holding::default() }
            }
            consent::Command::Withdraw { .. } => Holding::default(),
        }
    }
}

impl Takes for Grant {
    fn takes(command: &grant::Command, object: Uuid, directory: &Directory) -> Holding {
        match command {
            grant::Command::Give(_) => {
                let new = directory.grant(GrantId::new(object)).is_none();
                Holding { grants: new.into(), ..Holding::default() }
            }
            grant::Command::End { .. } => Holding::default(),
        }
    }
}

/// No node holds any: the API counts them.
impl Takes for Webhook {
    fn takes(_: &webhook::Command, _: Uuid, _: &Directory) -> Holding {
        Holding::default()
    }
}

/// The installation's own.
impl Takes for Person {
    fn takes(_: &person::Command, _: Uuid, _: &Directory) -> Holding {
        Holding::default()
    }
}

impl Takes for Member {
    fn takes(command: &member::Command, object: Uuid, directory: &Directory) -> Holding {
        let new = matches!(command, member::Command::Add { .. })
            && directory.member_by_id(MemberId::new(object)).is_none();
        Holding { members: new.into(), ..Holding::default() }
    }
}

impl Takes for Invitation {
    fn takes(command: &invitation::Command, object: Uuid, directory: &Directory) -> Holding {
        let new = matches!(command, invitation::Command::Create(_))
            && directory.invitation(InvitationId::new(object)).is_none();
        Holding { invitations: new.into(), ..Holding::default() }
    }
}

/// Only the installation creates them.
impl Takes for Organization {
    fn takes(_: &organization::Command, _: Uuid, _: &Directory) -> Holding {
        Holding::default()
    }
}

impl Takes for Installation {
    fn takes(_: &installation::Command, _: Uuid, _: &Directory) -> Holding {
        Holding::default()
    }
}

#[cfg(test)]
mod tests;

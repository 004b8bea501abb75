//! Commands, whoever sends them: the API, bootstrap, and whatever else changes something.
//!
//! A command is made first: its ids, its fingerprint, its sealed texts, for which vaults are asked. Right before it is
//! carried out its sender is looked at again, since all that took time; once begun it runs to its end, also when
//! nobody waits for it any more. Knows no HTTP: what it came to is a value or a [`Failed`], and the caller's to tell.

mod active;
mod allowance;
mod fingerprint;
mod forget;
mod order;
mod people;

use std::sync::Arc;

use domain::organization::{Organization, Refusal};
use domain::person::{self, Person};
use domain::{Authority, CommandError, Decide, Dispatcher, command_id};
use events::clock::{Clock, Random, uuid_v7};
use events::person::IdentityDigest;
use events::{Actor, CommandId, EventId, Keyholder, OrganizationId, Owner, Slug, Subject, UserId};
use serde::Serialize;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use self::active::Followed;
pub use self::allowance::{Allowance, NoRoom, Takes};
pub use self::forget::keep_forgetting;
pub use self::order::Order;
pub use self::people::{Found, Said, sealed};
use crate::vault::{SealingKey, SealingKeys, VaultError};

/// Makes commands and carries them out. Cheap to clone.
#[derive(Clone)]
pub struct Commands(Arc<Shared>);

/// What commands are made of.
pub struct CommandParts {
    pub dispatcher: Dispatcher,
    /// `None`: only the installation's own commands are sent.
    pub allowance: Option<Arc<Allowance>>,
    pub sealing: SealingKeys,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

struct Shared {
    parts: CommandParts,
    /// Those that run.
    running: TaskTracker,
}

/// Whoever sends a command.
pub trait Sender: Send + Sync + 'static {
    /// Why it may not.
    type Denied: Send + 'static;

    fn actor(&self) -> Actor;

    /// What it may give, if it may send the command now.
    fn authority(&self) -> Result<Authority, Self::Denied>;
}

/// What is asked for, in the words that the command's fingerprint is made of.
#[derive(Clone, Copy)]
pub struct Wanted<'a, R> {
    /// Such as `keys.revoke`.
    pub operation: &'static str,
    pub request: &'a R,
    /// The sender's own name for the command, under which it is done once; `None`: each is another one.
    pub idempotency_key: Option<&'a str>,
}

/// What a command changes.
pub struct Object {
    pub id: Uuid,
    pub subject: Subject,
    /// Whose key seals its texts.
    pub keyholder: Keyholder,
    /// What it is known by to its sender. Part of every fingerprint, so these stay the same for ever.
    pub ids: Vec<String>,
}

/// Why a command was not made, or not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failed<R: std::error::Error + 'static, D> {
    #[error("its sender may not, or may not any more")]
    Denied(D),
    #[error("its owner has no sealing key: there is no such organization, or it is forgotten")]
    NoOwner,
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("what is asked for can't be written down: {0}")]
    Request(#[from] serde_json::Error),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error(transparent)]
    Command(CommandError<R>),
    #[error("its task broke: {0}")]
    Broken(#[source] tokio::task::JoinError),
}

/// What making a command comes to.
type Made<A, S> = Result<Order<A, S>, Failed<<A as Decide>::Refusal, <S as Sender>::Denied>>;

impl Commands {
    pub fn new(parts: CommandParts) -> Self {
        Self(Arc::new(Shared { parts, running: TaskTracker::new() }))
    }

    /// Waits for those that run. Called when no more are sent.
    pub async fn drain(&self) {
        self.0.running.close();
        self.0.running.wait().await;
    }

    /// Makes a change of an object.
    pub async fn change<A: Decide, S: Sender, R: Serialize + Sync>(
        &self,
        sender: S,
        object: Object,
        wanted: Wanted<'_, R>,
    ) -> Made<A, S> {
        let owner = match object.keyholder {
            Keyholder::Owner(owner) => owner,
            Keyholder::Person(_) => Owner::Installation,
        };
        let command = self.command(owner, &sender.actor(), wanted.idempotency_key);
        let sealing = self.sealing_key(object.keyholder).await?.ok_or(Failed::NoOwner)?;
        self.order(sender, object, command, sealing, wanted)
    }

    /// Makes the creation of something that belongs to an owner; `subject` is where it will lie.
    pub async fn create<A: Decide, S: Sender, R: Serialize + Sync>(
        &self,
        sender: S,
        owner: Owner,
        subject: impl FnOnce(Uuid) -> Subject + Send,
        wanted: Wanted<'_, R>,
    ) -> Made<A, S> {
        let command = self.command(owner, &sender.actor(), wanted.idempotency_key);
        let sealing = self.sealing_key(owner.into()).await?.ok_or(Failed::NoOwner)?;
        let id = command_id::create_id(command, &A::aggregate_type());
        let (subject, ids) = (subject(id), vec![owner.to_string()]);
        let object = Object { id, subject, keyholder: owner.into(), ids };
        self.order(sender, object, command, sealing, wanted)
    }

    /// Makes the command that creates an organization: its sealing key comes first, unless the slug is another's.
    /// Such a create is refused for ever, and would leave a key for nobody in the vault.
    pub async fn create_organization<S: Sender, R: Serialize + Sync>(
        &self,
        sender: S,
        slug: &Slug,
        wanted: Wanted<'_, R>,
    ) -> Made<Organization, S> {
        let Shared { parts, .. } = &*self.0;
        let command = self.command(Owner::Installation, &sender.actor(), wanted.idempotency_key);
        let id = command_id::create_id(command, &Organization::aggregate_type());
        let organization = OrganizationId::new(id);
        let owner = Owner::Organization(organization);
        let sealing = match parts.sealing.get(owner).await? {
            Some(sealing) => sealing,
            None => {
                sender.authority().map_err(Failed::Denied)?;
                let taken = parts.dispatcher.slug_is_taken(organization, slug).await;
                if taken.map_err(Failed::Command)? {
                    let refusal = Refusal::SlugTaken { slug: slug.clone() };
                    return Err(Failed::Command(CommandError::Refused(refusal)));
                }
                parts.sealing.get_or_create(owner).await?
            }
        };
        let subject = Subject::organization(organization);
        let object = Object { id, subject, keyholder: owner.into(), ids: vec![] };
        self.order(sender, object, command, sealing, wanted)
    }

    /// Makes the command that adds a person: their sealing key comes first, unless the identity is another's.
    pub async fn create_person<S: Sender, R: Serialize + Sync>(
        &self,
        sender: S,
        identity: &IdentityDigest,
        wanted: Wanted<'_, R>,
    ) -> Made<Person, S> {
        let Shared { parts, .. } = &*self.0;
        let command = self.command(Owner::Installation, &sender.actor(), wanted.idempotency_key);
        let id = command_id::create_id(command, &Person::aggregate_type());
        let keyholder = Keyholder::Person(UserId::new(id));
        let sealing = match parts.sealing.get(keyholder).await? {
            Some(sealing) => sealing,
            None => {
                sender.authority().map_err(Failed::Denied)?;
                let holder = parts.dispatcher.holder_of(identity).await.map_err(Failed::Command)?;
                if holder.is_some_and(|holder| holder != UserId::new(id)) {
                    return Err(Failed::Command(CommandError::Refused(person::Refusal::IdentityTaken)));
                }
                parts.sealing.get_or_create(keyholder).await?
            }
        };
        let object = Object { id, subject: Subject::person(UserId::new(id)), keyholder, ids: vec![] };
        self.order(sender, object, command, sealing, wanted)
    }

    /// Whether an organization would still have an owner without this person.
    pub async fn has_owner_beside(
        &self,
        organization: OrganizationId,
        person: UserId,
    ) -> Result<bool, CommandError<person::Refusal>> {
        self.0.parts.dispatcher.has_owner_beside(organization, person).await
    }

    /// Whether the key that sealed an owner's texts is gone for ever.
    pub async fn sealing_key_is_deleted(&self, owner: Owner) -> Result<bool, VaultError> {
        self.0.parts.sealing.is_deleted(owner).await
    }

    /// Its id: from its sender's name for it, or a new one.
    fn command(&self, owner: Owner, actor: &Actor, idempotency_key: Option<&str>) -> CommandId {
        match idempotency_key {
            Some(key) => command_id::from_idempotency_key(owner, actor, key),
            None => CommandId::new(self.uuid()),
        }
    }

    /// The key that seals somebody's texts. An organization's, and a person's, is drawn before there is one.
    async fn sealing_key(&self, of: Keyholder) -> Result<Option<Arc<SealingKey>>, VaultError> {
        match of {
            Keyholder::Owner(Owner::Installation) => self.0.parts.sealing.get_or_create(of).await.map(Some),
            Keyholder::Owner(Owner::Organization(_)) | Keyholder::Person(_) => {
                self.0.parts.sealing.get(of).await
            }
        }
    }

    fn order<A: Decide, S: Sender, R: Serialize>(
        &self,
        sender: S,
        object: Object,
        command: CommandId,
        sealing: Arc<SealingKey>,
        wanted: Wanted<'_, R>,
    ) -> Made<A, S> {
        let Object { id, subject, keyholder: _, ids } = object;
        let words = fingerprint::canonical(wanted.operation, &ids, wanted.request)?;
        Ok(Order {
            commands: self.clone(),
            sender,
            id,
            subject,
            now: self.0.parts.clock.now(),
            command,
            fingerprint: sealing.fingerprint(&words),
            event: EventId::new(self.uuid()),
            sealing,
            aggregate: std::marker::PhantomData,
        })
    }

    fn uuid(&self) -> Uuid {
        uuid_v7(&*self.0.parts.clock, &*self.0.parts.random)
    }
}

#[cfg(test)]
mod tests;

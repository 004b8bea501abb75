//! The first start of an installation, and the way back in when its admin keys are lost.
//!
//! Both end with one admin key of the installation, whose text the caller shows once. Bootstrap draws the
//! secrets into the vaults, appends `installation.bootstrapped` as the log's first event, then issues the key.
//! A crash before the event leaves secrets that the next bootstrap uses; one after it is mended by recovery,
//! which appends `installation.recovered` and issues another key.

use std::sync::Arc;

use domain::key::secret::{PlainKey, Prefix};
use domain::{CommandError, Context, Dispatcher, command_id};
use domain::{installation, key};
use events::clock::{Clock, Random, uuid_v7};
use events::key::{Environment, KeyOwner};
use events::log::{Log, ReadError};
use events::scope::{AccessPattern, ResourcePattern};
use events::sealed::{Field, SealedField};
use events::{
    Actor, AggregateType, CommandId, EventId, InstallationId, KeyId, Owner, Position, Read, Scope, ScopeSet,
    SecretId, Subject,
};

use crate::vault::{NodeSecrets, Peppers, SealingKey, SealingKeys, Vault, VaultError, snapshot};

/// What bootstrap and recovery work on.
pub struct Bootstrap {
    pub log: Arc<dyn Log>,
    pub node: Vault,
    pub control: Vault,
    pub sealing: SealingKeys,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// Of the key that is issued.
    pub prefix: Prefix,
}

/// An admin key of the installation, to be shown once.
#[derive(Debug)]
pub struct FirstKey {
    pub installation: InstallationId,
    pub id: KeyId,
    pub key: PlainKey,
    /// Of the event that issued it.
    pub position: Position,
}

#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error(
        "already bootstrapped: an installation lives in this log. Lost its admin keys? `keyledger bootstrap --recover`"
    )]
    AlreadyBootstrapped,
    #[error("no installation lives in this log yet: run `keyledger bootstrap` without --recover")]
    NotBootstrapped,
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error("the log's first message is no event of an installation that this version can read")]
    FirstEvent,
    #[error("the installation's event was not stored: {0}")]
    Installation(#[source] Box<CommandError<installation::Refusal>>),
    #[error(
        "the installation's event is stored, but its admin key was not issued ({0}): \
         run `keyledger bootstrap --recover`"
    )]
    Key(#[source] Box<CommandError<key::Refusal>>),
    #[error("the admin key's scopes: {0}")]
    Scopes(#[from] events::scope::ScopeSetError),
    #[error(
        "an earlier call of this command issued the key, whose text is gone: run `keyledger bootstrap --recover`"
    )]
    Replayed,
}

/// Asking again after an outcome that is not known, with the same command: what is there already is found.
const ASKED_AT_MOST: u32 = 3;

impl Bootstrap {
    /// Makes the log an installation's, once.
    pub async fn bootstrap(&self) -> Result<FirstKey, BootstrapError> {
        match self.log.id().await {
            Ok(_) => return Err(BootstrapError::AlreadyBootstrapped),
            Err(ReadError::NotBootstrapped) => {}
            Err(error) => return Err(error.into()),
        }
        let secrets = NodeSecrets::create(&self.control, &self.node, &*self.clock, &*self.random).await?;
        snapshot::ensure(self.sealing.vault(), &self.node, &*self.clock, &*self.random).await?;
        let sealing = self.sealing.get_or_create(Owner::Installation).await?;
        let installation = InstallationId::new(self.uuid());
        let issue = self.issue_context(&sealing);
        let command = installation::Command::Bootstrap {
            admin_key: admin_key(issue.command),
            pepper: secrets.peppers.newest().id(),
        };
        self.tell(installation, &command, &sealing).await?;
        self.issue(installation, &issue, &secrets.peppers, &sealing).await
    }

    /// Lets in a new admin key. Earlier ones stay as they are.
    pub async fn recover(&self) -> Result<FirstKey, BootstrapError> {
        let installation = self.installation().await?;
        let peppers = Peppers::load(&self.control).await?;
        let sealing = self.sealing.get_or_create(Owner::Installation).await?;
        let issue = self.issue_context(&sealing);
        let command = installation::Command::Recover { admin_key: admin_key(issue.command) };
        self.tell(installation, &command, &sealing).await?;
        self.issue(installation, &issue, &peppers, &sealing).await
    }

    /// Whose log it is.
    async fn installation(&self) -> Result<InstallationId, BootstrapError> {
        let log = match self.log.id().await {
            Ok(log) => log,
            Err(ReadError::NotBootstrapped) => return Err(BootstrapError::NotBootstrapped),
            Err(error) => return Err(error.into()),
        };
        let first = self.log.message(1).await?.ok_or(BootstrapError::FirstEvent)?;
        match first.read(log) {
            Read::Event(recorded) => {
                (&recorded.envelope.subject.aggregate_id).try_into().map_err(|_| BootstrapError::FirstEvent)
            }
            Read::Unreadable(_) | Read::Foreign(_) => Err(BootstrapError::FirstEvent),
        }
    }

    async fn tell(
        &self,
        id: InstallationId,
        command: &installation::Command,
        sealing: &SealingKey,
    ) -> Result<(), BootstrapError> {
        let dispatcher = self.dispatcher();
        let subject = Subject::installation(id);
        let context = self.context(CommandId::new(self.uuid()), sealing.fingerprint(told(command)));
        let mut asked = 1;
        loop {
            match dispatcher.execute::<domain::Installation>(&subject, command, &context).await {
                Ok(_) => return Ok(()),
                Err(CommandError::Refused(installation::Refusal::AlreadyBootstrapped)) => {
                    return Err(BootstrapError::AlreadyBootstrapped);
                }
                Err(CommandError::OutcomeUnknown(_)) if asked < ASKED_AT_MOST => asked += 1,
                Err(error) => return Err(BootstrapError::Installation(Box::new(error))),
            }
        }
    }

    async fn issue(
        &self,
        installation: InstallationId,
        context: &Context,
        peppers: &Peppers,
        sealing: &SealingKey,
    ) -> Result<FirstKey, BootstrapError> {
        let id = admin_key(context.command);
        let subject = Subject::key(Owner::Installation, id);
        let key = PlainKey::draw(&self.prefix, &*self.random);
        let parsed = key.parsed();
        let field = SealedField::of(&subject, context.event, Field::Name);
        let command = key::Command::Issue(Box::new(key::Issue {
            secret_id: SecretId::new(self.uuid()),
            digest: peppers.newest().digest(&parsed),
            prefix: parsed.prefix().to_owned(),
            last_four: parsed.last_four().to_owned(),
            owner: KeyOwner::Installation,
            environment: Environment::Live,
            not_before: None,
            expires_at: None,
            scopes: admin_scopes()?,
            issued_by: Actor::bootstrap(),
            name: sealing.seal(&field, "Installation admin", &*self.random)?,
            metadata: None,
        }));
        let dispatcher = self.dispatcher();
        let mut asked = 1;
        loop {
            match dispatcher.execute::<domain::Key>(&subject, &command, context).await {
                Ok(done) if done.changed => {
                    return Ok(FirstKey { installation, id, key, position: done.position });
                }
                Ok(_) => return Err(BootstrapError::Replayed),
                Err(CommandError::OutcomeUnknown(_)) if asked < ASKED_AT_MOST => asked += 1,
                Err(error) => return Err(BootstrapError::Key(Box::new(error))),
            }
        }
    }

    fn issue_context(&self, sealing: &SealingKey) -> Context {
        self.context(CommandId::new(self.uuid()), sealing.fingerprint(b"issue the installation's admin key"))
    }

    fn context(&self, command: CommandId, fingerprint: events::envelope::Fingerprint) -> Context {
        Context {
            now: self.clock.now(),
            actor: Actor::bootstrap(),
            command,
            fingerprint,
            event: EventId::new(self.uuid()),
            causation: None,
        }
    }

    fn dispatcher(&self) -> Dispatcher {
        Dispatcher::new(Arc::clone(&self.log), Arc::clone(&self.random))
    }

    fn uuid(&self) -> uuid::Uuid {
        uuid_v7(&*self.clock, &*self.random)
    }
}

/// The command in the words that its fingerprint is made of.
fn told(command: &installation::Command) -> &'static [u8] {
    match command {
        installation::Command::Bootstrap { .. } => b"bootstrap",
        installation::Command::Recover { .. } => b"recover",
    }
}

/// As every created aggregate's, the key's id follows from the command that issues it.
fn admin_key(command: CommandId) -> KeyId {
    KeyId::new(command_id::create_id(command, &AggregateType::Key))
}

/// `admin:*:*` and `keys:verify`.
fn admin_scopes() -> Result<ScopeSet, events::scope::ScopeSetError> {
    ScopeSet::new(vec![
        Scope::Admin { resource: ResourcePattern::Any, access: AccessPattern::Any },
        Scope::KeysVerify,
    ])
}

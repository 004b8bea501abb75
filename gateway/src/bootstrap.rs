//! The first start of an installation, and the way back in when its admin keys are lost.
//!
//! Both end with one admin key of the installation, whose text the caller shows once. Bootstrap draws the
//! secrets into the vaults, appends `installation.bootstrapped` as the log's first event, then issues the key.
//! A crash before the event leaves secrets that the next bootstrap uses; one after it is mended by recovery,
//! which appends `installation.recovered` and issues another key.

use std::convert::Infallible;
use std::sync::Arc;

use domain::key::secret::{PlainKey, Prefix};
use domain::{Authority, CommandError, Dispatcher, Done, Installation, Key, Writer};
use domain::{installation, key};
use events::clock::{Clock, Random, uuid_v7};
use events::key::{Environment, KeyOwner};
use events::log::{Log, ReadError};
use events::scope::{AccessPattern, ResourcePattern};
use events::sealed::Field;
use events::tlog::Head;
use events::{
    Actor, InstallationId, KeyId, Owner, Position, Read, Scope, ScopeSet, SecretId, SignerPurpose, Signers,
    SigningKey, Subject,
};
use uuid::Uuid;

use crate::command::{CommandParts, Commands, Failed, Object, Order, Sender, Takes, Wanted};
use crate::vault::{NodeSecrets, Peppers, SealingKeys, Vault, VaultError, VaultWriter, signer, snapshot};

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
    Installation(#[source] Box<Failed<installation::Refusal, Infallible>>),
    #[error(
        "the installation's event is stored, but its admin key was not issued ({0}): \
         run `keyledger bootstrap --recover`"
    )]
    Key(#[source] Box<Failed<key::Refusal, Infallible>>),
    #[error("the admin key's scopes: {0}")]
    Scopes(#[from] events::scope::ScopeSetError),
    #[error(
        "an earlier call of this command issued the key, whose text is gone: run `keyledger bootstrap --recover`"
    )]
    Replayed,
}

/// The installation itself sends these commands.
#[derive(Clone)]
struct Itself;

impl Sender for Itself {
    type Denied = Infallible;

    fn actor(&self) -> Actor {
        Actor::bootstrap()
    }

    fn authority(&self) -> Result<Authority, Infallible> {
        Ok(Authority::Whole)
    }
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
        let installation = InstallationId::new(self.uuid());
        let writer = self.draw(SignerPurpose::Writer).await?;
        let checkpoint = self.draw(SignerPurpose::Checkpoint).await?;
        let (signs_events, signs_heads) = (writer.public(), checkpoint.public());
        let commands = self.commands(Arc::new(writer));
        let issue = order_key(&commands).await?;
        let command = installation::Command::Bootstrap {
            admin_key: KeyId::new(issue.id()),
            pepper: secrets.peppers.issuing().id(),
            writer: signs_events,
            checkpoint: signs_heads,
        };
        if let Err(error) = tell(&commands, installation, "installation.bootstrap", command).await {
            if matches!(error, BootstrapError::AlreadyBootstrapped) {
                // Another's keys were published.
                signer::purge(&self.control, SignerPurpose::Writer, signs_events.id).await?;
                signer::purge(&self.control, SignerPurpose::Checkpoint, signs_heads.id).await?;
            }
            return Err(error);
        }
        signer::ensure_first(&self.node, signs_events, &*self.random).await?;
        self.issue(installation, issue, &secrets.peppers).await
    }

    /// Lets in a new admin key. Earlier ones stay as they are.
    pub async fn recover(&self) -> Result<FirstKey, BootstrapError> {
        let installation = self.installation().await?;
        let peppers = Peppers::load(&self.control, self.clock.now()).await?;
        let writer = VaultWriter::new(self.control.clone(), Arc::clone(&self.log), Arc::<Signers>::default());
        let commands = self.commands(Arc::new(writer));
        let issue = order_key(&commands).await?;
        let command = installation::Command::Recover { admin_key: KeyId::new(issue.id()) };
        tell(&commands, installation, "installation.recover", command).await?;
        self.issue(installation, issue, &peppers).await
    }

    /// Writes down that what these heads are of is lost, by an operator's word, and that another key signs from here on.
    pub async fn accept_loss(&self, kept: Head, lost: Vec<Head>) -> Result<(), BootstrapError> {
        let installation = self.installation().await?;
        let writer = VaultWriter::new(self.control.clone(), Arc::clone(&self.log), Arc::<Signers>::default());
        let commands = self.commands(Arc::new(writer));
        // It is in the vault before the log tells of it.
        let drawn = self.draw(SignerPurpose::Writer).await?.public();
        let command = installation::Command::AcceptLoss { kept, lost, writer: drawn };
        let told = tell(&commands, installation, "installation.accept_loss", command).await;
        if let Err(BootstrapError::Installation(failed)) = &told
            && matches!(**failed, Failed::Command(CommandError::Refused(_)))
        {
            signer::purge(&self.control, SignerPurpose::Writer, drawn.id).await?;
        }
        told
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

    async fn issue(
        &self,
        installation: InstallationId,
        order: Order<Key, Itself>,
        peppers: &Peppers,
    ) -> Result<FirstKey, BootstrapError> {
        let id = KeyId::new(order.id());
        let key = PlainKey::draw(&self.prefix, &*self.random);
        let parsed = key.parsed();
        let command = key::Command::Issue(Box::new(key::Issue {
            secret_id: SecretId::new(self.uuid()),
            digest: peppers.issuing().digest(&parsed),
            prefix: parsed.prefix().to_owned(),
            last_four: parsed.last_four().to_owned(),
            owner: KeyOwner::Installation,
            environment: Environment::Live,
            not_before: None,
            expires_at: None,
            scopes: admin_scopes()?,
            issued_by: Actor::bootstrap(),
            name: order.seal(Field::Name, "Installation admin")?,
            metadata: None,
        }));
        let done = carry_out(order, command).await.map_err(BootstrapError::not_issued)?;
        if done.changed {
            Ok(FirstKey { installation, id, key, position: done.position })
        } else {
            Err(BootstrapError::Replayed)
        }
    }

    async fn draw(&self, purpose: SignerPurpose) -> Result<SigningKey, VaultError> {
        signer::draw(&self.control, purpose, &*self.clock, &*self.random).await
    }

    fn commands(&self, writer: Arc<dyn Writer>) -> Commands {
        Commands::new(CommandParts {
            dispatcher: Dispatcher::new(Arc::clone(&self.log), writer, Arc::clone(&self.random)),
            allowance: None,
            sealing: self.sealing.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        })
    }

    fn uuid(&self) -> Uuid {
        uuid_v7(&*self.clock, &*self.random)
    }
}

async fn tell(
    commands: &Commands,
    id: InstallationId,
    operation: &'static str,
    command: installation::Command,
) -> Result<(), BootstrapError> {
    let subject = Subject::installation(id);
    let keyholder = Owner::Installation.into();
    let object = Object { id: id.uuid(), subject, keyholder, ids: vec![] };
    let order = commands.change::<Installation, _, _>(Itself, object, wanted(operation)).await;
    match carry_out(order.map_err(BootstrapError::told)?, command).await {
        Ok(_) => Ok(()),
        Err(Failed::Command(CommandError::Refused(installation::Refusal::AlreadyBootstrapped))) => {
            Err(BootstrapError::AlreadyBootstrapped)
        }
        Err(error) => Err(BootstrapError::told(error)),
    }
}

/// The command that issues the admin key. Its id is known before the installation's own event, which names it.
async fn order_key(commands: &Commands) -> Result<Order<Key, Itself>, BootstrapError> {
    let subject = |id| Subject::key(Owner::Installation, KeyId::new(id));
    let wanted = wanted("installation.admin_key");
    let order = commands.create::<Key, _, _>(Itself, Owner::Installation, subject, wanted).await;
    order.map_err(BootstrapError::not_issued)
}

impl BootstrapError {
    /// `otherwise`: what it is if it was not the vault that failed.
    fn of<R: std::error::Error>(
        failed: Failed<R, Infallible>,
        otherwise: fn(Box<Failed<R, Infallible>>) -> Self,
    ) -> Self {
        match failed {
            Failed::Vault(error) => Self::Vault(error),
            Failed::Denied(_)
            | Failed::NoOwner
            | Failed::Request(_)
            | Failed::NoRoom(_)
            | Failed::Command(_)
            | Failed::Broken(_) => otherwise(Box::new(failed)),
        }
    }

    fn told(failed: Failed<installation::Refusal, Infallible>) -> Self {
        Self::of(failed, Self::Installation)
    }

    fn not_issued(failed: Failed<key::Refusal, Infallible>) -> Self {
        Self::of(failed, Self::Key)
    }
}

/// What is done, and nothing more: each call is a command of its own.
fn wanted(operation: &'static str) -> Wanted<'static, ()> {
    Wanted { operation, request: &(), idempotency_key: None }
}

/// An outcome that is not known is asked for again, with the same command.
async fn carry_out<A: Takes<Command: 'static>>(
    order: Order<A, Itself>,
    command: A::Command,
) -> Result<Done<A>, Failed<A::Refusal, Infallible>> {
    let mut asked = 1;
    loop {
        match order.clone().carry_out(command.clone()).await {
            Err(Failed::Command(CommandError::OutcomeUnknown(_))) if asked < ASKED_AT_MOST => asked += 1,
            outcome => return outcome,
        }
    }
}

/// `admin:*:*` and `keys:verify`.
fn admin_scopes() -> Result<ScopeSet, events::scope::ScopeSetError> {
    ScopeSet::new(vec![
        Scope::Admin { resource: ResourcePattern::Any, access: AccessPattern::Any },
        Scope::KeysVerify,
    ])
}

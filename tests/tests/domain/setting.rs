//! An installation with one organization, and commands to send it.

use std::sync::Arc;

use domain::key::secret::{PlainKey, Prefix};
use domain::{
    Authority, Context, Decide, Dispatcher, Done, Organization, Writer, command_id, key, organization,
};
use events::Fingerprint;
use events::clock::{Clock, Random, SystemClock, SystemRandom, uuid_v7};
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::key::{Environment, KeyOwner};
use events::log::Log;
use events::log::jetstream::JetStreamLog;
use events::sealed::SealedBytes;
use events::{
    Actor, AggregateType, CommandId, EventId, KeyId, OrganizationId, Owner, PepperId, Read, Recorded,
    SealedText, SealingKeyId, SecretId, Subject,
};
use gateway::bootstrap::Bootstrap;
use gateway::config::NatsRole;
use gateway::store::kv::KvEntries;
use gateway::vault::{MasterKey, SealingKeys, Vault, VaultName};
use keyledger_tests::servers::Nats;
use keyledger_tests::signing;
use uuid::Uuid;

pub fn uuid() -> Uuid {
    uuid_v7(&SystemClock, &SystemRandom)
}

/// A vault over a connection of this role's own.
pub async fn vault(nats: &Nats, role: NatsRole, name: VaultName) -> Vault {
    let entries = KvEntries::open(nats.connect(role.as_str()).await, name).await.unwrap();
    Vault::new(name, Arc::new(entries), MasterKey::of(&[name as u8 + 1; 32]).unwrap())
}

pub async fn sealing_keys(nats: &Nats, role: NatsRole) -> SealingKeys {
    let vault = vault(nats, role, VaultName::People).await;
    SealingKeys::new(vault, Arc::new(SystemClock), Arc::new(SystemRandom))
}

/// As `keyledger bootstrap` makes it ready, over connections of its own.
pub async fn bootstrap(nats: &Nats) -> Bootstrap {
    Bootstrap {
        log: Arc::new(nats.log(NatsRole::Control).await.unwrap()),
        node: vault(nats, NatsRole::Control, VaultName::Node).await,
        control: vault(nats, NatsRole::Control, VaultName::Control).await,
        sealing: sealing_keys(nats, NatsRole::Control).await,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        prefix: Prefix::live(),
    }
}

/// One admin's process: its own connection, its own dispatcher.
pub struct Admin {
    pub log: JetStreamLog,
    pub dispatcher: Dispatcher,
    pub writer: Arc<dyn Writer>,
}

impl Admin {
    pub async fn new(nats: &Nats) -> Self {
        let log = nats.log(NatsRole::Control).await.unwrap();
        let control = vault(nats, NatsRole::Control, VaultName::Control).await;
        let writer = signing::writer_of(log.clone(), control);
        let dispatcher = Dispatcher::new(Arc::new(log.clone()), Arc::clone(&writer), Arc::new(SystemRandom));
        Self { log, dispatcher, writer }
    }

    pub async fn create(&self, id: OrganizationId, slug: &str) -> Result<Done<Organization>, Refused> {
        let command = organization::Command::Create { slug: slug.parse().unwrap(), name: sealed() };
        self.dispatcher.execute(&Subject::organization(id), &command, &context()).await
    }

    pub async fn key(&self, subject: &Subject, command: &key::Command, context: &Context) -> KeyOutcome {
        self.dispatcher.execute(subject, command, context).await
    }
}

pub type Refused = domain::CommandError<organization::Refusal>;
pub type KeyOutcome = Result<Done<domain::Key>, domain::CommandError<key::Refusal>>;

/// A bootstrapped log with one organization.
pub async fn with_organization() -> (Nats, Admin, OrganizationId) {
    let nats = Nats::set_up().await;
    bootstrap(&nats).await.bootstrap().await.unwrap();
    let admin = Admin::new(&nats).await;
    let id = OrganizationId::new(uuid());
    admin.create(id, "acme").await.unwrap();
    (nats, admin, id)
}

/// With one key as well.
pub async fn with_key() -> (Nats, Admin, Subject) {
    let (nats, admin, organization) = with_organization().await;
    let subject = Subject::key(Owner::Organization(organization), KeyId::new(uuid()));
    admin.key(&subject, &issue(), &context()).await.unwrap();
    (nats, admin, subject)
}

/// Of a command that nobody sent before.
pub fn context() -> Context {
    let mut fingerprint = [0; 32];
    SystemRandom.fill(&mut fingerprint);
    Context {
        now: SystemClock.now(),
        actor: Actor::bootstrap(),
        authority: Authority::Whole,
        command: CommandId::new(uuid()),
        fingerprint: Fingerprint(fingerprint),
        event: EventId::new(uuid()),
        causation: None,
    }
}

/// The same command in another call.
pub fn again(context: &Context) -> Context {
    Context { event: EventId::new(uuid()), now: SystemClock.now(), ..context.clone() }
}

/// The subject of the key that a command creates.
pub fn created_by(organization: OrganizationId, context: &Context) -> Subject {
    let id = KeyId::new(command_id::create_id(context.command, &AggregateType::Key));
    Subject::key(Owner::Organization(organization), id)
}

pub fn issue() -> key::Command {
    let secret = PlainKey::draw(&Prefix::live(), &SystemRandom);
    let parsed = secret.parsed();
    let mut digest = [0; 32];
    SystemRandom.fill(&mut digest);
    key::Command::Issue(Box::new(key::Issue {
        secret_id: SecretId::new(uuid()),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(uuid()),
            bytes: DigestBytes(digest),
        },
        prefix: parsed.prefix().to_owned(),
        last_four: parsed.last_four().to_owned(),
        owner: KeyOwner::Organization,
        environment: Environment::Test,
        not_before: None,
        expires_at: None,
        scopes: events::ScopeSet::new(vec!["mcp:*".parse().unwrap()]).unwrap(),
        issued_by: Actor::bootstrap(),
        name: sealed(),
        metadata: None,
    }))
}

pub fn rename() -> key::Command {
    key::Command::Rename { name: sealed() }
}

/// What the domain sees of a text; each another one.
pub fn sealed() -> SealedText {
    SealedText {
        key: SealingKeyId::new(uuid()),
        nonce: SealedBytes(vec![0; 12]),
        ciphertext: SealedBytes(uuid().as_bytes().to_vec()),
    }
}

/// The aggregate's events.
pub async fn history(log: &JetStreamLog, subject: &Subject) -> Vec<Recorded> {
    let id = log.id().await.unwrap();
    let history = log.history(subject).await.unwrap();
    let read = |stored: &events::log::Stored| match stored.read(id) {
        Read::Event(recorded) => *recorded,
        other @ (Read::Unreadable(_) | Read::Foreign(_)) => panic!("{other:?}"),
    };
    history.events.iter().map(read).collect()
}

/// The state that these events make.
pub fn replayed<A: Decide>(history: &[Recorded]) -> A {
    let mut state = A::default();
    for recorded in history {
        state.apply(&recorded.event.clone().try_into().unwrap());
    }
    state
}

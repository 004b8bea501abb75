//! Many keys in the log at once: written as control writes them, by the batch and without an API between.

use std::sync::Arc;
use std::time::Instant;

use domain::key::secret::{Pepper, PlainKey, Prefix};
use events::Fingerprint;
use events::clock::{Clock, Random, SystemClock, SystemRandom, uuid_v7};
use events::key::{Environment, ExpiryChanged, Issued, KeyEvent, KeyOwner, Revoked};
use events::log::{Batch, Entry, Expected, Log};
use events::organization::{Created, OrganizationEvent};
use events::sealed::{Field, SealedField, SealedText};
use events::{
    Actor, CommandId, Draft, Event, EventId, KeyId, LogId, OrganizationId, Owner, PepperId, ScopeSet,
    SealingKeyId, SecretId, Shard, Signed, SignerId, SignerPurpose, Signers, SigningKey, Subject,
};
use futures::{StreamExt, TryStreamExt};
use gateway::config::{Config, NatsRole};
use gateway::serve::connections;
use gateway::vault::{Peppers, SealingKey, VaultName, signer};
use uuid::Uuid;

/// Batches that are on their way to the log at once.
const AT_ONCE: usize = 4;

/// Makes keys of one organization.
#[derive(Clone)]
pub struct Issuer {
    organization: OrganizationId,
    log: LogId,
    peppers: Peppers,
    sealing: Arc<SealingKey>,
    signing: Arc<SigningKey>,
}

/// An issued key.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: KeyId,
    pub text: String,
}

impl Issuer {
    pub async fn of(config: &Config, organization: OrganizationId) -> (Self, Arc<dyn Log>) {
        let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) =
            (Arc::new(SystemClock), Arc::new(SystemRandom));
        let log = connections::log(config, NatsRole::Control, &clock, &random).await.expect("the log");
        let vault = connections::vault(config, VaultName::Control, log.client()).await.expect("a vault");
        let sealing = connections::sealing(config, log.client(), &clock, &random).await.expect("a vault");
        let owner = Owner::Organization(organization);
        let signers = Signers::default();
        signers.catch_up(&log).await.expect("the log's keys");
        let newest = signers.now().newest(SignerPurpose::Writer).expect("a writer's key").key.id;
        let signing = signer::load(&vault, SignerPurpose::Writer, newest).await.expect("a vault");
        let issuer = Self {
            signing: Arc::new(signing.expect("the writer's private key")),
            organization,
            log: log.id().await.expect("the log's id"),
            peppers: Peppers::load(&vault, SystemClock.now()).await.expect("peppers"),
            sealing: sealing.get_or_create(owner).await.expect("a sealing key"),
        };
        (issuer, Arc::new(log))
    }

    /// One of no log: for what is measured within this process.
    pub fn alone() -> Self {
        let mut bytes = [0; 32];
        SystemRandom.fill(&mut bytes);
        let key = SealingKey::new(SealingKeyId::new(new_id()), &bytes).expect("a sealing key");
        Self {
            organization: OrganizationId::new(new_id()),
            log: LogId::new(new_id()),
            peppers: Peppers::one(Pepper::new(PepperId::new(new_id()), &bytes)),
            sealing: Arc::new(key),
            signing: Arc::new(SigningKey::from_seed(SignerId::new(new_id()), &bytes).expect("a signing key")),
        }
    }

    pub fn peppers(&self) -> &Peppers {
        &self.peppers
    }

    /// The event that makes the organization.
    pub fn creates(&self) -> Draft {
        let subject = Subject::organization(self.organization);
        let event = EventId::new(new_id());
        let created = Created {
            slug: "acme".parse().expect("a slug"),
            name: self.seal(&subject, event),
            home_shard: Shard::ZERO,
        };
        self.draft(event, subject, Event::Organization(OrganizationEvent::Created(created)))
    }

    /// An event that changes a key, and not whether it works.
    pub fn changes(&self, key: &Key, previous: EventId) -> Draft {
        let changed = KeyEvent::ExpiryChanged(ExpiryChanged { expires_at: None });
        let draft = self.draft(EventId::new(new_id()), self.subject(key), Event::Key(changed));
        Draft { previous: Some(previous), ..draft }
    }

    /// Revokes a key: when the log has confirmed it.
    pub async fn revoke(&self, log: &dyn Log, key: &Key) -> Instant {
        let event = Event::Key(KeyEvent::Revoked(Revoked { reason: None }));
        self.append(log, self.draft(EventId::new(new_id()), self.subject(key), event)).await
    }

    /// Appends it after what its subject has: when the log has confirmed it.
    pub async fn append(&self, log: &dyn Log, draft: Draft) -> Instant {
        let history = log.history(&draft.subject).await.expect("the subject's events");
        let previous = history.events.last().and_then(|stored| stored.read(self.log).event_id());
        let entry =
            Entry { event: self.signed(Draft { previous, ..draft }), expected: Expected::Last(history.last) };
        log.append(Batch { entries: vec![entry] }).await.expect("the log takes it");
        SystemClock.instant()
    }

    /// The key that signs its events.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    pub fn signed(&self, draft: Draft) -> Signed {
        draft.signed(&self.signing).expect("JSON")
    }

    fn subject(&self, key: &Key) -> Subject {
        Subject::key(Owner::Organization(self.organization), key.id)
    }

    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// A text that nobody unseals.
    pub fn seal(&self, subject: &Subject, event: EventId) -> SealedText {
        let field = SealedField::of(subject, event, Field::Name);
        self.sealing.seal(&field, "Measured", &SystemRandom).expect("a sealed text")
    }

    /// What would be appended as the first event of its subject, or after another one where its `previous` says so.
    pub fn draft(&self, id: EventId, subject: Subject, event: Event) -> Draft {
        Draft {
            id,
            log: self.log,
            time: SystemClock.now(),
            subject,
            previous: None,
            actor: Actor::bootstrap(),
            command: CommandId::new(new_id()),
            fingerprint: Fingerprint([0; 32]),
            causation: None,
            event,
        }
    }

    /// A key and the event that issues it.
    pub fn draw(&self, scopes: &ScopeSet) -> (Key, Draft) {
        let plain = PlainKey::draw(&Prefix::live(), &SystemRandom);
        let id = KeyId::new(new_id());
        let event = EventId::new(new_id());
        let owner = Owner::Organization(self.organization);
        let subject = Subject::key(owner, id);
        let parsed = plain.parsed();
        let issued = Issued {
            secret_id: SecretId::new(new_id()),
            digest: self.peppers.issuing().digest(&parsed),
            prefix: parsed.prefix().to_owned(),
            last_four: parsed.last_four().to_owned(),
            owner: KeyOwner::Organization,
            environment: Environment::Live,
            not_before: None,
            expires_at: None,
            scopes: scopes.clone(),
            issued_by: Actor::bootstrap(),
            name: self.seal(&subject, event),
            metadata: None,
        };
        let draft = self.draft(event, subject, Event::Key(KeyEvent::Issued(issued)));
        (Key { id, text: plain.expose().to_owned() }, draft)
    }

    /// Appends so many new keys.
    pub async fn issue(&self, log: &dyn Log, count: usize, scopes: &ScopeSet) -> Vec<Key> {
        let sizes = (0..count).step_by(Batch::MAX).map(|from| Batch::MAX.min(count - from));
        let batches = futures::stream::iter(sizes).map(async |size| {
            let (keys, drafts): (Vec<_>, Vec<_>) = (0..size).map(|_| self.draw(scopes)).unzip();
            let entries = drafts
                .into_iter()
                .map(|draft| Entry { event: self.signed(draft), expected: Expected::Last(0) });
            log.append(Batch { entries: entries.collect() }).await.map(|_| keys)
        });
        let batches: Vec<_> = batches.buffered(AT_ONCE).try_collect().await.expect("the log takes keys");
        batches.into_iter().flatten().collect()
    }
}

pub fn new_id() -> Uuid {
    uuid_v7(&SystemClock, &SystemRandom)
}

//! A database, a projector before it, and messages as a log would hold them.

use std::sync::Arc;

use async_trait::async_trait;
use events::Fingerprint;
use events::clock::{Clock, Random, SystemClock, SystemRandom, uuid_v7};
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::installation::{Bootstrapped, InstallationEvent};
use events::key::{Environment, Issued, KeyEvent, KeyOwner};
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, ReadError, Stored, StreamInfo,
};
use events::organization::OrganizationEvent;
use events::position::{Place, Shard};
use events::sealed::{SealedBytes, SealedField};
use events::{
    Actor, CommandId, Draft, Event, EventId, InstallationId, KeyId, LogId, OrganizationId, Owner, PepperId,
    Position, SealedText, SealingKeyId, SecretId, ServerId, Subject,
};
use keyledger_tests::servers::Postgres;
use keyledger_tests::signing::{self, signed, signed_as};
use projections::Projection;
use projections::checkpoint::{self, Checkpoint};
use projections::postgres::text::{Unseal, UnsealError};
use projections::postgres::{self, Pool};
use projections::runner::{ProjectError, Projector, ProjectorConfig, Reader};
use serde_json::Value;
use uuid::Uuid;

pub fn uuid() -> Uuid {
    uuid_v7(&SystemClock, &SystemRandom)
}

/// "Sealed" under this key, a text is its own clear text; under the nil key it is forgotten.
const KEY: SealingKeyId = SealingKeyId::new(Uuid::from_u128(1));

pub fn sealed(text: &str) -> SealedText {
    SealedText {
        key: KEY,
        nonce: SealedBytes(vec![0; 12]),
        ciphertext: SealedBytes(text.as_bytes().to_vec()),
    }
}

pub fn forgotten() -> SealedText {
    SealedText { key: SealingKeyId::new(Uuid::nil()), ..sealed("nobody reads this") }
}

pub fn damaged() -> SealedText {
    SealedText { ciphertext: SealedBytes(vec![0xff]), ..sealed("") }
}

/// Opens what [`sealed`] seals.
pub struct Plain;

#[async_trait]
impl Unseal for Plain {
    async fn open(&self, _field: &SealedField, text: &SealedText) -> Result<Option<String>, UnsealError> {
        if text.key != KEY {
            return Ok(None);
        }
        String::from_utf8(text.ciphertext.0.clone())
            .map(Some)
            .map_err(|error| UnsealError::Damaged(error.to_string()))
    }
}

/// For projectors that are handed their messages: no log answers.
pub struct Nowhere;

#[async_trait]
impl Log for Nowhere {
    async fn id(&self) -> Result<LogId, ReadError> {
        Err(ReadError::Unavailable("there is none".into()))
    }
    async fn append(&self, _batch: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Unavailable("there is none".into()))
    }
    async fn history_after(&self, _subject: &Subject, _known: Known) -> Result<History, ReadError> {
        Err(ReadError::Unavailable("there is none".into()))
    }
    async fn message(&self, _sequence: u64) -> Result<Option<Stored>, ReadError> {
        Err(ReadError::Unavailable("there is none".into()))
    }
    async fn info(&self) -> Result<StreamInfo, ReadError> {
        Err(ReadError::Unavailable("there is none".into()))
    }
    async fn follow(&self, _after: Option<Place>) -> Result<Follower, FollowError> {
        Err(FollowError::Unavailable("there is none".into()))
    }
}

pub struct Stage {
    pub pool: Pool,
    // After the pool: it goes last.
    postgres: Postgres,
}

impl Stage {
    pub async fn new() -> Self {
        let postgres = Postgres::start().await;
        let pool = postgres::connect(&postgres.url(), 8).unwrap();
        postgres::migrate(&pool).await.unwrap();
        Self { pool, postgres }
    }

    pub fn url(&self) -> String {
        self.postgres.url()
    }

    pub fn projector(&self) -> Projectors {
        self.projectors(Arc::new(Plain))
    }

    pub fn projectors(&self, unseal: Arc<dyn Unseal>) -> Projectors {
        let of = |projection| {
            let config = ProjectorConfig::default();
            Projector::new(projection, Arc::new(Nowhere), self.pool.clone(), unseal.clone(), config)
                .with_reader(Arc::new(Reader::new(Arc::new(Nowhere), signing::signers())))
        };
        Projectors(Projection::ALL.map(of).into())
    }

    /// Of the projection that is furthest behind.
    pub async fn checkpoint(&self) -> Option<Checkpoint> {
        furthest_behind(&self.pool).await.unwrap()
    }

    /// As if nothing had ever been projected.
    pub async fn empty(&self) {
        let sql = format!("TRUNCATE {}", postgres::tables().collect::<Vec<_>>().join(", "));
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(self.pool.inner()).await.unwrap();
    }

    /// All that the tables hold, in an order of its own, without the times at which it was written.
    pub async fn dump(&self) -> Vec<Value> {
        let mut dump = Vec::new();
        for table in postgres::tables() {
            let sql = format!("SELECT to_jsonb(t) - 'updated_at' FROM {table} t ORDER BY 1");
            let rows: Vec<Value> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(self.pool.inner()).await.unwrap();
            dump.extend(rows.into_iter().map(|row| serde_json::json!({ table: row })));
        }
        dump
    }
}

pub async fn furthest_behind(pool: &Pool) -> Result<Option<Checkpoint>, postgres::ReadModelError> {
    let all = checkpoint::all(pool).await?;
    Ok(all
        .into_iter()
        .map(|(_, checkpoint)| checkpoint)
        .min_by_key(|it| it.as_ref().map(|it| it.sequence))
        .flatten())
}

/// A projector for each projection; they go in step.
pub struct Projectors(pub Vec<Projector>);

impl Projectors {
    pub async fn project(
        &self,
        log: LogId,
        from: &mut Option<Checkpoint>,
        messages: &[Stored],
    ) -> Result<(), ProjectError> {
        let start = from.clone();
        for projector in &self.0 {
            from.clone_from(&start);
            projector.project(log, from, messages).await?;
        }
        Ok(())
    }
}

/// Messages of a log that nobody holds.
pub struct Tape {
    pub log: LogId,
    pub messages: Vec<Stored>,
}

impl Tape {
    /// Its first message bootstraps an installation.
    pub fn new() -> Self {
        let mut tape = Self { log: LogId::new(uuid()), messages: Vec::new() };
        let subject = Subject::installation(InstallationId::new(uuid()));
        let event = Event::Installation(InstallationEvent::Bootstrapped(Bootstrapped {
            admin_key: KeyId::new(uuid()),
            pepper: PepperId::new(uuid()),
            writer: signing::key().public(),
            checkpoint: signing::checkpoint(),
        }));
        let draft = Draft { id: EventId::new(tape.log.uuid()), ..tape.draft(subject, event) };
        tape.store(&draft.subject.clone(), signed(draft).payload().to_vec());
        tape
    }

    pub fn draft(&self, subject: Subject, event: Event) -> Draft {
        let mut fingerprint = [0; 32];
        SystemRandom.fill(&mut fingerprint);
        Draft {
            id: EventId::new(uuid()),
            log: self.log,
            time: SystemClock.now(),
            previous: self.newest(&subject),
            subject,
            actor: Actor::bootstrap(),
            command: CommandId::new(uuid()),
            fingerprint: Fingerprint(fingerprint),
            causation: None,
            event,
        }
    }

    fn newest(&self, subject: &Subject) -> Option<EventId> {
        let on = subject.to_string();
        let mut own = self.messages.iter().rev().filter(|stored| stored.subject == on);
        own.find_map(|stored| stored.read(self.log).event_id())
    }

    pub fn store(&mut self, subject: &Subject, payload: Vec<u8>) -> u64 {
        let sequence = self.messages.len() as u64 + 1;
        self.messages.push(Stored {
            sequence,
            subject: subject.to_string(),
            stored_at: SystemClock.now(),
            payload: payload.into(),
        });
        sequence
    }

    pub fn add(&mut self, subject: &Subject, event: Event) -> u64 {
        let payload = signed(self.draft(subject.clone(), event)).payload().to_vec();
        self.store(subject, payload)
    }

    pub fn key(&mut self, owner: Owner, id: KeyId, event: KeyEvent) -> u64 {
        self.add(&Subject::key(owner, id), Event::Key(event))
    }

    /// An event of a kind from the future.
    pub fn unreadable(&mut self, subject: &Subject) -> u64 {
        let event = KeyEvent::Enabled(events::key::Enabled {});
        self.spoiled(subject, event, "key.enabled", "key.transmuted")
    }

    /// An event with another text in place of this one, in its JSON, which a writer signed.
    pub fn spoiled(&mut self, subject: &Subject, event: KeyEvent, text: &str, other: &str) -> u64 {
        let payload = signed(self.draft(subject.clone(), Event::Key(event))).payload().to_vec();
        let payload = String::from_utf8(payload).unwrap();
        assert!(payload.contains(text), "{payload}");
        let spoiled = serde_json::from_str(&payload.replace(text, other)).unwrap();
        self.store(subject, signed_as(&subject.to_string(), spoiled))
    }

    /// Something that somebody else left there.
    pub fn foreign(&mut self) -> u64 {
        let subject = Subject::key(Owner::Installation, KeyId::new(uuid()));
        self.store(&subject, b"hello".to_vec())
    }

    /// Organizations with a server and a few keys each, some of which are changed: so many organizations.
    pub fn fill(&mut self, organizations: usize) {
        for n in 0..organizations {
            let id = OrganizationId::new(uuid());
            let owner = Owner::Organization(id);
            self.add(&Subject::organization(id), created(&format!("organization-{n}")));
            let server = ServerId::new(uuid());
            self.add(&Subject::server(id, server), registered(&format!("server-{n}")));
            for k in 0..3 {
                let key = KeyId::new(uuid());
                self.key(owner, key, issued(&format!("key {k} of {n}")));
                match k {
                    0 => self.key(
                        owner,
                        key,
                        KeyEvent::Revoked(events::key::Revoked { reason: Some(sealed("lost")) }),
                    ),
                    1 => {
                        self.key(owner, key, KeyEvent::Renamed(events::key::Renamed { name: sealed("new") }))
                    }
                    _ => self.key(owner, key, KeyEvent::Disabled(events::key::Disabled { reason: None })),
                };
            }
        }
    }
}

pub fn created(slug: &str) -> Event {
    Event::Organization(OrganizationEvent::Created(events::organization::Created {
        slug: slug.parse().unwrap(),
        name: sealed(&format!("{slug} Ltd")),
        home_shard: Shard::ZERO,
    }))
}

pub fn registered(slug: &str) -> Event {
    Event::Server(events::server::ServerEvent::Registered(events::server::Registered {
        slug: slug.parse().unwrap(),
        upstream: "https://tools.example.com/mcp".parse().unwrap(),
        enabled: true,
        name: sealed(slug),
        settings: events::server::UpstreamSettings::default(),
    }))
}

pub fn digest() -> DigestBytes {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    DigestBytes(bytes)
}

pub fn issued(name: &str) -> KeyEvent {
    KeyEvent::Issued(issue(name))
}

pub fn issue(name: &str) -> Issued {
    Issued {
        secret_id: SecretId::new(uuid()),
        digest: KeyDigest { kind: DigestKind::Native, pepper: PepperId::new(uuid()), bytes: digest() },
        prefix: "kl_live".to_owned(),
        last_four: "Ab1z".to_owned(),
        owner: KeyOwner::Organization,
        environment: Environment::Live,
        not_before: None,
        expires_at: Some("2030-01-01T00:00:00.123Z".parse().unwrap()),
        scopes: "mcp:docs mcp:*:tools:get_*".parse().unwrap(),
        issued_by: Actor::bootstrap(),
        name: sealed(name),
        metadata: Some(sealed(r#"{"team":"search"}"#)),
    }
}

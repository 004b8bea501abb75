//! The directory's laws, on histories made by hand and by chance.

mod copies;
mod gate;
mod generation;
mod granted;
mod history;
mod issuers;
mod memory;
mod people;
mod replay;
mod snapshot;
mod vouched;
mod watch;

use std::sync::Arc;

use events::Fingerprint;
use events::actor::Actor;
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::envelope::{Foreign, ForeignReason, Unreadable, UnreadableReason};
use events::key::{Environment, Issued, KeyEvent, KeyOwner};
use events::organization::OrganizationEvent;
use events::position::Shard;
use events::sealed::SealedBytes;
use events::server::ServerEvent;
use events::{
    CommandId, Draft, Event, EventId, KeyId, LogId, OrganizationId, Owner, PepperId, Position, Read,
    Recorded, SealedText, SealingKeyId, SecretId, ServerId, SignerId, SignerSet, Subject, Timestamp,
};
use uuid::Uuid;

use super::{Directory, Holding, IssuerEntry, KeyEntry, OrganizationEntry, ServerEntry};

pub(super) const LOG: LogId = LogId::new(Uuid::from_u128(0x4c4f47));
const WRITER: SignerId = SignerId::new(Uuid::from_u128(0x57));

pub(super) fn organization(n: u8) -> OrganizationId {
    OrganizationId::new(Uuid::from_u128(0x0a00 + u128::from(n)))
}

pub(super) fn server(n: u8) -> ServerId {
    ServerId::new(Uuid::from_u128(0x0b00 + u128::from(n)))
}

pub(super) fn key(n: u8) -> KeyId {
    KeyId::new(Uuid::from_u128(0x0c00 + u128::from(n)))
}

pub(super) fn digest(n: u8) -> DigestBytes {
    DigestBytes([n; 32])
}

pub(super) fn sealed() -> SealedText {
    SealedText {
        key: SealingKeyId::new(Uuid::from_u128(7)),
        nonce: SealedBytes(vec![0; 12]),
        ciphertext: SealedBytes(vec![1; 24]),
    }
}

/// When the log stored the message of this sequence.
fn second(sequence: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(sequence).unwrap() * 1_000).unwrap()
}

fn event(sequence: u64, subject: Subject, event: Event) -> Read {
    let draft = Draft {
        id: EventId::new(Uuid::from_u128(0x0e00_0000 + u128::from(sequence))),
        log: LOG,
        time: Timestamp::UNIX_EPOCH,
        subject,
        previous: None,
        actor: Actor::bootstrap(),
        command: CommandId::new(Uuid::from_u128(u128::from(sequence))),
        fingerprint: Fingerprint([0; 32]),
        causation: None,
        event,
    };
    let position = Position { log: LOG, shard: Shard::ZERO, sequence };
    Read::Event(Box::new(draft.recorded(WRITER, position, second(sequence))))
}

pub(super) fn of_organization(sequence: u64, id: OrganizationId, it: OrganizationEvent) -> Read {
    event(sequence, Subject::organization(id), Event::Organization(it))
}

pub(super) fn of_server(sequence: u64, owner: OrganizationId, id: ServerId, it: ServerEvent) -> Read {
    event(sequence, Subject::server(owner, id), Event::Server(it))
}

pub(super) fn of_key(sequence: u64, owner: Owner, id: KeyId, it: KeyEvent) -> Read {
    event(sequence, Subject::key(owner, id), Event::Key(it))
}

pub(super) fn created(slug: &str) -> OrganizationEvent {
    OrganizationEvent::Created(events::organization::Created {
        slug: slug.parse().unwrap(),
        name: sealed(),
        home_shard: Shard::ZERO,
    })
}

pub(super) fn registered(slug: &str) -> ServerEvent {
    ServerEvent::Registered(events::server::Registered {
        slug: slug.parse().unwrap(),
        upstream: "https://tools.example.com/mcp".parse().unwrap(),
        enabled: true,
        name: sealed(),
        settings: events::server::UpstreamSettings::default(),
    })
}

pub(super) fn issued(digest: DigestBytes, scopes: &str) -> KeyEvent {
    KeyEvent::Issued(Issued {
        secret_id: SecretId::new(Uuid::from_u128(3)),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(Uuid::from_u128(9)),
            bytes: digest,
        },
        prefix: "kl_live".to_owned(),
        last_four: "Ab1z".to_owned(),
        owner: KeyOwner::Organization,
        environment: Environment::Live,
        not_before: None,
        expires_at: None,
        scopes: scopes.parse().unwrap(),
        issued_by: Actor::bootstrap(),
        name: sealed(),
        metadata: None,
    })
}

pub(super) fn revoked() -> KeyEvent {
    KeyEvent::Revoked(events::key::Revoked { reason: None })
}

pub(super) fn disabled() -> KeyEvent {
    KeyEvent::Disabled(events::key::Disabled { reason: None })
}

pub(super) fn enabled() -> KeyEvent {
    KeyEvent::Enabled(events::key::Enabled {})
}

pub(super) fn suspended() -> OrganizationEvent {
    OrganizationEvent::Suspended(events::organization::Suspended { reason: None })
}

pub(super) fn resumed() -> OrganizationEvent {
    OrganizationEvent::Resumed(events::organization::Resumed {})
}

/// An event of a kind from the future.
pub(super) fn unreadable(sequence: u64, subject: Subject) -> Read {
    let read = event(sequence, subject, Event::Key(enabled()));
    let Read::Event(recorded) = read else { panic!("an event") };
    let Recorded { position, stored_at, envelope, .. } = *recorded;
    Read::Unreadable(Box::new(Unreadable {
        position,
        stored_at,
        subject: envelope.subject,
        id: Some(envelope.id),
        kind: Some(envelope.kind),
        schema_version: Some(envelope.schema_version),
        time: Some(envelope.time),
        command: Some(envelope.command),
        writer: Some(envelope.writer),
        reason: UnreadableReason::UnknownKind,
    }))
}

pub(super) fn foreign(sequence: u64) -> Read {
    Read::Foreign(Foreign { sequence, subject: "kl.events.0._.x.y".into(), reason: ForeignReason::Source })
}

pub(super) fn replayed(reads: &[Read]) -> Directory {
    let directory = Directory::new();
    for read in reads {
        step(&directory, read);
    }
    directory
}

/// Applies an event as a writer makes it: it follows what the directory knows to be its object's newest.
pub(super) fn step(directory: &Directory, read: &Read) {
    match read {
        Read::Event(recorded) => directory.apply(&Read::Event(Box::new(placed(directory, recorded)))),
        Read::Unreadable(_) | Read::Foreign(_) => directory.apply(read),
    }
}

/// The event as a writer makes it now.
pub(super) fn placed(directory: &Directory, recorded: &Recorded) -> Recorded {
    let mut recorded = recorded.clone();
    // The ids of these tests have nothing in their other half.
    let newest = directory.newest(&recorded.envelope.subject);
    recorded.envelope.previous = newest.map(|newest| EventId::new(Uuid::from_u64_pair(0, newest.0)));
    recorded
}

/// All that a reader could see, in an order that does not depend on how it came there.
#[derive(PartialEq, Debug)]
pub(super) struct State {
    keys: Vec<Arc<KeyEntry>>,
    organizations: Vec<Arc<OrganizationEntry>>,
    servers: Vec<Arc<ServerEntry>>,
    issuers: Vec<Arc<IssuerEntry>>,
    names: Vec<String>,
    holdings: Vec<(OrganizationId, Holding)>,
    installation_closed: Option<u64>,
    signers: SignerSet,
    applied: u64,
}

pub(super) fn state(directory: &Directory) -> State {
    // Named one by one, so that what is added is compared as well.
    let Directory {
        keys,
        organizations,
        organization_slugs,
        servers,
        server_slugs,
        granted,
        people,
        issuers,
        issuers_by_owner,
        closed,
        installation_closed: _,
        installation_cause: _,
        signers,
        applied: _,
        writer: _,
        watches: _,
    } = directory;
    let by_id = keys.all_by_id();
    let mut keys = keys.all();
    keys.sort_by_key(|entry| entry.id);
    let mut organizations: Vec<_> = organizations.pin().values().cloned().collect();
    organizations.sort_by_key(|entry| entry.id);
    let mut servers: Vec<_> = servers.pin().values().cloned().collect();
    servers.sort_by_key(|entry| entry.id);
    let mut issuers: Vec<_> = issuers.pin().values().cloned().collect();
    issuers.sort_by_key(|entry| entry.id);
    let mut names: Vec<_> = organization_slugs
        .pin()
        .iter()
        .map(|(slug, id)| format!("{slug} {id}"))
        .chain(server_slugs.pin().iter().map(|(at, id)| format!("{at:?} {id}")))
        .chain(issuers_by_owner.pin().iter().map(|(owner, ids)| format!("{owner} {ids:?}")))
        .chain(by_id.iter().map(|entry| format!("{entry:?}")))
        .chain(granted::lines(&granted.entries()))
        .chain(people::lines(people))
        .chain(closed.pin().iter().map(|(subject, closed)| format!("{subject} {closed:?}")))
        .collect();
    names.sort();
    let mut holdings: Vec<_> = organizations
        .iter()
        .map(|entry| entry.id)
        .chain(keys.iter().filter_map(|entry| entry.owner.organization()))
        .map(|id| (id, directory.holding(id)))
        .collect();
    holdings.sort_by_key(|(id, _)| *id);
    State {
        holdings,
        keys,
        organizations,
        servers,
        issuers,
        names,
        installation_closed: directory.installation_closed_at(),
        signers: SignerSet::clone(&signers.now()),
        applied: directory.applied(),
    }
}

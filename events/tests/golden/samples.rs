//! One event of each kind and version that is written now, with every field set.

mod granted;

use events::Fingerprint;
use events::client::Uri;
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::sealed::{SealedBytes, SealedText};
use events::slug::{self, SlugEvent, SlugKind};
use events::tlog::{Hash, Head};
use events::token_key::{Coordinate, TokenAlgorithm};
use events::{
    Actor, AggregateId, ApprovalId, ClientId, CommandId, ConsentId, Draft, Event, EventId, GrantId, Holder,
    InstallationId, InvitationId, IssuerId, KeyId, LogId, MemberId, OrganizationId, Owner, PepperId,
    SealingKeyId, SecretId, ServerId, SignerId, SignerKey, SignerPurpose, SigningKey, Subject, TokenKeyId,
    UserId, WebhookId, installation, invitation, key, member, organization, person, server, webhook,
};
use uuid::Uuid;

mod issuers;

fn uuid(last: u64) -> Uuid {
    Uuid::parse_str(&format!("019aa000-0000-7000-8000-{last:012x}")).unwrap()
}

fn organization() -> OrganizationId {
    OrganizationId::new(uuid(0x20))
}

fn sealed(byte: u8) -> SealedText {
    SealedText {
        key: SealingKeyId::new(uuid(0x50)),
        nonce: SealedBytes(vec![byte; 12]),
        ciphertext: SealedBytes(vec![byte; 24]),
    }
}

fn subject_of(event: &Event) -> Subject {
    let owner = Owner::Organization(organization());
    match event {
        Event::Installation(_) => Subject::installation(InstallationId::new(uuid(0x10))),
        Event::Organization(_) => Subject::organization(organization()),
        Event::Server(_) => Subject::server(organization(), ServerId::new(uuid(0x30))),
        Event::Key(_) => Subject::key(owner, KeyId::new(uuid(0x40))),
        Event::Slug(SlugEvent::Reserved(reserved)) => Subject::slug(owner, reserved.kind, &reserved.slug),
        Event::Webhook(_) => Subject::webhook(owner, WebhookId::new(uuid(0x90))),
        Event::Person(_) => Subject::person(UserId::new(uuid(0x61))),
        Event::Member(_) => {
            let person = UserId::new(uuid(0x61));
            Subject::member(organization(), MemberId::of(organization(), person))
        }
        Event::Invitation(_) => Subject::invitation(organization(), InvitationId::new(uuid(0xb0))),
        Event::Client(_) => Subject::client(Owner::Installation, ClientId::of_document(&document())),
        Event::Approval(_) => Subject::approval(organization(), ApprovalId::of(organization(), client())),
        Event::Consent(_) => {
            Subject::consent(organization(), ConsentId::of(organization(), holder(), client(), server()))
        }
        Event::Grant(_) => Subject::grant(organization(), GrantId::new(uuid(0xa2))),
        Event::Issuer(_) => Subject::issuer(owner, IssuerId::new(uuid(0xa0))),
    }
}

fn document() -> Uri {
    "https://client.example/metadata.json".parse().unwrap()
}

fn client() -> ClientId {
    ClientId::of_document(&document())
}

fn server() -> ServerId {
    ServerId::new(uuid(0x30))
}

fn holder() -> Holder {
    Holder::Person { id: UserId::new(uuid(0x61)) }
}

fn draft(index: usize, event: Event, previous: Option<EventId>) -> Draft {
    // The log's first event names the log.
    let id = |index: usize| EventId::new(uuid(0x100 + u64::try_from(index).unwrap()));
    Draft {
        id: id(index),
        log: LogId::from(id(0)),
        time: "2026-11-24T08:00:00.123Z".parse().unwrap(),
        subject: subject_of(&event),
        previous,
        actor: Actor::User(UserId::new(uuid(0x60))),
        command: CommandId::new(uuid(0x200 + u64::try_from(index).unwrap())),
        fingerprint: Fingerprint([7; 32]),
        causation: (index > 0).then(|| id(0)),
        event,
    }
}

/// The key that signs every golden file: the one that the golden `installation.bootstrapped` publishes.
pub fn writer() -> SigningKey {
    SigningKey::from_seed(SignerId::new(uuid(0x71)), &[0x71; 32]).unwrap()
}

fn signer(number: u8) -> SignerKey {
    SigningKey::from_seed(SignerId::new(uuid(number.into())), &[number; 32]).unwrap().public()
}

pub fn all() -> Vec<Draft> {
    let issued = key::Issued {
        secret_id: SecretId::new(uuid(0x41)),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(uuid(0x11)),
            bytes: DigestBytes([9; 32]),
        },
        prefix: "kl_live".to_owned(),
        last_four: "3fZk".to_owned(),
        owner: key::KeyOwner::User { id: UserId::new(uuid(0x61)) },
        environment: key::Environment::Live,
        not_before: Some("2026-11-24T08:00:00Z".parse().unwrap()),
        expires_at: Some("2027-11-24T08:00:00Z".parse().unwrap()),
        scopes: "mcp:docs:tools:get_* mcp:search".parse().unwrap(),
        issued_by: Actor::User(UserId::new(uuid(0x60))),
        name: sealed(1),
        metadata: Some(sealed(2)),
    };
    let upstream: server::UpstreamUrl = "https://tools.example.com/mcp".parse().unwrap();
    let bootstrapped = installation::Bootstrapped {
        admin_key: KeyId::new(uuid(0x42)),
        pepper: PepperId::new(uuid(0x11)),
        writer: writer().public(),
        checkpoint: signer(0x72),
    };
    let mut events = vec![
        Event::Installation(installation::InstallationEvent::Bootstrapped(bootstrapped)),
        Event::Installation(installation::InstallationEvent::Recovered(installation::Recovered {
            admin_key: KeyId::new(uuid(0x43)),
        })),
        Event::Organization(organization::OrganizationEvent::Created(organization::Created {
            slug: "acme".parse().unwrap(),
            name: sealed(3),
            home_shard: events::Shard::ZERO,
        })),
        Event::Organization(organization::OrganizationEvent::Renamed(organization::Renamed {
            name: sealed(4),
        })),
        Event::Organization(organization::OrganizationEvent::Suspended(organization::Suspended {
            reason: Some(sealed(5)),
        })),
        Event::Organization(organization::OrganizationEvent::Resumed(organization::Resumed {})),
        Event::Server(server::ServerEvent::Registered(server::Registered {
            slug: "docs".parse().unwrap(),
            upstream: upstream.clone(),
            enabled: true,
            name: sealed(6),
            settings: server::UpstreamSettings::default(),
        })),
        Event::Server(server::ServerEvent::Changed(server::Changed {
            upstream: Some(upstream.clone()),
            enabled: Some(false),
            name: Some(sealed(7)),
            settings: None,
        })),
        Event::Server(server::ServerEvent::Removed(server::Removed { reason: Some(sealed(8)) })),
        Event::Key(key::KeyEvent::Issued(issued)),
        Event::Key(key::KeyEvent::Revoked(key::Revoked { reason: Some(sealed(9)) })),
        Event::Key(key::KeyEvent::Disabled(key::Disabled { reason: Some(sealed(10)) })),
        Event::Key(key::KeyEvent::Enabled(key::Enabled {})),
        Event::Key(key::KeyEvent::ExpiryChanged(key::ExpiryChanged {
            expires_at: Some("2028-01-01T00:00:00Z".parse().unwrap()),
        })),
        Event::Key(key::KeyEvent::Renamed(key::Renamed { name: sealed(11) })),
        Event::Key(key::KeyEvent::ScopesChanged(key::ScopesChanged {
            scopes: "mcp:search:resources:file%3A///*".parse().unwrap(),
        })),
        Event::Key(key::KeyEvent::MetadataChanged(key::MetadataChanged { metadata: Some(sealed(12)) })),
        Event::Slug(SlugEvent::Reserved(slug::Reserved {
            kind: SlugKind::Server,
            slug: "docs".parse().unwrap(),
            object: AggregateId::from(ServerId::new(uuid(0x30))),
        })),
        // What came later stands at the end, so that the ids of those before stay.
        Event::Server(server::ServerEvent::Registered(server::Registered {
            slug: "docs".parse().unwrap(),
            upstream: upstream.clone(),
            enabled: true,
            name: sealed(13),
            settings: settings(),
        })),
        Event::Server(server::ServerEvent::Changed(server::Changed {
            upstream: Some(upstream),
            enabled: Some(false),
            name: Some(sealed(14)),
            settings: Some(settings()),
        })),
        Event::Installation(installation::InstallationEvent::SignerPublished(
            installation::SignerPublished { purpose: SignerPurpose::Checkpoint, key: signer(0x73) },
        )),
        Event::Installation(installation::InstallationEvent::SignerRetired(installation::SignerRetired {
            purpose: SignerPurpose::Checkpoint,
            id: signer(0x72).id,
        })),
        Event::Organization(organization::OrganizationEvent::Forgotten(organization::Forgotten {
            sealing_key: sealed(3).key,
        })),
        Event::Installation(installation::InstallationEvent::LossAccepted(installation::LossAccepted {
            kept: Head { size: 20, root: Hash::leaf(b"kept") },
            lost: vec![Head { size: 23, root: Hash::leaf(b"lost") }],
        })),
        Event::Webhook(webhook::WebhookEvent::Registered(webhook::Registered {
            name: sealed(15),
            url: sealed(16),
            types: types(&["key.*", "server.removed"]),
            secret: SecretId::new(uuid(0x80)),
        })),
        Event::Webhook(webhook::WebhookEvent::Changed(webhook::Changed {
            name: Some(sealed(17)),
            url: Some(sealed(18)),
            types: Some(types(&["*"])),
        })),
        Event::Webhook(webhook::WebhookEvent::Paused(webhook::Paused { reason: Some(sealed(19)) })),
        Event::Webhook(webhook::WebhookEvent::Resumed(webhook::Resumed {})),
        Event::Webhook(webhook::WebhookEvent::SecretRotated(webhook::SecretRotated {
            secret: SecretId::new(uuid(0x81)),
            overlap_until: "2026-11-25T00:00:00Z".parse().unwrap(),
        })),
        Event::Webhook(webhook::WebhookEvent::OverlapEnded(webhook::OverlapEnded {})),
        Event::Webhook(webhook::WebhookEvent::Removed(webhook::Removed { reason: Some(sealed(20)) })),
        Event::Organization(organization::OrganizationEvent::ClientApprovalRequired(
            organization::ClientApprovalRequired {},
        )),
        Event::Organization(organization::OrganizationEvent::ClientApprovalWaived(
            organization::ClientApprovalWaived {},
        )),
        Event::Installation(installation::InstallationEvent::TokenKeyPublished(
            installation::TokenKeyPublished {
                id: TokenKeyId::new(uuid(0xa0)),
                algorithm: TokenAlgorithm::Es256,
                x: Coordinate([1; 32]),
                y: Coordinate([2; 32]),
                used_from: "2026-11-24T08:05:00Z".parse().unwrap(),
            },
        )),
        Event::Installation(installation::InstallationEvent::TokenKeyRetired(
            installation::TokenKeyRetired { id: TokenKeyId::new(uuid(0xa0)) },
        )),
    ];
    events.extend(people());
    events.extend(granted::all());
    events.extend(issuers::all());
    let mut drafts: Vec<Draft> = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        let subject = subject_of(&event);
        let previous = drafts.iter().rev().find(|draft| draft.subject == subject).map(|draft| draft.id);
        drafts.push(draft(index, event, previous));
    }
    drafts
}

fn people() -> Vec<Event> {
    use invitation::InvitationEvent;
    use member::MemberEvent;
    use person::PersonEvent;
    let identity = |byte: u8| person::Identity {
        issuer: IssuerId::new(uuid(0xa0)),
        digest: person::IdentityDigest([byte; 20]),
    };
    let invited = InvitationId::new(uuid(0xb0));
    vec![
        Event::Person(PersonEvent::Added(person::Added {
            identity: identity(0xa1),
            email: Some(sealed(21)),
            email_verified: true,
            name: Some(sealed(22)),
            picture: Some(sealed(23)),
        })),
        Event::Person(PersonEvent::IdentityAdded(person::IdentityAdded { identity: identity(0xa2) })),
        Event::Person(PersonEvent::IdentityRemoved(person::IdentityRemoved { identity: identity(0xa2) })),
        Event::Person(PersonEvent::ProfileChanged(person::ProfileChanged {
            email: Some(sealed(24)),
            email_verified: false,
            name: Some(sealed(25)),
            picture: Some(sealed(26)),
        })),
        Event::Person(PersonEvent::Suspended(person::Suspended { reason: Some(sealed(27)) })),
        Event::Person(PersonEvent::Resumed(person::Resumed { reason: Some(sealed(28)) })),
        Event::Person(PersonEvent::SignedOut(person::SignedOut {})),
        Event::Person(PersonEvent::Ended(person::Ended { reason: Some(sealed(29)) })),
        Event::Person(PersonEvent::Forgotten(person::Forgotten {})),
        Event::Member(MemberEvent::Added(member::Added {
            person: UserId::new(uuid(0x61)),
            role: events::Role::Owner,
            scopes: "mcp:*".parse().unwrap(),
            invitation: Some(invited),
        })),
        Event::Member(MemberEvent::Changed(member::Changed {
            role: events::Role::Developer,
            scopes: "mcp:docs mcp:search:tools:get_*".parse().unwrap(),
            departure: Some(member::Departure::after(0)),
        })),
        Event::Member(MemberEvent::Removed(member::Removed {
            reason: Some(sealed(30)),
            departure: Some(member::Departure::after(1)),
        })),
        Event::Invitation(InvitationEvent::Created(invitation::Created {
            role: events::Role::Viewer,
            scopes: "mcp:*".parse().unwrap(),
            secret_id: SecretId::new(uuid(0xb1)),
            digest: KeyDigest {
                kind: DigestKind::Native,
                pepper: PepperId::new(uuid(0x11)),
                bytes: DigestBytes([10; 32]),
            },
            expires_at: "2026-12-01T08:00:00Z".parse().unwrap(),
            email: Some(sealed(31)),
            name: Some(sealed(32)),
        })),
        Event::Invitation(InvitationEvent::Withdrawn(invitation::Withdrawn {
            invitation: invited,
            reason: Some(sealed(33)),
        })),
    ]
}

fn types(list: &[&str]) -> webhook::EventTypes {
    let patterns: Vec<events::EventPattern> = list.iter().map(|text| text.parse().unwrap()).collect();
    patterns.try_into().unwrap()
}

fn settings() -> server::UpstreamSettings {
    let authority = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    server::UpstreamSettings {
        credentials: Some("header:x-identity-token".parse().unwrap()),
        ca: Some(authority.parse().unwrap()),
        response_timeout_ms: Some(30_000.try_into().unwrap()),
        idle_timeout_ms: Some(90_000.try_into().unwrap()),
    }
}

#[test]
fn there_is_a_sample_of_each() {
    let mut sampled: Vec<_> = all().iter().map(|draft| (draft.event.kind(), draft.event.version())).collect();
    let mut written = Event::WRITTEN.to_vec();
    sampled.sort_unstable();
    written.sort_unstable();
    assert_eq!(sampled, written);
}

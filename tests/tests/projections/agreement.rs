//! One history gives the same aggregate, the same directory entry and the same row: three folds, one truth.

use std::collections::HashMap;

use domain::issuer::Command as IssuerCommand;
use domain::key::{Command as KeyCommand, Issue, State};
use domain::organization::Command as OrganizationCommand;
use domain::server::{Command as ServerCommand, SettingsChange};
use domain::webhook::{Command as WebhookCommand, State as WebhookStateOf};
use domain::{Decide, Facts, Issuer, Key, Organization, Server, Standing, Webhook};
use events::clock::{Clock, SystemClock};
use events::server::{Authorities, UpstreamSettings};
use events::webhook::EventTypes;
use events::{
    IssuerId, KeyId, OrganizationId, Owner, ScopeSet, SealedText, SecretId, ServerId, Subject, Timestamp,
    WebhookId,
};
use projections::directory::{self, Directory};
use projections::postgres::{key, organization, server, webhook};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::stage::{Stage, Tape, issue, sealed, uuid};

mod clients;
mod issuers;

#[derive(Clone, Debug)]
enum Ask {
    Organization(OrganizationCommand),
    Server(ServerCommand),
    Key(KeyCommand),
    Webhook(WebhookCommand),
    Issuer(IssuerCommand),
    Client(clients::Ask),
}

fn ask() -> impl Strategy<Value = Ask> {
    let organization = prop_oneof![
        Just(OrganizationCommand::Create { slug: "acme".parse().unwrap(), name: sealed("Acme") }),
        Just(OrganizationCommand::Suspend { reason: None }),
        Just(OrganizationCommand::Resume),
        any::<bool>().prop_map(|required| OrganizationCommand::SetClientApproval { required }),
        text().prop_map(|name| OrganizationCommand::Rename { name }),
    ];
    let upstream = |n: u8| format!("https://tools-{n}.example/mcp").parse().unwrap();
    let server = prop_oneof![
        (0u8..3, any::<bool>()).prop_map(move |(n, enabled)| ServerCommand::Register {
            slug: "docs".parse().unwrap(),
            upstream: upstream(n),
            enabled,
            name: sealed("Docs"),
            settings: UpstreamSettings { ca: n.checked_sub(1).map(|_| ca()), ..UpstreamSettings::default() },
        }),
        (prop::option::of(0u8..3), prop::option::of(any::<bool>()), prop::option::of(text()), settings())
            .prop_map(move |(n, enabled, name, settings)| {
                ServerCommand::Change { upstream: n.map(upstream), enabled, name, settings }
            }),
        prop::option::of(text()).prop_map(|reason| ServerCommand::Remove { reason }),
    ];
    let key = prop_oneof![
        3 => Just(()).prop_map(|()| KeyCommand::Issue(Box::new(new_key()))),
        1 => prop::option::of(text()).prop_map(|reason| KeyCommand::Revoke { reason }),
        2 => prop::option::of(text()).prop_map(|reason| KeyCommand::Disable { reason }),
        2 => Just(KeyCommand::Enable),
        2 => prop::option::of(1i64..9).prop_map(|n| KeyCommand::SetExpiry {
            expires_at: n.and_then(|n| Timestamp::from_unix_millis(1_900_000_000_000 + n)),
        }),
        2 => text().prop_map(|name| KeyCommand::Rename { name }),
        2 => (0usize..3).prop_map(|n| KeyCommand::SetScopes {
            scopes: ["mcp:*", "mcp:docs", "mcp:docs:tools:get_*"][n].parse().unwrap(),
        }),
        2 => prop::option::of(Just(sealed(r#"{"a":1}"#)))
            .prop_map(|metadata| KeyCommand::SetMetadata { metadata }),
    ];
    prop_oneof![
        2 => organization.prop_map(Ask::Organization),
        2 => server.prop_map(Ask::Server),
        5 => key.prop_map(Ask::Key),
        3 => webhook().prop_map(Ask::Webhook),
        3 => issuers::ask().prop_map(Ask::Issuer),
        5 => clients::ask().prop_map(Ask::Client),
    ]
}

fn webhook() -> impl Strategy<Value = WebhookCommand> {
    let url = || (0usize..2).prop_map(|n| sealed(["https://a.example/x", "https://b.example/"][n]));
    let types = |n: usize| {
        let pattern = ["*", "key.*", "server.removed"][n].parse().unwrap();
        EventTypes::try_from(vec![pattern]).unwrap()
    };
    let secret = |n: u128| SecretId::new(uuid::Uuid::from_u128(n));
    let until = |n: i64| Timestamp::from_unix_millis(1_900_000_000_000 + n).unwrap();
    prop_oneof![
        3 => (url(), 0usize..3).prop_map(move |(url, n)| WebhookCommand::Register {
            name: sealed("A hook"),
            url,
            types: types(n),
            secret: secret(1),
        }),
        2 => (prop::option::of(text()), prop::option::of(url()), prop::option::of(0usize..3)).prop_map(
            move |(name, url, n)| WebhookCommand::Change { name, url, types: n.map(types) }
        ),
        1 => prop::option::of(text()).prop_map(|reason| WebhookCommand::Pause { reason }),
        1 => any::<bool>().prop_map(|stopped| WebhookCommand::Resume { stopped }),
        2 => (2u128..9, 1i64..9).prop_map(move |(n, at)| WebhookCommand::RotateSecret {
            secret: secret(n),
            overlap_until: until(at),
        }),
        1 => Just(WebhookCommand::EndOverlap),
        1 => prop::option::of(text()).prop_map(|reason| WebhookCommand::Remove { reason }),
    ]
}

fn ca() -> Authorities {
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".parse().unwrap()
}

fn settings() -> impl Strategy<Value = SettingsChange> {
    let timeout = || prop::option::of(prop::option::of((100u32..103).prop_map(|ms| ms.try_into().unwrap())));
    let credentials =
        || (0usize..3).prop_map(|n| ["none", "authorization", "header:x-id"][n].parse().unwrap());
    let credentials = prop::option::of(prop::option::of(credentials()));
    let ca = prop::option::of(prop::option::of(Just(ca())));
    (credentials, ca, timeout(), timeout()).prop_map(
        |(credentials, ca, response_timeout_ms, idle_timeout_ms)| SettingsChange {
            credentials,
            ca,
            response_timeout_ms,
            idle_timeout_ms,
        },
    )
}

fn text() -> impl Strategy<Value = SealedText> {
    (0usize..3).prop_map(|n| sealed(["one", "two", "three"][n]))
}

fn new_key() -> Issue {
    let issued = issue("a key");
    Issue {
        secret_id: issued.secret_id,
        digest: issued.digest,
        prefix: issued.prefix,
        last_four: issued.last_four,
        owner: issued.owner,
        environment: issued.environment,
        not_before: issued.not_before,
        expires_at: issued.expires_at,
        scopes: issued.scopes,
        issued_by: issued.issued_by,
        name: issued.name,
        metadata: issued.metadata,
    }
}

/// The aggregates as the domain has them, and what they wrote.
struct World {
    tape: Tape,
    organization: (OrganizationId, Organization),
    server: (ServerId, Server),
    key: (KeyId, Key),
    webhook: (WebhookId, Webhook),
    issuer: (IssuerId, Issuer),
    clients: clients::Both,
    /// Of each subject the newest event.
    last: HashMap<Subject, u64>,
}

impl World {
    fn new() -> Self {
        Self {
            tape: Tape::new(),
            organization: (OrganizationId::new(uuid()), Organization::default()),
            server: (ServerId::new(uuid()), Server::default()),
            key: (KeyId::new(uuid()), Key::default()),
            webhook: (WebhookId::new(uuid()), Webhook::default()),
            issuer: (IssuerId::new(uuid()), Issuer::default()),
            clients: clients::Both::default(),
            last: HashMap::new(),
        }
    }

    fn ask(&mut self, ask: &Ask) {
        let standing = match self.organization.1.known() {
            None => Standing::Unknown,
            Some(known) if known.suspended => Standing::Suspended,
            Some(_) => Standing::Active,
        };
        let id = self.organization.0;
        match ask {
            Ask::Organization(command) => {
                let subject = Subject::organization(id);
                let state = &mut self.organization.1;
                decide(&mut self.tape, &mut self.last, state, subject, command, Standing::Installation);
            }
            Ask::Server(command) => {
                let subject = Subject::server(id, self.server.0);
                decide(&mut self.tape, &mut self.last, &mut self.server.1, subject, command, standing);
            }
            Ask::Key(command) => {
                let subject = Subject::key(Owner::Organization(id), self.key.0);
                decide(&mut self.tape, &mut self.last, &mut self.key.1, subject, command, standing);
            }
            Ask::Webhook(command) => {
                let subject = Subject::webhook(Owner::Organization(id), self.webhook.0);
                decide(&mut self.tape, &mut self.last, &mut self.webhook.1, subject, command, standing);
            }
            Ask::Issuer(command) => {
                let subject = Subject::issuer(Owner::Organization(id), self.issuer.0);
                decide(&mut self.tape, &mut self.last, &mut self.issuer.1, subject, command, standing);
            }
            Ask::Client(ask) => clients::asked(self, ask, standing),
        }
    }
}

fn decide<A: Decide>(
    tape: &mut Tape,
    last: &mut HashMap<Subject, u64>,
    state: &mut A,
    subject: Subject,
    command: &A::Command,
    owner: Standing,
) {
    let facts = Facts {
        now: SystemClock.now(),
        owner,
        bootstrapped: true,
        authority: domain::Authority::Whole,
        other_owners: None,
    };
    for event in state.decide(command, &facts).unwrap_or_default() {
        state.apply(&event);
        let sequence = tape.add(&subject, event.into());
        last.insert(subject.clone(), sequence);
    }
}

fn clear(text: &SealedText) -> Option<String> {
    Some(String::from_utf8(text.ciphertext.0.clone()).unwrap())
}

async fn agree(world: &World, stage: &Stage) {
    let directory = Directory::new();
    for message in &world.tape.messages {
        directory.apply(&message.read(world.tape.log));
    }
    stage.empty().await;
    let (half, rest) = world.tape.messages.split_at(world.tape.messages.len() / 2);
    let mut from = None;
    for batch in [half, rest] {
        stage.projector().project(world.tape.log, &mut from, batch).await.unwrap();
    }
    organizations_agree(world, stage, &directory).await;
    servers_agree(world, stage, &directory).await;
    keys_agree(world, stage, &directory).await;
    webhooks_agree(world, stage).await;
    issuers::agree(world, stage, &directory).await;
    clients::agree(world, stage, &directory).await;
}

async fn organizations_agree(world: &World, stage: &Stage, directory: &Directory) {
    let (id, state) = &world.organization;
    let row = organization::get(&stage.pool, *id).await.unwrap();
    let entry = directory.organization(*id);
    let Some(known) = state.known() else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap(), entry.unwrap());
    assert_eq!((&row.slug, &entry.slug), (&known.slug, &known.slug));
    let (in_row, in_entry) = match (known.forgotten, known.suspended) {
        (true, _) => (organization::OrganizationState::Forgotten, directory::OrganizationState::Forgotten),
        (false, true) => {
            (organization::OrganizationState::Suspended, directory::OrganizationState::Suspended)
        }
        (false, false) => (organization::OrganizationState::Active, directory::OrganizationState::Active),
    };
    assert_eq!((row.state, entry.state), (in_row, in_entry));
    let required = known.requires_approval;
    assert_eq!((row.requires_approval, entry.requires_approval), (required, required));
    assert_eq!(row.name, if known.forgotten { None } else { clear(&known.name) });
    assert_eq!(row.changed, world.last[&Subject::organization(*id)]);
    assert_eq!(directory.organization_by_slug(known.slug.as_str()), Some(entry));
}

async fn servers_agree(world: &World, stage: &Stage, directory: &Directory) {
    let (id, state) = &world.server;
    let organization = world.organization.0;
    let row = server::get(&stage.pool, organization, *id).await.unwrap();
    let entry = directory.server_by_id(*id);
    let Some(known) = state.known() else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap(), entry.unwrap());
    let (in_row, in_entry) = match (known.removed, known.enabled) {
        (true, _) => (server::ServerState::Removed, directory::ServerState::Removed),
        (false, true) => (server::ServerState::Enabled, directory::ServerState::Enabled),
        (false, false) => (server::ServerState::Disabled, directory::ServerState::Disabled),
    };
    assert_eq!((row.state, entry.state), (in_row, in_entry));
    assert_eq!((&row.upstream, &entry.upstream), (&known.upstream, &known.upstream));
    assert_eq!((&row.settings, &entry.settings), (&known.settings, &known.settings));
    assert_eq!((&row.slug, &entry.slug), (&known.slug, &known.slug));
    assert_eq!(row.name, clear(&known.name));
    assert_eq!(row.changed, world.last[&Subject::server(organization, *id)]);
    assert_eq!(directory.server(organization, known.slug.as_str()), Some(entry));
}

async fn keys_agree(world: &World, stage: &Stage, directory: &Directory) {
    let (id, state) = &world.key;
    let owner = Owner::Organization(world.organization.0);
    let row = key::get(&stage.pool, owner, *id).await.unwrap();
    let entry = directory.key(*id);
    let Some(known) = state.known() else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap(), entry.unwrap());
    let (in_row, in_entry) = match known.state {
        State::Active => (key::KeyState::Active, directory::KeyState::Active),
        State::Disabled => (key::KeyState::Disabled, directory::KeyState::Disabled),
        State::Revoked => (key::KeyState::Revoked, directory::KeyState::Revoked),
    };
    assert_eq!((row.state, entry.state), (in_row, in_entry));
    assert_eq!((row.secret_id, entry.secret_id), (known.secret_id, known.secret_id));
    assert_eq!(
        (row.expires_at, row.not_before, &row.scopes),
        (known.expires_at, known.not_before, &known.scopes)
    );
    // A node forgets of a revoked key what only one that works needs.
    let nothing = ScopeSet::nothing();
    let held = match known.state {
        State::Active | State::Disabled => (known.expires_at, known.not_before, &known.scopes),
        State::Revoked => (None, None, &nothing),
    };
    assert_eq!((entry.expires_at, entry.not_before, &*entry.scopes), held);
    assert_eq!((row.environment, entry.environment), (known.environment, known.environment));
    assert_eq!((&row.key_owner, &entry.key_owner), (&known.owner, &known.owner));
    assert_eq!((&*row.prefix, &*entry.prefix), (&*known.prefix, &*known.prefix));
    assert_eq!((&*row.last_four, entry.last_four.as_str()), (&*known.last_four, &*known.last_four));
    assert_eq!(row.name, clear(&known.name));
    assert_eq!(row.metadata.map(|it| it.to_string()), known.metadata.as_ref().and_then(clear));
    assert_eq!(row.changed, world.last[&Subject::key(owner, *id)]);
    assert_eq!(directory.key_by_digest(&entry.digest), Some(entry));
}

async fn webhooks_agree(world: &World, stage: &Stage) {
    let (id, state) = &world.webhook;
    let owner = Owner::Organization(world.organization.0);
    let row = webhook::get(&stage.pool, owner, *id).await.unwrap();
    let Some(known) = state.known() else {
        assert!(row.is_none());
        return;
    };
    let row = row.unwrap();
    let in_row = match known.state {
        WebhookStateOf::Active => webhook::WebhookState::Active,
        WebhookStateOf::Paused => webhook::WebhookState::Paused,
        WebhookStateOf::Removed => webhook::WebhookState::Removed,
    };
    assert_eq!((row.state, &row.types, row.secret), (in_row, &known.types, known.secret));
    assert_eq!((row.previous, row.previous_until), known.previous.unzip());
    assert_eq!(row.name, clear(&known.name));
    assert_eq!(row.url.map(|url| url.as_str().to_owned()), clear(&known.url));
    assert_eq!(row.changed, world.last[&Subject::webhook(owner, *id)]);
}

#[test]
fn one_history_gives_the_same_aggregate_entry_and_row() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::new());
    let events = std::cell::Cell::new(0);
    let config = Config { failure_persistence: None, ..Config::with_cases(60) };
    TestRunner::new(config)
        .run(&prop::collection::vec(ask(), 1..40), |asked| {
            let mut world = World::new();
            // Without these, most commands would be refused.
            let create = OrganizationCommand::Create { slug: "acme".parse().unwrap(), name: sealed("Acme") };
            world.ask(&Ask::Organization(create));
            asked.iter().for_each(|ask| world.ask(ask));
            events.set(events.get() + world.tape.messages.len());
            runtime.block_on(agree(&world, &stage));
            Ok(())
        })
        .unwrap();
    assert!(events.get() > 60 * 5, "histories too short to show anything: {} events", events.get());
    // The pool's connections belong to the runtime.
    runtime.block_on(stage.pool.close());
}

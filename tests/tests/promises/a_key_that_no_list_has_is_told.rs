//! A key whose events PostgreSQL can't hold works, and no list has it: whoever lists, or asks for it, is told.

use events::clock::{SystemClock, SystemRandom, uuid_v7};
use events::digest::DigestBytes;
use events::key::{Issued, KeyEvent};
use events::log::{Batch, Entry, Expected, Log};
use events::{CommandId, Draft, Event, EventId, KeyId, OrganizationId, Owner, Read, Subject};
use gateway::config::NatsRole;
use keyledger_tests::signing;
use keyledger_tests::spine::{Key, Organization, Spine, text};
use keyledger_tests::wire::Ask;
use serde_json::json;

use crate::the_command_line_speaks_the_api::Shell;

/// Issues a copy of a key under another id, whose prefix PostgreSQL does not hold.
async fn issue_unlistable(spine: &Spine, organization: &Organization, like: &Key) -> (KeyId, String) {
    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    let owner = Owner::Organization(organization.id.parse::<OrganizationId>().unwrap());
    let history = log.history(&Subject::key(owner, like.id.parse().unwrap())).await.unwrap();
    let Read::Event(recorded) = history.events[0].read(log.id().await.unwrap()) else { panic!("an event") };
    let Some(KeyEvent::Issued(issued)) = recorded.event.as_key().cloned() else { panic!("an issued key") };
    let digest = events::digest::KeyDigest { bytes: DigestBytes([7; 32]), ..issued.digest.clone() };
    let issued = Issued { prefix: "kl\0".to_owned(), digest, ..issued };
    let uuid = || uuid_v7(&SystemClock, &SystemRandom);
    let id = KeyId::new(uuid());
    let draft = Draft {
        id: EventId::new(uuid()),
        log: recorded.envelope.log,
        time: recorded.envelope.time,
        subject: Subject::key(owner, id),
        actor: recorded.envelope.actor,
        command: CommandId::new(uuid()),
        fingerprint: recorded.envelope.fingerprint,
        previous: None,
        causation: None,
        event: Event::Key(KeyEvent::Issued(issued)),
    };
    let event = signing::writer(&spine.config, log.clone()).await.sign(draft).await.unwrap();
    let position = log.append(Batch { entries: vec![Entry { event, expected: Expected::Last(0) }] }).await;
    (id, position.unwrap().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_read_models_lack_is_told_by_list_and_get() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let listed = spine.key(&organization, &["mcp:*"]).await;
    let (id, position) = issue_unlistable(&spine, &organization, &listed).await;
    spine.follows(&position).await;

    let path = format!("{}?at_least={position}", organization.path("keys"));
    let page = spine.admin(Ask::get(path)).await.expect(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["waiting"], json!([id.to_string()]));
    let path = format!("{}/{id}", organization.path("keys"));
    let told = spine.admin(Ask::get(&path)).await.expect(503).json();
    assert_eq!(text(&told, "type"), "urn:keyledger:problem:not-taken-in");
    let unknown = format!("{}/{}", organization.path("keys"), organization.id);
    spine.admin(Ask::get(unknown)).await.expect(404);

    let cli = Shell::of(&spine);
    let said = cli.run(&["keys", "list", "--organization", "acme"]).await;
    assert!(said.err.contains(&id.to_string()) && !said.out.contains(&id.to_string()), "{}", said.err);

    // Commands on it go on.
    spine.write(Ask::post(format!("{path}/revoke"), &json!({}))).await;
}

//! What people wrote is in clear text, apart from the rest; no digest is anywhere.

use events::key::{KeyEvent, MetadataChanged, Renamed, Revoked};
use events::organization::{Forgotten, OrganizationEvent, Suspended};
use events::{KeyId, OrganizationId, Owner, ServerId, Subject};
use projections::postgres::history::{self, Order};
use projections::postgres::{PageQuery, key};
use serde_json::json;

use crate::stage::{Stage, Tape, created, damaged, forgotten, issue, registered, sealed, uuid};

#[tokio::test]
async fn a_keys_texts_follow_its_events() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let id = KeyId::new(uuid());
    let issue = issue("deploy\0 key");
    let (digest, pepper) = (issue.digest.bytes.to_string(), issue.digest.pepper.to_string());
    tape.key(owner, id, KeyEvent::Issued(issue));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let row = key::get(&stage.pool, owner, id).await.unwrap().unwrap();
    assert_eq!(row.name.as_deref(), Some("deploy\u{fffd} key"));
    assert_eq!(row.metadata, Some(json!({"team": "search"})));
    assert_eq!(row.expires_at.unwrap().to_string(), "2030-01-01T00:00:00.123Z");

    let dump = serde_json::to_string(&stage.dump().await).unwrap();
    assert!(dump.contains("deploy"), "the dump shows texts");
    assert!(!dump.contains(&digest) && !dump.contains(&pepper));

    tape.key(owner, id, KeyEvent::Renamed(Renamed { name: forgotten() }));
    tape.key(owner, id, KeyEvent::MetadataChanged(MetadataChanged { metadata: None }));
    let last = tape.key(owner, id, KeyEvent::Revoked(Revoked { reason: Some(damaged()) }));
    stage.empty().await;
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let row = key::get(&stage.pool, owner, id).await.unwrap().unwrap();
    assert_eq!((row.name, row.metadata, row.reason), (None, None, None));
    assert_eq!((row.created, row.changed), (2, last));
    assert!(row.revoked_at.is_some());
}

#[tokio::test]
async fn the_history_keeps_texts_apart_from_data() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let id = KeyId::new(uuid());
    tape.key(owner, id, KeyEvent::Issued(issue("deploy")));
    tape.key(owner, id, KeyEvent::Revoked(Revoked { reason: Some(sealed("lost")) }));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let subject = Subject::key(owner, id);
    let query = PageQuery::new(10, None);
    let page = history::of_aggregate(&stage.pool, &subject, Order::OldestFirst, &query).await.unwrap();
    let [issued, revoked] = <[_; 2]>::try_from(page.items).unwrap();
    assert_eq!((&*issued.kind, &*revoked.kind), ("key.issued", "key.revoked"));
    assert_eq!(json!(issued.texts), json!({"name": "deploy", "metadata": {"team": "search"}}));
    assert_eq!(issued.data["prefix"], "kl_live");
    for field in ["digest", "name", "metadata"] {
        assert!(!issued.data.contains_key(field), "{field}");
    }
    assert_eq!((json!(revoked.texts), json!(revoked.data)), (json!({"reason": "lost"}), json!({})));
    assert_eq!((revoked.actor.to_string(), revoked.sequence), ("system:bootstrap".to_owned(), 3));
}

/// Though every text would still open: what a rebuild meets before the key is deleted is the same.
#[tokio::test]
async fn what_a_forgotten_organization_wrote_is_erased_and_not_stored_again() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let (acme, other) = (OrganizationId::new(uuid()), OrganizationId::new(uuid()));
    let (key, kept) = (KeyId::new(uuid()), KeyId::new(uuid()));
    for (organization, slug) in [(acme, "acme"), (other, "other")] {
        tape.add(&Subject::organization(organization), created(slug));
        let server = Subject::server(organization, ServerId::new(uuid()));
        tape.add(&server, registered("docs"));
    }
    tape.key(Owner::Organization(acme), key, KeyEvent::Issued(issue("FINDME")));
    tape.key(Owner::Organization(other), kept, KeyEvent::Issued(issue("KEPT")));
    let suspended = Suspended { reason: Some(sealed("FINDME")) };
    tape.add(&Subject::organization(acme), OrganizationEvent::Suspended(suspended).into());
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    assert!(json!(stage.dump().await).to_string().contains("FINDME"));

    let forgotten = Forgotten { sealing_key: sealed("FINDME").key };
    tape.add(&Subject::organization(acme), OrganizationEvent::Forgotten(forgotten).into());
    let last = tape.key(
        Owner::Organization(acme),
        key,
        KeyEvent::Revoked(Revoked { reason: Some(sealed("FINDME")) }),
    );
    // As one goes on, in one batch from the start, and by one that starts after the event.
    for ends in [vec![tape.messages.len()], vec![tape.messages.len() - 1, tape.messages.len()]] {
        stage.empty().await;
        let (mut from, mut start) = (None, 0);
        for end in ends {
            let batch = &tape.messages[start..end];
            stage.projector().project(tape.log, &mut from, batch).await.unwrap();
            start = end;
        }
        let dump = json!(stage.dump().await).to_string();
        assert!(!dump.contains("FINDME"), "{dump}");
        assert!(dump.contains("KEPT"));
        let row = key::get(&stage.pool, Owner::Organization(acme), key).await.unwrap().unwrap();
        assert_eq!((row.name, row.metadata, row.reason, row.changed), (None, None, None, last));
        let erased = projections::forgotten::erased_in(&stage.pool, acme).await.unwrap();
        assert_eq!(erased.len(), projections::Projection::ALL.len());
        assert!(erased.iter().all(|done| !done.vacuumed), "{erased:?}");
        projections::forgotten::vacuum(&stage.pool).await.unwrap();
        let erased = projections::forgotten::erased_in(&stage.pool, acme).await.unwrap();
        assert!(erased.iter().all(|done| done.vacuumed), "{erased:?}");
    }
}

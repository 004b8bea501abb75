//! Batches: once each, whole, by one writer, and the same rows however the log is cut.

use events::key::{
    Disabled, Enabled, ExpiryChanged, Issued, KeyEvent, MetadataChanged, Renamed, Revoked, ScopesChanged,
};
use events::{KeyId, OrganizationId, Owner};
use projections::Projection;
use projections::parked;
use projections::postgres::key::{self, KeyState};
use projections::runner::ProjectError;

use crate::stage::{Stage, Tape, issue, issued, sealed, uuid};

#[tokio::test]
async fn a_batch_that_comes_twice_is_stored_once() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    tape.fill(3);
    let projector = stage.projector();
    let mut from = None;
    projector.project(tape.log, &mut from, &tape.messages[..10]).await.unwrap();
    projector.project(tape.log, &mut from, &tape.messages[..10]).await.unwrap();
    projector.project(tape.log, &mut from, &tape.messages[..4]).await.unwrap();
    assert_eq!(from.as_ref().unwrap().sequence, 10, "an older batch takes nothing back");
    projector.project(tape.log, &mut from, &tape.messages[5..]).await.unwrap();
    let twice = stage.dump().await;

    let once = Stage::new().await;
    once.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    assert_eq!(twice, once.dump().await);
    assert_eq!(from, stage.checkpoint().await);
    assert_eq!(from.unwrap().sequence, tape.messages.len() as u64);
}

#[tokio::test]
async fn any_cut_gives_the_same_rows() {
    let mut tape = Tape::new();
    tape.fill(4);
    let whole = Stage::new().await;
    whole.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let expected = whole.dump().await;
    for size in [1, 2, 7] {
        let stage = Stage::new().await;
        let mut from = None;
        for batch in tape.messages.chunks(size) {
            stage.projector().project(tape.log, &mut from, batch).await.unwrap();
        }
        assert_eq!(stage.dump().await, expected, "in batches of {size}");
    }
}

#[tokio::test]
async fn a_second_writer_stops_at_the_fence_and_stores_nothing() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    tape.fill(2);
    let (first, second) = (stage.projector(), stage.projector());
    let mut behind = None;
    first.project(tape.log, &mut behind, &tape.messages[..4]).await.unwrap();
    let mut ahead = behind.clone();
    first.project(tape.log, &mut ahead, &tape.messages[4..]).await.unwrap();
    let before = stage.dump().await;

    for from in [&mut behind, &mut None] {
        let stopped = second.project(tape.log, from, &tape.messages[4..6]).await;
        assert!(matches!(stopped, Err(ProjectError::Fenced)), "{stopped:?}");
    }
    assert_eq!(stage.dump().await, before);
}

#[tokio::test]
async fn of_two_writers_at_once_one_stores_each_batch() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    tape.fill(5);
    let projectors = [stage.projector(), stage.projector()];
    let mut from = None;
    for batch in tape.messages.chunks(4) {
        let (mut a, mut b) = (from.clone(), from.clone());
        let (one, two) = tokio::join!(
            projectors[0].project(tape.log, &mut a, batch),
            projectors[1].project(tape.log, &mut b, batch),
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        from = if one.is_ok() { a } else { b };
    }
    let alone = Stage::new().await;
    alone.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    assert_eq!(stage.dump().await, alone.dump().await);
}

/// Moments to the millisecond and as far as they go, and texts that an array would have to quote.
#[tokio::test]
async fn several_events_of_one_thing_in_one_batch_give_its_last_state() {
    let mut tape = Tape::new();
    let (owner, id) = (Owner::Organization(OrganizationId::new(uuid())), KeyId::new(uuid()));
    let begins = Some("0001-01-01T00:00:00.001Z".parse().unwrap());
    tape.key(owner, id, KeyEvent::Issued(Issued { not_before: begins, expires_at: None, ..issue("first") }));
    let other = KeyId::new(uuid());
    tape.key(owner, other, issued("another"));
    let text = r#"{"a, b", NULL, \"c\"}"#;
    let ends = Some("9999-12-31T23:59:59.999Z".parse().unwrap());
    for event in [
        KeyEvent::Disabled(Disabled { reason: Some(sealed("for now")) }),
        KeyEvent::Enabled(Enabled {}),
        KeyEvent::Renamed(Renamed { name: sealed("NULL") }),
        KeyEvent::ExpiryChanged(ExpiryChanged { expires_at: ends }),
        KeyEvent::ScopesChanged(ScopesChanged { scopes: "mcp:a mcp:b:tools:c".parse().unwrap() }),
        KeyEvent::MetadataChanged(MetadataChanged { metadata: None }),
        KeyEvent::Revoked(Revoked { reason: Some(sealed(text)) }),
    ] {
        tape.key(owner, id, event);
    }
    let last = tape.messages.len() as u64;
    let (whole, one_by_one) = (Stage::new().await, Stage::new().await);
    whole.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let row = key::get(&whole.pool, owner, id).await.unwrap().unwrap();
    assert_eq!((row.not_before, row.expires_at), (begins, ends));
    assert_eq!((row.name.as_deref(), row.reason.as_deref()), (Some("NULL"), Some(text)));
    assert_eq!(
        (row.state, row.metadata, row.scopes.to_string()),
        (KeyState::Revoked, None, "mcp:a mcp:b:tools:c".to_owned())
    );
    assert_eq!((row.created, row.changed), (2, last));

    let mut from = None;
    for message in tape.messages.chunks(1) {
        one_by_one.projector().project(tape.log, &mut from, message).await.unwrap();
    }
    assert_eq!(whole.dump().await, one_by_one.dump().await);
}

#[tokio::test]
async fn what_is_refused_in_the_middle_of_a_batch_takes_nothing_from_those_around_it() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let (good, refused) = (KeyId::new(uuid()), KeyId::new(uuid()));
    tape.key(owner, good, issued("good"));
    // A NUL in a field that is no free text: PostgreSQL holds none.
    let bad =
        tape.key(owner, refused, KeyEvent::Issued(Issued { prefix: "kl\0".to_owned(), ..issue("bad") }));
    tape.key(owner, good, KeyEvent::Renamed(Renamed { name: sealed("better") }));
    let follows = tape.key(owner, refused, KeyEvent::Enabled(Enabled {}));
    let last = tape.key(owner, good, KeyEvent::Disabled(Disabled { reason: None }));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let row = key::get(&stage.pool, owner, good).await.unwrap().unwrap();
    assert_eq!((row.name.as_deref(), row.state, row.changed), (Some("better"), KeyState::Disabled, last));
    let waiting = parked::list(&stage.pool, Projection::Keys).await.unwrap().first;
    assert_eq!(waiting.iter().map(|event| event.sequence).collect::<Vec<_>>(), [bad, follows]);
    assert_eq!(stage.checkpoint().await.unwrap().sequence, last);
}

//! Events that can't be read, or that the database refuses, wait; all else goes on.

use events::key::{Disabled, Enabled, KeyEvent, Revoked};
use events::{AggregateType, Event, KeyId, OrganizationId, Owner, SigningKey, Subject};
use keyledger_tests::signing;
use projections::postgres::history::{EventFilter, FeedQuery};
use projections::postgres::key::{self, KeyState};
use projections::postgres::{PageQuery, history};
use projections::{Projection, parked};

use crate::stage::{Stage, Tape, created, issue, issued, uuid};

fn revoked() -> KeyEvent {
    KeyEvent::Revoked(Revoked { reason: None })
}

#[tokio::test]
async fn an_unreadable_event_waits_with_what_follows_of_its_aggregate() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let (closed, open) = (KeyId::new(uuid()), KeyId::new(uuid()));
    tape.key(owner, closed, issued("closed"));
    tape.key(owner, open, issued("open"));
    let unreadable = tape.unreadable(&Subject::key(owner, closed));
    let follows = tape.key(owner, closed, revoked());
    tape.key(owner, open, revoked());
    // Across batches as well as within one.
    for size in [1, 100] {
        stage.empty().await;
        let mut from = None;
        for batch in tape.messages.chunks(size) {
            stage.projector().project(tape.log, &mut from, batch).await.unwrap();
        }
        let waiting = parked::list(&stage.pool, Projection::History).await.unwrap();
        let waiting: Vec<_> =
            waiting.first.iter().map(|event| (event.sequence, event.kind.as_deref())).collect();
        assert_eq!(waiting, [(unreadable, Some("key.transmuted")), (follows, Some("key.revoked"))]);
        assert_eq!(key::get(&stage.pool, owner, closed).await.unwrap().unwrap().state, KeyState::Active);
        assert_eq!(key::get(&stage.pool, owner, open).await.unwrap().unwrap().state, KeyState::Revoked);
        let checkpoint = stage.checkpoint().await.unwrap();
        assert_eq!(checkpoint.sequence, tape.messages.len() as u64);
    }
    let (subject, query) = (Subject::key(owner, closed), PageQuery::new(10, None));
    let told = history::of_aggregate(&stage.pool, &subject, history::Order::OldestFirst, &query).await;
    assert_eq!(told.unwrap().items.len(), 1, "the history has what was read");
}

/// Whoever follows would never see what is taken in later at a place that they have passed.
#[tokio::test]
async fn a_feed_ends_before_what_waits_and_others_go_on() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let [held_up, free] = [(); 2].map(|()| Owner::Organization(OrganizationId::new(uuid())));
    let id = KeyId::new(uuid());
    let first = tape.key(held_up, id, issued("one"));
    let unreadable = tape.unreadable(&Subject::key(held_up, id));
    tape.key(held_up, KeyId::new(uuid()), issued("two"));
    let last = tape.key(free, KeyId::new(uuid()), issued("three"));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let feed = async |about: Option<Owner>| {
        let query = FeedQuery { about, filter: EventFilter::default(), after: 0, limit: 10 };
        let feed = history::feed(&stage.pool, &query).await.unwrap();
        let rows: Vec<_> = feed.rows.iter().map(|row| row.sequence).collect();
        (rows, feed.up_to, feed.held_up)
    };
    assert_eq!(feed(Some(free)).await, (vec![last], last, false));
    for about in [None, Some(held_up)] {
        let (rows, up_to, waits) = feed(about).await;
        assert!(rows.ends_with(&[first]) && up_to == unreadable - 1 && waits, "{rows:?} {up_to}");
    }
}

/// A copy, what follows it, and what no writer signed: no version takes them in, and a reader would wait for ever.
#[tokio::test]
async fn a_feed_passes_what_waits_for_good_and_says_so() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let [own, other] = [(); 2].map(|()| Owner::Organization(OrganizationId::new(uuid())));
    let [copied, forged, good] = [(); 3].map(|()| KeyId::new(uuid()));
    tape.key(own, copied, issued("one"));
    tape.key(own, copied, KeyEvent::Disabled(Disabled { reason: None }));
    let enabled = tape.key(own, copied, KeyEvent::Enabled(Enabled {}));
    tape.key(own, copied, KeyEvent::Disabled(Disabled { reason: None }));
    let copy = tape.messages[enabled as usize - 1].payload.to_vec();
    let copy = tape.store(&Subject::key(own, copied), copy);
    let follows = tape.key(own, copied, revoked());
    let subject = Subject::key(own, forged);
    let same_name = SigningKey::from_seed(signing::key().id(), &[9; 32]).unwrap();
    let stranger = tape.draft(subject.clone(), Event::Key(issued("two"))).signed(&same_name).unwrap();
    let stranger = tape.store(&subject, stranger.payload().to_vec());
    // Of a type from the future, which it is not.
    let subject = Subject::key(own, KeyId::new(uuid()));
    let unsigned = tape.messages[enabled as usize - 1].payload.to_vec();
    let unsigned = String::from_utf8(unsigned).unwrap().replace("key.enabled", "key.transmuted");
    let unsigned = unsigned.replace(&Subject::key(own, copied).to_string(), &subject.to_string());
    let unsigned = unsigned.replace(&copied.to_string(), subject.aggregate_id.as_str());
    let unsigned = tape.store(&subject, unsigned.into_bytes());
    let last = tape.key(own, good, issued("three"));
    tape.key(other, KeyId::new(uuid()), issued("four"));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();

    let walk = async |about: Owner, limit: u32| {
        let (mut events, mut passed, mut after) = (Vec::new(), Vec::new(), 0);
        loop {
            let query = FeedQuery { about: Some(about), filter: EventFilter::default(), after, limit };
            let feed = history::feed(&stage.pool, &query).await.unwrap();
            assert!(
                !feed.held_up && feed.rows.len() <= limit as usize && feed.passed.len() <= limit as usize
            );
            assert!(feed.rows.iter().all(|row| row.sequence > after && row.sequence <= feed.up_to));
            assert!(feed.passed.iter().all(|it| it.sequence > after && it.sequence <= feed.up_to));
            events.extend(feed.rows.iter().map(|row| row.sequence));
            passed.extend(feed.passed.iter().map(|it| it.sequence));
            if !feed.more {
                return (events, passed);
            }
            after = feed.up_to;
        }
    };
    for limit in [1, 2, 100] {
        let (events, passed) = walk(own, limit).await;
        assert_eq!(passed, [copy, follows, stranger, unsigned], "{limit} at once");
        assert_eq!((events.len(), events.last()), (5, Some(&last)), "{limit} at once");
        assert_eq!(walk(other, limit).await.1, [0; 0], "it is no matter of others");
    }
    // What only waits still does, and what waits for good behind it.
    let waits = tape.unreadable(&Subject::key(own, good));
    let again = tape.messages[last as usize - 1].payload.to_vec();
    tape.store(&Subject::key(own, good), again);
    stage.empty().await;
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let query = FeedQuery { about: Some(own), filter: EventFilter::default(), after: 0, limit: 100 };
    let feed = history::feed(&stage.pool, &query).await.unwrap();
    assert_eq!((feed.up_to, feed.held_up, feed.passed.len()), (waits - 1, true, 4));
}

#[tokio::test]
async fn an_unknown_type_and_a_foreign_message_hold_up_nobody() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let aggregate_type: AggregateType = "policy".parse().unwrap();
    let unknown = tape.unreadable(&Subject { aggregate_type, ..Subject::key(owner, KeyId::new(uuid())) });
    tape.foreign();
    let id = KeyId::new(uuid());
    tape.key(owner, id, issued("after"));
    let last = tape.foreign();
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let waiting = parked::list(&stage.pool, Projection::History).await.unwrap();
    assert_eq!((waiting.count, waiting.first[0].sequence), (1, unknown));
    assert!(key::get(&stage.pool, owner, id).await.unwrap().is_some());
    let checkpoint = stage.checkpoint().await.unwrap();
    assert_eq!((checkpoint.sequence, checkpoint.event), (last, None));
}

#[tokio::test]
async fn what_the_database_refuses_waits_alone() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let (before, refused, after) = (KeyId::new(uuid()), KeyId::new(uuid()), KeyId::new(uuid()));
    tape.key(owner, before, issued("before"));
    // A NUL in a field that is no free text: PostgreSQL holds none.
    let issue = events::key::Issued { prefix: "kl\0".to_owned(), ..issue("refused") };
    let first = tape.key(owner, refused, KeyEvent::Issued(issue));
    let second = tape.key(owner, refused, KeyEvent::Enabled(Enabled {}));
    tape.key(owner, after, issued("after"));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let waiting = parked::list(&stage.pool, Projection::History).await.unwrap();
    let waiting: Vec<_> = waiting.first.iter().map(|event| event.sequence).collect();
    assert_eq!(waiting, [first, second]);
    for id in [before, after] {
        assert!(key::get(&stage.pool, owner, id).await.unwrap().is_some());
    }
    assert!(key::get(&stage.pool, owner, refused).await.unwrap().is_none());
}

/// PostgreSQL holds no NUL, and no row has room for everything: an unreadable event waits all the same.
#[tokio::test]
async fn an_unreadable_event_waits_whatever_its_texts_hold() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let [of_kind, of_reason, after] = [(); 3].map(|()| KeyId::new(uuid()));
    let kind = tape.spoiled(
        &Subject::key(owner, of_kind),
        KeyEvent::Enabled(Enabled {}),
        "\"key.enabled\"",
        "\"key.\\u0000enabled\"",
    );
    let long = format!("\"\\u0000{}\"", "é".repeat(5_000));
    let reason = tape.spoiled(&Subject::key(owner, of_reason), issued("reason"), "\"live\"", &long);
    tape.key(owner, after, issued("after"));
    let mut from = None;
    stage.projector().project(tape.log, &mut from, &tape.messages).await.unwrap();
    assert_eq!(from.unwrap().sequence, tape.messages.len() as u64);
    let waiting = parked::list(&stage.pool, Projection::History).await.unwrap().first;
    assert_eq!(waiting.iter().map(|event| event.sequence).collect::<Vec<_>>(), [kind, reason]);
    assert_eq!(waiting[0].kind.as_deref(), Some("key.\u{fffd}enabled"));
    let told = &waiting[1].reason;
    assert!(told.contains("\u{fffd}é") && told.chars().count() == 500, "{told}");
    assert!(key::get(&stage.pool, owner, after).await.unwrap().is_some());
}

#[tokio::test]
async fn an_organization_created_twice_stays_the_first() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let subject = Subject::organization(OrganizationId::new(uuid()));
    tape.add(&subject, created("first"));
    tape.add(&subject, created("second"));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let page =
        projections::postgres::organization::list(&stage.pool, &PageQuery::new(10, None)).await.unwrap();
    assert_eq!(page.items.iter().map(|row| row.slug.as_str()).collect::<Vec<_>>(), ["first"]);
}

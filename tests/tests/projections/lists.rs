//! Lists, page by page.

use std::time::Duration;

use events::key::{KeyEvent, Revoked};
use events::{KeyId, OrganizationId, Owner, Position, Shard, Subject, Timestamp};
use projections::postgres::history::{EventFilter, EventQuery, Order};
use projections::postgres::{Page, PageQuery, ReadModelError, history, key, organization, server};
use projections::{Projection, checkpoint};

use crate::stage::{Stage, Tape, created, issued, registered, sealed, uuid};

/// Every item of a list, and how large its pages were.
async fn all<T>(
    limit: u32,
    mut page: impl AsyncFnMut(PageQuery) -> Result<Page<T>, ReadModelError>,
) -> (Vec<T>, Vec<usize>) {
    let (mut items, mut sizes, mut next) = (Vec::new(), Vec::new(), None);
    loop {
        let page = page(PageQuery::new(limit, next)).await.unwrap();
        sizes.push(page.items.len());
        items.extend(page.items);
        next = page.next;
        if next.is_none() {
            return (items, sizes);
        }
    }
}

#[tokio::test]
async fn a_second_revocation_leaves_the_first_ones_reason() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let one = OrganizationId::new(uuid());
    tape.add(&Subject::organization(one), created("one"));
    let owner = Owner::Organization(one);
    let ids = [KeyId::new(uuid()), KeyId::new(uuid())];
    for (id, reasons) in ids.iter().zip([["leaked", "robot retired"], ["", "robot retired"]]) {
        tape.key(owner, *id, issued("a key"));
        for reason in reasons {
            let reason = (!reason.is_empty()).then(|| sealed(reason));
            tape.key(owner, *id, KeyEvent::Revoked(Revoked { reason }));
        }
    }
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    for (id, reason) in ids.iter().zip(["leaked", "robot retired"]) {
        let row = key::get(&stage.pool, owner, *id).await.unwrap().unwrap();
        assert_eq!(row.reason.as_deref(), Some(reason));
    }
}

#[tokio::test]
async fn pages_hold_each_row_once_in_order_and_only_the_owners() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let (one, two) = (OrganizationId::new(uuid()), OrganizationId::new(uuid()));
    tape.add(&Subject::organization(one), created("one"));
    tape.add(&Subject::organization(two), created("two"));
    let mut keys = Vec::new();
    for _ in 0..5 {
        let id = KeyId::new(uuid());
        keys.push(id);
        tape.key(Owner::Organization(one), id, issued("a key"));
        tape.key(Owner::Organization(two), KeyId::new(uuid()), issued("another's"));
    }
    tape.key(Owner::Installation, KeyId::new(uuid()), issued("the installation's"));
    let of_one = events::ServerId::new(uuid());
    tape.add(&Subject::server(one, of_one), registered("docs"));
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();

    let owner = Owner::Organization(one);
    let (rows, sizes) = all(2, async |query| key::list(&stage.pool, owner, &query).await).await;
    let newest_first: Vec<_> = keys.iter().rev().copied().collect();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), newest_first);
    assert_eq!(sizes, [2, 2, 1]);
    let (rows, _) = all(2, async |query| key::list(&stage.pool, Owner::Installation, &query).await).await;
    assert_eq!(rows.len(), 1);
    let (rows, sizes) = all(1, async |query| organization::list(&stage.pool, &query).await).await;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [two, one]);
    assert_eq!(sizes, [1, 1]);
    let (rows, _) = all(9, async |query| server::list(&stage.pool, one, &query).await).await;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [of_one]);

    assert!(key::get(&stage.pool, Owner::Organization(two), keys[0]).await.unwrap().is_none());
    assert!(server::get(&stage.pool, two, of_one).await.unwrap().is_none());
    assert!(server::get(&stage.pool, one, of_one).await.unwrap().is_some());
    assert!(organization::get(&stage.pool, one).await.unwrap().is_some());
    let query =
        PageQuery::new(1, key::list(&stage.pool, owner, &PageQuery::new(1, None)).await.unwrap().next);
    assert!(matches!(server::list(&stage.pool, one, &query).await, Err(ReadModelError::Cursor(_))));
}

#[tokio::test]
async fn the_history_is_read_by_time_in_both_orders() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let (owner, id) = (Owner::Organization(OrganizationId::new(uuid())), KeyId::new(uuid()));
    tape.key(owner, id, issued("a key"));
    for _ in 0..8 {
        tape.key(owner, id, events::key::KeyEvent::Enabled(events::key::Enabled {}));
        tape.key(Owner::Installation, id, issued("another's"));
    }
    // Two events a second.
    for message in &mut tape.messages {
        let millis = 1_795_500_000_123 + i64::try_from(message.sequence / 2).unwrap() * 1_000;
        message.stored_at = Timestamp::from_unix_millis(millis).unwrap();
    }
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();

    let sequences = async |query: EventQuery| {
        let (rows, _) = all(3, async |page| history::list(&stage.pool, &query, &page).await).await;
        rows.iter().map(|row| row.sequence).collect::<Vec<_>>()
    };
    let every: Vec<u64> = (1..=tape.messages.len() as u64).collect();
    let newest: Vec<u64> = every.iter().rev().copied().collect();
    let oldest_first = EventQuery { order: Order::OldestFirst, ..EventQuery::default() };
    assert_eq!(sequences(oldest_first.clone()).await, every);
    assert_eq!(sequences(EventQuery::default()).await, newest);

    let owned = [2, 3, 5, 7, 9, 11, 13, 15, 17];
    assert_eq!(sequences(EventQuery { about: Some(owner), ..oldest_first.clone() }).await, owned);
    let stored_at = |sequence: usize| Some(tape.messages[sequence - 1].stored_at);
    let filter = EventFilter { since: stored_at(4), until: stored_at(8), ..EventFilter::default() };
    let range = EventQuery { filter, ..oldest_first };
    assert_eq!(sequences(range.clone()).await, [4, 5, 6, 7]);
    assert_eq!(sequences(EventQuery { order: Order::NewestFirst, ..range }).await, [7, 6, 5, 4]);

    let subject = Subject::key(owner, id);
    for (order, expected) in
        [(Order::OldestFirst, owned.to_vec()), (Order::NewestFirst, owned.into_iter().rev().collect())]
    {
        let (rows, sizes) =
            all(4, async |page| history::of_aggregate(&stage.pool, &subject, order, &page).await).await;
        assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), expected);
        assert_eq!(sizes, [4, 4, 1]);
    }
}

#[tokio::test]
async fn a_read_waits_for_a_position() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    tape.fill(1);
    let position = |sequence| Position { log: tape.log, shard: Shard::ZERO, sequence };
    let (short, long) = (Duration::from_millis(20), Duration::from_secs(30));
    assert!(!checkpoint::wait_for(&stage.pool, Projection::Keys, &position(1), short).await.unwrap());
    let mut from = None;
    stage.projector().project(tape.log, &mut from, &tape.messages[..3]).await.unwrap();
    assert!(checkpoint::wait_for(&stage.pool, Projection::Keys, &position(3), long).await.unwrap());
    assert!(!checkpoint::wait_for(&stage.pool, Projection::Keys, &position(4), short).await.unwrap());
    let projector = stage.projector();
    let target = position(4);
    let (waited, stored) = tokio::join!(
        checkpoint::wait_for(&stage.pool, Projection::Keys, &target, long),
        projector.project(tape.log, &mut from, &tape.messages[3..]),
    );
    stored.unwrap();
    assert!(waited.unwrap());
    let other = Position { log: events::LogId::new(uuid()), ..position(1) };
    assert!(
        !checkpoint::wait_for(&stage.pool, Projection::Keys, &other, long).await.unwrap(),
        "another log's, at once"
    );
}

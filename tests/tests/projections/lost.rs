//! What the read models tell of and the log has lost.

use events::installation::{InstallationEvent, LossAccepted};
use events::key::{Disabled, KeyEvent};
use events::log::Stored;
use events::tlog::{Hash, Head};
use events::webhook::{EventTypes, Registered, WebhookEvent};
use events::{Event, KeyId, Owner, SecretId, Subject, WebhookId};
use gateway::config::NatsRole;
use keyledger_tests::servers::Nats;
use projections::lost::{self, LostError};
use projections::postgres::delivery;

use crate::following::publish;
use crate::stage::{Stage, Tape, issued, sealed, uuid};

#[tokio::test]
async fn what_came_after_a_backup_is_told_and_nothing_else() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(4);
    let end = tape.messages.len() as u64;
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let kept = end - 3;
    let (before, after) = tape.messages.split_at(kept as usize);
    publish(&nats, before).await;
    let log = nats.log(NatsRole::Worker).await.unwrap();
    let find = async || {
        let found = lost::find(&log, &stage.pool).await.unwrap();
        let sequences: Vec<_> = found.events.iter().map(|told| told.row.sequence).collect();
        (found.after, sequences, found.more)
    };
    let expected = (kept, vec![kept + 1, kept + 2, kept + 3], false);
    assert_eq!(find().await, expected);
    // Also once another event stands in its place.
    publish(&nats, &[Stored { sequence: kept + 1, ..after[1].clone() }]).await;
    assert_eq!(find().await, expected);
}

#[tokio::test]
async fn of_a_whole_log_nothing_is_lost_and_of_another_nobody_can_say() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(4);
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    publish(&nats, &tape.messages).await;
    let log = nats.log(NatsRole::Worker).await.unwrap();
    let found = lost::find(&log, &stage.pool).await.unwrap();
    assert_eq!((found.after, found.events.len()), (tape.messages.len() as u64, 0));

    let other = Nats::set_up().await;
    publish(&other, &Tape::new().messages).await;
    let log = other.log(NatsRole::Worker).await.unwrap();
    let refused = lost::find(&log, &stage.pool).await.unwrap_err();
    assert!(matches!(refused, LostError::AnotherLog { .. }), "{refused}");
}

/// Once the read models are rebuilt from the log as it is: also where the log has grown beyond what was lost.
#[tokio::test]
async fn a_webhook_is_told_what_happened_in_place_of_what_is_lost() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let registered = Registered {
        name: sealed("all"),
        url: sealed("https://hooks.example.com/"),
        types: EventTypes::all(),
        secret: SecretId::new(uuid()),
    };
    let webhook = Subject::webhook(Owner::Installation, WebhookId::new(uuid()));
    tape.add(&webhook, Event::Webhook(WebhookEvent::Registered(registered)));
    let key = KeyId::new(uuid());
    let kept = tape.key(Owner::Installation, key, issued("kept"));
    let mut lost = Tape { log: tape.log, messages: tape.messages.clone() };
    for _ in 0..4 {
        lost.key(Owner::Installation, key, KeyEvent::Disabled(Disabled { reason: None }));
    }
    let queued = async || -> Vec<i64> {
        while delivery::queue(&stage.pool).await.unwrap() {}
        let sql = "SELECT sequence FROM webhook_queue ORDER BY id";
        sqlx::query_scalar(sql).fetch_all(stage.pool.inner()).await.unwrap()
    };
    stage.projector().project(lost.log, &mut None, &lost.messages).await.unwrap();
    assert_eq!(queued().await, [3, 4, 5, 6, 7]);

    let subject: Subject = tape.messages[0].subject.parse().unwrap();
    let head = |size| Head { size, root: Hash::leaf(b"a root") };
    let accepted = LossAccepted { kept: head(kept), lost: vec![head(5), head(7)] };
    tape.add(&subject, Event::Installation(InstallationEvent::LossAccepted(accepted)));
    for _ in 0..6 {
        tape.key(Owner::Installation, KeyId::new(uuid()), issued("new"));
    }
    stage.empty().await;
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    assert_eq!(queued().await, [3, 4, 5, 6, 7, 8, 9, 10]);
    let of_new = "SELECT count(*) FROM webhook_queue q JOIN history h ON h.sequence = q.sequence AND h.event = q.message";
    let of_new: i64 = sqlx::query_scalar(of_new).fetch_one(stage.pool.inner()).await.unwrap();
    assert_eq!(of_new, 8, "all are events of the log as it is");
    let losses = projections::postgres::history::losses(&stage.pool).await.unwrap();
    assert_eq!(losses, [projections::postgres::history::Loss { sequence: 4, kept, lost: 7 }]);
}

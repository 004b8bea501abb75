//! Following: every message once and in order, or the word that the log is another one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::clock::{SystemClock, SystemRandom};
use events::id::EventId;
use events::log::jetstream::{self, JetStreamLog};
use events::log::{FollowError, Follower, Log, Stored};
use events::position::Place;
use futures::StreamExt;
use keyledger_tests::servers::Nats;
use serde_json::json;

use crate::server::{ask, create_stream, delete_stream, eventually, open, with_log};
use crate::setting::{bootstrap, fill, first, uuid};

/// Silence is noticed after twice as long, which no test waits for.
const PATIENCE: Duration = Duration::from_secs(14);

async fn next(follower: &mut Follower) -> Result<Stored, FollowError> {
    tokio::time::timeout(Duration::from_secs(20), follower.next()).await.expect("an item in time").unwrap()
}

async fn sequences(follower: &mut Follower, count: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    for _ in 0..count {
        sequences.push(next(follower).await.unwrap().sequence);
    }
    sequences
}

async fn place(log: &JetStreamLog, sequence: u64) -> Place {
    let stored = log.message(sequence).await.unwrap().unwrap();
    let id = log.id().await.unwrap();
    let events::Read::Event(event) = stored.read(id) else { panic!("an event") };
    Place { log: id, sequence, event: Some(event.envelope.id) }
}

async fn pull(log: &JetStreamLog, heartbeat: Duration) -> jetstream::Pull {
    let follow = jetstream::Follow {
        stream: jetstream::STREAM.to_owned(),
        from: 1,
        name: "follow",
        description: "a test's",
        ahead: 8,
        heartbeat,
        lasts: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
    };
    let wire = jetstream::Wire::new(log.client().clone());
    jetstream::Pull::open(&wire, wire.connection(), follow).await.unwrap()
}

#[tokio::test]
async fn an_empty_log_is_told() {
    let (_nats, log) = with_log().await;
    assert!(matches!(log.follow(None).await.err(), Some(FollowError::NotBootstrapped)));
}

#[tokio::test]
async fn a_follower_sees_what_was_there_and_what_comes() {
    let (_nats, log) = with_log().await;
    bootstrap(&log).await;
    fill(&log, 20).await;
    let mut all = log.follow(None).await.unwrap();
    let mut rest = log.follow(Some(place(&log, 10).await)).await.unwrap();
    assert_eq!(sequences(&mut all, 21).await, (1..=21).collect::<Vec<_>>());
    assert_eq!(sequences(&mut rest, 11).await, (11..=21).collect::<Vec<_>>());
    fill(&log, 5).await;
    assert_eq!(sequences(&mut all, 5).await, (22..=26).collect::<Vec<_>>());
    assert_eq!(sequences(&mut rest, 5).await, (22..=26).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_follower_gets_what_the_log_holds() {
    let (_nats, log) = with_log().await;
    bootstrap(&log).await;
    fill(&log, 3).await;
    let mut follower = log.follow(None).await.unwrap();
    for sequence in 1..=4 {
        assert_eq!(Some(next(&mut follower).await.unwrap()), log.message(sequence).await.unwrap());
    }
}

/// A NATS server takes an empty message for the end of what it answers over an import: what comes after it must not wait for
/// the next sign of life, however many there are.
#[tokio::test]
async fn empty_messages_hold_up_nobody() {
    let nats = Nats::set_up().await;
    let times = jetstream::Timeouts { heartbeat: PATIENCE, ..jetstream::Timeouts::default() };
    let client = nats.connect("control").await;
    let log = JetStreamLog::open(client.clone(), Arc::new(SystemClock), Arc::new(SystemRandom), times)
        .await
        .unwrap();
    bootstrap(&log).await;
    let mut follower = log.follow(None).await.unwrap();
    let empty = async || {
        let stored = client.request(jetstream::data("kl.events.0.x"), Bytes::new()).await.unwrap();
        assert!(String::from_utf8_lossy(&stored.payload).contains("seq"), "{stored:?}");
    };
    empty().await;
    assert_eq!(sequences(&mut follower, 2).await, [1, 2]);
    // One that nobody waits for yet, many, and what comes after them.
    for _ in 0..30 {
        empty().await;
    }
    fill(&log, 3).await;
    assert_eq!(sequences(&mut follower, 33).await, (3..=35).collect::<Vec<_>>());
    empty().await;
    fill(&log, 1).await;
    assert_eq!(sequences(&mut follower, 2).await, [36, 37]);
    let all = log.follow(None).await.unwrap();
    assert_eq!(sequences(&mut { all }, 37).await, (1..=37).collect::<Vec<_>>());
    let mut pull = pull(&log, PATIENCE).await;
    for sequence in 1..=37 {
        assert_eq!(pull.next().await.unwrap().delivery.stream_sequence, sequence);
    }
}

/// Each request for messages ends when all of them have come, and the server says so.
#[tokio::test]
async fn a_pull_goes_on_over_many_requests() {
    let (_nats, log) = with_log().await;
    bootstrap(&log).await;
    fill(&log, 60).await;
    let mut pull = pull(&log, Duration::from_secs(1)).await;
    for sequence in 1..=61 {
        assert_eq!(pull.next().await.unwrap().delivery.stream_sequence, sequence);
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_over_crashes_of_the_server() {
    let (mut nats, log) = with_log().await;
    bootstrap(&log).await;
    let mut follower = log.follow(None).await.unwrap();
    let mut expected = 1;
    for round in 0..4_u64 {
        fill(&log, 25).await;
        // Half of them are still on the way when the server dies.
        let now = sequences(&mut follower, 13).await;
        assert_eq!(now, (expected..expected + 13).collect::<Vec<_>>());
        expected += 13;
        nats.kill().await;
        nats.start_again().await;
        eventually("the log answers again", async || log.info().await.ok()).await;
        let end = 1 + 25 * (round + 1);
        let rest = usize::try_from(end - expected + 1).unwrap();
        assert_eq!(sequences(&mut follower, rest).await, (expected..=end).collect::<Vec<_>>());
        expected = end + 1;
    }
}

#[tokio::test]
async fn a_quiet_follower_goes_on_after_its_consumer_is_deleted() {
    let (nats, log) = with_log().await;
    bootstrap(&log).await;
    let mut follower = log.follow(None).await.unwrap();
    sequences(&mut follower, 1).await;
    let names = ask(&nats, "CONSUMER.NAMES.KL_EVENTS_0", &json!({})).await;
    let name = names["consumers"][0].as_str().unwrap();
    ask(&nats, &format!("CONSUMER.DELETE.KL_EVENTS_0.{name}"), &json!({})).await;
    fill(&log, 3).await;
    assert_eq!(sequences(&mut follower, 3).await, [2, 3, 4]);
}

/// A stream as the log needs it lets nobody delete; a disk may lose a message all the same.
#[tokio::test]
async fn a_message_that_is_gone_from_inside_the_log_is_noticed() {
    let (nats, log) = with_log().await;
    delete_stream(&nats).await;
    let mut config = jetstream::stream_config(1);
    config["deny_delete"] = json!(false);
    ask(&nats, "STREAM.CREATE.KL_EVENTS_0", &config).await;
    bootstrap(&log).await;
    fill(&log, 5).await;
    let place = place(&log, 3).await;

    ask(&nats, "STREAM.MSG.DELETE.KL_EVENTS_0", &json!({ "seq": 3 })).await;
    assert_eq!(log.message(3).await.unwrap(), None);
    let told = log.follow(Some(place)).await.err();
    assert_eq!(told, Some(FollowError::Diverged("its message 3 is gone".to_owned())));
}

#[tokio::test]
async fn an_older_copy_of_the_log_is_noticed() {
    for refill in [0, 10] {
        let (mut nats, log) = with_log().await;
        bootstrap(&log).await;
        fill(&log, 5).await;
        let copy = tempfile::tempdir().unwrap();
        nats.kill().await;
        Nats::copy_store(&nats.store(), copy.path());
        nats.start_again().await;
        eventually("the log answers", async || log.info().await.ok()).await;
        fill(&log, 5).await;
        let mut follower = log.follow(None).await.unwrap();
        sequences(&mut follower, 11).await;
        let place = place(&log, 11).await;

        nats.kill().await;
        Nats::copy_store(copy.path(), &nats.store());
        nats.start_again().await;
        eventually("the log answers", async || log.info().await.ok()).await;
        if refill > 0 {
            fill(&log, refill).await;
        }

        let told = next(&mut follower).await;
        assert!(matches!(told, Err(FollowError::Diverged(_))), "{told:?}");
        assert!(follower.next().await.is_none());
        let told = log.follow(Some(place)).await.err();
        assert!(matches!(told, Some(FollowError::Diverged(_))), "{told:?}");
    }
}

#[tokio::test]
async fn another_log_is_noticed() {
    let (nats, log) = with_log().await;
    bootstrap(&log).await;
    fill(&log, 5).await;
    let mut follower = log.follow(None).await.unwrap();
    sequences(&mut follower, 6).await;
    let place = place(&log, 3).await;

    delete_stream(&nats).await;
    create_stream(&nats).await;
    let told = log.follow(Some(place)).await.err();
    assert!(matches!(told, Some(FollowError::Diverged(_))), "an empty log: {told:?}");
    let other = open(&nats).await;
    let id = bootstrap(&other).await;
    fill(&other, 10).await;

    let told = next(&mut follower).await;
    assert!(matches!(told, Err(FollowError::Diverged(_))), "{told:?}");
    let told = log.follow(Some(place)).await.err();
    assert!(matches!(told, Some(FollowError::Diverged(_))), "{told:?}");
    // The old log's id is forgotten with it.
    assert_eq!(log.id().await.unwrap(), id);
}

#[tokio::test]
async fn a_place_beyond_the_end_or_with_another_event_is_noticed() {
    let (_nats, log) = with_log().await;
    bootstrap(&log).await;
    fill(&log, 5).await;
    let good = place(&log, 4).await;
    for bad in [
        Place { sequence: 7, ..good },
        Place { event: Some(EventId::new(uuid())), ..good },
        Place { event: None, ..good },
        Place { log: first().log, ..good },
    ] {
        let told = log.follow(Some(bad)).await.err();
        assert!(matches!(told, Some(FollowError::Diverged(_))), "{bad:?}: {told:?}");
    }
    let mut follower = log.follow(Some(good)).await.unwrap();
    assert_eq!(sequences(&mut follower, 2).await, [5, 6]);
}

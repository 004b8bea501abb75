//! What passes at the authorization server: changed by one, readable by nobody, with an end.

use std::sync::Arc;
use std::time::Duration;

use events::clock::{Clock, SystemClock, SystemRandom, uuid_v7};
use events::{Holder, IssuerId, UserId};
use gateway::passing::sessions::{MOST, Session};
use gateway::passing::{Passes, Passing};
use gateway::store::passing::bucket;
use gateway::vault::{PassingKey, PassingKeys, Ring};
use keyledger_tests::servers::{Nats, ROOT};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Note(String);

impl Passes for Note {
    const KIND: &'static str = "note";
}

const LONG: Duration = Duration::from_secs(600);

/// As one of several control processes.
async fn process(nats: &Nats) -> Passing {
    with(nats, PassingKeys::one(key(7))).await
}

fn key(n: u8) -> PassingKey {
    PassingKey::new(&[n; 32]).unwrap()
}

async fn with(nats: &Nats, keys: PassingKeys) -> Passing {
    Passing::new(bucket(nats.connect("control").await), keys, Arc::new(SystemRandom))
}

fn note(text: &str) -> Note {
    Note(text.to_owned())
}

#[tokio::test]
async fn of_two_processes_that_change_an_entry_at_once_one_wins() {
    let nats = Nats::set_up().await;
    let (one, other) = (process(&nats).await, process(&nats).await);
    assert!(one.create("s", &note("a"), LONG).await.unwrap());
    assert!(!other.create("s", &note("b"), LONG).await.unwrap());
    let (held, seen) =
        (one.get::<Note>("s").await.unwrap().unwrap(), other.get::<Note>("s").await.unwrap().unwrap());
    assert_eq!(held.value, note("a"));
    let (first, second) = (note("1"), note("2"));
    let (won, lost) = tokio::join!(one.swap(&held, &first, LONG), other.swap(&seen, &second, LONG));
    let (won, lost) = (won.unwrap(), lost.unwrap());
    assert!(won != lost, "one of both: {won} {lost}");
    let left = one.get::<Note>("s").await.unwrap().unwrap().value;
    assert_eq!(left, if won { first } else { second });
}

#[tokio::test]
async fn what_is_taken_is_taken_once() {
    let nats = Nats::set_up().await;
    let (one, other) = (process(&nats).await, process(&nats).await);
    one.create("s", &note("a"), LONG).await.unwrap();
    let (first, second) = tokio::join!(one.take::<Note>("s"), other.take::<Note>("s"));
    let taken: Vec<_> = [first.unwrap(), second.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken, [note("a")]);
    assert!(one.get::<Note>("s").await.unwrap().is_none());
    assert!(one.take::<Note>("s").await.unwrap().is_none());
}

#[tokio::test]
async fn an_entry_ends_by_itself() {
    let nats = Nats::set_up().await;
    let passing = process(&nats).await;
    passing.create("short", &note("a"), Duration::from_secs(1)).await.unwrap();
    passing.create("long", &note("b"), LONG).await.unwrap();
    assert!(passing.get::<Note>("short").await.unwrap().is_some());
    let ended = async {
        while passing.get::<Note>("short").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends");
    assert!(passing.get::<Note>("long").await.unwrap().is_some());
    // Its name is free again.
    assert!(passing.create("short", &note("c"), LONG).await.unwrap());
}

#[tokio::test]
async fn who_reads_the_bucket_finds_neither_names_nor_values() {
    let nats = Nats::set_up().await;
    let passing = process(&nats).await;
    passing.create("the-secret", &note("the-value"), LONG).await.unwrap();
    let root = async_nats::jetstream::new(nats.connect(ROOT).await);
    let stream = root.get_stream("KV_KL_OAUTH").await.unwrap();
    let message = stream.get_raw_message(1).await.unwrap();
    let stored = format!("{} {}", message.subject, String::from_utf8_lossy(&message.payload));
    assert!(!stored.contains("the-secret") && !stored.contains("the-value"), "{stored}");
    assert!(stored.starts_with("$KV.KL_OAUTH.note."), "{stored}");
    // Another installation's key, or a value at another entry: nothing is believed.
    let stranger = with(&nats, PassingKeys::one(key(8))).await;
    assert!(stranger.get::<Note>("the-secret").await.unwrap().is_none());
    passing.create("another", &note("x"), LONG).await.unwrap();
    let other = stream.get_raw_message(2).await.unwrap();
    root.publish(message.subject.clone(), other.payload).await.unwrap().await.unwrap();
    assert!(passing.get::<Note>("the-secret").await.unwrap().is_none());
}

/// The second of two keys is used, the first still counts.
async fn renewed(nats: &Nats) -> Passing {
    let drawn = |n| uuid::Uuid::from_u128(n);
    let now = SystemClock.now();
    let both = vec![(drawn(1), Arc::new(key(7))), (drawn(2), Arc::new(key(8)))];
    with(nats, PassingKeys::of(Ring::new(both, now).unwrap())).await
}

#[tokio::test]
async fn where_a_key_follows_another_what_began_goes_on_and_nothing_counts_twice() {
    let nats = Nats::set_up().await;
    let (before, now) = (process(&nats).await, renewed(&nats).await);
    assert!(before.create("old", &note("a"), LONG).await.unwrap());
    let held = now.get::<Note>("old").await.unwrap().unwrap();
    assert!(now.swap(&held, &note("b"), LONG).await.unwrap());
    // Whoever knows the first key alone sees the change.
    assert_eq!(before.get::<Note>("old").await.unwrap().unwrap().value, note("b"));
    assert!(!now.create("old", &note("again"), LONG).await.unwrap(), "an assertion's id counts once");
    assert_eq!(now.get::<Note>("old").await.unwrap().unwrap().value, note("b"));
    assert_eq!(now.take::<Note>("old").await.unwrap(), Some(note("b")));
    assert!(now.create("new", &note("c"), LONG).await.unwrap());
    assert!(before.get::<Note>("new").await.unwrap().is_none(), "it lies under the key that is used");
    // With the first key retired what is left under it has ended.
    assert!(before.create("left", &note("d"), LONG).await.unwrap());
    let retired = with(&nats, PassingKeys::one(key(8))).await;
    assert!(retired.get::<Note>("left").await.unwrap().is_none());
    assert_eq!(retired.get::<Note>("new").await.unwrap().unwrap().value, note("c"));
}

#[tokio::test]
async fn of_a_persons_sessions_the_newest_are_told_and_the_others_ended() {
    let nats = Nats::set_up().await;
    let passing = renewed(&nats).await;
    let person = UserId::new(uuid_v7(&SystemClock, &SystemRandom));
    let issuer = IssuerId::new(uuid_v7(&SystemClock, &SystemRandom));
    let now = SystemClock.now();
    let begin = async || {
        let session = Session {
            id: uuid_v7(&SystemClock, &SystemRandom),
            holder: Holder::Person { id: person },
            issuer: Some(issuer),
            begun: 1,
            ends_at: now.saturating_add(LONG),
        };
        (session.id, passing.begin_session(&session, now, LONG).await.unwrap())
    };
    let told = async || {
        let told = passing.sessions_of(person, now).await.unwrap();
        told.iter().map(|told| told.id).collect::<Vec<_>>()
    };
    assert!(told().await.is_empty());
    let (first, second) = (begin().await, begin().await);
    assert_eq!(told().await, [second.0, first.0]);
    passing.end_session(&second.1, now).await.unwrap();
    assert_eq!(told().await, [first.0]);
    let later = passing.sessions_of(person, now.saturating_add(LONG)).await.unwrap();
    assert!(later.is_empty(), "each has its end");
    let mut newest = first.0;
    for _ in 0..MOST {
        newest = begin().await.0;
    }
    let all = told().await;
    assert_eq!((all.len(), all.first()), (MOST, Some(&newest)));
    assert!(passing.get::<Session>(&first.1).await.unwrap().is_none(), "the oldest has ended");
}

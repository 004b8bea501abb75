//! What passes at the authorization server: changed by one, readable by nobody, with an end.

use std::sync::Arc;
use std::time::Duration;

use events::clock::SystemRandom;
use gateway::oauth::passing::{Passes, Passing};
use gateway::store::passing::bucket;
use gateway::vault::PassingKey;
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
    let key = PassingKey::new(&[7; 32]).unwrap();
    Passing::new(bucket(nats.connect("control").await), Arc::new(key), Arc::new(SystemRandom))
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
    let (won, lost) = tokio::join!(one.swap("s", &held, &first, LONG), other.swap("s", &seen, &second, LONG));
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
    let key = PassingKey::new(&[8; 32]).unwrap();
    let stranger = Passing::new(bucket(nats.connect("control").await), Arc::new(key), Arc::new(SystemRandom));
    assert!(stranger.get::<Note>("the-secret").await.unwrap().is_none());
    passing.create("another", &note("x"), LONG).await.unwrap();
    let other = stream.get_raw_message(2).await.unwrap();
    root.publish(message.subject.clone(), other.payload).await.unwrap().await.unwrap();
    assert!(passing.get::<Note>("the-secret").await.unwrap().is_none());
}

//! A node with many keys: how long until it serves, by replay (with a signed checkpoint over the log) and by a snapshot; what a key takes in memory, and an
//! event on the disk. The floor reads the same messages and decodes nothing.

use std::path::Path;
use std::time::Duration;

use events::clock::{Clock, SystemClock};
use events::log::Log;
use events::tlog::{Hash, Tree};
use futures::StreamExt;
use keyledger_tests::fleet::Broker;
use tokio::process::Command;

use super::{Better, MANY, Row};
use crate::bench::Bench;
use crate::floor::map;
use crate::installation::Full;
use crate::process;
use crate::statistics::{Spread, short};

pub async fn take(bench: &Bench) -> Vec<Row> {
    let mut full = bench.full().await;
    let full = full.as_mut().expect("it was made");
    let keys = full.keys as f64;
    let rounds = bench.arguments.rounds().min(3);
    let (mut read, mut replayed, mut loaded, mut resident) = (vec![], vec![], vec![], vec![]);
    let mut json = 0;
    for _ in 0..rounds {
        let start = SystemClock.instant();
        json = read_through(&*full.log).await;
        read.push((SystemClock.instant() - start).as_secs_f64());
        let (seconds, bytes) = started(full).await;
        replayed.push(seconds);
        resident.push((bytes.saturating_sub(full.resident_before)) as f64 / keys);
    }
    write_snapshot(full, &bench.arguments.binary()).await;
    for _ in 0..rounds {
        loaded.push(started(full).await.0);
    }
    let floor = Spread::of(&read);
    // The aims speak of a million keys: of fewer or more they say nothing.
    let judged = |holds: bool| (full.keys == MANY).then_some(holds);
    let up = |how: &str, seconds: &[f64], most: f64, aim| {
        let ours = Spread::of(seconds);
        Row {
            row: format!("bring a directory of {} keys up, {how}", short(keys)),
            unit: "s until the process is ready",
            better: Better::Less,
            floor: Some(floor),
            ours: Some(ours),
            ratio: Some(ours.median / floor.median),
            aim,
            holds: judged(ours.median <= most),
            notes: Vec::new(),
        }
    };
    let events = full.log.info().await.expect("the log's end").messages as f64;
    let (stored, written) = (stored(full) as f64 / events, json as f64 / events);
    let (plain, resident) = (map::resident_bytes(full.keys), Spread::of(&resident));
    let (without, with_root) = rooted(&*full.log, rounds).await;
    let (without, with_root) = (Spread::of(&without), Spread::of(&with_root));
    vec![
        Row {
            row: format!("read the events of {} keys with the log's root", short(keys)),
            unit: "s",
            better: Better::Less,
            floor: Some(without),
            ours: Some(with_root),
            ratio: Some(with_root.median / without.median),
            aim: "at most 1.15 of without",
            holds: Some(with_root.median <= 1.15 * without.median),
            notes: vec!["floor: the same messages, decoded on one thread; ours: and each hashed into the tree".to_owned()],
        },
        up("by snapshot", &loaded, 5.0, "at most 5 s for 1,000,000"),
        up("by replay", &replayed, 10.0, "at most 10 s for 1,000,000"),
        Row {
            row: format!("resident bytes a key at {} keys", short(keys)),
            unit: "bytes",
            better: Better::Less,
            floor: Some(Spread::of(&[plain])),
            ours: Some(resident),
            ratio: Some(resident.median / plain),
            aim: "at most 320",
            holds: judged(resident.median <= 320.0),
            notes: vec!["floor: a plain map of digest to 128 bytes; ours: a node after its replay, without what it is with next to no keys".to_owned()],
        },
        Row {
            row: "bytes on disk an event".to_owned(),
            unit: "bytes",
            better: Better::Less,
            floor: Some(Spread::of(&[written])),
            ours: Some(Spread::of(&[stored])),
            ratio: Some(stored / written),
            aim: "at most the JSON",
            holds: Some(stored <= written),
            notes: vec![
                "floor: the event's JSON; ours: the stream's files".to_owned(),
                format!("keys were written at {}/s", short(keys / full.written_in.as_secs_f64())),
            ],
        },
    ]
}

/// Seconds of each round, without and with the root.
async fn rooted(log: &dyn Log, rounds: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut without, mut with_root) = (vec![], vec![]);
    let id = log.id().await.expect("a log");
    let last = log.info().await.expect("the log's end").last_sequence;
    for round in 0..2 * rounds {
        let hashes = round % 2 == 1;
        let start = SystemClock.instant();
        let mut messages = log.follow(None).await.expect("it can be followed");
        let mut tree = Tree::new();
        while let Some(message) = messages.next().await {
            let message = message.expect("a message");
            std::hint::black_box(message.read(id));
            if hashes {
                tree.push(Hash::message(&message));
            }
            if message.sequence >= last {
                break;
            }
        }
        std::hint::black_box(tree.root());
        let seconds = (SystemClock.instant() - start).as_secs_f64();
        if hashes { with_root.push(seconds) } else { without.push(seconds) }
    }
    (without, with_root)
}

/// Bytes of all messages, read as they lie there.
async fn read_through(log: &dyn Log) -> usize {
    let end = log.info().await.expect("the log's end").last_sequence;
    let mut follower = log.follow(None).await.expect("a follower");
    let mut bytes = 0;
    while let Some(stored) = follower.next().await {
        let stored = stored.expect("a message");
        bytes += stored.payload.len();
        if stored.sequence >= end {
            return bytes;
        }
    }
    panic!("the follower ended before the log did")
}

/// Starts the process, waits until it serves and ends it: how long that took, and its resident bytes then.
async fn started(full: &mut Full) -> (f64, u64) {
    let node = &mut full.fleet.nodes[0];
    let start = SystemClock.instant();
    node.start().await;
    node.becomes_ready().await;
    let took: Duration = SystemClock.instant() - start;
    let resident = process::resident(node.process());
    node.stop().await;
    (took.as_secs_f64(), resident)
}

async fn write_snapshot(full: &Full, binary: &Path) {
    let mut command = Command::new(binary);
    command.args(["snapshots", "write", "--config"]).arg(&full.fleet.file).kill_on_drop(true);
    let written = command.output().await.expect("keyledger runs");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
}

/// Bytes of the log's files.
fn stored(full: &Full) -> u64 {
    let Broker::Single(nats) = &full.fleet.nats else { panic!("one nats-server") };
    let mut folders = vec![nats.store()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let of_log = path.components().any(|part| part.as_os_str() == events::log::jetstream::STREAM);
            match entry.metadata() {
                Ok(it) if it.is_dir() => folders.push(path),
                Ok(it) if of_log => bytes += it.len(),
                Ok(_) | Err(_) => {}
            }
        }
    }
    bytes
}

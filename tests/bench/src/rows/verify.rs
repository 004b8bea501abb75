//! `keys/verify` over HTTP, against a bare server that reads the same requests and answers 200.

use std::sync::Arc;

use bytes::Bytes;

use super::rate::{self, Side};
use super::{Better, Row};
use crate::bench::Bench;
use crate::installation::Installation;
use crate::load::answer::Reader;
use crate::load::{Connection, post};

/// Keys that are asked about, of all that there are.
const ASKED: usize = 20_000;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let (arguments, floor, ours) = (&bench.arguments, bench.upstream().await, bench.node().await);
    let requests = requests(ours, asked(ours));
    check(ours, &requests).await;
    let connections = arguments.connections();
    let side = |name, address, process| {
        let requests = Arc::clone(&requests);
        Side { name, address, processes: vec![process], requests, connections }
    };
    let sides = [
        side("bare server", floor.address, floor.process()),
        side("keyledger", ours.public(), ours.process()),
    ];
    if arguments.hold {
        rate::hold(arguments, &sides[1]).await;
        return Vec::new();
    }
    let seen = rate::in_turn(arguments, &sides).await;
    let ratio = seen[1].per_second.median / seen[0].per_second.median;
    vec![Row {
        row: format!("keys/verify over HTTP, {} connections", arguments.connections()),
        unit: "requests/s",
        better: Better::More,
        floor: Some(seen[0].per_second),
        ours: Some(seen[1].per_second),
        ratio: Some(ratio),
        aim: "at least 0.85",
        holds: Some(ratio >= 0.85 && rate::all_answered(&seen)),
        notes: seen.iter().map(rate::Seen::note).collect(),
    }]
}

/// Keys, by even steps of all that there are.
fn asked(ours: &Installation) -> impl Iterator<Item = &str> {
    let count = ASKED.min(ours.keys.len());
    let step = ours.keys.len() / count.max(1);
    ours.keys.iter().step_by(step.max(1)).take(count).map(|key| key.text.as_str())
}

/// A question about each of these credentials.
pub fn requests<'a>(ours: &Installation, asked: impl Iterator<Item = &'a str>) -> Arc<[Bytes]> {
    let bearer = format!("Authorization: Bearer {}\r\n", ours.asker.text);
    asked
        .map(|credential| post("/api/v1/keys/verify", &bearer, &format!(r#"{{"key":"{credential}"}}"#)))
        .collect()
}

pub async fn check(ours: &Installation, requests: &[Bytes]) {
    let mut connection = Connection::open(ours.public()).await.expect("a connection");
    let mut reader = Reader::keeping();
    connection.call(&requests[0], &mut reader).await.expect("an answer");
    let body = String::from_utf8_lossy(reader.kept.as_deref().unwrap_or_default()).into_owned();
    assert!(reader.status == 200 && body.contains(r#""valid":true"#), "{} {body}", reader.status);
}

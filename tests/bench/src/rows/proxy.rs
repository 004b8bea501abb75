//! A proxied `tools/call` with key, scope, identity token and metrics, against nginx before the same upstream.

use std::sync::Arc;

use bytes::Bytes;

use super::rate::{self, Side};
use super::{Better, Row};
use crate::bench::Bench;
use crate::floor::server::ANSWER;
use crate::load::answer::Reader;
use crate::load::{Connection, post};

/// Keys that call.
pub const CALLERS: usize = 200;
pub const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2}}}"#;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let (arguments, ours) = (&bench.arguments, bench.node().await);
    let (upstream, nginx) = (bench.upstream().await, bench.nginx().await);
    let path = ours.path("tools");
    let called = ours.keys.iter().take(CALLERS).map(|key| call(&path, &key.text));
    let requests: Arc<[Bytes]> = called.collect();
    let connections = arguments.connections();
    for address in [ours.public(), nginx.address] {
        check(address, &requests).await;
    }
    let side = |name, address, processes| {
        let requests = Arc::clone(&requests);
        Side { name, address, processes, requests, connections }
    };
    let sides = [
        side("nginx", nginx.address, nginx.processes()),
        side("keyledger", ours.public(), vec![ours.process()]),
        side("straight to the upstream", upstream.address, vec![upstream.process()]),
    ];
    if arguments.hold {
        rate::hold(arguments, &sides[1]).await;
        return Vec::new();
    }
    let seen = rate::in_turn(arguments, &sides).await;
    let ratio = seen[1].per_second.median / seen[0].per_second.median;
    let (nginx, keyledger) = (seen[0].cost, seen[1].cost);
    let answered = rate::all_answered(&seen);
    let row = format!("proxied tools/call, {} connections", arguments.connections());
    let rate = Row {
        row: row.clone(),
        unit: "calls/s",
        better: Better::More,
        floor: Some(seen[0].per_second),
        ours: Some(seen[1].per_second),
        ratio: Some(ratio),
        aim: "at least 1.0",
        holds: Some(ratio >= 1.0 && answered),
        notes: seen.iter().map(rate::Seen::note).collect(),
    };
    let cost = Row {
        row,
        unit: "microseconds of CPU a call",
        better: Better::Less,
        floor: Some(nginx),
        ours: Some(keyledger),
        ratio: Some(keyledger.median / nginx.median),
        aim: "at most nginx's + 5",
        holds: Some(keyledger.median <= nginx.median + 5.0 && answered),
        notes: Vec::new(),
    };
    vec![rate, cost]
}

pub fn call(path: &str, key: &str) -> Bytes {
    let headers = format!("Authorization: Bearer {key}\r\nMCP-Protocol-Version: 2025-11-25\r\n");
    post(path, &headers, CALL)
}

pub async fn check(address: std::net::SocketAddr, requests: &[Bytes]) {
    let mut connection = Connection::open(address).await.expect("a connection");
    let mut reader = Reader::keeping();
    connection.call(&requests[0], &mut reader).await.expect("an answer");
    let body = String::from_utf8_lossy(reader.kept.as_deref().unwrap_or_default()).into_owned();
    assert!(reader.status == 200 && body == ANSWER, "{} {body}", reader.status);
}

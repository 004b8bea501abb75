//! What is long: a stream of many small events, a large answer, a large request, against nginx that holds nothing back.

use std::sync::Arc;

use bytes::Bytes;

use super::Row;
use super::rate::{self, Seen, Side};
use crate::bench::Bench;
use crate::floor::server::{EVENTS, LARGE};
use crate::load::post;
use crate::rows::proxy::CALL;
use crate::statistics::Spread;

/// Long bodies at once.
const CONNECTIONS: usize = 8;
/// Bytes of the large request.
const UPLOAD: usize = 1024 * 1024;
const AIM: &str = "at least 1.0";

pub async fn take(bench: &Bench) -> Vec<Row> {
    let events = EVENTS as f64;
    let megabytes = LARGE as f64 / 1e6;
    let uploaded = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"add","arguments":{{"text":"{}"}}}}}}"#,
        "x".repeat(UPLOAD)
    );
    vec![
        row(bench, "an SSE stream of 10,000 small events", "events/s", "stream", CALL, events).await,
        row(bench, "a 10 MB answer", "MB/s", "large", CALL, megabytes).await,
        row(bench, "a 1 MB request", "MB/s", "tools", &uploaded, UPLOAD as f64 / 1e6).await,
    ]
}

async fn row(bench: &Bench, row: &str, unit: &'static str, path: &str, body: &str, each: f64) -> Row {
    let (nginx, ours) = (bench.nginx().await, bench.node().await);
    let requests = |path: &str| -> Arc<[Bytes]> {
        let headers = "MCP-Protocol-Version: 2025-11-25\r\n";
        let request = |key: &str| post(path, &format!("Authorization: Bearer {key}\r\n{headers}"), body);
        ours.keys.iter().take(CONNECTIONS).map(|key| request(&key.text)).collect()
    };
    let side = |name, address, processes, path: &str| Side {
        name,
        address,
        processes,
        requests: requests(path),
        connections: CONNECTIONS,
    };
    let sides = [
        side("nginx", nginx.address, nginx.processes(), &format!("/{path}")),
        side("keyledger", ours.public(), vec![ours.process()], &ours.path(path)),
    ];
    let seen = rate::in_turn(&bench.arguments, &sides).await;
    let scaled = |seen: &Seen| {
        let Spread { median, low, high } = seen.per_second;
        Spread { median: median * each, low: low * each, high: high * each }
    };
    let (floor, ours) = (scaled(&seen[0]), scaled(&seen[1]));
    let ratio = ours.median / floor.median;
    Row {
        row: row.to_owned(),
        unit,
        floor: Some(floor),
        ours: Some(ours),
        ratio: Some(ratio),
        aim: AIM,
        holds: Some(ratio >= 1.0 && seen[1].failed == 0),
        notes: seen.iter().map(Seen::note).collect(),
    }
}

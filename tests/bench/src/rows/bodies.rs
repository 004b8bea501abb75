//! What is long: a stream of many small events, a large answer, a large request, against nginx that holds nothing back.

use std::sync::Arc;

use bytes::Bytes;

use super::rate::{self, Seen, Side};
use super::{Better, Row};
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

pub async fn stream(bench: &Bench) -> Vec<Row> {
    let name = "an SSE stream of 10,000 small events";
    row(bench, name, "events/s", "stream", CALL, EVENTS as f64).await
}

pub async fn answer(bench: &Bench) -> Vec<Row> {
    row(bench, "a 10 MB answer", "MB/s", "large", CALL, LARGE as f64 / 1e6).await
}

pub async fn request(bench: &Bench) -> Vec<Row> {
    let text = "x".repeat(UPLOAD);
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"add","arguments":{{"text":"{text}"}}}}}}"#
    );
    row(bench, "a 1 MB request", "MB/s", "tools", &call, UPLOAD as f64 / 1e6).await
}

async fn row(bench: &Bench, row: &str, unit: &'static str, path: &str, body: &str, each: f64) -> Vec<Row> {
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
    if bench.arguments.hold {
        rate::hold(&bench.arguments, &sides[1]).await;
        return Vec::new();
    }
    let seen = rate::in_turn(&bench.arguments, &sides).await;
    let scaled = |seen: &Seen| {
        let Spread { median, low, high, rounds } = seen.per_second;
        Spread { median: median * each, low: low * each, high: high * each, rounds }
    };
    let (floor, ours) = (scaled(&seen[0]), scaled(&seen[1]));
    let ratio = ours.median / floor.median;
    vec![Row {
        row: row.to_owned(),
        unit,
        better: Better::More,
        floor: Some(floor),
        ours: Some(ours),
        ratio: Some(ratio),
        aim: AIM,
        holds: Some(ratio >= 1.0 && rate::all_answered(&seen)),
        notes: seen.iter().map(Seen::note).collect(),
    }]
}

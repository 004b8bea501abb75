//! A proxied `tools/call` with a line for each call in the access log, against the same without.

use std::sync::Arc;

use bytes::Bytes;

use super::proxy::{CALLERS, call};
use super::rate::{self, Side};
use super::{Better, Row};
use crate::bench::Bench;
use crate::installation::Installation;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let (arguments, upstream) = (&bench.arguments, bench.upstream().await);
    let mut ours = Installation::nodes(arguments, upstream.address, CALLERS, 2).await;
    let talker = &mut ours.fleet.nodes[1];
    talker.stop().await;
    talker.set("log.filter", "info");
    talker.start().await;
    talker.becomes_ready().await;
    let path = ours.path("tools");
    let requests: Arc<[Bytes]> = ours.keys.iter().map(|key| call(&path, &key.text)).collect();
    let side = |name, node: usize| {
        let (node, requests) = (&ours.fleet.nodes[node], Arc::clone(&requests));
        let processes = vec![node.process()];
        Side { name, address: node.public, processes, requests, connections: arguments.connections() }
    };
    let seen = rate::in_turn(arguments, &[side("without lines", 0), side("with lines", 1)]).await;
    let ratio = seen[1].per_second.median / seen[0].per_second.median;
    vec![Row {
        row: format!("proxied tools/call with an access log, {} connections", arguments.connections()),
        unit: "calls/s",
        better: Better::More,
        floor: Some(seen[0].per_second),
        ours: Some(seen[1].per_second),
        ratio: Some(ratio),
        aim: "at least 0.97",
        holds: Some(ratio >= 0.97 && rate::all_answered(&seen)),
        notes: seen.iter().map(rate::Seen::note).collect(),
    }]
}

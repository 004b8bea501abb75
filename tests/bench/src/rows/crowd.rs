//! Many connections at once: who has a valid key is served.

use std::sync::Arc;

use bytes::Bytes;

use super::{Better, Row};
use crate::bench::Bench;
use crate::load::{Load, Until};
use crate::rows::proxy::call;
use crate::statistics::{Spread, short};

const CONNECTIONS: usize = 1_000;
const CALLS: usize = 100_000;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let (nginx, ours) = (bench.nginx().await, bench.node().await);
    let calls = if bench.arguments.quick { CALLS / 5 } else { CALLS };
    let requests: Arc<[Bytes]> =
        ours.keys.iter().take(CONNECTIONS).map(|key| call(&ours.path("tools"), &key.text)).collect();
    let (mut theirs, mut own, mut share) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed = 0;
    for _ in 0..bench.arguments.rounds() {
        for (to, seen) in [(nginx.address, &mut theirs), (ours.public(), &mut own)] {
            let load = Load { to, requests: Arc::clone(&requests), connections: CONNECTIONS };
            let measured = load.run(Until::Requests(calls)).await;
            seen.push(measured.percentile(0.99) / 1_000.0);
            failed += measured.failed;
            if to == ours.public() {
                share.push(100.0 * measured.answers as f64 / calls as f64);
            }
        }
    }
    let (theirs, own, share) = (Spread::of(&theirs), Spread::of(&own), Spread::of(&share));
    let row = format!("1,000 connections with valid keys, {} calls", short(calls as f64));
    let succeeded = Row {
        row: row.clone(),
        unit: "% that succeed",
        better: Better::More,
        floor: None,
        ours: Some(share),
        ratio: None,
        aim: "100 %",
        holds: Some(share.low >= 100.0),
        notes: Vec::new(),
    };
    let late = Row {
        row,
        unit: "ms at p99",
        better: Better::Less,
        floor: Some(theirs),
        ours: Some(own),
        ratio: Some(own.median / theirs.median),
        aim: "under 50 ms",
        holds: Some(own.median < 50.0 && failed == 0),
        notes: vec![format!("floor: nginx under the same load; {failed} of all calls failed")],
    };
    vec![succeeded, late]
}

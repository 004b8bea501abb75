//! A list of 1,000 tools, for a key that may call some of them, against the same list for a key of the whole server, which
//! passes as it is.

use std::sync::Arc;

use bytes::Bytes;

use super::rate::{self, Side};
use super::{Better, Row};
use crate::bench::Bench;
use crate::floor::server::TOOLS;
use crate::installation::scopes;
use crate::keys::Key;
use crate::load::post;

/// One list at a time: what it costs, and not how many there may be.
const CONNECTIONS: usize = 1;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
/// Every tenth tool, by ten scopes.
const SCOPES: &str = "mcp:list:tools:tool_1* mcp:list:tools:a mcp:list:tools:b mcp:list:tools:c mcp:list:tools:d \
                      mcp:list:tools:e mcp:list:tools:f mcp:list:tools:g mcp:list:tools:h mcp:list:prompts:*";

pub async fn take(bench: &Bench) -> Vec<Row> {
    let ours = bench.node().await;
    let narrow = ours.issuer.issue(&*ours.log, 1, &scopes(SCOPES)).await.remove(0);
    ours.knows(&narrow.text).await;
    let side = |name, key: &Key| {
        let headers = format!("Authorization: Bearer {}\r\nMCP-Protocol-Version: 2025-11-25\r\n", key.text);
        let requests: Arc<[Bytes]> = [post(&ours.path("list"), &headers, LIST)].into();
        let processes = vec![ours.process()];
        Side { name, address: ours.public(), processes, requests, connections: CONNECTIONS }
    };
    let sides = [side("as it is", &ours.keys[0]), side("filtered", &narrow)];
    let seen = rate::in_turn(&bench.arguments, &sides).await;
    let (plain, filtered) = (seen[0].cost, seen[1].cost);
    let more = filtered.median - plain.median;
    vec![Row {
        row: format!("list of {TOOLS} tools"),
        unit: "microseconds of CPU a list",
        better: Better::Less,
        floor: Some(plain),
        ours: Some(filtered),
        ratio: Some(filtered.median / plain.median),
        aim: "at most 1,000 more",
        holds: Some(more <= 1_000.0 && rate::all_answered(&seen)),
        notes: seen.iter().map(rate::Seen::note).collect(),
    }]
}

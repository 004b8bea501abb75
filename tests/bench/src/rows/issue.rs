//! Keys are issued through the admin API, one and 64 at once, with a log that waits for the disk; against plain appends
//! with an expected sequence to a stream of the same kind on the same server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use bytes::Bytes;
use events::clock::{Clock, SystemClock};
use events::log::jetstream::stream_config;
use keyledger_tests::fleet::{Broker, Fleet};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Better, Row};
use crate::bench::Bench;
use crate::installation::{self, scopes};
use crate::keys::{Issuer, new_id};
use crate::load::{Load, Until, post};
use crate::statistics::{Spread, short};

const AIM: &str = "at least 0.70";
const STREAM: &str = "BENCH";
/// Of one organization and one key only so many requests are served at once: who sends 64 is many.
const ORGANIZATIONS: usize = 16;
const SENDERS: usize = 4;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let arguments = &bench.arguments;
    let fleet = installation::fleet(arguments, 1, true).await;
    let mut requests: Vec<Bytes> = Vec::new();
    let mut payload = Bytes::new();
    for number in 0..ORGANIZATIONS {
        let organization = installation::organization(&fleet, &format!("acme-{number}")).await;
        let (issuer, log) = Issuer::of(&fleet.config, installation::id(&organization)).await;
        payload = issuer.signed(issuer.draw(&scopes("mcp:*")).1).payload().clone();
        for sender in issuer.issue(&*log, SENDERS, &scopes("admin:*:*")).await {
            let bearer = format!("Authorization: Bearer {}\r\n", sender.text);
            let body = json!({"name": "A measured key", "scopes": ["mcp:*"]}).to_string();
            requests.push(post(&organization.path("keys"), &bearer, &body));
        }
    }
    // One organization's after the other's: no two of one organization stand beside each other.
    let requests: Arc<[Bytes]> = (0..SENDERS)
        .flat_map(|sender| (0..ORGANIZATIONS).map(move |organization| organization * SENDERS + sender))
        .map(|at| requests[at].clone())
        .collect();
    installation::does(&fleet, &requests).await;
    let raw = raw(&fleet).await;
    let window = arguments.window();
    let mut rows = Vec::new();
    for at_once in [1, 64] {
        let (mut floor, mut ours, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let (mut failed, mut failure) = (0, 0);
        for _ in 0..arguments.rounds() {
            floor.push(appended(&raw, &payload, at_once, window).await);
            let load =
                Load { to: fleet.nodes[0].admin, requests: Arc::clone(&requests), connections: at_once };
            let measured = load.run(Until::Elapsed(window)).await;
            ours.push(measured.per_second());
            late.push(measured.percentile(0.99) / 1e3);
            failed += measured.failed;
            failure = measured.failure.max(failure);
        }
        let (floor, ours) = (Spread::of(&floor), Spread::of(&ours));
        let ratio = ours.median / floor.median;
        rows.push(Row {
            row: format!("issue keys through the admin API, {at_once} at once (sync_interval: always)"),
            unit: "keys/s",
            better: Better::More,
            floor: Some(floor),
            ours: Some(ours),
            ratio: Some(ratio),
            aim: AIM,
            holds: Some(ratio >= 0.7 && failed == 0),
            notes: vec![format!(
                "p99 {} ms; {failed} failed{}",
                short(Spread::of(&late).median),
                if failed > 0 { format!(", such as with {failure}") } else { String::new() }
            )],
        });
    }
    rows
}

/// A stream like the log's, of another name.
async fn raw(fleet: &Fleet) -> async_nats::Client {
    let Broker::Single(nats) = &fleet.nats else { panic!("one nats-server") };
    let client = nats.connect(keyledger_tests::servers::ROOT).await;
    let mut config = stream_config(1);
    config["name"] = json!(STREAM);
    config["subjects"] = json!(["bench.events.>"]);
    let subject = format!("$JS.API.STREAM.CREATE.{STREAM}");
    let answer = client.request(subject, config.to_string().into()).await.expect("an answer");
    let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
    assert!(answer["error"].is_null(), "{answer}");
    client
}

/// Appends a second, each the first on a subject of its own.
async fn appended(client: &async_nats::Client, payload: &Bytes, at_once: usize, window: Duration) -> f64 {
    let start = SystemClock.instant();
    let count = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (client, payload, count) = (client.clone(), payload.clone(), Arc::clone(&count));
        tasks.spawn(async move {
            while SystemClock.instant() - start < window {
                let mut headers = HeaderMap::new();
                headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
                let subject = format!("bench.events.{}", new_id());
                let answer = client.request_with_headers(subject, headers, payload.clone()).await;
                let answer: Value =
                    serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON");
                assert!(answer["seq"].is_u64(), "{answer}");
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tasks.join_all().await;
    count.load(Ordering::Relaxed) as f64 / (SystemClock.instant() - start).as_secs_f64()
}

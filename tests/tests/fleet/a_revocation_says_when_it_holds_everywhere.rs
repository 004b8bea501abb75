//! A command with `wait=fleet` is answered when every node has applied it, or is silent for so long that it answers
//! for no key any more; until then the answer says that it is not complete, and names who is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use events::clock::{Clock, SystemClock};
use futures::future::join_all;
use keyledger_tests::fleet::{Broker, Fleet, Plan};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::servers::{Proxy, Way};
use keyledger_tests::spine::{Ready, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

const LEASE: Duration = Duration::from_secs(3);
const MAX_STALENESS: Duration = Duration::from_secs(3);
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_names_every_node_and_a_silent_one_is_fenced_before_it_is_complete() {
    let set = &[("fleet.lease_ms", "3000"), ("freshness.max_staleness_ms", "3000")];
    let mut fleet = Fleet::with(Plan { set, ..Plan::default() }).await;
    // The third node's way to NATS can be cut.
    let Broker::Single(nats) = &fleet.nats else { panic!("one server") };
    let way = Proxy::start(nats.url().strip_prefix("nats://").and_then(|address| address.parse().ok())).await;
    fleet.nodes[2].stop().await;
    fleet.nodes[2].set("nats.url", &format!("nats://{}", way.address()));
    fleet.nodes[2].start().await;
    fleet.nodes[2].becomes_ready().await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(1))).await;
    let ready = fleet.ready(&upstream).await;

    // Issued, it works at once everywhere; revoked, it is refused at once everywhere: each node is asked once.
    let body = json!({"name": "test", "scopes": ["mcp:tools"]});
    let issued =
        fleet.write(0, Ask::post(format!("{}?wait=fleet", ready.organization.path("keys")), &body)).await;
    assert_eq!(states(&issued["fleet"]), all("applied", "applied"), "{issued}");
    assert_eq!(statuses(&fleet, &ready, &text(&issued, "secret")).await, [200; 3]);
    let revoked = revoke(&fleet, &ready, &text(&issued, "id"), 10.0).await;
    assert_eq!(revoked["complete"], json!(true), "{revoked}");
    assert_eq!(states(&revoked), all("applied", "applied"), "{revoked}");
    assert_eq!(statuses(&fleet, &ready, &text(&issued, "secret")).await, [401; 3]);
    eprintln!("with every node awake: {}", revoked["members"]);

    // One stands still: what it will answer when it wakes is not known.
    let key = fleet.issue(0, &ready.organization, &["mcp:tools"]).await;
    fleet.works(2, &ready.path, &key).await;
    fleet.nodes[2].pause().await;
    // Nor does it find the revocation when it wakes.
    way.set(Way::Cut);
    let stopped = SystemClock.instant();
    let partial = revoke(&fleet, &ready, &key.id, 0.5).await;
    assert_eq!((&partial["complete"], &partial["unproven"]), (&json!(false), &json!(1)), "{partial}");
    assert_eq!(states(&partial), all("applied", "unproven"), "{partial}");
    // Until its lease and its staleness have passed. It may have renewed just before it was stopped.
    let path = format!("/api/v1/fleet/proof?position={}&wait_timeout_seconds=25", text(&partial, "position"));
    let (whole, _) = poll::until("the silent one is fenced", BOUND, async || {
        let proof = fleet.admin(0, Ask::get(&path)).await.expect(200).json();
        if proof["complete"] == json!(true) { Ok(proof) } else { Err(proof) }
    })
    .await;
    let took = stopped.elapsed();
    assert_eq!(states(&whole), all("applied", "fenced"), "{whole}");
    assert!(took + Duration::from_millis(1_500) >= LEASE + MAX_STALENESS, "fenced too early: {took:?}");
    eprintln!(
        "the silent one was fenced {took:?} after it was stopped (lease {LEASE:?}, staleness {MAX_STALENESS:?})"
    );

    // Awake again, it lets the revoked key in at no time, although to its knowledge the key is good: its gate is
    // closed.
    let ask = call(&ready.path, "echo", &json!({})).bearer(&key.secret);
    let public = fleet.nodes[2].public;
    let waiting = join_all((0..20).map(|_| ask.send(public)));
    let (answers, ()) = tokio::join!(waiting, fleet.nodes[2].resume());
    let seen: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert!(seen.iter().all(|status| *status == 503), "{seen:?}");
    eprintln!("on waking it answered {seen:?}");
    way.set(Way::Open);
    fleet.nodes[2].becomes_ready().await;
    assert_eq!(ask.send(public).await.status, 401);
    fleet.works(2, &ready.path, &ready.key).await;
}

/// What the answer says of the fleet, with the command's position.
async fn revoke(fleet: &Fleet, ready: &Ready, key: &str, timeout: f64) -> Value {
    let keys = ready.organization.path("keys");
    let path = format!("{keys}/{key}/revoke?wait=fleet&wait_timeout_seconds={timeout}");
    let body = fleet.write(0, Ask::post(path, &json!({}))).await;
    let mut told = body["fleet"].clone();
    told["position"] = body["position"].clone();
    told
}

/// How each node answers a call with this key, asked once.
async fn statuses(fleet: &Fleet, ready: &Ready, secret: &str) -> Vec<u16> {
    let ask = call(&ready.path, "echo", &json!({})).bearer(secret);
    join_all(fleet.nodes.iter().map(|node| ask.send(node.public))).await.iter().map(|it| it.status).collect()
}

/// Each member's state, by its name.
fn states(fleet: &Value) -> BTreeMap<String, String> {
    let members = fleet["members"].as_array().unwrap_or_else(|| panic!("no members in {fleet}"));
    members.iter().map(|member| (text(member, "name"), text(member, "state"))).collect()
}

/// The first two nodes, and the third.
fn all(two: &str, third: &str) -> BTreeMap<String, String> {
    [("node-1", two), ("node-2", two), ("node-3", third)]
        .map(|(name, state)| (name.to_owned(), state.to_owned()))
        .into()
}

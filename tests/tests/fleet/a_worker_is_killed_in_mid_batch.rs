//! A process that keeps read models is killed in the middle of a batch while events stream in: another takes its
//! share over in the stated time, and what they hold in the end is each event once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use events::Position;
use futures::{StreamExt, stream};
use gateway::store::leases::FleetLeases;
use keyledger_tests::fleet::{Broker, Fleet, Plan};
use keyledger_tests::poll;
use keyledger_tests::spine::items;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use projections::lease::{Lease, LeaseStore, entry};
use projections::{Projection, checkpoint, postgres};
use serde_json::json;
use sqlx::Connection;

const LEASE_MS: &str = "4000";
/// A lease and a half is what is stated; two busy cores may need as much again.
const TAKEN_OVER: Duration = Duration::from_millis(2 * 6_000);
/// For what nothing is stated of.
const SETTLE: Duration = Duration::from_secs(60);
/// What workers share.
const LEASES: [&str; 14] = [
    "organizations",
    "servers",
    "keys",
    "webhooks",
    "people",
    "members",
    "invitations",
    "issuers",
    "consents",
    "grants",
    "clients",
    "approvals",
    "history",
    "snapshots",
];
/// One page of a list holds them all.
const KEYS: usize = 90;

/// Which process holds each lease: the projections', and the snapshots'.
async fn holders(leases: &FleetLeases) -> BTreeMap<&'static str, String> {
    let mut holders = BTreeMap::new();
    for name in LEASES {
        let stored = leases.read(&entry(name)).await.unwrap();
        let lease: Option<Lease> = stored.map(|stored| serde_json::from_slice(&stored.value).unwrap());
        if let Some(lease) = lease.filter(|lease| lease.holder.is_some()) {
            holders.insert(name, lease.name);
        }
    }
    holders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_there_twice_and_nothing_is_missing() {
    let set = &[("fleet.lease_ms", LEASE_MS)];
    let mut fleet = Fleet::with(Plan { nodes: 2, set, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(1))).await;
    let ready = fleet.ready(&upstream).await;
    let Broker::Single(nats) = &fleet.nats else { panic!("the plan has one nats-server") };
    let leases = FleetLeases::new(nats.connect("worker").await);
    let (held, _) = poll::until("equal shares", SETTLE, async || {
        let held = holders(&leases).await;
        let share = |node: usize| held.values().filter(|name| **name == fleet.nodes[node].name).count();
        if (share(0), share(1)) == (7, 7) { Ok(held) } else { Err(held) }
    })
    .await;
    let doomed = fleet.nodes.iter().position(|node| node.name == held["keys"]).unwrap();
    let other = 1 - doomed;
    let (doomed_name, other_name) = (fleet.nodes[doomed].name.clone(), fleet.nodes[other].name.clone());

    let keys = ready.organization.path("keys");
    let issue = async |fleet: &Fleet, numbers: std::ops::Range<usize>| {
        let issued = stream::iter(numbers).map(async |number| {
            let body = json!({"name": format!("key {number}"), "scopes": ["mcp:tools"]});
            fleet.write(other, Ask::post(&keys, &body)).await
        });
        issued.buffer_unordered(8).collect::<Vec<_>>().await
    };
    issue(&fleet, 0..KEYS / 3).await;
    // Rows can't be written: each batch stays open behind its moved checkpoint.
    let mut locking = fleet.postgres.connect().await;
    let mut locked = locking.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE keys, history IN EXCLUSIVE MODE").execute(&mut *locked).await.unwrap();
    issue(&fleet, KEYS / 3..2 * KEYS / 3).await;
    let before: Position =
        fleet.issue(other, &ready.organization, &["mcp:tools"]).await.position.parse().unwrap();
    let pool = postgres::connect(&fleet.postgres.url(), 2).unwrap();
    poll::until("both batches stand in the middle", SETTLE, async || {
        let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock' \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let waiting: i64 = sqlx::query_scalar(sql).fetch_one(pool.inner()).await.unwrap();
        if waiting == 2 { Ok(()) } else { Err(waiting) }
    })
    .await;
    assert_eq!(holders(&leases).await, held, "the doomed process holds the keys still");
    let behind = checkpoint::read(&pool, Projection::Keys).await.unwrap().unwrap();
    assert!(!behind.frontier().covers(&before), "{behind:?} is not behind {before}");
    fleet.nodes[doomed].kill();
    locked.rollback().await.unwrap();

    let taken_over = poll::until("the share is taken over", TAKEN_OVER, async || {
        let held = holders(&leases).await;
        let all = held.len() == LEASES.len() && held.values().all(|name| *name == other_name);
        if all { Ok(()) } else { Err(held) }
    });
    let (_, ((), took)) = tokio::join!(issue(&fleet, 2 * KEYS / 3..KEYS), taken_over);
    eprintln!(
        "{other_name} held what {doomed_name} had held {took:?} after its end; a lease is {LEASE_MS} ms"
    );
    let last = fleet.issue(other, &ready.organization, &["mcp:tools"]).await;

    let listed = async |path: String| {
        let ask = Ask::get(format!("{path}?limit=100&at_least={}", last.position));
        let (listed, _) =
            poll::until("the list is there", SETTLE, async || match fleet.admin(other, ask.clone()).await {
                answer if answer.status == 200 => Ok(items(&answer)),
                answer => Err(answer),
            })
            .await;
        listed
    };
    let all = listed(keys.clone()).await;
    let named: Vec<_> = all.iter().filter_map(|key| key["name"].as_str()).collect();
    let expected: BTreeSet<String> = (0..KEYS).map(|number| format!("key {number}")).collect();
    let found: BTreeSet<String> =
        named.iter().filter(|name| name.starts_with("key ")).map(|name| (*name).to_owned()).collect();
    assert_eq!(found, expected);
    assert_eq!(named.len(), KEYS + 3, "each once, and the three of this test's own: {named:?}");
    // The history is another projection, which the killed one may have held as well.
    let events = listed(format!("{keys}/{}/history", last.id)).await;
    assert_eq!(events.len(), 1, "{events:?}");
}

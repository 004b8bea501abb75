//! The process that keeps a drain and an export is killed in the middle of a batch, and in the middle of a file: another
//! goes on. Nothing is missing, and no file is written twice under one name.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gateway::store::leases::FleetLeases;
use keyledger_tests::fleet::Broker;
use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::poll;
use keyledger_tests::receivers::{Collector, Mood};
use keyledger_tests::upstreams::{McpServer, Upstream};
use projections::lease::{Lease, LeaseStore, entry};
use projections::postgres;
use projections::postgres::place::{self, PlaceKind};

const BOUND: Duration = Duration::from_secs(60);

fn files(folder: &Path) -> BTreeSet<String> {
    let names =
        std::fs::read_dir(folder).unwrap().flatten().map(|file| file.file_name().into_string().unwrap());
    names.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_goes_on_and_nothing_is_missing() {
    let siem = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (address, path) = (siem.url(""), folder.path().to_str().unwrap().to_owned());
    let set = &[
        ("fleet.lease_ms", "2000"),
        ("drains.siem.transport", "hec"),
        ("drains.siem.address", &address),
        ("drains.siem.token", "1f7ad2a3-token"),
        ("drains.siem.max_events", "5"),
        ("exports.archive.folder", &path),
        ("exports.archive.max_events", "4"),
    ];
    let mut fleet = Fleet::with(Plan { nodes: 2, set, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(1))).await;
    let ready = fleet.ready(&upstream).await;
    let Broker::Single(nats) = &fleet.nats else { panic!("the plan has one nats-server") };
    let leases = FleetLeases::new(nats.connect("worker").await);
    let holder = async || {
        let stored = leases.read(&entry("drain.siem")).await.unwrap();
        let lease: Option<Lease> = stored.map(|stored| serde_json::from_slice(&stored.value).unwrap());
        lease.filter(|lease| lease.holder.is_some()).map(|lease| lease.name).ok_or("nobody")
    };
    poll::until("the drain runs", BOUND, async || {
        if siem.sequences().len() > 5 { Ok(()) } else { Err(siem.sequences()) }
    })
    .await;
    siem.becomes(Mood::Silent);
    let asked = siem.asked();
    for _ in 0..12 {
        fleet.issue(0, &ready.organization, &["mcp:tools"]).await;
    }
    poll::until("a batch lies with the collector", BOUND, async || {
        if siem.asked() > asked { Ok(()) } else { Err(siem.asked()) }
    })
    .await;
    // What was taken in and not answered for is in nobody's place.
    let (doomed, _) = poll::until("somebody keeps it", BOUND, holder).await;
    let doomed = fleet.nodes.iter().position(|node| node.name == doomed).unwrap();
    fleet.nodes[doomed].kill();
    siem.becomes(Mood::Takes);
    let last = fleet.issue(1 - doomed, &ready.organization, &["mcp:tools"]).await.position;
    let last: u64 = last.rsplit('-').next().unwrap().parse().unwrap();
    let (taken, _) = poll::until("the other goes on", BOUND, async || {
        let taken = siem.sequences();
        if taken.contains(&last) { Ok(taken) } else { Err(taken) }
    })
    .await;
    let mut firsts: Vec<u64> = Vec::new();
    taken.iter().for_each(|one| {
        if !firsts.contains(one) {
            firsts.push(*one);
        }
    });
    assert_eq!(firsts, (1..=last).collect::<Vec<_>>(), "each came, and first in its order: {taken:?}");
    assert!(taken.len() > firsts.len(), "the batch that was cut off came again");

    // The export's files are of consecutive ranges, whoever wrote them.
    let pool = postgres::connect(&fleet.postgres.url(), 2).unwrap();
    poll::until("the export has come to the end", BOUND, async || {
        let row = place::read(&pool, PlaceKind::Export, "archive").await.unwrap();
        let at = row.map_or(0, |row| row.handed.sequence);
        if at + 4 > last { Ok(()) } else { Err((at, files(folder.path()))) }
    })
    .await;
    let mut next = 1;
    for name in files(folder.path()).iter().filter(|name| name.ends_with(".jsonl.gz")) {
        let parts: Vec<&str> = name.trim_end_matches(".jsonl.gz").rsplit('-').collect();
        let (last, first): (u64, u64) = (parts[0].parse().unwrap(), parts[1].parse().unwrap());
        assert_eq!(first, next, "{name}");
        next = last + 1;
        assert!(folder.path().join(format!("{name}.proof")).exists(), "{name} has no proof");
    }
    assert!(next + 4 > last, "{next}, {last}");
}

//! From a revocation that one node has acknowledged to its refusal at all three, idle and while others send commands;
//! against a message of plain NATS from its publish to the last of three receivers, at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use events::clock::{Clock, SystemClock};
use futures::StreamExt;
use keyledger_tests::fleet::{Broker, Fleet};
use keyledger_tests::spine::Organization;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::{Better, Row};
use crate::bench::Bench;
use crate::installation::{self, scopes};
use crate::keys::{Issuer, Key};
use crate::load::answer::Reader;
use crate::load::{Connection, post};
use crate::rows::proxy::call;
use crate::statistics::{Spread, percentile, short};

const NODES: usize = 3;
/// Commands that others send in a second, and how many send them.
const COMMANDS: f64 = 500.0;
const SENDERS: usize = 16;
/// With fewer of them acknowledged the load was another than the row says.
const ACKNOWLEDGED: f64 = 0.95 * COMMANDS;
const AIM: &str = "p99 at most 10 ms and 3x raw";
const SUBJECT: &str = "bench.raw";

pub async fn take(bench: &Bench) -> Vec<Row> {
    let count = bench.arguments.revocations();
    let fleet = installation::fleet(&bench.arguments, NODES, false).await;
    let organization = installation::organization(&fleet, "acme").await;
    installation::register(&fleet, &organization, bench.upstream().await.address).await;
    let (issuer, log) = Issuer::of(&fleet.config, installation::id(&organization)).await;
    let mut keys = issuer.issue(&*log, 2 * count + SENDERS, &scopes("mcp:*")).await;
    let changed = keys.split_off(2 * count);
    let last = changed.last().expect("a key");
    let path = installation::path(&organization, "tools");
    for node in 0..NODES {
        let known = keyledger_tests::spine::Key {
            id: last.id.to_string(),
            secret: last.text.clone(),
            position: String::new(),
        };
        fleet.works(node, &path, &known).await;
    }
    let world = World { fleet, organization, path };
    let busy = keys.split_off(count);
    let mut rows = world.measured("idle", &keys, None).await;
    let sent = Arc::new(Sent::default());
    let mut senders = world.senders(&changed, &sent).await;
    let (start, before) = (SystemClock.instant(), sent.acknowledged.load(Ordering::Relaxed));
    let under = world.measured("under 500 commands/s", &busy, Some(&sent)).await;
    let acknowledged = sent.acknowledged.load(Ordering::Relaxed) - before;
    let rate = acknowledged as f64 / (SystemClock.instant() - start).as_secs_f64();
    senders.abort_all();
    while senders.join_next().await.is_some() {}
    let failed = sent.failed.load(Ordering::Relaxed);
    rows.extend(under.into_iter().map(|mut row| {
        row.holds = row.holds.map(|holds| holds && rate >= ACKNOWLEDGED && failed == 0);
        row.notes.push(format!("{} commands/s were acknowledged meanwhile, {failed} failed", short(rate)));
        row
    }));
    rows
}

/// What came of the commands that others sent.
#[derive(Default)]
struct Sent {
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
}

struct World {
    fleet: Fleet,
    organization: Organization,
    path: String,
}

impl World {
    /// Revokes each of these keys in turn, and sends a plain message between.
    async fn measured(&self, how: &str, keys: &[Key], sent: Option<&Sent>) -> Vec<Row> {
        if let Some(sent) = sent {
            // The load has begun.
            let begun = async || match sent.acknowledged.load(Ordering::Relaxed) {
                0..=100 => Err("few commands"),
                _ => Ok(()),
            };
            keyledger_tests::poll::until("commands are sent", Duration::from_secs(20), begun).await;
        }
        let mut admins = Vec::new();
        let mut publics = Vec::new();
        for node in &self.fleet.nodes {
            admins.push(Connection::open(node.admin).await.expect("a connection"));
            publics.push(Connection::open(node.public).await.expect("a connection"));
        }
        let mut raw = Raw::of(&self.fleet).await;
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for (number, key) in keys.iter().enumerate() {
            floor.push(raw.millis().await);
            let told = &mut admins[number % NODES];
            let mut reader = Reader::default();
            let ask = self.change(key, "revoke");
            told.call(&ask, &mut reader).await.expect("an answer");
            assert_eq!(reader.status, 200, "a key is revoked");
            let acknowledged = SystemClock.instant();
            let request = call(&self.path, &key.text);
            let refused = publics.iter_mut().map(|public| refused(public, &request));
            futures::future::join_all(refused).await;
            ours.push((SystemClock.instant() - acknowledged).as_secs_f64() * 1e3);
        }
        ours.sort_by(f64::total_cmp);
        floor.sort_by(f64::total_cmp);
        let at = |sorted: &[f64], share| percentile(sorted, share).unwrap_or(f64::NAN);
        let (own, theirs) = (at(&ours, 0.99), at(&floor, 0.99));
        let told = |name: &str, all: &[f64]| {
            let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| short(at(all, share)));
            format!("{name}: p50 {p50}, p99 {p99}, p99.9 {p999} ms of {}", all.len())
        };
        vec![Row {
            row: format!("revocation acknowledged at one node to refused at all three, {how}"),
            unit: "ms at p99",
            better: Better::Less,
            floor: Some(Spread::of(&[theirs])),
            ours: Some(Spread::of(&[own])),
            ratio: Some(own / theirs),
            aim: AIM,
            holds: Some(own <= 10.0 && own <= 3.0 * theirs),
            notes: vec![told("plain NATS, publish to receive", &floor), told("keyledger", &ours)],
        }]
    }

    /// Who sends commands all the while, each about a key of its own.
    async fn senders(&self, keys: &[Key], sent: &Arc<Sent>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for (number, key) in keys.iter().enumerate() {
            let admin = self.fleet.nodes[number % NODES].admin;
            let mut connection = Connection::open(admin).await.expect("a connection");
            let commands = [self.change(key, "disable"), self.change(key, "enable")];
            let sent = Arc::clone(sent);
            tasks.spawn(async move {
                let mut ticks = tokio::time::interval(Duration::from_secs_f64(SENDERS as f64 / COMMANDS));
                ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
                for command in commands.iter().cycle() {
                    ticks.tick().await;
                    let mut reader = Reader::default();
                    connection.call(command, &mut reader).await.expect("an answer");
                    let count = if reader.status == 200 { &sent.acknowledged } else { &sent.failed };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        tasks
    }

    fn change(&self, key: &Key, verb: &str) -> Bytes {
        let path = format!("{}/{}/{verb}", self.organization.path("keys"), key.id);
        post(&path, &format!("Authorization: Bearer {}\r\n", self.fleet.admin_key), "{}")
    }
}

/// Asks again until the call is refused.
async fn refused(public: &mut Connection, request: &[u8]) {
    loop {
        let mut reader = Reader::default();
        public.call(request, &mut reader).await.expect("an answer");
        if reader.status == 401 {
            return;
        }
    }
}

/// A publisher and three receivers, each on a connection of its own.
struct Raw {
    publisher: async_nats::Client,
    receivers: Vec<async_nats::Subscriber>,
    // Subscribers end with their clients.
    _clients: Vec<async_nats::Client>,
}

impl Raw {
    async fn of(fleet: &Fleet) -> Self {
        let Broker::Single(nats) = &fleet.nats else { panic!("one nats-server") };
        let publisher = nats.connect(keyledger_tests::servers::ROOT).await;
        let (mut receivers, mut clients) = (Vec::new(), Vec::new());
        for _ in 0..NODES {
            let client = nats.connect(keyledger_tests::servers::ROOT).await;
            receivers.push(client.subscribe(SUBJECT).await.expect("a subscription"));
            // An answer to what was sent after it: the server knows the subscription.
            client.request("$JS.API.INFO", Bytes::new()).await.expect("the subscription is known");
            clients.push(client);
        }
        Self { publisher, receivers, _clients: clients }
    }

    async fn millis(&mut self) -> f64 {
        let start = SystemClock.instant();
        self.publisher.publish(SUBJECT, Bytes::from_static(&[0; 512])).await.expect("it is published");
        for receiver in &mut self.receivers {
            receiver.next().await.expect("it is received");
        }
        (SystemClock.instant() - start).as_secs_f64() * 1e3
    }
}

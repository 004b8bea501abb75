//! Each process's record in the bucket, and control's roster of them, over a real nats-server.

use std::sync::Arc;
use std::time::Duration;

use events::clock::{Clock, SystemClock, SystemRandom};
use events::{LogId, Position, Shard};
use gateway::config::Role;
use gateway::fleet::membership::{About, Membership};
use gateway::fleet::{Fleet, MemberState, Record, follow, member};
use gateway::store::bucket::Bucket;
use keyledger_tests::poll;
use keyledger_tests::servers::{Nats, ROOT};
use projections::directory::gate::{GateConfig, OnStale};
use projections::directory::{Directory, Gate};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const BOUND: Duration = Duration::from_secs(20);

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// A process's part of the fleet.
struct Process {
    fleet: Fleet,
    gate: Arc<Gate>,
    ending: CancellationToken,
    tasks: JoinSet<()>,
}

impl Process {
    async fn start(nats: &Nats, name: &str) -> Self {
        Self::with(nats, name, OnStale::Refuse).await
    }

    async fn with(nats: &Nats, name: &str, on_stale: OnStale) -> Self {
        let gate = GateConfig { needs_lease: true, ..GateConfig::default() };
        let gate = Arc::new(Gate::new(Arc::new(Directory::new()), clock(), gate));
        let (fleet, ending) = (Fleet::new(clock()), CancellationToken::new());
        let about = About {
            name: name.to_owned(),
            roles: vec![Role::Node],
            on_stale,
            max_staleness: Duration::from_millis(500),
            lease: Duration::from_millis(500),
        };
        let bucket = Bucket::of_fleet(nats.connect("node").await);
        let (gate_of, random) = (Some(Arc::clone(&gate)), Arc::new(SystemRandom));
        let membership =
            Membership::new(about, bucket, fleet.clone(), gate_of, clock(), random, Default::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(membership.run(ending.clone()));
        Self { fleet, gate, ending, tasks }
    }

    /// With a roster.
    async fn control(nats: &Nats, name: &str) -> Self {
        let mut process = Self::start(nats, name).await;
        let bucket = Bucket::of_fleet(nats.connect("control").await);
        let following = follow::run(process.fleet.clone(), bucket, clock(), process.ending.clone());
        process.tasks.spawn(following);
        process
    }

    fn names(&self) -> Vec<String> {
        self.fleet.roster().iter().map(|member| member.name().to_owned()).collect()
    }

    async fn sees(&self, names: &[&str]) {
        poll::until("the roster", BOUND, async || match self.names() {
            seen if seen == names => Ok(()),
            seen => Err(seen),
        })
        .await;
    }

    async fn end(self) {
        self.ending.cancel();
        self.tasks.join_all().await;
    }
}

fn nowhere() -> Position {
    Position { log: LogId::new(Uuid::from_u128(1)), shard: Shard::ZERO, sequence: 1 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barrier_shows_who_was_there_when_it_was_asked_for() {
    let nats = Nats::set_up().await;
    let control = Process::control(&nats, "control").await;
    control.fleet.barrier().await.unwrap();
    assert_eq!(control.names(), ["control"]);
    for number in 0..5 {
        let node = Process::start(&nats, &format!("node-{number}")).await;
        poll::until("a lease", BOUND, async || {
            // Its question would count from now on.
            if node.gate.holds_lease() { Ok(()) } else { Err("none") }
        })
        .await;
        control.fleet.barrier().await.unwrap();
        assert!(control.names().contains(&format!("node-{number}")), "{:?}", control.names());
        node.end().await;
    }
    control.sees(&["control"]).await;
    let asked = SystemClock.instant();
    for _ in 0..20 {
        control.fleet.barrier().await.unwrap();
    }
    eprintln!("a barrier takes {:?}", asked.elapsed() / 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_without_a_word_is_unproven_and_then_fenced() {
    let nats = Nats::set_up().await;
    let control = Process::control(&nats, "control").await;
    let node = Process::start(&nats, "node").await;
    control.sees(&["control", "node"]).await;
    drop(node);
    let lost = SystemClock.instant();
    control.fleet.barrier().await.unwrap();
    let state = || {
        let proof = control.fleet.proof(&nowhere());
        proof.members.iter().find(|member| member.name == "node").map(|member| member.state)
    };
    assert_eq!(state(), Some(MemberState::Unproven));
    poll::until("it is fenced", BOUND, async || match state() {
        Some(MemberState::Fenced) => Ok(()),
        state => Err(state),
    })
    .await;
    // Lease, staleness, and the second in which open streams end; less the age of its last record.
    assert!(lost.elapsed() > Duration::from_millis(1_800), "{:?}", lost.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_acknowledgement_costs_no_membership_and_a_lost_record_does() {
    let nats = Nats::set_up().await;
    let control = Process::control(&nats, "control").await;
    let _node = Process::start(&nats, "node").await;
    control.sees(&["control", "node"]).await;
    let id = |process: &Process| {
        let roster = process.fleet.roster();
        roster.iter().find(|member| member.name() == "node").map(|member| member.id)
    };
    let first = id(&control).unwrap();
    let bucket = Bucket::of_fleet(nats.connect("worker").await);
    // Its record is there in a version whose acknowledgement it never got.
    let again = async |change: &dyn Fn(Option<Record>) -> Option<Record>| loop {
        let entry = bucket.get(&member::entry(first)).await.unwrap().unwrap();
        let record = change(Record::read(&entry.value, first));
        let done = match record {
            Some(record) => {
                let value = serde_json::to_vec(&record).unwrap();
                bucket.put(&member::entry(first), value.into(), entry.revision).await
            }
            None => bucket.delete(&member::entry(first), entry.revision).await,
        };
        if let Ok(revision) = done {
            return revision;
        }
    };
    let stored = again(&|record| record).await;
    poll::until("it goes on", BOUND, async || {
        let entry = bucket.get(&member::entry(first)).await.unwrap().unwrap();
        if entry.revision > stored { Ok(()) } else { Err(entry.revision) }
    })
    .await;
    assert_eq!(id(&control), Some(first));
    // Taken away, it is another member.
    again(&|_| None).await;
    poll::until("it joins anew", BOUND, async || match id(&control) {
        Some(id) if id != first => Ok(()),
        id => Err(id),
    })
    .await;
}

/// How long the newest message of a member's entry lasts, as the server was told.
async fn lasts(nats: &Nats, id: Uuid) -> Option<String> {
    let subject = format!("$KV.KL_FLEET.{}", member::entry(id));
    let stream =
        async_nats::jetstream::new(nats.connect(ROOT).await).get_stream("KV_KL_FLEET").await.unwrap();
    let message = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
    message.headers.get("Nats-TTL").map(ToString::to_string)
}

/// What nothing fences must not age out of the bucket while it lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_forgotten_after_a_day_unless_its_member_is_never_fenced() {
    let nats = Nats::set_up().await;
    let control = Process::control(&nats, "control").await;
    let serving = Process::with(&nats, "serving", OnStale::Serve).await;
    control.sees(&["control", "serving"]).await;
    let ids: Vec<_> = control.fleet.roster().iter().map(|member| member.id).collect();
    let [own, other] = ids[..] else { panic!("{ids:?}") };
    assert_eq!(lasts(&nats, own).await.as_deref(), Some("86400s"));
    assert_eq!(lasts(&nats, other).await, None);
    serving.end().await;
    assert_eq!(lasts(&nats, other).await.as_deref(), Some("86400s"), "the sign that it ended");
}

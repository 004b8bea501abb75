//! Snapshots in a real object store: written by a worker, believed by a node when they are what a worker of its
//! installation wrote of its log, and passed over otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use events::clock::{Clock, SystemClock, SystemRandom};
use events::log::Log;
use events::tlog::{Hash, Tree};
use gateway::config::NatsRole;
use gateway::snapshots::{Header, Loader, Signers, Writer};
use gateway::store::kv::KvEntries;
use gateway::store::snapshots::Objects;
use gateway::vault::{MasterKey, Vault, VaultName, snapshot};
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;
use projections::directory::follow::{self, FollowConfig};
use projections::directory::gate::{Gate, GateConfig};
use projections::directory::proof::NoCheckpoints;
use projections::directory::{Directory, NotReady};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::following::publish;
use crate::stage::Tape;

const BOUND: Duration = Duration::from_secs(40);

async fn vault(nats: &Nats, role: NatsRole, name: VaultName) -> Vault {
    let entries = KvEntries::open(nats.connect(role.as_str()).await, name).await.unwrap();
    Vault::new(name, Arc::new(entries), MasterKey::of(&[name as u8 + 1; 32]).unwrap())
}

/// Servers with a log and the keys that control draws.
async fn installation(organizations: usize) -> (Nats, Tape) {
    let nats = Nats::set_up().await;
    let people = vault(&nats, NatsRole::Control, VaultName::People).await;
    let node = vault(&nats, NatsRole::Control, VaultName::Node).await;
    snapshot::ensure(&people, &node, &SystemClock, &SystemRandom).await.unwrap();
    let mut tape = Tape::new();
    tape.fill(organizations);
    publish(&nats, &tape.messages).await;
    (nats, tape)
}

fn directory_of(tape: &Tape) -> Arc<Directory> {
    let directory = Arc::new(Directory::new());
    for message in &tape.messages {
        directory.apply(&message.read(tape.log));
    }
    directory
}

fn content(directory: &Directory) -> Vec<u8> {
    directory.cut().unwrap().chunks().collect::<Result<Vec<_>, _>>().unwrap().concat()
}

fn gate(directory: &Arc<Directory>) -> Arc<Gate> {
    Arc::new(Gate::new(Arc::clone(directory), Arc::new(SystemClock), GateConfig::default()))
}

/// A worker's, of what is on the tape.
async fn writer(nats: &Nats, tape: &Tape) -> Writer {
    let directory = directory_of(tape);
    let gate = gate(&directory);
    let mut tree = Tree::new();
    tape.messages.iter().for_each(|message| tree.push(Hash::message(message)));
    gate.begin(tree);
    Writer {
        log: Arc::new(nats.log(NatsRole::Worker).await.unwrap()),
        objects: Objects::new(nats.connect("worker").await),
        people: vault(nats, NatsRole::Worker, VaultName::People).await,
        gate,
        directory,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    }
}

struct Node {
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    log: Arc<dyn Log>,
    loaded: Option<Header>,
}

impl Node {
    /// As a node comes up, up to where it would follow.
    async fn start(nats: &Nats) -> Self {
        let directory = Arc::new(Directory::new());
        let gate = gate(&directory);
        let log = Arc::new(nats.log(NatsRole::Node).await.unwrap());
        let loader = Loader {
            objects: Objects::new(log.client().clone()),
            signers: Signers::Node(vault(nats, NatsRole::Node, VaultName::Node).await),
            clock: Arc::new(SystemClock),
        };
        let loaded = loader.load(&*log, &directory, &gate).await;
        assert_eq!(loaded.as_ref().map_or(0, |header| header.place.sequence), directory.applied());
        Self { directory, gate, log, loaded }
    }

    fn loaded(&self) -> Option<u64> {
        self.loaded.as_ref().map(|header| header.place.sequence)
    }

    fn follow(&self, tasks: &mut JoinSet<()>) {
        let config = FollowConfig { ask_every: Duration::from_millis(100), ..FollowConfig::default() };
        tasks.spawn(follow::run(
            Arc::clone(&self.log),
            Arc::new(NoCheckpoints),
            Arc::clone(&self.directory),
            Arc::clone(&self.gate),
            Arc::new(SystemClock),
            config,
            CancellationToken::new(),
        ));
    }
}

#[tokio::test]
async fn a_node_starts_from_the_newest_snapshot_and_follows_on() {
    let (nats, mut tape) = installation(2).await;
    assert_eq!(Node::start(&nats).await.loaded(), None, "there is none yet");
    let (_, first) = writer(&nats, &tape).await.write_and_prune(3).await.unwrap();
    tape.unreadable(&events::Subject::key(
        events::Owner::Installation,
        events::KeyId::new(crate::stage::uuid()),
    ));
    tape.foreign();
    publish(&nats, &tape.messages[usize::try_from(first.place.sequence).unwrap()..]).await;
    let written = tape.messages.len() as u64;
    writer(&nats, &tape).await.write_and_prune(3).await.unwrap();
    tape.fill(2);
    publish(&nats, &tape.messages[usize::try_from(written).unwrap()..]).await;

    let node = Node::start(&nats).await;
    assert_eq!(node.loaded(), Some(written));
    assert!(matches!(node.gate.check(), Err(NotReady::Starting { .. })), "it has not seen the log yet");
    let mut tasks = JoinSet::new();
    node.follow(&mut tasks);
    poll::until("ready", BOUND, async || node.gate.check()).await;
    assert_eq!(node.directory.applied(), tape.messages.len() as u64);
    assert_eq!(content(&node.directory), content(&directory_of(&tape)));
}

#[tokio::test]
async fn a_node_whose_snapshot_is_all_there_is_becomes_ready_without_another_event() {
    let (nats, tape) = installation(1).await;
    writer(&nats, &tape).await.write_and_prune(3).await.unwrap();
    let node = Node::start(&nats).await;
    assert_eq!(node.loaded(), Some(tape.messages.len() as u64));
    let mut tasks = JoinSet::new();
    node.follow(&mut tasks);
    poll::until("ready", BOUND, async || node.gate.check()).await;
}

/// What somebody stored who may write to the store, and has no key.
async fn forge(nats: &Nats, content: &[u8], metadata: BTreeMap<String, String>) {
    let mut upload = Objects::new(nats.connect("worker").await).upload(&SystemRandom);
    upload.chunk(content.to_vec().into()).await.unwrap();
    upload.finish("directory", &[0; 32], metadata).await.unwrap();
}

#[tokio::test]
async fn what_no_worker_of_this_installation_wrote_is_not_believed() {
    let (nats, mut tape) = installation(1).await;
    let (_, good) = writer(&nats, &tape).await.write_and_prune(9).await.unwrap();
    let good = Some(good.place.sequence);
    let before = tape.messages.len();
    tape.fill(1);
    publish(&nats, &tape.messages[before..]).await;

    // Unsigned, and of a format from the future.
    forge(&nats, b"x", BTreeMap::new()).await;
    let future = BTreeMap::from([("keyledger-header".to_owned(), r#"{"format":99}"#.to_owned())]);
    forge(&nats, b"x", future).await;
    assert_eq!(Node::start(&nats).await.loaded(), good);

    // Signed by a worker of another installation.
    let other = Nats::set_up().await;
    let people = vault(&other, NatsRole::Control, VaultName::People).await;
    let node = vault(&other, NatsRole::Control, VaultName::Node).await;
    snapshot::ensure(&people, &node, &SystemClock, &SystemRandom).await.unwrap();
    let theirs = Writer { people, ..writer(&nats, &tape).await };
    theirs.write_and_prune(9).await.unwrap();
    assert_eq!(Node::start(&nats).await.loaded(), good);

    // Signed by our own worker, of another log.
    let another = Tape::new();
    writer(&nats, &another).await.write_and_prune(9).await.unwrap();
    assert_eq!(Node::start(&nats).await.loaded(), good);

    // A genuine header over another content of the same length; and over a content that is cut off.
    let (object, header) = writer(&nats, &tape).await.write_and_prune(9).await.unwrap();
    assert_eq!(Node::start(&nats).await.loaded(), Some(header.place.sequence));
    let objects = Objects::new(nats.connect("worker").await);
    objects.delete(&object).await.unwrap();
    let mut bytes = content(&directory_of(&tape));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    forge(&nats, &bytes, object.metadata.clone()).await;
    assert_eq!(Node::start(&nats).await.loaded(), good);
    forge(&nats, &bytes[..last], object.metadata.clone()).await;
    assert_eq!(Node::start(&nats).await.loaded(), good);

    let found = writer(&nats, &tape).await.list().await.unwrap();
    let mut states: Vec<_> =
        found.iter().filter_map(|found| Some(found.header.as_ref().err()?.to_string())).collect();
    states.sort();
    assert_eq!(states.len(), 4, "{states:?}");
    for (state, told) in states.iter().zip([
        "it carries no signed header",
        "it is of log",
        "it is signed by a key that this installation has not",
        "its format is 99",
    ]) {
        assert!(state.starts_with(told), "{states:?}");
    }
}

#[tokio::test]
async fn a_large_snapshot_comes_in_many_chunks_and_one_that_lacks_a_chunk_is_passed_over() {
    let (nats, mut tape) = installation(1).await;
    let (_, small) = writer(&nats, &tape).await.write_and_prune(3).await.unwrap();
    tape.fill(800);
    let before = usize::try_from(small.place.sequence).unwrap();
    // The log need not hold what no follower reads here.
    publish(&nats, &tape.messages[before..=before]).await;
    let (object, _) = writer(&nats, &tape).await.write_and_prune(3).await.unwrap();
    assert!(object.chunks > 2, "{object:?}");
    let node = Node::start(&nats).await;
    assert_eq!(node.loaded(), Some(tape.messages.len() as u64));
    assert_eq!(content(&node.directory), content(&directory_of(&tape)));

    let stream = async_nats::jetstream::new(nats.connect("root").await);
    let stream = stream.get_stream("OBJ_KL_SNAPSHOTS").await.unwrap();
    // The small one's chunk and description come first.
    assert!(stream.delete_message(4).await.unwrap());
    assert_eq!(Node::start(&nats).await.loaded(), Some(small.place.sequence));
}

#[tokio::test]
async fn old_snapshots_go_and_leave_nothing_behind() {
    let (nats, mut tape) = installation(1).await;
    let mut sequences = Vec::new();
    for _ in 0..4 {
        tape.fill(1);
        let (_, header) = writer(&nats, &tape).await.write_and_prune(2).await.unwrap();
        sequences.insert(0, header.place.sequence);
    }
    let worker = writer(&nats, &tape).await;
    let kept: Vec<_> = worker.list().await.unwrap().into_iter().map(|found| found.header.unwrap()).collect();
    assert_eq!(kept.iter().map(|header| header.place.sequence).collect::<Vec<_>>(), sequences[..2]);
    let messages = async || {
        let stream = async_nats::jetstream::new(nats.connect("root").await);
        stream.get_stream("OBJ_KL_SNAPSHOTS").await.unwrap().cached_info().state.messages
    };
    assert_eq!(messages().await, 4, "a chunk and a description each");

    let mut unfinished = worker.objects.upload(&SystemRandom);
    unfinished.chunk("given up".into()).await.unwrap();
    assert_eq!(worker.objects.unfinished().await.unwrap().len(), 1);
    assert_eq!(worker.objects.delete_all().await.unwrap(), 2);
    assert_eq!(messages().await, 0);
    assert_eq!(Node::start(&nats).await.loaded(), None);
}

/// `cargo nextest run -p keyledger-tests --run-ignored only --no-capture how_long`
#[tokio::test]
#[ignore = "it measures, and takes a minute"]
async fn how_long_a_start_takes_with_100_000_keys() {
    use futures::StreamExt;

    const KEYS: usize = 100_000;
    let (nats, mut tape) = installation(1).await;
    let before = tape.messages.len();
    let owner = events::Owner::Installation;
    for _ in 0..KEYS {
        tape.key(owner, events::KeyId::new(crate::stage::uuid()), crate::stage::issued("a key"));
    }
    let stream = async_nats::jetstream::new(nats.connect("root").await);
    futures::stream::iter(&tape.messages[before..])
        .map(async |message| {
            // One after the other is handed over; the acknowledgements come in flight.
            stream.publish(message.subject.clone(), message.payload.clone()).await.unwrap()
        })
        .buffered(1)
        .for_each_concurrent(256, async |stored| {
            stored.await.unwrap();
        })
        .await;
    for _ in 0..3 {
        let begun = SystemClock.instant();
        let node = Node::start(&nats).await;
        let mut tasks = JoinSet::new();
        node.follow(&mut tasks);
        poll::until("ready", BOUND, async || node.gate.check()).await;
        eprintln!("{:?} from {:?} on: {:?}", begun.elapsed(), node.loaded(), node.directory.counts());
        if node.loaded.is_none() {
            let writer = writer(&nats, &tape).await;
            let begun = SystemClock.instant();
            let (object, header) = writer.write_and_prune(3).await.unwrap();
            eprintln!("written in {:?}: {} bytes, {} chunks", begun.elapsed(), header.size, object.chunks);
        }
    }
}

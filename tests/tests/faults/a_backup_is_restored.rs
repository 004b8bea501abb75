//! The servers are lost and a backup is put into new ones: every key that it knows works again, and what people
//! wrote can be read. What is no good backup is refused before anything is created.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use events::clock::{Random, SystemClock, SystemRandom};
use gateway::backup::{self, BackupError, Manifest};
use gateway::store::transfer::Transfer;
use keyledger_tests::mcp::call;
use keyledger_tests::servers::{Nats, Postgres, ROOT};
use keyledger_tests::spine::{Spine, items};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_works_again_on_new_servers() {
    let mut spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let revoked = spine.revoked_key(&ready.organization).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");

    // The node serves meanwhile.
    let admin = spine.nats.connect("admin").await;
    let manifest = backup::take(&admin, &copy, &SystemClock, &SystemRandom, |_| ()).await.unwrap();
    let log = &manifest.streams[1];
    assert_eq!((log.stream.as_str(), log.messages()), ("KL_EVENTS_0", log.last_sequence()));
    for entry in std::fs::read_dir(&copy).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let later = spine.key(&ready.organization, &["mcp:tools"]).await;

    spine.stop_node().await;
    let nats = Nats::start().await;
    put_back(&nats, &copy).await.unwrap();
    spine.move_to(nats, Postgres::start().await);
    spine.start_node().await;
    spine.becomes_ready().await;

    let called = async |key: &str| call(&ready.path, "echo", &json!({})).bearer(key).send(spine.public).await;
    assert_eq!(called(&ready.key.secret).await.status, 200);
    assert_eq!(called(&revoked).await.status, 401);
    // Issued after the copy: lost with the servers.
    assert_eq!(called(&later.secret).await.status, 401);
    // Commands go on, and names can be read: the sealing keys came back.
    let new = spine.key(&ready.organization, &["mcp:tools"]).await;
    assert_eq!(called(&new.secret).await.status, 200);
    let keys = format!("{}?at_least={}", ready.organization.path("keys"), new.position);
    let keys = items(&spine.admin(Ask::get(keys)).await.expect(200));
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key["name"] == "test"), "{keys:?}");
}

async fn put_back(nats: &Nats, copy: &Path) -> Result<Manifest, BackupError> {
    backup::put_back(&nats.connect("admin").await, &nats.connect("restore").await, copy, 1, |_| ()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_good_backup_creates_nothing() {
    let nats = Nats::set_up().await;
    let admin = nats.connect("admin").await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    backup::take(&admin, &copy, &SystemClock, &SystemRandom, |_| ()).await.unwrap();

    // A second one does not go over the first.
    let again = backup::take(&admin, &copy, &SystemClock, &SystemRandom, |_| ()).await;
    assert!(matches!(again, Err(BackupError::NotEmpty(_))), "{again:?}");
    // The server has its streams.
    let onto = put_back(&nats, &copy).await;
    assert!(matches!(&onto, Err(BackupError::NotRestored(stream)) if stream == "KL_CHECKPOINTS"), "{onto:?}");

    let empty = Nats::start().await;
    let vault = copy.join("KV_KL_VAULT_NODE.snapshot");
    let mut bytes = std::fs::read(&vault).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&vault, bytes).unwrap();
    let damaged = put_back(&empty, &copy).await;
    assert!(matches!(&damaged, Err(BackupError::Damaged { path }) if *path == vault), "{damaged:?}");
    std::fs::remove_file(copy.join("manifest.json")).unwrap();
    let unfinished = put_back(&empty, &copy).await;
    assert!(matches!(unfinished, Err(BackupError::File { .. })), "{unfinished:?}");
    assert!(empty.log(gateway::config::NatsRole::Control).await.is_err());
}

/// A server sends no more than 8 MiB ahead of what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_many_parts_comes_whole() {
    const STREAM: &str = "KV_KL_VAULT_NODE";
    let nats = Nats::set_up().await;
    let root = async_nats::jetstream::new(nats.connect(ROOT).await);
    let store = root.get_key_value("KL_VAULT_NODE").await.unwrap();
    let mut value = vec![0; 60_000];
    for entry in 0..300 {
        // Not to be compressed away.
        SystemRandom.fill(&mut value);
        store.put(format!("entry-{entry}"), value.clone().into()).await.unwrap();
    }
    let admin = nats.connect("admin").await;
    let mut copy = Vec::new();
    let shape = Transfer::new(&admin, STREAM).out("whole", &mut copy).await.unwrap();
    assert!(copy.len() > 16 * 1024 * 1024, "{} bytes", copy.len());

    let empty = Nats::start().await;
    let admin = empty.connect("admin").await;
    let transfer = Transfer::new(&admin, STREAM);
    transfer.back(&empty.connect("restore").await, &shape, &mut copy.as_slice()).await.unwrap();
    let restored = async_nats::jetstream::new(empty.connect(ROOT).await);
    let store = restored.get_key_value("KL_VAULT_NODE").await.unwrap();
    assert_eq!(store.get("entry-299").await.unwrap().unwrap(), value);
    assert_eq!(transfer.shape().await.unwrap().unwrap().state["messages"], 300);
}

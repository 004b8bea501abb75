//! The servers are lost and a backup is put into new ones: every key that it knows works again, and what people
//! wrote can be read. What is no good backup is refused before anything is created.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use events::clock::{Random, SystemClock, SystemRandom};
use events::log::Log;
use events::tlog::{Checkpoint, Note};
use gateway::backup::{self, BackupError, Manifest};
use gateway::config::{Access, NatsRole};
use gateway::store::transfer::Transfer;
use gateway::vault::MasterKey;
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::servers::{Nats, Postgres, ROOT, Witness};
use keyledger_tests::spine::{Spine, items};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use projections::postgres::{self, signed};
use serde_json::json;

use crate::scene::{BOUND, configuration, run};

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

/// The operator's way, by the command line alone: a backup, what came after it, its loss, and the word that it is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_after_the_backup_is_lost_by_an_operators_word() {
    let mut spine = Spine::with(|config| config.freshness.ask_every_ms = 200).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    configuration(&spine, folder.path());
    let with = async |args: &[&str]| {
        run(folder.path(), &[args, &["--config", "keyledger.toml"]].concat(), &[]).await
    };
    let done = async |args: &[&str]| {
        let (code, said) = with(args).await;
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    };
    done(&["backup", "copy"]).await;
    let revoked = spine.change_key(&ready.organization, &ready.key.id, "revoke").await;
    let revoked = revoked["position"].as_str().unwrap().to_owned();
    spine.follows(&revoked).await;
    let last: u64 = revoked.rsplit('-').next().unwrap().parse().unwrap();

    // What others know of it: a checkpoint, a witness, PostgreSQL.
    std::fs::write(at("log.keys"), done(&["events", "keys"]).await).unwrap();
    let (kept, _) = poll::until("a checkpoint of the revocation", BOUND, async || {
        match done(&["events", "checkpoint"]).await {
            kept if size(&kept) == last => Ok(kept),
            kept => Err(kept),
        }
    })
    .await;
    std::fs::write(at("kept.checkpoint"), kept).unwrap();
    let witness = Witness::start(folder.path(), "state.json").await;
    done(&["events", "cosign", &witness.url]).await;
    let pool = postgres::connect(&spine.postgres.url(), 1).unwrap();
    let log = revoked_log(&revoked);
    poll::until("PostgreSQL knows it", BOUND, async || match signed::newest(&pool, log).await.unwrap() {
        Some(kept) if size(&kept) == last => Ok(()),
        other => Err(other),
    })
    .await;

    spine.stop_node().await;
    spine.nats.stop().await;
    std::fs::remove_dir_all(spine.nats.store()).unwrap();
    spine.nats.start_again().await;
    // Nothing is written under a master key that opens none of it.
    let right = std::fs::read_to_string(at("keyledger.toml")).unwrap();
    let stray = at("stray.key");
    MasterKey::read_or_create(&stray, &SystemRandom).unwrap();
    let people = spine.config.vault.people_key_file.as_ref().unwrap();
    let wrong = right.replace(people.to_str().unwrap(), stray.to_str().unwrap());
    std::fs::write(at("keyledger.toml"), wrong).unwrap();
    let (code, said) = with(&["restore", "copy"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("people vault is sealed under the master key") && said.contains("stray.key"),
        "{said}"
    );
    std::fs::write(at("keyledger.toml"), right).unwrap();
    let said = done(&["restore", "copy"]).await;
    assert!(said.contains("what came later is lost"), "{said}");
    for vault in ["node", "control", "people"] {
        assert!(
            said.lines().any(|line| line.contains(vault) && line.ends_with("opens it")),
            "{vault}: {said}"
        );
    }
    spine.start_node().await;
    let (why, _) = poll::until("the node refuses", BOUND, async || match spine.ready_answer().await {
        answer if answer.status == 503 && answer.text().contains("log") => Ok(answer.text()),
        answer => Err((answer.status, answer.text())),
    })
    .await;
    eprintln!("{why}");
    let ask = || call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    ask().send(spine.public).await.expect(503);
    let (code, said) = with(&["events", "verify", "--checkpoint", "kept.checkpoint"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("its tail is lost"), "{said}");
    spine.stop_node().await;

    let said = done(&["restore", "--accept-loss"]).await;
    assert!(said.contains(&format!("to at least {last} are lost, revocations too")), "{said}");
    // Once is enough, also before control has signed anything anew.
    let said = done(&["restore", "--accept-loss"]).await;
    assert!(
        said.contains("it was so already: ") && said.contains(&format!("to at least {last} are lost")),
        "{said}"
    );
    done(&["projections", "rebuild", "--all", "--accept-difference"]).await;
    spine.start_node().await;
    spine.becomes_ready().await;
    // The revocation is lost, as the operator was told, and is made again.
    ask().send(spine.public).await.expect(200);
    let again = spine.change_key(&ready.organization, &ready.key.id, "revoke").await;
    spine.follows(again["position"].as_str().unwrap()).await;
    ask().send(spine.public).await.expect(401);

    // Verified, it says so, also beside what was kept; and so can everybody else tell.
    let said = done(&["events", "verify", "--checkpoint", "kept.checkpoint"]).await;
    assert!(
        said.contains(&format!("to at least {last} were lost, and an operator has accepted it")),
        "{said}"
    );
    let said = done(&["events", "replay", "--type", "installation.loss_accepted"]).await;
    assert!(said.contains(&format!("\"lost\":[\"{last} ")), "{said}");
    assert_eq!(said.matches("\"type\":\"installation.loss_accepted\"").count(), 1, "{said}");
    let (code, said) = with(&["events", "cosign", &witness.url]).await;
    assert_eq!(code, 1, "{said}");
}

/// The key that signs was rotated after the backup: its publication is lost with the rest, and no key that is left has signed
/// what PostgreSQL keeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_by_a_key_that_is_lost_as_well_is_accepted_as_lost() {
    let mut spine = Spine::start().await;
    let folder = tempfile::tempdir().unwrap();
    configuration(&spine, folder.path());
    let with = async |args: &[&str]| {
        let (code, said) = run(folder.path(), &[args, &["--config", "keyledger.toml"]].concat(), &[]).await;
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    };
    let pool = postgres::connect(&spine.postgres.url(), 1).unwrap();
    let log = spine.nats.log(NatsRole::Control).await.unwrap().id().await.unwrap();
    poll::until("a first checkpoint", BOUND, async || signed::newest(&pool, log).await.unwrap().ok_or(()))
        .await;
    with(&["backup", "copy"]).await;
    let rotated = spine.write(Ask::post("/api/v1/signers/rotate", &json!({"purpose": "checkpoint"}))).await;
    let rotated: events::Position = rotated["position"].as_str().unwrap().parse().unwrap();
    spine.organization("acme").await;
    let (kept, _) = poll::until("PostgreSQL has one by the new key", BOUND, async || {
        match signed::newest(&pool, log).await.unwrap() {
            Some(kept) if size(&kept) > rotated.sequence => Ok(size(&kept)),
            other => Err(other),
        }
    })
    .await;
    spine.stop_node().await;
    spine.nats.stop().await;
    std::fs::remove_dir_all(spine.nats.store()).unwrap();
    spine.nats.start_again().await;
    with(&["restore", "copy"]).await;
    let said = with(&["restore", "--accept-loss"]).await;
    assert!(said.contains("by a key that this log does not know"), "{said}");
    let least =
        said.split("to at least ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(least.is_some_and(|least| least >= kept), "{said}");
    let said = with(&["restore", "--accept-loss"]).await;
    assert!(
        said.contains("nothing is lost") && !said.contains("does not know"),
        "PostgreSQL has forgotten it: {said}"
    );
    with(&["projections", "rebuild", "--all", "--accept-difference"]).await;
    spine.start_node().await;
    spine.becomes_ready().await;
}

fn size(note: &str) -> u64 {
    note.parse::<Note>().unwrap().text().parse::<Checkpoint>().unwrap().size
}

fn revoked_log(position: &str) -> events::LogId {
    position.parse::<events::Position>().unwrap().log
}

async fn put_back(nats: &Nats, copy: &Path) -> Result<Manifest, BackupError> {
    let (admin, restore) = (nats.connect("admin").await, nats.connect("restore").await);
    backup::put_back(&admin, &restore, copy, 1, &Access::default(), |_| ()).await
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

//! Somebody who has the disk and no password edits the log's files, and mends every checksum: nats-server serves what
//! they wrote. A node that starts lets nobody in and says where; `keyledger events verify` finds it and ends with 1.

use std::path::PathBuf;
use std::time::Duration;

use events::tlog::{Checkpoint, Hash, Signer, Tree, origin};
use events::{LogId, Shard, SignerId, SigningKey};
use gateway::config::Role;
use keyledger_tests::mcp::call;
use keyledger_tests::poll::{self, within};
use keyledger_tests::servers::{Block, Nats, ROOT, Record};
use keyledger_tests::spine::{Key, Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use serde_json::{Value, json};
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(30);
const STREAM: &str = "KL_EVENTS_0";
/// What a node says.
const ANOTHER: &str = "the log is not the one that was followed";

/// An installation without a database, stopped, all of whose log is signed.
struct Scene {
    spine: Spine,
    _upstream: Upstream,
    ready: Ready,
    revoked: Key,
}

impl Scene {
    async fn stopped() -> Self {
        let mut spine = Spine::with(|config| {
            config.freshness.ask_every_ms = 200;
            config.roles = vec![Role::Node, Role::Control];
        })
        .await;
        let upstream = Upstream::start(McpServer::default()).await;
        let ready = spine.ready(&upstream).await;
        let revoked = spine.key(&ready.organization, &["mcp:tools"]).await;
        let done = spine.change_key(&ready.organization, &revoked.id, "revoke").await;
        spine.follows(done["position"].as_str().unwrap()).await;
        call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
        // A control that ends signs what is new.
        spine.stop_node().await;
        spine.nats.stop().await;
        Self { spine, _upstream: upstream, ready, revoked }
    }

    fn records(&self) -> Block {
        Block::open(&self.spine.nats.store(), STREAM)
    }

    async fn start(&mut self) {
        self.spine.nats.start_again().await;
        self.spine.start_node().await;
    }

    /// The node that has started is not ready, says this, and lets nobody in.
    async fn is_noticed_by_the_node(&self, says: &str) {
        let (why, took) =
            poll::until("the node is not ready for the log's sake", BOUND, async || {
                match self.spine.ready_answer().await {
                    answer if answer.status == 503 && answer.text().contains(ANOTHER) => Ok(answer.text()),
                    answer => Err((answer.status, answer.text())),
                }
            })
            .await;
        eprintln!("after {took:?}: {why}");
        assert!(why.contains(says), "{why}");
        for key in [&self.ready.key, &self.revoked] {
            let ask = call(&self.ready.path, "echo", &json!({})).bearer(&key.secret);
            assert_eq!(ask.send(self.spine.public).await.status, 503);
        }
    }

    /// `events verify` ends with 1 and says this.
    async fn is_found_by_verify(&self, args: &[&str], says: &str) {
        let (code, said) = self.verify(args).await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(says), "{said}");
    }

    async fn verify(&self, args: &[&str]) -> (i32, String) {
        self.cli(&[&["events", "verify"], args].concat()).await
    }

    async fn cli(&self, args: &[&str]) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("auditor");
        std::fs::write(&password, self.spine.nats.credentials("auditor").password).unwrap();
        let mut command = Command::new(keyledger());
        command.args(args).args(["--nats", &self.spine.nats.url(), "--nats-password-file"]).arg(&password);
        command.env_clear().kill_on_drop(true);
        let output = within("the command", BOUND, command.output()).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }
}

/// The binary as `./test` builds it, beside the tests.
fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("keyledger");
    assert!(binary.exists(), "{} is not built: cargo build --bin keyledger", binary.display());
    binary
}

fn of_type<'a>(block: &'a mut Block, kind: &str) -> &'a mut Record {
    let is_it = |record: &&mut Record| event(record)["type"] == kind;
    block.records.iter_mut().rev().find(is_it).unwrap_or_else(|| panic!("there is a {kind}"))
}

fn event(record: &Record) -> Value {
    serde_json::from_slice(&record.payload).unwrap()
}

fn replace(record: &mut Record, from: &str, to: &str) {
    let text = String::from_utf8(record.payload.clone()).unwrap();
    assert!(text.contains(from), "{text}");
    record.payload = text.replace(from, to).into_bytes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_edited_is_good() {
    let mut scene = Scene::stopped().await;
    // Written anew as it is: nothing but the content counts.
    scene.records().write();
    scene.start().await;
    scene.spine.becomes_ready().await;
    let (code, said) = scene.verify(&[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("it is the log of the checkpoint of"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_became_a_rename_is_noticed() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    let name = event(of_type(&mut block, "key.issued"))["data"]["name"].clone();
    let revoked = of_type(&mut block, "key.revoked");
    let mut event = event(revoked);
    event["type"] = json!("key.renamed");
    event["data"] = json!({ "name": name });
    revoked.payload = event.to_string().into_bytes();
    block.write();
    scene.start().await;
    scene.is_noticed_by_the_node("was changed, left out or put in").await;
    scene.is_found_by_verify(&[], "is not what was signed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_that_were_widened_are_noticed() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    replace(of_type(&mut block, "key.issued"), "\"mcp:tools\"", "\"mcp:*\"");
    block.write();
    scene.start().await;
    scene.is_noticed_by_the_node("was changed, left out or put in").await;
    scene.is_found_by_verify(&[], "is not what was signed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_actor_is_noticed() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    let revoked = of_type(&mut block, "key.revoked");
    let actor = event(revoked)["actor"].to_string();
    replace(revoked, &actor, "\"key:0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b\"");
    block.write();
    scene.start().await;
    scene.is_noticed_by_the_node("was changed, left out or put in").await;
    scene.is_found_by_verify(&[], "is not what was signed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_gone_with_the_later_ones_renumbered_is_noticed() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    let at = block.records.len() - 2;
    block.records.remove(at);
    (1..).zip(&mut block.records).for_each(|(sequence, record)| record.sequence = sequence);
    block.write();
    scene.start().await;
    scene.is_noticed_by_the_node("its tail is lost").await;
    scene.is_found_by_verify(&[], "its tail is lost").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_was_cut_is_noticed_without_a_database() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    assert_eq!(event(&block.records.pop().unwrap())["type"], "key.revoked");
    block.write();
    scene.start().await;
    scene.is_noticed_by_the_node("its tail is lost").await;
    scene.is_found_by_verify(&[], "its tail is lost").await;
}

/// The tail is gone on purpose, an older copy that was put back: by an operator's word, and by nothing less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_that_an_operator_accepts_is_no_attack() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    assert_eq!(event(&block.records.pop().unwrap())["type"], "key.revoked");
    block.write();
    scene.spine.nats.start_again().await;
    scene.spine.accept_loss().await.expect("something is lost");
    scene.spine.start_node().await;
    scene.spine.becomes_ready().await;
    // The revocation is lost, as the operator was told.
    for key in [&scene.ready.key, &scene.revoked] {
        let ask = call(&scene.ready.path, "echo", &json!({})).bearer(&key.secret);
        ask.send(scene.spine.public).await.expect(200);
    }
    scene.spine.organization("later").await;
    scene.spine.stop_node().await;
    let (code, said) = scene.verify(&[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("it is the log of the checkpoint of"), "{said}");
    assert!(scene.spine.accept_loss().await.is_none(), "it goes on as it is");

    // The same word that nobody signed counts for nothing.
    scene.spine.nats.stop().await;
    let mut block = scene.records();
    let kept = block.records.len() - 3;
    let mut accepted = of_type(&mut block, "installation.loss_accepted").clone();
    block.records.truncate(kept);
    let mut said = event(&accepted);
    said["data"]["kept"] = json!(head(&block.records));
    accepted.payload = said.to_string().into_bytes();
    accepted.sequence = block.records.last().unwrap().sequence + 1;
    block.records.push(accepted);
    block.write();
    scene.start().await;
    scene.is_noticed_by_the_node("").await;
}

fn head(records: &[Record]) -> String {
    let mut tree = Tree::new();
    for record in records {
        let leaf = [record.subject.as_bytes(), b"\n", &record.payload].concat();
        tree.push(Hash::leaf(&leaf));
    }
    format!("{} {}", tree.size(), tree.root())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_everything_is_told_by_a_checkpoint_that_was_kept_elsewhere() {
    let mut scene = Scene::stopped().await;
    let older = tempfile::tempdir().unwrap();
    let copy = older.path().join("store");
    Nats::copy_store(&scene.spine.nats.store(), &copy);
    scene.start().await;
    scene.spine.becomes_ready().await;
    scene.spine.organization("later").await;
    scene.spine.stop_node().await;
    let (code, checkpoint) = scene.cli(&["events", "checkpoint"]).await;
    assert_eq!(code, 0, "{checkpoint}");
    let kept = older.path().join("checkpoint");
    std::fs::write(&kept, checkpoint).unwrap();

    scene.spine.nats.stop().await;
    Nats::copy_store(&copy, &scene.spine.nats.store());
    scene.spine.nats.start_again().await;
    assert_eq!(scene.verify(&[]).await.0, 0, "it is whole in itself");
    scene.is_found_by_verify(&["--checkpoint", kept.to_str().unwrap()], "its tail is lost").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_by_another_key_is_noticed() {
    let mut scene = Scene::stopped().await;
    let first: Value = event(&scene.records().records[0]);
    let log: LogId = first["id"].as_str().unwrap().parse().unwrap();
    let origin = origin(log, Shard::ZERO);
    let key = SigningKey::from_seed(SignerId::new(uuid::Uuid::nil()), &[7; 32]).unwrap();
    let signer = Signer::new(&origin, key).unwrap();
    let forged = Checkpoint { origin, size: 3, root: Hash::leaf(b"another") }.sign(&signer);
    scene.spine.nats.start_again().await;
    let root = async_nats::jetstream::new(scene.spine.nats.connect(ROOT).await);
    root.publish("kl.checkpoints.0", forged.to_string().into()).await.unwrap().await.unwrap();
    scene.spine.start_node().await;
    scene.is_noticed_by_the_node("of KL_CHECKPOINTS").await;
    scene.is_found_by_verify(&[], "of KL_CHECKPOINTS").await;
}

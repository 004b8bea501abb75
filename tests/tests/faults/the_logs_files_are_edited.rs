//! Somebody who has the disk and no password edits the log's files, and mends every checksum: nats-server serves what
//! they wrote. A node that starts lets nobody in and says where; `keyledger events verify` finds it and ends with 1.

use events::log::jetstream::data;
use events::tlog::{Checkpoint, Hash, Head, Signer, Tree, Unsigned, origin};
use events::{LogId, Shard, SignerId, SigningKey};
use keyledger_tests::mcp::call;
use keyledger_tests::poll::within;
use keyledger_tests::servers::{Nats, ROOT, Record};
use keyledger_tests::spine::Key;
use serde_json::{Value, json};

use crate::scene::{BOUND, Scene, event, of_type, replace};

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

/// Nothing of such a log can be judged by its own keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_message_that_was_edited_is_noticed() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    let first = of_type(&mut block, "installation.bootstrapped");
    let actor = event(first)["actor"].to_string();
    replace(first, &actor, "\"system:mallory\"");
    block.write();
    scene.start().await;
    scene.is_noticed_by_the_node("").await;
    scene.is_found_by_verify(&[], "is not that of the key").await;
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

/// Its events are true, and what they follow is still the newest of its object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_gave_up_can_not_be_stored_again() {
    let mut scene = Scene::stopped().await;
    let mut block = scene.records();
    let issued = block.records.len() - 2;
    let lost = block.records.split_off(issued);
    assert_eq!(event(&lost[0])["type"], "key.issued");
    block.write();
    scene.spine.nats.start_again().await;
    scene.spine.accept_loss().await.expect("something is lost");
    scene.spine.start_node().await;
    scene.spine.becomes_ready().await;
    // The key was revoked in what is lost, and would work.
    let client = scene.spine.nats.connect("control").await;
    let payload = lost[0].payload.clone().into();
    let stored = within("an answer", BOUND, client.request(data(&lost[0].subject), payload)).await.unwrap();
    let stored: Value = serde_json::from_slice(&stored.payload).unwrap();
    let place = stored["seq"].as_u64().unwrap_or_else(|| panic!("not stored: {stored}"));
    scene.spine.organization("later").await;
    let call = |key: &Key| call(&scene.ready.path, "echo", &json!({})).bearer(&key.secret);
    call(&scene.revoked).send(scene.spine.public).await.expect(401);
    call(&scene.ready.key).send(scene.spine.public).await.expect(200);
    let found =
        format!("{place}        signature  key.issued version 1: no writer of this installation signed it");
    scene.is_found_by_verify(&[], &found).await;
    scene.is_found_by_verify(&[], "was retired by message").await;
    // The key that signs now is the vault's, and what it signs is good.
    let key = scene.spine.key(&scene.ready.organization, &["mcp:tools"]).await;
    call(&key).send(scene.spine.public).await.expect(200);
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
    let is_it = |record: &Record| event(record)["type"] == "installation.loss_accepted";
    let kept = block.records.iter().position(is_it).unwrap();
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

/// One of another root, and one of the log as it is that says that everybody signed everything: they count for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_by_another_key_is_noticed() {
    for true_root in [false, true] {
        let mut scene = Scene::stopped().await;
        let block = scene.records();
        let first: Value = event(&block.records[0]);
        let log: LogId = first["id"].as_str().unwrap().parse().unwrap();
        let origin = origin(log, Shard::ZERO);
        let key = SigningKey::from_seed(SignerId::new(uuid::Uuid::nil()), &[7; 32]).unwrap();
        let signer = Signer::new(&origin, key).unwrap();
        let whole: Head = head(&block.records).parse().unwrap();
        let Head { size, root } =
            if true_root { whole } else { Head { size: 3, root: Hash::leaf(b"another") } };
        let forged = Checkpoint { origin, size, root, unsigned: Unsigned::none() }.sign(&signer);
        scene.spine.nats.start_again().await;
        let root = async_nats::jetstream::new(scene.spine.nats.connect(ROOT).await);
        root.publish("kl.checkpoints.0", forged.to_string().into()).await.unwrap().await.unwrap();
        scene.spine.start_node().await;
        scene.is_noticed_by_the_node("of KL_CHECKPOINTS").await;
        scene.is_found_by_verify(&[], "of KL_CHECKPOINTS").await;
    }
}

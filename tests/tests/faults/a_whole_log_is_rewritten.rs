//! Somebody who has the disk writes the whole log anew, from its first event on, under keys of their own: every event is
//! signed, every checkpoint agrees, and the log publishes the keys itself. Who knew the first key is not deceived.

use events::signature;
use events::tlog::{Checkpoint, Hash, Note, Signer, Tree, Unsigned};
use keyledger_tests::servers::Block;
use keyledger_tests::signing;
use serde_json::{Value, json};

use crate::scene::{STREAM, Scene, event, run};

/// All of it under the attacker's keys: a revocation has become a rename.
fn rewrite(scene: &Scene) {
    let store = scene.spine.nats.store();
    let mut block = Block::open(&store, STREAM);
    let (writer, checkpoint) = (signing::numbered(7), signing::numbered(8));
    let mut trees = vec![Tree::new()];
    let mut name = Value::Null;
    for record in &mut block.records {
        let mut event = event(record);
        if event["type"] == "installation.bootstrapped" {
            event["data"]["writer"] = json!(writer.public());
            event["data"]["checkpoint"] = json!(checkpoint.public());
        }
        if event["type"] == "key.issued" {
            name = event["data"]["name"].clone();
        }
        if event["type"] == "key.revoked" {
            event["type"] = json!("key.renamed");
            event["dataschema"] = json!("urn:keyledger:schema:key.renamed:1");
            event["data"] = json!({ "name": name });
        }
        event["writer"] = json!(writer.public().id);
        event.as_object_mut().unwrap().remove("signature");
        record.payload = signature::sign(&record.subject, event.to_string().into_bytes(), &writer);
        let mut tree = trees.last().unwrap().clone();
        tree.push(Hash::leaf(&[record.subject.as_bytes(), b"\n", &record.payload].concat()));
        trees.push(tree);
    }
    block.write();
    let mut signed = Block::open(&store, "KL_CHECKPOINTS");
    for record in &mut signed.records {
        let note: Note = std::str::from_utf8(&record.payload).unwrap().parse().unwrap();
        let Checkpoint { origin, size, .. } = note.text().parse().unwrap();
        let root = trees[usize::try_from(size).unwrap()].root();
        let signer = Signer::new(&origin, signing::numbered(8)).unwrap();
        record.payload = Checkpoint { origin, size, root, unsigned: Unsigned::none() }
            .sign(&signer)
            .to_string()
            .into_bytes();
    }
    signed.write();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_deceives_nobody_who_knows_the_first_key() {
    let mut scene = Scene::stopped().await;
    scene.spine.nats.start_again().await;
    let folder = tempfile::tempdir().unwrap();
    let (code, keys) = scene.cli(&["events", "keys"]).await;
    assert_eq!(code, 0, "{keys}");
    std::fs::write(folder.path().join("log.keys"), keys).unwrap();
    scene.spine.nats.stop().await;
    rewrite(&scene);
    scene.start().await;
    scene.is_noticed_by_the_node("").await;

    let (code, said) = scene.verify(&[]).await;
    assert_eq!(code, 0, "in itself it is whole: {said}");
    scene
        .is_found_by_verify(
            &["--keys", folder.path().join("log.keys").to_str().unwrap()],
            "of KL_CHECKPOINTS",
        )
        .await;
    scene.configuration(folder.path());
    let (code, said) =
        run(folder.path(), &["events", "verify", "--vault", "--config", "keyledger.toml"], &[]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the node's vault") && said.contains("signature"), "{said}");
}

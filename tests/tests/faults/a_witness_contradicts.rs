//! Control hands its checkpoints to a witness, a process of its own, and keeps its word with them. A witness that is away
//! delays nothing; one that shows a checkpoint of more than the log has stops everybody; one that was put back is told.

use std::path::Path;

use events::tlog::{Checkpoint, Note, VerifierKey};
use gateway::config::{self, Role};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::servers::{Nats, Witness};
use keyledger_tests::spine::{Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

use crate::scene::{BOUND, configuration, run};

/// An installation without read models, and its witness.
struct Watched {
    spine: Spine,
    witness: Option<Witness>,
    key: VerifierKey,
    address: String,
    folder: tempfile::TempDir,
}

impl Watched {
    async fn start() -> Self {
        let mut spine = Spine::with(|config| {
            config.freshness.ask_every_ms = 200;
            config.roles = vec![Role::Node, Role::Control];
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        configuration(&spine, folder.path());
        let (code, keys) = run(folder.path(), &["events", "keys", "--config", "keyledger.toml"], &[]).await;
        assert_eq!(code, 0, "{keys}");
        std::fs::write(folder.path().join("log.keys"), &keys).unwrap();
        let witness = Witness::start(folder.path(), "state.json").await;
        let key: VerifierKey = witness.key.parse().unwrap();
        std::fs::write(folder.path().join("all.keys"), format!("{keys}{key}\n")).unwrap();
        spine.stop_node().await;
        spine.config.checkpoints.witnesses =
            vec![config::Witness { url: witness.url.parse().unwrap(), key: key.clone() }];
        spine.start_node().await;
        spine.becomes_ready().await;
        let address = witness.address().to_owned();
        Self { spine, witness: Some(witness), key, address, folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    async fn checkpoint(&self) -> (Note, u64, bool) {
        let note: Note =
            Ask::get("/tlog/checkpoint").send(self.spine.admin).await.expect(200).text().parse().unwrap();
        let size = note.text().parse::<Checkpoint>().unwrap().size;
        let word = !note.cosignatures(std::slice::from_ref(&self.key)).unwrap().is_empty();
        (note, size, word)
    }

    /// Waits until the newest checkpoint is of this position and carries the witness's word.
    async fn is_cosigned(&self, position: &str) -> Note {
        let last: u64 = position.rsplit('-').next().unwrap().parse().unwrap();
        let (note, took) =
            poll::until("a cosigned checkpoint of all", BOUND, async || match self.checkpoint().await {
                (note, size, true) if size >= last => Ok(note),
                (_, size, word) => Err((size, word)),
            })
            .await;
        eprintln!("cosigned after {took:?}");
        note
    }

    /// Waits until control says that the witness stands so.
    async fn stands(&self, state: &str) -> Value {
        let (told, _) = poll::until(state, BOUND, async || {
            let answer = self.spine.admin(Ask::get("/api/v1/status")).await;
            let told = answer.json()["witnesses"][0].clone();
            if told["state"] == state { Ok(told) } else { Err(told) }
        })
        .await;
        self.metric(&format!("keyledger_witness_state{{witness=\"witness.example\",state=\"{state}\"}} 1"))
            .await;
        told
    }

    async fn metric(&self, line: &str) {
        let metrics = Ask::get("/metrics").send(self.spine.metrics).await.text();
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }

    async fn end_witness(&mut self) {
        self.witness.take().unwrap().kill().await;
    }

    async fn start_witness(&mut self) {
        self.witness = Some(Witness::start_at(self.folder.path(), "state.json", &self.address).await);
    }

    async fn verify(&self) -> (i32, String) {
        let witness = format!("http://{}", self.address);
        let args =
            ["events", "verify", "--config", "keyledger.toml", "--keys", "all.keys", "--witness", &witness];
        run(self.folder.path(), &args, &[]).await
    }

    async fn write(&self, slug: &str) -> String {
        let body = json!({"slug": slug, "name": "Test"});
        let done = self.spine.write(Ask::post("/api/v1/organizations", &body)).await;
        done["position"].as_str().unwrap().to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_carry_its_word_and_wait_for_nobody() {
    let mut watched = Watched::start().await;
    let note = watched.is_cosigned(&watched.write("one").await).await;
    let (code, printed) =
        run(watched.folder.path(), &["events", "checkpoint", "--config", "keyledger.toml"], &[]).await;
    assert_eq!((code, printed), (0, note.to_string()));
    let told = watched.stands("cosigns").await;
    assert!(told["cosigned"].as_u64().unwrap() > 1 && told["cosigned_at"].is_string(), "{told}");
    let (code, said) = watched.verify().await;
    assert_eq!(code, 0, "{said}");

    watched.end_witness().await;
    let position = watched.write("two").await;
    let last: u64 = position.rsplit('-').next().unwrap().parse().unwrap();
    let told = watched.stands("away").await;
    assert!(told["problem"].as_str().unwrap().contains(&watched.address), "{told}");
    let (word, _) =
        poll::until("a checkpoint without its word", BOUND, async || match watched.checkpoint().await {
            (_, size, word) if size >= last => Ok(word),
            (_, size, _) => Err(size),
        })
        .await;
    assert!(!word);
    watched.start_witness().await;
    watched.is_cosigned(&position).await;
    watched.stands("cosigns").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_everything_is_told_by_a_witness_and_stops_everybody() {
    let mut watched = Watched::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let Ready { organization, path, key, .. } = watched.spine.ready(&upstream).await;
    watched.spine.stop_node().await;
    watched.spine.nats.stop().await;
    let older = watched.path("older");
    Nats::copy_store(&watched.spine.nats.store(), &older);
    watched.spine.nats.start_again().await;
    watched.spine.start_node().await;
    watched.spine.becomes_ready().await;
    let revoked = watched.spine.change_key(&organization, &key.id, "revoke").await;
    watched.is_cosigned(revoked["position"].as_str().unwrap()).await;

    watched.spine.stop_node().await;
    watched.spine.nats.stop().await;
    Nats::copy_store(&older, &watched.spine.nats.store());
    watched.spine.nats.start_again().await;
    watched.spine.start_node().await;
    let refused = async |watched: &Watched| {
        let (why, took) =
            poll::until("nobody is let in", BOUND, async || match watched.spine.ready_answer().await {
                answer if answer.text().contains("the log is not the one that was followed") => {
                    Ok(answer.text())
                }
                answer => Err((answer.status, answer.text())),
            })
            .await;
        eprintln!("refused after {took:?}: {why}");
        assert!(why.contains("its tail is lost"), "{why}");
        call(&path, "echo", &json!({})).bearer(&key.secret).send(watched.spine.public).await.expect(503);
    };
    refused(&watched).await;
    watched.metric("keyledger_witness_state{witness=\"witness.example\",state=\"contradicts\"} 1").await;
    watched.metric("keyledger_checkpoints_refused 1").await;
    let (code, said) = watched.verify().await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the witness at") && said.contains("its tail is lost"), "{said}");

    // It is known from now on, also where nobody asks a witness.
    watched.spine.stop_node().await;
    let witnesses = std::mem::take(&mut watched.spine.config.checkpoints.witnesses);
    watched.spine.start_node().await;
    refused(&watched).await;
    watched.spine.stop_node().await;

    // An operator accepts it. The witness keeps what it knows, and says so until its operator has looked.
    watched.spine.accept_loss().await.expect("something is lost");
    watched.spine.config.checkpoints.witnesses = witnesses;
    watched.spine.start_node().await;
    watched.spine.becomes_ready().await;
    call(&path, "echo", &json!({})).bearer(&key.secret).send(watched.spine.public).await.expect(200);
    let told = watched.stands("before_a_loss").await;
    assert!(told["problem"].as_str().unwrap().contains("accepted as lost"), "{told}");
    watched.end_witness().await;
    std::fs::remove_file(watched.path("state.json")).unwrap();
    watched.start_witness().await;
    let position = watched.write("later").await;
    watched.is_cosigned(&position).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_was_put_back_is_told() {
    let mut watched = Watched::start().await;
    watched.is_cosigned(&watched.write("one").await).await;
    copy(&watched.path("state.json"), &watched.path("older.json"));
    watched.is_cosigned(&watched.write("two").await).await;
    watched.end_witness().await;
    copy(&watched.path("older.json"), &watched.path("state.json"));
    watched.start_witness().await;
    let (code, said) = watched.verify().await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the witness at") && said.contains("it was put back"), "{said}");
    assert!(!said.contains("is not checked"), "{said}");
    // Also to who does not have its key, as far as that can be told.
    let witness = format!("http://{}", watched.address);
    let args = ["events", "verify", "--config", "keyledger.toml", "--witness", &witness];
    let (code, said) = run(watched.folder.path(), &args, &[]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("it was put back, or that line is forged"), "{said}");
    assert!(said.contains("its own signature is not checked, for its key is not given"), "{said}");
    let position = watched.write("three").await;
    let told = watched.stands("put_back").await;
    assert!(told["problem"].as_str().unwrap().contains("an older copy of its state"), "{told}");

    // Also by a control that starts, and also where it knows nothing any more.
    watched.spine.stop_node().await;
    watched.end_witness().await;
    std::fs::remove_file(watched.path("state.json")).unwrap();
    watched.start_witness().await;
    watched.spine.start_node().await;
    watched.spine.becomes_ready().await;
    watched.stands("put_back").await;

    let witness = format!("http://{}", watched.address);
    let args = ["events", "cosign", &witness, "--config", "keyledger.toml"];
    let (code, said) = run(watched.folder.path(), &args, &[]).await;
    assert_eq!(code, 0, "{said}");
    watched.is_cosigned(&position).await;
    watched.stands("cosigns").await;
}

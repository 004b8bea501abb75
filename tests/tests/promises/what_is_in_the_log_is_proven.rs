//! An event is proven to somebody who has the log's public key and nothing of ours; a log goes on from a checkpoint that
//! was kept; a witness cosigns one that grows, and none that went back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use events::tlog::{
    Checkpoint, Hash, Note, TileId, TilePath, Tiles, VerifierKey, inclusion, needed_for_inclusion, origin,
    verify_inclusion,
};
use events::{LogId, Shard};
use gateway::store::checkpoints::Checkpoints;
use keyledger_tests::poll::{self, within};
use keyledger_tests::servers::{Nats, Witness};
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::Ask;
use serde_json::Value;
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(30);

/// The binary as `./test` builds it, beside the tests.
fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("keyledger");
    assert!(binary.exists(), "{} is not built: cargo build --bin keyledger", binary.display());
    binary
}

struct Auditor {
    folder: tempfile::TempDir,
    nats: String,
}

impl Auditor {
    fn of(nats: &Nats) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("auditor"), nats.credentials("auditor").password).unwrap();
        Self { folder, nats: nats.url() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keep(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        name.to_owned()
    }

    async fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(keyledger());
        command.args(args).current_dir(self.folder.path()).env_clear().kill_on_drop(true);
        let output = within("the command", BOUND, command.output()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    async fn done(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args).await;
        assert_eq!(code, 0, "{args:?}: {out}{err}");
        out
    }

    async fn events(&self, args: &[&str]) -> (i32, String, String) {
        let nats = ["--nats", &self.nats, "--nats-password-file", "auditor"];
        self.run(&[&["events"], args, &nats].concat()).await
    }

    async fn event(&self, args: &[&str]) -> String {
        let (code, out, err) = self.events(args).await;
        assert_eq!(code, 0, "{args:?}: {out}{err}");
        out
    }
}

/// The newest checkpoint, once it is of all that is in the log.
async fn signed(spine: &Spine, last: u64) -> String {
    let (text, took) = poll::until("a checkpoint of all", BOUND, async || {
        let answer = Ask::get("/tlog/checkpoint").send(spine.admin).await;
        let text = answer.text();
        match text.lines().nth(1).and_then(|size| size.parse::<u64>().ok()) {
            Some(size) if size >= last => Ok(text),
            _ => Err(text),
        }
    })
    .await;
    eprintln!("signed after {took:?}");
    text
}

fn sequence(position: &str) -> u64 {
    position.rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_proven_with_nothing_of_ours_running() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let checkpoint = signed(&spine, sequence(&key.position)).await;
    let auditor = Auditor::of(&spine.nats);
    let keys = auditor.event(&["keys"]).await;
    auditor.keep("log.keys", &format!("# the log's\n{keys}"));
    assert_eq!(auditor.event(&["checkpoint", "--keys", "log.keys"]).await, checkpoint);

    let said = auditor.event(&["prove", &key.position, "--output", "issued.tlog-proof"]).await;
    assert!(said.contains("messages of keyledger.log/"), "{said}");
    let log = origin_of(&checkpoint);
    drop(spine);

    let told = auditor.done(&["audit", "verify", "issued.tlog-proof", "--keys", "log.keys"]).await;
    assert!(told.contains("good. key.issued") && told.contains(&log), "{told}");
    let told = auditor.done(&["audit", "verify", "issued.tlog-proof", "--keys", "log.keys", "--json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["items"][0]["event"]["type"], "key.issued");
    assert_eq!(told["items"][0]["event"]["aggregateid"], key.id);

    let proof = std::fs::read_to_string(auditor.path("issued.tlog-proof")).unwrap();
    let index = format!("index {}\n", sequence(&key.position) - 1);
    let moved = auditor.keep("moved.tlog-proof", &proof.replace(&index, "index 0\n"));
    let (code, _, err) =
        auditor.run(&["audit", "verify", "issued.tlog-proof", &moved, "--keys", "log.keys"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("moved.tlog-proof") && err.contains("1 file proves nothing"), "{err}");

    // The program of the documentation, which is as strict.
    let (told, said) = python(&auditor.path("issued.tlog-proof"), keys.trim()).await;
    assert!(told && said.contains("key.issued"), "{said}");
    let plus = format!("index +{}\n", sequence(&key.position) - 1);
    for (fault, wrong) in [
        ("moved", proof.replace(&index, "index 0\n")),
        ("sign", proof.replace(&index, &plus)),
        ("junk", format!("{proof}junk")),
        ("line", format!("{proof}\n")),
        ("lines", proof.replace('\n', "\r\n")),
        ("base64", proof.replacen("extra ", "extra  ", 1)),
    ] {
        let file = auditor.keep(&format!("{fault}.tlog-proof"), &wrong);
        let (code, _, err) = auditor.run(&["audit", "verify", &file, "--keys", "log.keys"]).await;
        assert_eq!(code, 1, "{fault}: {err}");
        let (told, said) = python(&auditor.path(&file), keys.trim()).await;
        assert!(!told && !said.contains("key.issued"), "{fault}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_checkpoint_that_is_stored_again_takes_nothing_back() {
    let spine = Spine::start().await;
    let old = signed(&spine, 1).await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let new = signed(&spine, sequence(&key.position)).await;
    let stream = Checkpoints::new(spine.nats.connect("control").await, Shard::ZERO);
    let store = async |text: &str| {
        let last = stream.newest().await.unwrap().unwrap().sequence;
        stream.append(text.to_owned(), last).await.unwrap();
    };
    store(&old).await;

    let auditor = Auditor::of(&spine.nats);
    assert_eq!(auditor.event(&["checkpoint"]).await, new);
    let proof = auditor.event(&["prove", &sequence(&key.position).to_string()]).await;
    assert!(proof.ends_with(&new), "{proof}");

    // Control, which finds it in its way, goes on from what it has signed last.
    let size = |text: &str| text.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).unwrap();
    let next = spine.key(&organization, &["mcp:*"]).await;
    poll::until("a checkpoint of all, and none of less", BOUND, async || {
        let text = Ask::get("/tlog/checkpoint").send(spine.admin).await.text();
        assert!(size(&text) >= size(&new), "it went back: {text}");
        if size(&text) >= sequence(&next.position) { Ok(()) } else { Err(text) }
    })
    .await;
    auditor.event(&["verify"]).await;
}

/// The Python SDK's folder has `cryptography`, and the interpreter that it was installed for.
async fn python(proof: &Path, key: &str) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sdk = root.join(".tools/clients/newest");
    let interpreter = std::fs::read_to_string(sdk.join(".python")).expect("./test sets it up");
    let script = root.join("docs/events/examples/verify_proof.py");
    let mut command = Command::new(interpreter.trim());
    command.arg(script).arg(proof).arg(key).env("PYTHONPATH", &sdk).kill_on_drop(true);
    let output = within("Python", BOUND, command.output()).await.unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said)
}

fn origin_of(checkpoint: &str) -> String {
    checkpoint.lines().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiles_prove_what_the_checkpoint_is_of() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let note: Note = signed(&spine, sequence(&key.position)).await.parse().unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    let index = sequence(&key.position) - 1;

    let mut tiles = Tiles::new();
    for tile in needed_for_inclusion(index, checkpoint.size).unwrap() {
        let bytes = get(&spine, TilePath::Hashes(tile), None).await.expect(200).body;
        tiles.insert(tile, &bytes).unwrap();
    }
    let proof = inclusion(&tiles, index, checkpoint.size).unwrap();

    let bundle = TileId::at(0, 0, checkpoint.size);
    get(&spine, TilePath::Entries(bundle), None).await.expect(401);
    let narrow = spine.admin_of(&organization).await;
    get(&spine, TilePath::Entries(bundle), Some(&narrow.secret)).await.expect(403);
    let entries = get(&spine, TilePath::Entries(bundle), Some(&spine.admin_key)).await.expect(200).body;
    let entry = nth(&entries, index);
    assert!(entry.starts_with(b"kl.events.0.") && entry.ends_with(b"}"));
    verify_inclusion(Hash::leaf(entry), index, checkpoint.size, &proof, checkpoint.root).unwrap();

    let beyond = TileId { width: bundle.width + 100, ..bundle };
    get(&spine, TilePath::Hashes(beyond), None).await.expect(404);
    Ask::get("/tlog/tile/0/1").send(spine.admin).await.expect(404);
}

async fn get(spine: &Spine, path: TilePath, key: Option<&str>) -> keyledger_tests::wire::Answer {
    let ask = Ask::get(format!("/tlog/{path}"));
    match key {
        Some(key) => ask.bearer(key).send(spine.admin).await,
        None => ask.send(spine.admin).await,
    }
}

fn nth(mut bundle: &[u8], index: u64) -> &[u8] {
    for left in (0..=index).rev() {
        let (length, rest) = bundle.split_at(2);
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(length.try_into().unwrap())));
        if left == 0 {
            return entry;
        }
        bundle = rest;
    }
    unreachable!("the loop ends with the entry")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_cosigns_a_log_that_grows_and_tells_one_that_went_back() {
    let mut spine = Spine::start().await;
    let first = spine.organization("first").await;
    let old = signed(&spine, 1).await;
    let auditor = Auditor::of(&spine.nats);
    auditor.keep("log.keys", &auditor.event(&["keys"]).await);
    auditor.keep("old", &old);
    let witness = Witness::start(auditor.folder.path(), "state.json").await;
    let cosigned: Note = auditor.event(&["cosign", &witness.url]).await.parse().unwrap();
    let known: VerifierKey = witness.key.parse().unwrap();
    assert_eq!(cosigned.cosignatures(std::slice::from_ref(&known)).unwrap().len(), 1);

    // An older copy of everything, of which no place in it knows anything better.
    spine.stop_node().await;
    spine.nats.stop().await;
    let copy = auditor.path("copy");
    Nats::copy_store(&spine.nats.store(), &copy);
    spine.nats.start_again().await;
    spine.start_node().await;
    spine.becomes_ready().await;
    let key = spine.key(&first, &["mcp:*"]).await;
    let new = signed(&spine, sequence(&key.position)).await;
    auditor.keep("new", &new);
    let proof = auditor.event(&["consistency", "old", "new"]).await;
    assert!(proof.starts_with("old ") && proof.ends_with(&new), "{proof}");
    let newer: Note = auditor.event(&["cosign", &witness.url]).await.parse().unwrap();
    assert_eq!(newer.text(), new.parse::<Note>().unwrap().text());
    auditor.event(&["verify", "--witness", &witness.url]).await;
    spine.stop_node().await;
    spine.nats.stop().await;
    Nats::copy_store(&copy, &spine.nats.store());
    spine.nats.start_again().await;

    auditor.event(&["verify"]).await;
    let (code, out, err) = auditor.events(&["verify", "--witness", &witness.url]).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("its tail is lost") && out.contains("the witness at"), "{out}");
    let (code, _, err) = auditor.events(&["cosign", &witness.url]).await;
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("tail is lost"), "{err}");
    let (code, _, err) = auditor.events(&["consistency", "new"]).await;
    assert_eq!(code, 1, "{err}");

    // A witness that was put back itself has less to say, and cosigns no other log for that.
    drop(witness);
    let log: LogId = origin_of(&old).split('/').nth(1).unwrap().parse().unwrap();
    assert_eq!(origin(log, Shard::ZERO), origin_of(&old));
    let again = Witness::start(auditor.folder.path(), "another.json").await;
    assert_eq!(again.key, known.to_string());
    let (code, _, err) = auditor.events(&["verify", "--witness", &again.url]).await;
    assert_eq!(code, 3, "it knows nothing yet: {err}");
}

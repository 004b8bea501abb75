//! A backup, an export and a copy of the tiles are checked as the log itself is: by whoever has one of them and the public
//! keys, with nothing of ours running. What was edited, cut or renumbered is found, and its place is named.

use std::path::Path;

use events::tlog::{Checkpoint, Note, TileId, TilePath};
use keyledger_tests::servers::{Block, Record};
use keyledger_tests::wire::Ask;

use crate::scene::{Scene, event, of_type, replace, run};

/// An installation's copies, and what an auditor has kept.
struct Kept {
    scene: Scene,
    folder: tempfile::TempDir,
}

impl Kept {
    /// The installation is stopped; the auditor has the keys and the newest checkpoint.
    /// Boxed: a test holds it across others.
    async fn stopped() -> Self {
        Box::pin(Self::made()).await
    }

    async fn made() -> Self {
        let mut scene = Scene::stopped().await;
        let folder = tempfile::tempdir().unwrap();
        scene.start().await;
        scene.spine.becomes_ready().await;
        for (what, file) in [("keys", "log.keys"), ("checkpoint", "newest.checkpoint")] {
            let (code, said) = scene.cli(&["events", what]).await;
            assert_eq!(code, 0, "{said}");
            std::fs::write(folder.path().join(file), said).unwrap();
        }
        let (code, said) = scene.cli(&["events", "replay"]).await;
        assert_eq!(code, 0, "{said}");
        std::fs::write(folder.path().join("log.jsonl"), said).unwrap();
        tiles(&scene, &folder.path().join("tlog")).await;
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        scene.spine.stop_node().await;
        scene.spine.nats.stop().await;
        Self { scene, folder }
    }

    /// A backup of what the servers hold now, into this folder.
    async fn back_up(&mut self, to: &str) {
        self.scene.spine.nats.start_again().await;
        self.scene.configuration(self.folder.path());
        let (code, said) = self.run(&["backup", to, "--config", "keyledger.toml"]).await;
        assert_eq!(code, 0, "{said}");
        self.scene.spine.nats.stop().await;
    }

    async fn run(&self, args: &[&str]) -> (i32, String) {
        run(self.folder.path(), args, &[("TMPDIR", &self.folder.path().join("tmp"))]).await
    }

    async fn verify(&self, args: &[&str]) -> (i32, String) {
        let verified = self.run(&[&["events", "verify"], args].concat()).await;
        // A private server's folder goes with it, whatever came of it.
        assert_eq!(std::fs::read_dir(self.folder.path().join("tmp")).unwrap().count(), 0);
        verified
    }

    async fn is_good(&self, args: &[&str]) -> String {
        let (code, said) = self.verify(args).await;
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }

    async fn is_found(&self, args: &[&str], says: &[&str]) {
        let (code, said) = self.verify(args).await;
        assert_eq!(code, 1, "{args:?}: {said}");
        for says in says {
            assert!(said.contains(says), "{args:?}: {said}");
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn size(&self) -> u64 {
        let note: Note = std::fs::read_to_string(self.path("newest.checkpoint")).unwrap().parse().unwrap();
        note.text().parse::<Checkpoint>().unwrap().size
    }
}

/// Fetches what is below `/tlog`, as any tool does.
async fn tiles(scene: &Scene, to: &Path) {
    let checkpoint = Ask::get("/tlog/checkpoint").send(scene.spine.admin).await.expect(200).text();
    let size = checkpoint.parse::<Note>().unwrap().text().parse::<Checkpoint>().unwrap().size;
    let path = TilePath::Entries(TileId::at(0, 0, size)).to_string();
    let entries = scene.spine.admin(Ask::get(format!("/tlog/{path}"))).await.expect(200);
    std::fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
    std::fs::write(to.join(path), entries.body).unwrap();
    std::fs::write(to.join("checkpoint"), checkpoint).unwrap();
}

const KEYS: [&str; 2] = ["--keys", "log.keys"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_whole_is_good_everywhere() {
    let mut kept = Kept::stopped().await;
    kept.back_up("copy").await;
    for args in [
        &["--backup", "copy"][..],
        &["--backup", "copy", "--keys", "log.keys", "--checkpoint", "newest.checkpoint"],
        &["--backup", "copy", "--vault", "--config", "keyledger.toml"],
        &["--export", "log.jsonl", "--keys", "log.keys", "--checkpoint", "newest.checkpoint"],
        &["--tiles", "tlog", "--keys", "log.keys"],
    ] {
        let said = kept.is_good(args).await;
        assert!(said.contains("it is the log of the checkpoint of"), "{args:?}: {said}");
    }
    let said = kept.is_good(&[&["--export", "log.jsonl"][..], &KEYS].concat()).await;
    assert!(said.contains("nothing but its own words vouches for it"), "{said}");

    // Without a server's program nothing is claimed.
    let missing = ("KEYLEDGER_NATS_SERVER", Path::new("/nonexistent/nats-server"));
    let (code, said) = run(kept.folder.path(), &["events", "verify", "--backup", "copy"], &[missing]).await;
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("nats-server was not found") && said.contains("KEYLEDGER_NATS_SERVER"), "{said}");
    let (code, said) = kept.verify(&["--export", "log.jsonl"]).await;
    assert_eq!(code, 2, "the keys are asked for: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_an_edited_log_is_found() {
    let mut kept = Kept::stopped().await;
    let whole = kept.scene.records().records;

    let mut block = kept.scene.records();
    replace(of_type(&mut block, "key.issued"), "\"mcp:tools\"", "\"mcp:*\"");
    block.write();
    kept.back_up("edited").await;
    kept.is_found(&["--backup", "edited"], &["is not what was signed", "signature"]).await;
    kept.is_found(
        &[&["--backup", "edited", "--checkpoint", "newest.checkpoint"][..], &KEYS].concat(),
        &["is not what was signed"],
    )
    .await;

    // One is left out, and those after it take its place.
    restored(&kept, whole.clone());
    let mut block = kept.scene.records();
    block.records.remove(whole.len() - 3);
    (1..).zip(&mut block.records).for_each(|(sequence, record)| record.sequence = sequence);
    block.write();
    kept.back_up("renumbered").await;
    kept.is_found(&["--backup", "renumbered"], &["its tail is lost"]).await;

    // The end is cut off, and every checkpoint of it: who keeps one elsewhere tells.
    restored(&kept, whole);
    let mut block = kept.scene.records();
    let last = block.records.pop().unwrap();
    assert_eq!(event(&last)["type"], "key.revoked");
    block.write();
    let mut checkpoints = Block::open(&kept.scene.spine.nats.store(), "KL_CHECKPOINTS");
    checkpoints.records.retain(|record| covered(record) < last.sequence);
    checkpoints.write();
    kept.back_up("cut").await;
    let told = format!("the log ends at {}", last.sequence - 1);
    kept.is_found(
        &[&["--backup", "cut", "--checkpoint", "newest.checkpoint"][..], &KEYS].concat(),
        &[&told, "newest.checkpoint is of", "its tail is lost"],
    )
    .await;
    kept.is_found(
        &["--backup", "cut", "--vault", "--config", "keyledger.toml"],
        &[&told, "the node's vault"],
    )
    .await;
}

/// The servers hold these messages again.
fn restored(kept: &Kept, records: Vec<Record>) {
    let mut block = kept.scene.records();
    block.records = records;
    block.write();
}

fn covered(record: &Record) -> u64 {
    let note: Note = std::str::from_utf8(&record.payload).unwrap().parse().unwrap();
    note.text().parse::<Checkpoint>().unwrap().size
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_whose_files_were_changed_is_found() {
    let mut kept = Kept::stopped().await;
    kept.back_up("copy").await;
    let file = kept.path("copy/KL_EVENTS_0.snapshot");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    kept.is_found(&["--backup", "copy"], &["KL_EVENTS_0.snapshot is damaged"]).await;
    std::fs::remove_file(kept.path("copy/manifest.json")).unwrap();
    let (code, said) = kept.verify(&["--backup", "copy"]).await;
    assert_eq!(code, 2, "it is no backup: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_was_changed_is_found() {
    let kept = Kept::stopped().await;
    let whole = std::fs::read_to_string(kept.path("log.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let args = [&["--export", "log.jsonl", "--checkpoint", "newest.checkpoint"][..], &KEYS].concat();
    let last = lines.len();
    let renumbered = || {
        let mut kept = lines.clone();
        kept.remove(2);
        let kept = (1..).zip(kept).map(|(sequence, line)| {
            let (before, rest) = line.split_once("-0-").unwrap();
            let (_, after) = rest.split_once('"').unwrap();
            format!("{before}-0-{sequence}\"{after}\n")
        });
        kept.collect::<String>()
    };
    let without = |at: usize| {
        let kept = lines.iter().enumerate().filter(|(index, _)| *index != at);
        kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    for (text, says) in [
        (
            whole.replace("\"mcp:tools\"", "\"mcp:*\""),
            vec!["is not what was signed".to_owned(), "signature".to_owned()],
        ),
        (without(last - 1), vec![format!("the log ends at {}", last - 1), "its tail is lost".to_owned()]),
        (without(2), vec!["it is missing".to_owned()]),
        (renumbered(), vec!["its tail is lost".to_owned()]),
        (whole[..whole.len() - 20].to_owned(), vec![format!("log.jsonl, line {last}")]),
    ] {
        std::fs::write(kept.path("log.jsonl"), text).unwrap();
        kept.is_found(&args, &says.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiles_that_were_changed_are_found() {
    let kept = Kept::stopped().await;
    let args = [&["--tiles", "tlog"][..], &KEYS].concat();
    let bundle = kept.path(&format!("tlog/tile/entries/000.p/{}", kept.size()));
    let whole = std::fs::read(&bundle).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(text(&whole).contains("key.revoked"));

    let at = whole.windows(11).position(|it| it == b"key.revoked").unwrap();
    let mut edited = whole.clone();
    edited[at..at + 11].copy_from_slice(b"key.enabled");
    std::fs::write(&bundle, edited).unwrap();
    kept.is_found(&args, &["is not what was signed", "signature"]).await;

    // The last entry is gone.
    let mut ends = vec![0];
    while let Some(length) = whole[*ends.last().unwrap()..].first_chunk::<2>() {
        ends.push(ends.last().unwrap() + 2 + usize::from(u16::from_be_bytes(*length)));
    }
    std::fs::write(&bundle, &whole[..ends[ends.len() - 2]]).unwrap();
    kept.is_found(&args, &["tlog/checkpoint is of", "its tail is lost"]).await;
    std::fs::write(&bundle, &whole[..whole.len() - 3]).unwrap();
    kept.is_found(&args, &["000.p/", "no bundle of entries"]).await;

    // A checkpoint that nobody known has signed.
    std::fs::write(&bundle, &whole).unwrap();
    let signed = std::fs::read_to_string(kept.path("tlog/checkpoint")).unwrap();
    let size = format!("\n{}\n", kept.size());
    std::fs::write(kept.path("tlog/checkpoint"), signed.replacen(&size, "\n3\n", 1)).unwrap();
    kept.is_found(&args, &["tlog/checkpoint", "is wrong"]).await;
}

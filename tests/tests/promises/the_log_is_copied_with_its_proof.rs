//! Exports: files of the log in a folder and in storage like S3, as JSON lines and as Parquet. Each proves itself to somebody
//! with the public keys alone; what was edited proves nothing; none is written twice under one name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::tlog::Tree;
use gateway::config::Export;
use keyledger_tests::clients::exports_python;
use keyledger_tests::poll::{self, within};
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::Ask;
use projections::postgres::place::{self, Handed, PlaceKind};
use projections::postgres::{self, Pool};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(60);

fn export(table: Value) -> Export {
    toml::from_str(&toml::to_string(&table).unwrap()).unwrap()
}

fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("keyledger");
    assert!(binary.exists(), "{} is not built: cargo build --bin keyledger", binary.display());
    binary
}

async fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(keyledger());
    command.args(args).current_dir(folder).env_clear().kill_on_drop(true);
    let output = within("the command", BOUND, command.output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The log's public keys, as its auditor prints them.
async fn keys(spine: &Spine, folder: &Path) {
    std::fs::write(folder.join("auditor"), spine.nats.credentials("auditor").password).unwrap();
    let nats = spine.nats.url();
    let (code, keys, said) =
        run(folder, &["events", "keys", "--nats", &nats, "--nats-password-file", "auditor"]).await;
    assert_eq!(code, 0, "{said}");
    std::fs::write(folder.join("log.keys"), keys).unwrap();
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.to_str().unwrap().ends_with(extension))
        .collect();
    found.sort();
    found
}

fn names(files: &[PathBuf]) -> Vec<&str> {
    files.iter().map(|path| path.to_str().unwrap()).collect()
}

/// Waits until an export has come to this message.
async fn reaches(spine: &Spine, name: &str, last: u64) {
    let pool = postgres::connect(&spine.postgres.url(), 2).unwrap();
    poll::until("the export comes to the end", BOUND, async || {
        let row = place::read(&pool, PlaceKind::Export, name).await.unwrap();
        let at = row.as_ref().map_or(0, |row| row.handed.sequence);
        if at >= last { Ok(()) } else { Err(row) }
    })
    .await;
}

/// Puts an export back to where it was when it was about to write its first file, which ends with this message.
async fn begins_again(pool: &Pool, name: &str, last: u64) {
    let row = place::read(pool, PlaceKind::Export, name).await.unwrap().unwrap();
    let begun = Handed {
        sequence: 0,
        event: None,
        stored_at: None,
        tree: Some(Tree::new()),
        pending: Some(last),
        ..row.handed.clone()
    };
    assert!(place::advance(pool, PlaceKind::Export, name, &row.handed, &begun).await.unwrap());
}

fn sequence(position: &str) -> u64 {
    position.rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn into_a_folder_and_an_edited_file_proves_nothing() {
    let (lines, tables, work) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut spine = Spine::with(|config| {
        // A file each second event: more than one is due at once.
        let table = json!({"folder": lines.path(), "compression": "none", "max_events": 2});
        config.exports.insert("lines".to_owned(), export(table));
        let table = json!({"folder": tables.path(), "format": "parquet", "max_events": 3});
        config.exports.insert("tables".to_owned(), export(table));
    })
    .await;
    let organization = spine.organization("acme").await;
    let mut last = 0;
    for _ in 0..5 {
        last = sequence(&spine.key(&organization, &["mcp:*"]).await.position);
    }
    // One of three may wait for its hour.
    reaches(&spine, "lines", last - 1).await;
    reaches(&spine, "tables", last - 2).await;
    keys(&spine, work.path()).await;
    spine.stop_node().await;

    let (written, parquet) = (files(lines.path(), ".jsonl"), files(tables.path(), ".parquet"));
    assert!(written.len() > 3 && parquet.len() > 2, "{written:?} {parquet:?}");
    let all =
        [&["audit", "verify", "--keys", "log.keys"], &names(&written)[..], &names(&parquet)[..]].concat();
    let (code, told, said) = run(work.path(), &all).await;
    assert_eq!(code, 0, "{told}{said}");
    assert!(told.contains("good. it holds messages 1 to ") && said.is_empty(), "{told}{said}");
    let (_, _, said) = run(work.path(), &[&all[..4], &all[5..6]].concat()).await;
    assert!(said.contains("are in none of these files"), "{said}");

    // What is in a line is the message, byte for byte.
    let text = std::fs::read_to_string(&written[0]).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["event"]["type"], "installation.bootstrapped");

    // pyarrow reads what the lines say.
    let mut command = exports_python("table.py");
    command.args(&parquet).kill_on_drop(true);
    let output = within("pyarrow", BOUND, command.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let rows: Vec<&Value> = told.iter().filter(|row| row.get("payload").is_some()).collect();
    let lines_of: Vec<Value> = written
        .iter()
        .flat_map(|file| {
            std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    for (row, line) in rows.iter().zip(&lines_of) {
        assert_eq!((&row["position"], &row["subject"]), (&line["position"], &line["subject"]));
        let event: Value = serde_json::from_str(row["payload"].as_str().unwrap()).unwrap();
        assert_eq!(event, line["event"]);
        for member in ["id", "type", "schemaversion", "organization", "aggregateid", "actor", "commandid"] {
            assert_eq!(row[member], event[member], "{member}");
        }
        assert!(row["time"].as_i64().unwrap() > 1_700_000_000_000, "{row}");
    }
    assert!(told[0]["columns"]["time"].as_str().unwrap().starts_with("timestamp[ms"), "{}", told[0]);

    // Edited, cut, exchanged, of another log's keys: refused.
    let good = std::fs::read(&written[1]).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let edited = text.replacen("\"actor\":\"", "\"actor\":\"x", 1);
    let cut = text.lines().next().unwrap().to_owned() + "\n";
    for bent in [edited, cut, format!("{text}{text}"), text.replace("\"subject\"", " \"subject\"")] {
        assert_ne!(bent, text);
        std::fs::write(&written[1], bent).unwrap();
        let (code, told, said) =
            run(work.path(), &["audit", "verify", "--keys", "log.keys", names(&written)[1]]).await;
        assert_eq!((code, told.as_str()), (1, ""), "{said}");
    }
    std::fs::write(&written[1], &good).unwrap();
    let mut table = std::fs::read(&parquet[0]).unwrap();
    let middle = table.len() / 3;
    table[middle] ^= 1;
    std::fs::write(&parquet[0], table).unwrap();
    let (code, _, said) =
        run(work.path(), &["audit", "verify", "--keys", "log.keys", names(&parquet)[0]]).await;
    assert_eq!(code, 1, "{said}");

    // A process that was killed between a file and its word for it: what is there is left as it is, and it goes on.
    let pool = postgres::connect(&spine.postgres.url(), 2).unwrap();
    let before: BTreeMap<_, _> =
        written.iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    let proof = PathBuf::from(format!("{}.proof", written[0].display()));
    std::fs::remove_file(&proof).unwrap();
    let unfinished =
        lines.path().join(format!(".{}.0123", written[0].file_name().unwrap().to_str().unwrap()));
    std::fs::write(&unfinished, "half of it").unwrap();
    begins_again(&pool, "lines", 2).await;
    spine.start_node().await;
    reaches(&spine, "lines", last - 1).await;
    assert!(proof.exists() && !unfinished.exists());
    for (path, held) in &before {
        assert_eq!(&std::fs::read(path).unwrap(), held, "{} was written anew", path.display());
    }
    let (code, told, said) = run(work.path(), &[&all[..4], &names(&written)[..]].concat()).await;
    assert_eq!(code, 0, "{told}{said}");

    // A file of the same name that holds something else stops it, with words.
    spine.stop_node().await;
    begins_again(&pool, "lines", 2).await;
    std::fs::write(&written[0], "something else").unwrap();
    spine.start_node().await;
    poll::until("the export says so", BOUND, async || {
        let row = place::read(&pool, PlaceKind::Export, "lines").await.unwrap();
        let problem = row.and_then(|row| row.problem);
        if problem.as_ref().is_some_and(|problem| problem.contains("holds something else")) {
            Ok(())
        } else {
            Err(problem)
        }
    })
    .await;
    assert_eq!(std::fs::read_to_string(&written[0]).unwrap(), "something else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn into_storage_that_checks_each_signature() {
    let mut storage = exports_python("storage.py");
    storage.args(["AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "archive"]);
    let storage = storage
        .env("HOME", "/nonexistent")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let mut storage = storage.kill_on_drop(true).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(storage.stdout.take().unwrap());
    within("the storage starts", BOUND, said.read_line(&mut line)).await.unwrap();
    let port: u16 = line.trim().parse().unwrap_or_else(|_| panic!("no port: {line}"));
    let s3 = |secret: &str| {
        json!({"s3": {
            "endpoint": format!("http://127.0.0.1:{port}"), "region": "eu-test-1", "bucket": "archive", "path_style": true,
            "prefix": "keyledger/2026=a/", "access_key_id": "AKIDEXAMPLE", "secret_access_key": secret,
        }})
    };
    let spine = Spine::with(|config| {
        config.exports.insert("good".to_owned(), export(s3("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")));
        config.exports.insert("bad".to_owned(), export(s3("of somebody else")));
    })
    .await;
    reaches(&spine, "good", 1).await;
    let (problem, _) = poll::until("the other is refused", BOUND, async || {
        let status = spine.admin(Ask::get("/api/v1/status")).await.json();
        let exports = status["exports"].as_array().cloned().unwrap_or_default();
        let bad = exports.into_iter().find(|export| export["name"] == "bad").unwrap_or_default();
        bad["problem"].as_str().map(str::to_owned).ok_or(status)
    })
    .await;
    assert!(problem.contains("403") && problem.contains("SignatureDoesNotMatch"), "{problem}");
    assert!(!problem.contains("X-Amz-Signature="), "{problem}");

    let held = Ask::get("/-/objects").send(([127, 0, 0, 1], port).into()).await.json();
    let work = tempfile::tempdir().unwrap();
    for (name, body) in held.as_object().unwrap() {
        let name = name.strip_prefix("keyledger/2026=a/").unwrap();
        std::fs::write(work.path().join(name), STANDARD.decode(body.as_str().unwrap()).unwrap()).unwrap();
    }
    keys(&spine, work.path()).await;
    let written = files(work.path(), ".jsonl.gz");
    let args = [&["audit", "verify", "--keys", "log.keys", "--json"], &names(&written)[..]].concat();
    let (code, told, said) = run(work.path(), &args).await;
    assert_eq!(code, 0, "{told}{said}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["items"][0]["first"], 1);

    // Begun anew over what is there: the storage refuses to put one in another's place, and it is the same.
    let pool = postgres::connect(&spine.postgres.url(), 2).unwrap();
    let one = told["items"][0]["last"].as_u64().unwrap();
    begins_again(&pool, "good", one).await;
    reaches(&spine, "good", one).await;
    let again = Ask::get("/-/objects").send(([127, 0, 0, 1], port).into()).await.json();
    for (name, body) in held.as_object().unwrap() {
        assert_eq!(&again[name], body, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_a_table_and_no_terminals() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("auditor"), spine.nats.credentials("auditor").password).unwrap();
    let nats = spine.nats.url();
    let replay =
        ["events", "replay", "--nats", &nats, "--nats-password-file", "auditor", "--format", "parquet"];
    let (code, told, said) = run(work.path(), &replay).await;
    assert_eq!((code, told.as_str()), (2, ""));
    assert!(said.contains("Parquet is no text") && said.contains("--output FILE"), "{said}");
    let filter = ["--key", &key.id, "--output", "key.parquet"];
    let (code, told, said) = run(work.path(), &[&replay[..], &filter].concat()).await;
    assert_eq!((code, told.as_str()), (0, ""), "{said}");
    let mut command = exports_python("table.py");
    command.arg(work.path().join("key.parquet")).kill_on_drop(true);
    let output = within("pyarrow", BOUND, command.output()).await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let row: Value = serde_json::from_str(told.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&row["type"], &row["position"]), (&json!("key.issued"), &json!(key.position)));
    assert_eq!(told.lines().count(), 2);
}

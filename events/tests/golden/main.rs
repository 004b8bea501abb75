//! Every version of every event that was ever written has a golden file, never edited, and a JSON Schema.
//!
//! `golden/<noun>/<name>.v<version>.json` is a whole envelope, byte for byte as the log holds it (with a line
//! end after it); `schemas/<noun>/<name>.v<version>.json` is the schema of its data. `just golden` adds what is
//! missing and changes nothing that is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may"
)]

// As every other crate of the workspace calls it.
extern crate keyledger_events as events;

mod asyncapi;
mod documents;
mod judged;
mod samples;
mod schemas;
mod types;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use events::log::Stored;
use events::{Draft, Event, LogId, Read, Recorded, SignerSet, Timestamp};
use serde_json::Value;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `key.issued`, 1 -> `key/issued.v1.json`.
pub fn file(kind: &str, version: u32) -> PathBuf {
    let (noun, name) = kind.split_once('.').unwrap();
    PathBuf::from(noun).join(format!("{name}.v{version}.json"))
}

pub fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}; `just golden` adds what is missing", path.display()))
}

fn files_under(folder: &str) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for noun in std::fs::read_dir(root().join(folder)).unwrap() {
        let noun = noun.unwrap().path();
        if noun.is_dir() {
            let entries = std::fs::read_dir(&noun).unwrap();
            files
                .extend(entries.map(|entry| {
                    entry.unwrap().path().strip_prefix(root().join(folder)).unwrap().to_owned()
                }));
        }
    }
    files
}

/// The golden file as a message of the log that it says it belongs to.
fn stored(golden: &str) -> (Stored, LogId) {
    let json: Value = serde_json::from_str(golden).unwrap();
    let log = json["source"].as_str().unwrap().strip_prefix("urn:keyledger:log:").unwrap().parse().unwrap();
    let token = |name: &str| json[name].as_str().unwrap().to_owned();
    let subject = format!(
        "kl.events.{}.{}.{}.{}",
        token("shard"),
        token("organization"),
        token("aggregatetype"),
        token("aggregateid")
    );
    let payload = golden.as_bytes().to_vec().into();
    (Stored { sequence: 1, subject, stored_at: Timestamp::UNIX_EPOCH, payload }, log)
}

fn read(golden: &str) -> Recorded {
    let (stored, log) = stored(golden);
    let Read::Event(event) = stored.read(log) else { panic!("not an event that is read: {golden}") };
    *event
}

/// The event as it would be written again.
fn draft(event: Recorded) -> Draft {
    let Recorded { envelope, event, .. } = event;
    Draft {
        id: envelope.id,
        log: envelope.log,
        time: envelope.time,
        subject: envelope.subject,
        actor: envelope.actor,
        command: envelope.command,
        fingerprint: envelope.fingerprint,
        previous: envelope.previous,
        causation: envelope.causation,
        event,
    }
}

/// As the log holds it.
fn written(draft: Draft) -> String {
    String::from_utf8(draft.signed(&samples::writer()).unwrap().payload().to_vec()).unwrap()
}

#[test]
fn there_is_a_golden_file_and_a_schema_for_each_version_and_no_other() {
    let written: BTreeSet<_> = Event::WRITTEN.iter().map(|(kind, version)| file(kind, *version)).collect();
    // Files of versions that are no longer written stay: what they hold must be read for ever.
    for folder in ["golden", "schemas"] {
        let there = files_under(folder);
        let missing: Vec<_> = written.difference(&there).collect();
        assert!(missing.is_empty(), "{folder} lacks {missing:?}: `just golden` adds them");
    }
    assert_eq!(files_under("golden"), files_under("schemas"));
}

#[test]
fn every_golden_file_is_read_and_written_again_byte_for_byte() {
    for path in files_under("golden") {
        let text = text_of(&root().join("golden").join(&path));
        let golden = text.strip_suffix('\n').expect("a line end");
        let event = read(golden);
        assert_eq!(file(&event.envelope.kind, event.envelope.schema_version), path);
        // An old version is read as the newest shape, and is not written again as it was.
        if Event::WRITTEN.contains(&(&event.envelope.kind, event.envelope.schema_version)) {
            assert_eq!(written(draft(event)), golden, "{}", path.display());
        }
    }
}

#[test]
fn every_golden_file_is_signed_by_the_key_that_the_first_publishes() {
    let first = text_of(&root().join("golden").join(file("installation.bootstrapped", 1)));
    let (first, log) = stored(first.trim_end());
    let mut signers = SignerSet::default();
    let Read::Event(recorded) = signers.read(&first, log) else { panic!("it signs itself") };
    signers.take(&recorded);
    for path in files_under("golden") {
        let text = text_of(&root().join("golden").join(&path));
        let (event, _) = stored(text.trim_end());
        assert!(matches!(signers.read(&event, log), Read::Event(_)), "{}", path.display());
    }
}

#[test]
fn every_golden_file_is_what_its_sample_says() {
    for sample in samples::all() {
        let path = root().join("golden").join(file(sample.event.kind(), sample.event.version()));
        let golden = text_of(&path);
        assert_eq!(draft(read(golden.trim_end())), sample, "{}", path.display());
    }
}

#[test]
fn every_golden_file_is_valid_by_the_committed_schemas() {
    let envelope: Value = serde_json::from_str(&text_of(&root().join("schemas/envelope.json"))).unwrap();
    let envelope = jsonschema::validator_for(&envelope).unwrap();
    for path in files_under("golden") {
        let golden: Value = serde_json::from_str(&text_of(&root().join("golden").join(&path))).unwrap();
        envelope.validate(&golden).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let schema: Value = serde_json::from_str(&text_of(&root().join("schemas").join(&path))).unwrap();
        let data = jsonschema::validator_for(&schema).unwrap();
        data.validate(&golden["data"]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // A reader that validates must not break when a field is added.
        let mut added = golden["data"].clone();
        added["added_later"] = Value::Bool(true);
        assert!(data.is_valid(&added), "{} refuses additions", path.display());
        assert!(!data.is_valid(&Value::Null), "{} takes anything", path.display());
    }
}

/// A schema that changes has changed the shape: that is a new version, but for what is added.
#[test]
fn every_committed_schema_is_the_generated_one() {
    for (path, schema) in schemas::shapes() {
        let committed: Value = serde_json::from_str(&text_of(&root().join("schemas").join(&path))).unwrap();
        assert_eq!(bare(committed), bare(schema), "schemas/{}", path.display());
    }
}

/// Without its words, which may change.
fn bare(schema: Value) -> Value {
    match schema {
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, value)| !(value.is_string() && (name == "description" || name == "title")))
            .map(|(name, value)| (name, bare(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(bare).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema,
    }
}

/// `just golden`. What is there is never touched; to add a field to a schema is done by hand, knowingly.
#[test]
#[ignore = "writes files: `just golden`"]
fn add_what_is_missing() {
    let write = |path: PathBuf, text: String| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        println!("wrote {}", path.display());
    };
    for sample in samples::all() {
        let path = root().join("golden").join(file(sample.event.kind(), sample.event.version()));
        if !path.exists() {
            write(path, format!("{}\n", written(sample)));
        }
    }
    for (path, schema) in schemas::shapes() {
        let path = root().join("schemas").join(path);
        if !path.exists() {
            write(path, format!("{schema:#}\n"));
        }
    }
    for (path, text) in schemas::made() {
        let path = root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    documents::write();
}

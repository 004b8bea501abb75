//! Every golden event in every format; OCSF against the schema of its version.

use std::collections::BTreeMap;

use events::LogId;
use events::log::Stored;
use events::sealed::Field;
use jsonschema::Validator;

use super::*;

/// Every golden event, by its path.
fn golden() -> Vec<(String, Stored)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/golden");
    let mut found = Vec::new();
    for noun in std::fs::read_dir(folder).unwrap().flatten() {
        for file in std::fs::read_dir(noun.path()).unwrap().flatten() {
            let payload = std::fs::read(file.path()).unwrap();
            let payload = payload.trim_ascii().to_vec();
            let members = Members::of(&payload);
            let subject = members.text("subject").unwrap().to_owned();
            let stored_at = "2026-11-24T08:00:00.456Z".parse().unwrap();
            let sequence = found.len() as u64 + 1;
            let stored = Stored { sequence, subject, stored_at, payload: payload.into() };
            found.push((file.path().display().to_string(), stored));
        }
    }
    assert!(found.len() > 20, "the golden events are elsewhere");
    found
}

fn log() -> LogId {
    "019aa000-0000-7000-8000-000000000100".parse().unwrap()
}

fn format(format: DrainFormat, stored: &Stored, texts: Option<&Texts>) -> Message {
    let read = stored.read(log());
    let record = Record { log: log(), stored, read: &read };
    Formatter::new(format).message(&record, texts)
}

fn schemas() -> BTreeMap<u64, Validator> {
    let schema = |text: &str| jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
    BTreeMap::from([
        (6003, schema(include_str!("ocsf/api_activity.json"))),
        (3002, schema(include_str!("ocsf/authentication.json"))),
        (3001, schema(include_str!("ocsf/account_change.json"))),
    ])
}

fn validate(schemas: &BTreeMap<u64, Validator>, body: &str, of: &str) -> u64 {
    let event: Value = serde_json::from_str(body).unwrap();
    let class = event["class_uid"].as_u64().unwrap();
    let wrong: Vec<_> = schemas[&class].iter_errors(&event).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{of}: {wrong:#?}\n{event:#}");
    assert_eq!(event["type_uid"].as_u64().unwrap(), class * 100 + event["activity_id"].as_u64().unwrap());
    assert_eq!(event["metadata"]["version"], ocsf::VERSION);
    class
}

#[test]
fn every_golden_event_is_valid_ocsf() {
    let schemas = schemas();
    let texts = Texts::from([(Field::Name, json!("Alice's editor")), (Field::Metadata, Value::Null)]);
    let mut classes = BTreeMap::new();
    for (path, stored) in golden() {
        for texts in [None, Some(&texts)] {
            let message = format(DrainFormat::Ocsf, &stored, texts);
            *classes.entry(validate(&schemas, &message.body, &path)).or_insert(0) += 1;
        }
    }
    assert!(classes.contains_key(&6003) && classes.contains_key(&3001), "{classes:?}");
}

/// A version of tomorrow, a message of somebody else, a trial: each is told, and is valid.
#[test]
fn what_can_not_be_read_is_told_as_grave_and_is_valid() {
    let schemas = schemas();
    let (_, stored) = golden().into_iter().find(|(path, _)| path.contains("key/issued")).unwrap();
    let text = String::from_utf8(stored.payload.to_vec()).unwrap();
    let with = |payload: String| Stored { payload: payload.into(), ..stored.clone() };
    for (payload, class) in [
        (text.replace("key.issued", "key.transmuted"), 3001),
        (text.replace("key.issued", "session.started"), 3002),
        (text.replace("\"source\":\"urn:", "\"source\":\"other:"), 6003),
        ("no JSON\nat all".to_owned(), 6003),
        ("{}".to_owned(), 6003),
    ] {
        let stored = with(payload);
        let message = format(DrainFormat::Ocsf, &stored, None);
        assert_eq!(validate(&schemas, &message.body, &message.body), class, "{}", message.body);
        assert_eq!(message.severity, Severity::High, "{}", message.body);
        for other in [DrainFormat::Event, DrainFormat::Cef] {
            let message = format(other, &stored, None);
            assert!(!message.body.contains('\n') && !message.body.is_empty(), "{}", message.body);
        }
        let as_stored: Value = serde_json::from_str(&format(DrainFormat::Event, &stored, None).body).unwrap();
        assert!(as_stored.get("problem").or(as_stored.get("unreadable")).is_some(), "{as_stored}");
    }
    let trial = Formatter::new(DrainFormat::Ocsf).trial("2026-11-24T08:00:00.000Z".parse().unwrap());
    validate(&schemas, &trial.body, "a trial");
}

/// A copy: a true event, in every member of it, and obeyed by nobody.
#[test]
fn an_event_out_of_its_place_is_told_as_grave_and_why() {
    let schemas = schemas();
    let (_, stored) = golden().into_iter().find(|(path, _)| path.contains("key/enabled")).unwrap();
    let other = "019aa000-0000-7000-8000-00000000ffff".parse().unwrap();
    let read = stored.read(log()).after(Some(other));
    let record = Record { log: log(), stored: &stored, read: &read };
    let [event, cef, ocsf] = [DrainFormat::Event, DrainFormat::Cef, DrainFormat::Ocsf].map(|format| {
        let message = Formatter::new(format).message(&record, None);
        assert_eq!((message.severity, message.kind.as_str()), (Severity::High, "key.enabled"));
        message.body
    });
    assert_eq!(validate(&schemas, &ocsf, "a copy"), 3001);
    let [event, ocsf]: [Value; 2] = [&event, &ocsf].map(|body| serde_json::from_str(body).unwrap());
    for told in [&event["unreadable"], &ocsf["status_detail"], &ocsf["unmapped"]["unreadable"]] {
        let told = told.as_str().unwrap();
        assert!(told.contains(&other.to_string()) && told.contains("stored it again"), "{told}");
    }
    assert_eq!((&ocsf["status"], &ocsf["severity"]), (&json!("Failure"), &json!("High")));
    assert!(cef.contains("outcome=failure") && cef.contains("reason=it says that it follows "), "{cef}");
}

#[test]
fn an_event_is_sent_as_it_is_stored_with_its_place_and_open_texts() {
    let (_, stored) = golden().into_iter().find(|(path, _)| path.contains("key/issued")).unwrap();
    let texts = Texts::from([(Field::Name, json!("Alice's editor"))]);
    let message = format(DrainFormat::Event, &stored, Some(&texts));
    let text = std::str::from_utf8(&stored.payload).unwrap();
    assert!(message.body.starts_with(text.strip_suffix('}').unwrap()), "{}", message.body);
    let event: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(event["texts"]["name"], "Alice's editor");
    assert_eq!(event["position"], json!(message.position));
    assert_eq!(message.time.to_string(), "2026-11-24T08:00:00.123Z");
    let closed: Value = serde_json::from_str(&format(DrainFormat::Event, &stored, None).body).unwrap();
    assert!(closed.get("texts").is_none(), "{closed}");
}

#[test]
fn cef_tells_who_did_what_to_what() {
    let (_, stored) = golden().into_iter().find(|(path, _)| path.contains("key/revoked")).unwrap();
    let line = format(DrainFormat::Cef, &stored, None).body;
    let version = env!("CARGO_PKG_VERSION");
    let head = format!("CEF:0|Keyledger|Keyledger|{version}|key.revoked|Key revoked|3|rt=1795507200123 ");
    assert!(line.starts_with(&head), "{line}");
    for part in ["suid=user:019aa000-", "duid=019aa000-", "act=revoked", "cs1Label=position", "cn1="] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!line.contains("cs5Label"), "{line}");
}

//! OCSF (Open Cybersecurity Schema Framework), version [`VERSION`]: each event as API Activity, Authentication or Account
//! Change. A test validates every golden event against that version's schema.

use serde_json::{Map, Value, json};

use super::super::kind::{Activity, Class, Meaning};
use super::Facts;

/// Of the schema.
pub(super) const VERSION: &str = "1.8.0";

const PRODUCT: &str = "Keyledger";

/// `observable.type_id`: Resource UID, User Credential UID has none of its own.
const RESOURCE_UID: u8 = 10;

pub(super) fn event(facts: &Facts<'_>) -> Value {
    let Meaning { activity, class, severity } = facts.meaning;
    let verb = facts.kind.split_once('.').map_or(facts.kind, |(_, verb)| verb);
    let (activity_id, activity_name) = activity.map_or((99, verb), |Activity { id, name, .. }| (id, name));
    let (class_uid, class_name, category_uid, category_name) = class.ocsf();
    let (severity_id, severity) = severity.ocsf();
    let (status_id, status) = if facts.problem.is_none() { (1, "Success") } else { (2, "Failure") };
    let mut event = json!({
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_uid": category_uid,
        "category_name": category_name,
        "class_uid": class_uid,
        "class_name": class_name,
        "type_uid": class_uid * 100 + u32::from(activity_id),
        "type_name": format!("{class_name}: {activity_name}"),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "time": facts.time.unix_millis(),
        "message": facts.kind,
        "metadata": metadata(facts),
        "actor": actor(facts),
        "unmapped": unmapped(facts),
    });
    let Some(members) = event.as_object_mut() else { return event };
    if let Some(problem) = &facts.problem {
        members.insert("status_detail".to_owned(), json!(problem));
    }
    if let Some(id) = facts.members.text("aggregateid") {
        let observable =
            json!({ "name": "aggregateid", "type_id": RESOURCE_UID, "type": "Resource UID", "value": id });
        members.insert("observables".to_owned(), json!([observable]));
    }
    match class {
        Class::ApiActivity => {
            members.insert("api".to_owned(), api(facts));
            members.insert("src_endpoint".to_owned(), source(facts));
            members.insert("resources".to_owned(), json!([resource(facts)]));
        }
        Class::AccountChange => {
            members.insert("user".to_owned(), account(facts));
        }
        Class::Authentication => {
            members.insert("user".to_owned(), account(facts));
            members.insert("service".to_owned(), json!({ "name": PRODUCT }));
        }
    }
    event
}

fn metadata(facts: &Facts<'_>) -> Value {
    let mut metadata = Map::new();
    let mut set = |name: &str, value: Value| drop(metadata.insert(name.to_owned(), value));
    set("version", json!(VERSION));
    set("product", json!({ "name": PRODUCT, "vendor_name": PRODUCT, "version": env!("CARGO_PKG_VERSION") }));
    set("event_code", json!(facts.kind));
    set("log_name", json!(facts.position.log));
    set("logged_time", json!(facts.stored_at.unix_millis()));
    set("sequence", json!(facts.position.sequence));
    for (name, member) in [("uid", "id"), ("correlation_uid", "commandid"), ("tenant_uid", "organization")] {
        if let Some(text) = facts.members.text(member) {
            set(name, json!(text));
        }
    }
    Value::Object(metadata)
}

/// Who did it, as the log names them: `user:<id>`, `key:<id>`, `system:<name>`.
fn actor(facts: &Facts<'_>) -> Value {
    let Some(actor) = facts.members.text("actor") else { return json!({ "app_name": "unknown" }) };
    let (type_id, kind) = match actor.split_once(':') {
        Some(("user", _)) => (1, "User"),
        Some(("system" | "reactor", _)) => (3, "System"),
        Some(("client", _)) => (4, "Service"),
        Some((other, _)) => (99, other),
        None => (0, "Unknown"),
    };
    json!({ "user": { "uid": actor, "type_id": type_id, "type": kind } })
}

fn api(facts: &Facts<'_>) -> Value {
    let mut api = json!({ "operation": facts.kind, "service": { "name": PRODUCT } });
    if let (Some(members), Some(command)) = (api.as_object_mut(), facts.members.text("commandid")) {
        members.insert("request".to_owned(), json!({ "uid": command }));
    }
    api
}

/// The log does not hold from which address a command came.
fn source(facts: &Facts<'_>) -> Value {
    match facts.members.text("actor").and_then(|actor| actor.split_once(':')) {
        Some(("system" | "reactor", _)) => json!({ "svc_name": PRODUCT }),
        Some(_) | None => json!({ "name": "unknown" }),
    }
}

/// What it is about.
fn resource(facts: &Facts<'_>) -> Value {
    let id = facts.members.text("aggregateid").unwrap_or(facts.subject);
    let id = if id.is_empty() { PRODUCT } else { id };
    match facts.members.text("aggregatetype") {
        Some(kind) => json!({ "uid": id, "type": kind }),
        None => json!({ "uid": id }),
    }
}

/// A key is an account of its own: it speaks for its owner, and is what is created, disabled and deleted.
fn account(facts: &Facts<'_>) -> Value {
    let noun = facts.kind.split_once('.').map_or(facts.kind, |(noun, _)| noun);
    let mut user = json!({
        "uid": facts.members.text("aggregateid").unwrap_or(facts.subject),
        "type_id": 99,
        "type": noun,
    });
    let Some(members) = user.as_object_mut() else { return user };
    if let Some(owner) = facts.members.text("organization") {
        members.insert("org".to_owned(), json!({ "uid": owner }));
    }
    let name = facts.texts.as_ref().and_then(|texts| texts.get("name")).and_then(Value::as_str);
    if let Some(name) = name {
        members.insert("display_name".to_owned(), json!(name));
    }
    user
}

fn unmapped(facts: &Facts<'_>) -> Value {
    let mut unmapped = Map::new();
    unmapped.insert("position".to_owned(), json!(facts.position));
    unmapped.insert("subject".to_owned(), json!(facts.subject));
    for (name, value) in [
        ("data", facts.members.get("data").cloned()),
        ("texts", facts.texts.clone()),
        ("unreadable", facts.problem.clone().map(Value::from)),
    ] {
        if let Some(value) = value {
            unmapped.insert(name.to_owned(), value);
        }
    }
    Value::Object(unmapped)
}

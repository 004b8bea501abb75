//! What is read as an event, and what the committed schemas take, is the same. So nobody needs a validator beside the
//! reading of this crate to judge a log, and whoever has the schemas alone judges as it does.

use events::Read;
use events::envelope::ForeignReason;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{files_under, root, stored, text_of};

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&text_of(&root().join("schemas/event.json"))).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The event with one place changed: another type of JSON in it, another text, nothing, or something beside it.
fn changed(event: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    walk(event, String::new(), &mut places);
    let others = [Value::Null, json!(true), json!(-1), json!(1.5), json!([]), json!({}), json!("text")];
    let mut changed = Vec::new();
    for place in places {
        let at = |value: Value| {
            let mut event = event.clone();
            *event.pointer_mut(&place).unwrap() = value;
            event
        };
        let held = event.pointer(&place).unwrap();
        changed.extend(others.iter().map(|other| (format!("{place} = {other}"), at(other.clone()))));
        if let Value::String(text) = held {
            changed
                .extend(texts(text).into_iter().map(|text| (format!("{place} = {text}"), at(json!(text)))));
        }
        if let Value::Array(items) = held {
            let many: Vec<_> = items.iter().cycle().take(101).collect();
            changed.push((format!("{place}: 101 of them"), at(json!(many))));
            let mixed = [items.as_slice(), &[json!("admin:keys:read")]].concat();
            changed.push((format!("{place}: one of another kind"), at(json!(mixed))));
        }
        changed.push((format!("{place} in an array"), at(json!([held]))));
        if let Value::Object(members) = held {
            let values: Vec<_> = members.values().cloned().collect();
            changed.push((format!("{place}: its values as an array"), at(Value::Array(values))));
            for member in members.keys() {
                let mut fewer = members.clone();
                fewer.remove(member);
                changed.push((format!("{place} without {member}"), at(fewer.into())));
            }
            let mut more = members.clone();
            more.insert("added_later".to_owned(), json!([{}]));
            changed.push((format!("{place} with more"), at(more.into())));
        }
    }
    changed
}

/// Other texts: longer, shorter, in another case, and those that belong elsewhere.
fn texts(text: &str) -> Vec<String> {
    let mut texts = vec![
        String::new(),
        format!("{text}x"),
        format!("{text}-"),
        format!("{text} "),
        format!("{text}0"),
        format!("x{text}"),
        format!(" {text}"),
        format!("{text}{text}"),
        text.to_uppercase(),
        text.replace('-', "_"),
        text.replace(':', "."),
        text.chars().skip(1).collect(),
        text.chars().take(text.chars().count().saturating_sub(1)).collect(),
        "x".repeat(20_000),
    ];
    texts.extend(
        [
            "é",
            "_",
            "*",
            "0",
            "1.0",
            "none",
            "key.issued",
            "00000000-0000-7000-8000-00000000000a",
            "user:00000000-0000-7000-8000-00000000000a",
            "system:bootstrap",
            "robot:7",
            "header:content-type",
            "header:x-other",
            "mcp:docs",
            "mcp:docs:tools:%C3%A9*",
            "mcp:docs:tools:%C3",
            "mcp:docs:files:a",
            "mcp:a--b",
            "admin:*:read",
            "admin:keys:execute",
            "keys:verify",
            "https://user@example.com/",
            "https://example.com/?query",
            "https://example.com/path",
            "ftp://example.com/",
            "2026-11-24T08:00:00Z",
            "2026-11-24T08:00:00.000Z",
            "2026-11-24T08:00:00.000+00:00",
            "2026-02-30T08:00:00.000Z",
            "0000-01-01T00:00:00.000Z",
            "AQEBAQEBAQEBAQEB",
            "AQEBAQEBAQEBAQEBA",
            "AQEBAQEBAQEBAQEBAR",
            "AQEBAQ==",
            "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwd",
        ]
        .map(str::to_owned),
    );
    texts
}

/// What only the log can tell, for the schema sees one event: it is another log's, or lies on another subject.
fn is_the_logs_to_tell(read: &Read) -> bool {
    let Read::Foreign(foreign) = read else { return false };
    matches!(foreign.reason, ForeignReason::OtherLog | ForeignReason::SubjectDisagrees)
}

fn walk(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| walk(value, format!("{at}/{name}"), places));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| walk(item, format!("{at}/{n}"), places));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    if !at.is_empty() {
        places.push(at);
    }
}

#[test]
fn what_is_read_and_what_the_schemas_take_is_the_same() {
    let schema = validator();
    let (mut taken, mut refused) = (0, 0);
    for path in files_under("golden") {
        let text = text_of(&root().join("golden").join(&path));
        let (good, log) = stored(text.trim_end());
        let event: Value = serde_json::from_slice(&good.payload).unwrap();
        for (what, event) in changed(&event) {
            let message = events::log::Stored { payload: event.to_string().into(), ..good.clone() };
            let read = message.read(log);
            if is_the_logs_to_tell(&read) {
                continue;
            }
            let by_reading = matches!(read, Read::Event(_));
            assert_eq!(by_reading, schema.is_valid(&event), "{}: {what}: {read:?}", path.display());
            *if by_reading { &mut taken } else { &mut refused } += 1;
        }
    }
    assert!(taken > 1_000 && refused > 10_000, "too few to show anything: {taken} taken, {refused} refused");
}

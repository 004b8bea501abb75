//! What is read as an event, and what the committed schemas take, is the same. So nobody needs a validator beside the
//! reading of this crate to judge a log, and whoever has the schemas alone judges as it does.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{files_under, root, stored, text_of};

fn validator(path: &str) -> Validator {
    let schema: Value = serde_json::from_str(&text_of(&root().join("schemas").join(path))).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The event with one place changed: another type of JSON in it, or nothing, or something beside it.
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
        // What a text is made of, and how many a list has at least, a schema only describes.
        let alike =
            |other: &Value| (held.is_string() && other.is_string()) || (held.is_array() && other.is_array());
        let other = others.iter().filter(|other| !alike(other));
        changed.extend(other.map(|other| (format!("{place} = {other}"), at(other.clone()))));
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
    let envelope = validator("envelope.json");
    let (mut taken, mut refused) = (0, 0);
    for path in files_under("golden") {
        let data = validator(path.to_str().unwrap());
        let text = text_of(&root().join("golden").join(&path));
        let (good, log) = stored(text.trim_end());
        let event: Value = serde_json::from_slice(&good.payload).unwrap();
        for (what, event) in changed(&event) {
            let message = events::log::Stored { payload: event.to_string().into(), ..good.clone() };
            let read = message.read(log);
            let by_reading = matches!(read, events::Read::Event(_));
            let none = Value::Null;
            let by_schemas = envelope.is_valid(&event) && data.is_valid(event.get("data").unwrap_or(&none));
            assert_eq!(by_reading, by_schemas, "{}: {what}: {read:?}", path.display());
            *if by_reading { &mut taken } else { &mut refused } += 1;
        }
    }
    assert!(taken > 100 && refused > 1_000, "too few to show anything: {taken} taken, {refused} refused");
}

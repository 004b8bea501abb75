//! The JSON Schemas: one of the envelope, one of each version's data, and what is made of all of them together.
//! `event.json` is the one to judge a whole event with: it chooses the data's schema by type and version, and holds
//! every other schema (JSON Schema 2020-12 §9.3.1). `catalogue.json` lists what there is.

use std::path::PathBuf;

use events::{AggregateType, Event, envelope};
use serde_json::{Map, Value, json};

use crate::{file, text_of};

/// One version of one kind.
pub struct Kind {
    pub kind: &'static str,
    pub version: u32,
    pub schema: Value,
}

impl Kind {
    pub fn all() -> Vec<Self> {
        let schemas = Event::schemas().into_iter();
        schemas.map(|(kind, version, schema)| Self { kind, version, schema: schema.to_value() }).collect()
    }

    pub fn aggregate_type(&self) -> &'static str {
        self.kind.split_once('.').unwrap().0
    }

    pub fn fields(&self) -> Vec<&str> {
        self.schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    /// What it says, by its shape's comment.
    pub fn said(&self) -> String {
        let said = self.schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        // The comment begins with the kind and version, which have columns of their own.
        let start = format!("`{}` version {}", self.kind, self.version);
        said.strip_prefix(&start).unwrap_or(&said).trim_start_matches([':', '.', ' ']).to_owned()
    }

    /// Those of its fields whose text is sealed.
    pub fn sealed(&self) -> Vec<&str> {
        let is_sealed = |field: &&str| self.schema["properties"][*field].to_string().contains("/SealedText");
        self.fields().into_iter().filter(is_sealed).collect()
    }
}

pub fn envelope_schema() -> Value {
    envelope::schema().to_value()
}

/// The schema of a whole event, with every other in it.
pub fn union() -> Value {
    let envelope = envelope_schema();
    let mut held = Map::new();
    let kinds = Kind::all();
    let choices: Vec<_> = kinds
        .iter()
        .map(|Kind { kind, version, schema }| {
            let id = envelope::data_schema(kind, *version);
            assert_eq!(schema["$id"], json!(id));
            json!({
                "title": format!("{kind} version {version}"),
                "properties": {
                    "type": { "const": kind },
                    "schemaversion": { "const": version },
                    "dataschema": { "const": id },
                    "aggregatetype": { "const": kind.split_once('.').unwrap().0 },
                    "data": { "$ref": id },
                }
            })
        })
        .collect();
    held.insert("envelope".to_owned(), envelope.clone());
    held.extend(kinds.into_iter().map(|it| (format!("{}:{}", it.kind, it.version), it.schema)));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": envelope::schema_id("event"),
        "title": "Event",
        "description": "An event of this version or an earlier one, as the log holds it. One of another type or version \
            is a true event all the same: it is of a newer version.",
        "allOf": [{ "$ref": envelope["$id"] }],
        "oneOf": choices,
        "$defs": held,
    })
}

/// What there is, for programs.
pub fn catalogue() -> Value {
    let events: Vec<_> = Kind::all()
        .iter()
        .map(|it| {
            json!({
                "type": it.kind,
                "version": it.version,
                "description": it.said(),
                "aggregatetype": it.aggregate_type(),
                "dataschema": it.schema["$id"],
                "schema": file(it.kind, it.version),
                "example": PathBuf::from("../golden").join(file(it.kind, it.version)),
                "fields": it.fields(),
                "sealed": it.sealed(),
            })
        })
        .collect();
    json!({
        "envelope": "envelope.json",
        "event": "event.json",
        "aggregatetypes": AggregateType::KNOWN.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "events": events,
    })
}

/// Each schema under `schemas/`: a change to one of these is a change of its shape.
pub fn shapes() -> Vec<(PathBuf, Value)> {
    let mut all: Vec<_> = Kind::all().into_iter().map(|it| (file(it.kind, it.version), it.schema)).collect();
    all.push(("envelope.json".into(), envelope_schema()));
    all
}

/// What is made of them, as text: written anew whenever it changes.
pub fn made() -> Vec<(PathBuf, String)> {
    let schemas = [("event.json", union()), ("catalogue.json", catalogue())]
        .map(|(name, value)| (PathBuf::from("schemas").join(name), format!("{value:#}\n")));
    [schemas.to_vec(), crate::asyncapi::made(), crate::types::made()].concat()
}

#[test]
fn what_is_made_of_the_schemas_is_up_to_date() {
    for (path, text) in made() {
        assert_eq!(text_of(&crate::root().join(&path)), text, "{}: `just golden` writes it", path.display());
    }
}

/// Whoever has no number of 32 bits, and whoever resolves names, can use them.
#[test]
fn schemas_are_plain_json_schema() {
    for (path, schema) in shapes() {
        let text = schema.to_string();
        assert!(!text.contains("uint"), "{}", path.display());
        // To some, what `$` ends may have one more line feed.
        assert!(!text.contains("$\","), "{}", path.display());
        assert!(!text.contains("$\"}"), "{}", path.display());
        let id = schema["$id"].as_str().unwrap();
        assert!(id.starts_with("urn:keyledger:schema:"), "{id}");
    }
}

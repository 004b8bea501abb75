//! The committed JSON Schemas: of the envelope, and of each kind's and version's data. (A test in `events` holds
//! that those in the code are those in `events/schemas/`.)
//!
//! Judged here is the part of JSON Schema (2020-12) that they are written in; a schema with any other keyword is
//! refused at the start. A whole validator would change how the binary's JSON parser is built.

use std::collections::HashMap;

use events::{Envelope, Event};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{At, Check};

pub(super) struct Schemas {
    envelope: Schema,
    data: HashMap<(&'static str, u32), Schema>,
}

/// A schema of this version that can't be judged by: a fault of the program, not of the log.
#[derive(Debug, thiserror::Error)]
#[error("a JSON Schema of this version can't be used: `{0}` is not understood")]
pub struct SchemaError(String);

impl Schemas {
    pub fn new() -> Result<Self, SchemaError> {
        let data = Event::schemas()
            .into_iter()
            .map(|(kind, version, schema)| Ok(((kind, version), Schema::new(schema.to_value())?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { envelope: Schema::new(events::envelope::schema().to_value())?, data })
    }

    pub fn check(&self, envelope: &Envelope, payload: &[u8], at: &mut At<'_>) {
        let message: Value = match serde_json::from_slice(payload) {
            Ok(message) => message,
            Err(error) => return at.found(Check::Schema, error.to_string()),
        };
        if let Err(problem) = self.envelope.judge(&message) {
            at.found(Check::Schema, format!("the envelope: {problem}"));
        }
        let data = self
            .data
            .iter()
            .find(|((kind, version), _)| **kind == *envelope.kind && *version == envelope.schema_version);
        match data.map(|(_, schema)| schema.judge(message.get("data").unwrap_or(&Value::Null))) {
            Some(Ok(())) => {}
            Some(Err(problem)) => at.found(Check::Schema, format!("the data: {problem}")),
            None => at.found(Check::Version, "there is no schema of it"),
        }
    }
}

struct Schema(Value);

/// Which schemas a keyword holds.
enum Holds {
    Nothing,
    One,
    List,
    Named,
}

/// What a keyword holds; `None`: it is not understood.
fn keyword(name: &str) -> Option<Holds> {
    Some(match name {
        "$schema" | "title" | "description" | "type" | "format" | "minimum" | "required" | "const"
        | "enum" | "$ref" => Holds::Nothing,
        "items" => Holds::One,
        "anyOf" | "oneOf" => Holds::List,
        "properties" | "$defs" => Holds::Named,
        _ => return None,
    })
}

const FORMATS: [&str; 2] = ["uuid", "uint32"];
const DEFINITIONS: &str = "#/$defs/";

impl Schema {
    fn new(schema: Value) -> Result<Self, SchemaError> {
        understood(&schema)?;
        Ok(Self(schema))
    }

    /// What is said of a mismatch names its place, and never the value.
    fn judge(&self, value: &Value) -> Result<(), String> {
        self.at(&self.0, value, "")
    }

    fn at(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let Some(schema) = schema.as_object() else { return Ok(()) };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.strip_prefix(DEFINITIONS).unwrap_or_default();
            let definition = self.0.get("$defs").and_then(|definitions| definitions.get(name));
            self.at(definition.ok_or("a definition is missing")?, value, place)?;
        }
        if !is_of_type(schema, value) {
            return Err(format!("{place} is not of its type"));
        }
        let format = schema.get("format").and_then(Value::as_str);
        if format == Some("uuid") && value.as_str().is_some_and(|text| Uuid::try_parse(text).is_err()) {
            return Err(format!("{place} is no UUID"));
        }
        if format == Some("uint32") && value.is_number() && value.as_u64().is_none_or(|n| n > u32::MAX.into())
        {
            return Err(format!("{place} is no number from 0 to 4294967295"));
        }
        if schema.get("const").is_some_and(|constant| constant != value)
            || list(schema, "enum").is_some_and(|values| !values.contains(value))
        {
            return Err(format!("{place} is none of its values"));
        }
        if let Some(branches) = list(schema, "anyOf").or_else(|| list(schema, "oneOf")) {
            let matching = branches.iter().filter(|branch| self.at(branch, value, place).is_ok()).count();
            if matching == 0 || (matching > 1 && schema.contains_key("oneOf")) {
                return Err(format!("{place} is none of its forms"));
            }
        }
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            for (index, value) in values.iter().enumerate() {
                self.at(items, value, &format!("{place}/{index}"))?;
            }
        }
        let Some(members) = value.as_object() else { return Ok(()) };
        for name in list(schema, "required").into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                return Err(format!("{place}/{name} is missing"));
            }
        }
        for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(value) = members.get(name) {
                self.at(schema, value, &format!("{place}/{name}"))?;
            }
        }
        Ok(())
    }
}

fn understood(schema: &Value) -> Result<(), SchemaError> {
    for (name, value) in schema.as_object().into_iter().flatten() {
        let inner: Vec<&Value> = match keyword(name).ok_or_else(|| SchemaError(name.clone()))? {
            Holds::Nothing => vec![],
            Holds::One => vec![value],
            Holds::List => value.as_array().into_iter().flatten().collect(),
            Holds::Named => value.as_object().into_iter().flat_map(Map::values).collect(),
        };
        let unknown_format = name == "format" && !FORMATS.iter().any(|format| value == format);
        let elsewhere = name == "$ref" && !value.as_str().is_some_and(|text| text.starts_with(DEFINITIONS));
        // Of numbers only those from 0 on are asked for, which a u32 is.
        let least = name == "minimum" && value.as_u64() != Some(0);
        if unknown_format || elsewhere || least {
            return Err(SchemaError(format!("{name}: {value}")));
        }
        inner.into_iter().try_for_each(understood)?;
    }
    Ok(())
}

fn is_of_type(schema: &Map<String, Value>, value: &Value) -> bool {
    let is = |name: &Value| match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => name == "number" || (name == "integer" && !number.is_f64()),
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    };
    match schema.get("type") {
        None => true,
        Some(Value::Array(names)) => names.iter().any(is),
        Some(name) => is(name),
    }
}

fn list<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a Vec<Value>> {
    schema.get(name).and_then(Value::as_array)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(schema: Value, value: &Value) -> bool {
        Schema::new(schema).unwrap().judge(value).is_ok()
    }

    #[test]
    fn each_keyword_lets_pass_what_it_should_and_nothing_else() {
        let id = json!("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b");
        let owner = json!({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"const": "b"}, "id": {"$ref": "#/$defs/Id"}},
             "required": ["kind", "id"]},
        ], "$defs": {"Id": {"type": "string", "format": "uuid"}}});
        for (schema, good, bad) in [
            (json!({"type": "string"}), json!("x"), json!(1)),
            (json!({"type": ["boolean", "null"]}), json!(null), json!("true")),
            (json!({"type": "integer", "format": "uint32", "minimum": 0}), json!(1), json!(-1)),
            (
                json!({"type": "integer", "format": "uint32", "minimum": 0}),
                json!(7),
                json!(4_294_967_296_u64),
            ),
            (json!({"type": "integer"}), json!(1), json!(1.5)),
            (json!({"type": "string", "format": "uuid"}), id.clone(), json!("x")),
            (json!({"enum": ["a", "b"]}), json!("b"), json!("c")),
            (json!({"const": "a"}), json!("a"), json!("b")),
            (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), json!(null), json!(true)),
            (json!({"oneOf": [{"type": "string"}, {"type": "null"}]}), json!(null), json!(true)),
            (json!({"oneOf": [{"type": "string"}, {"const": 1}]}), json!(1), json!(2)),
            (json!({"oneOf": [{"type": "string"}, {"const": "a"}]}), json!("b"), json!("a")),
            (json!({"type": "array", "items": {"type": "string"}}), json!(["a"]), json!(["a", 1])),
            (json!({"properties": {"a": {"type": "string"}}}), json!({"b": 1}), json!({"a": 1})),
            (json!({"required": ["a"]}), json!({"a": 1}), json!({"b": 1})),
            (owner.clone(), json!({"kind": "b", "id": id}), json!({"kind": "b", "id": "x"})),
            (owner, json!({"kind": "a", "more": 1}), json!({"kind": "c"})),
        ] {
            assert!(judged(schema.clone(), &good), "{schema} refuses {good}");
            assert!(!judged(schema.clone(), &bad), "{schema} lets pass {bad}");
        }
    }

    #[test]
    fn a_schema_that_is_not_understood_is_refused() {
        for schema in [
            json!({"pattern": "^a$"}),
            json!({"properties": {"a": {"maxLength": 3}}}),
            json!({"anyOf": [{"format": "email"}]}),
            json!({"$ref": "https://example.com"}),
            json!({"minimum": 5}),
        ] {
            assert!(Schema::new(schema.clone()).is_err(), "{schema}");
        }
    }

    #[test]
    fn what_is_said_names_the_place_and_not_the_value() {
        let schema = json!({"properties": {"a": {"items": {"type": "string"}}}});
        let said = Schema::new(schema).unwrap().judge(&json!({"a": ["x", 123_456]})).unwrap_err();
        assert!(said.contains("/a/1") && !said.contains("123456"), "{said}");
    }
}

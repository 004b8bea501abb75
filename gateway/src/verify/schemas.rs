//! The committed JSON Schemas: of the envelope, and of each kind's and version's data. (A test in `events` holds
//! that those in the code are those in `events/schemas/`.)

use events::{Envelope, Event};
use jsonschema::Validator;
use serde_json::Value;

use super::{At, Check};

pub(super) struct Schemas {
    envelope: Validator,
    data: Vec<(&'static str, u32, Validator)>,
}

/// A schema of this version that can't be judged by: a fault of the program, not of the log.
#[derive(Debug, thiserror::Error)]
#[error("the JSON Schema of {of} can't be used: {reason}")]
pub struct SchemaError {
    of: String,
    reason: String,
}

impl Schemas {
    pub fn new() -> Result<Self, SchemaError> {
        let data = Event::schemas().into_iter().map(|(kind, version, schema)| {
            Ok((kind, version, validator(format!("{kind} version {version}"), &schema.to_value())?))
        });
        let envelope = validator("the envelope".to_owned(), &events::envelope::schema().to_value())?;
        Ok(Self { envelope, data: data.collect::<Result<_, _>>()? })
    }

    pub fn check(&self, envelope: &Envelope, payload: &[u8], at: &mut At<'_>) {
        let message: Value = match serde_json::from_slice(payload) {
            Ok(message) => message,
            Err(error) => return at.found(Check::Schema, error.to_string()),
        };
        if let Err(problem) = judge(&self.envelope, &message) {
            at.found(Check::Schema, format!("the envelope: {problem}"));
        }
        let is_its =
            |(kind, version): (&str, u32)| kind == &*envelope.kind && version == envelope.schema_version;
        match self.data.iter().find(|(kind, version, _)| is_its((kind, *version))) {
            Some((_, _, data)) => {
                if let Err(problem) = judge(data, message.get("data").unwrap_or(&Value::Null)) {
                    at.found(Check::Schema, format!("the data: {problem}"));
                }
            }
            None => at.found(Check::Version, "there is no schema of it"),
        }
    }
}

fn validator(of: String, schema: &Value) -> Result<Validator, SchemaError> {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).map_err(|error| SchemaError { of, reason: error.to_string() })
}

/// The first thing that is wrong: its place, and never the value.
fn judge(validator: &Validator, value: &Value) -> Result<(), String> {
    validator.validate(value).map_err(|error| {
        format!("{} {}", error.instance_path(), error.masked_with("it")).trim_start().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(schema: &Value, value: &Value) -> Result<(), String> {
        judge(&validator("a test".to_owned(), schema).unwrap(), value)
    }

    #[test]
    fn formats_are_judged() {
        let schema = json!({"type": "string", "format": "uuid"});
        assert_eq!(judged(&schema, &json!("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b")), Ok(()));
        assert!(judged(&schema, &json!("x")).is_err());
    }

    #[test]
    fn what_is_said_names_the_place_and_not_the_value() {
        let schema = json!({"properties": {"a": {"items": {"type": "string"}}}});
        let said = judged(&schema, &json!({"a": ["x", 123_456]})).unwrap_err();
        assert!(said.contains("/a/1") && !said.contains("123456"), "{said}");
    }
}

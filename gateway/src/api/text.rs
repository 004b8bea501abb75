//! Free text that clients send: bounded here, sealed before it becomes part of an event.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $min:literal to $max:literal, $what:literal, $description:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                check(&text, $min, $max, $what).map_err(serde::de::Error::custom)?;
                Ok(Self(text.into_owned()))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .min_length(Some($min))
                    .max_length(Some($max))
                    .description(Some($description))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

texts! {
    /// What people call a thing.
    Name: 1 to 200, "a name", "1 to 200 characters, no control characters, no space at either end";
    /// Why somebody did it.
    Reason: 1 to 500, "a reason", "1 to 500 characters, no control characters, no space at either end";
}

fn check(text: &str, min: usize, max: usize, what: &str) -> Result<(), String> {
    let count = text.chars().count();
    if !(min..=max).contains(&count) {
        return Err(format!("{what} has {min} to {max} characters; this one has {count}"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} holds no control characters"));
    }
    if text.trim() != text {
        return Err(format!("{what} neither starts nor ends with a space"));
    }
    Ok(())
}

/// A request that gives a new name.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    pub name: Name,
}

/// A request that may give a reason.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveReason {
    /// Kept in the history, sealed.
    #[serde(default)]
    pub reason: Option<Reason>,
}

/// A JSON object of the client's own, at most [`Metadata::MAX_BYTES`] when written without spaces. Its
/// members are kept sorted, so that the same object always has the same bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    pub const MAX_BYTES: usize = 4_096;

    /// The object as it is sealed.
    pub fn to_text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut metadata = Self(Map::deserialize(deserializer)?);
        metadata.0.sort_keys();
        metadata.0.values_mut().for_each(Value::sort_all_objects);
        let bytes = metadata.to_text().len();
        if bytes > Self::MAX_BYTES {
            let most = Self::MAX_BYTES;
            return Err(serde::de::Error::custom(format!(
                "metadata holds at most {most} bytes; these are {bytes}"
            )));
        }
        Ok(metadata)
    }
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .description(Some(
                "a JSON object of the client's own, at most 4,096 bytes written without spaces",
            ))
            .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::<Schema>::FreeForm(
                true,
            )))
            .into()
    }
}

impl ToSchema for Metadata {
    fn name() -> Cow<'static, str> {
        "Metadata".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bounded_in_characters_and_holds_no_control_characters() {
        let parse = |text: &str| serde_json::from_value::<Name>(Value::String(text.to_owned()));
        assert!(parse("Ünïcode name").is_ok());
        assert!(parse(&"ü".repeat(200)).is_ok());
        assert!(parse(&"ü".repeat(201)).is_err());
        assert!(parse("").is_err());
        assert!(parse("a\nb").is_err());
        assert!(parse(" a").is_err());
    }

    #[test]
    fn metadata_is_an_object_of_bounded_size_and_one_spelling() {
        let one: Metadata = serde_json::from_str(r#"{"b": {"y": 1, "x": 2}, "a": []}"#).unwrap();
        assert_eq!(one.to_text(), r#"{"a":[],"b":{"x":2,"y":1}}"#);
        assert!(serde_json::from_str::<Metadata>("[]").is_err());
        let large = format!(r#"{{"a": "{}"}}"#, "x".repeat(Metadata::MAX_BYTES));
        assert!(serde_json::from_str::<Metadata>(&large).is_err());
    }
}

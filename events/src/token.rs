//! What may stand as one token of a NATS subject of ours, and types that are their text in JSON.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Lower-case letters, digits, `-` and `_`, 1 to 200 bytes: never a separator (`.`) or a wildcard (`*`, `>`).
pub(crate) fn is_token(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// Reads a value from its text, without a copy of the text.
pub(crate) struct Text<T>(pub &'static str, pub PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Reads a value from a JSON object alone. What serde derives reads a struct from an array of its fields as well,
/// and no schema of ours has that.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads a value from the one spelling that it is written in, as events hold it: what its schema takes.
pub(crate) fn spelt<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display> + fmt::Display,
    D: Deserializer<'de>,
{
    struct Spelt<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display> + fmt::Display> Visitor<'_> for Spelt<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text as it is written here")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            let value: T = text.parse().map_err(E::custom)?;
            let written = value.to_string();
            if written == text { Ok(value) } else { Err(E::custom(format_args!("it is written {written}"))) }
        }
    }

    deserializer.deserialize_str(Spelt(PhantomData))
}

/// The same where it may be absent.
pub(crate) fn spelt_if_any<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: fmt::Display> + fmt::Display,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(bound = "T: FromStr<Err: fmt::Display> + fmt::Display")]
    struct Given<T>(#[serde(deserialize_with = "spelt")] T);

    Ok(Option::<Given<T>>::deserialize(deserializer)?.map(|Given(value)| value))
}

/// Each pattern of the schema ends where the text does. `$` would do for ECMA-262, whose dialect JSON Schema names; Python's and
/// others' takes a line feed after it as well.
pub(crate) fn end_with_the_text(schema: &mut schemars::Schema) {
    if let Some(serde_json::Value::String(pattern)) = schema.get_mut("pattern")
        && let Some(start) = pattern.strip_suffix('$')
    {
        *pattern = format!(r"{start}(?![\s\S])");
    }
    schemars::transform::transform_subschemas(&mut end_with_the_text, schema);
}

/// A token as a schema's pattern has it.
pub(crate) const TOKEN: &str = "[a-z0-9_-]{1,200}";

/// A UUID as a schema's pattern has it: one id has one spelling.
pub(crate) const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/// 32 bytes in base64url: the last of the 43 digits holds four bits.
pub(crate) const BYTES_32: &str = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$";

/// Serde and schema for a type that is its `Display` and `FromStr` text. The schema says what reading checks.
macro_rules! text_serde {
    ($type:ty, $name:expr, $description:expr) => {
        crate::token::text_serde!($type, $name, $description, {});
    };
    ($type:ty, $name:expr, $description:expr, { $($keyword:literal: $value:expr),* $(,)? }) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(crate::token::Text($description, std::marker::PhantomData))
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description, $($keyword: $value),* })
            }
        }
    };
}
pub(crate) use text_serde;

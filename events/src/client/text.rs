//! What clients say of themselves, held to a size and a shape. Whether it makes sense is for others to judge.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::token::text_serde;

/// The text is too short, too long, or not of visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{min} to {max} {of}")]
pub struct TextError {
    pub min: usize,
    pub max: usize,
    pub of: &'static str,
}

const VISIBLE: &str = "visible ASCII characters";
const WITH_SPACES: &str = "ASCII characters, spaces among them";

macro_rules! texts {
    ($($(#[$doc:meta])* $type:ident = $name:literal, $description:literal, $min:literal..=$max:literal,
        $first:literal, $of:expr, $pattern:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $type(Box<str>);

        impl $type {
            pub const MAX_BYTES: usize = $max;

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                let good = ($min..=$max).contains(&text.len())
                    && text.bytes().all(|byte| ($first..=b'~').contains(&byte));
                if good { Ok(Self(text.into())) } else { Err(TextError { min: $min, max: $max, of: $of }) }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        text_serde!($type, $name, $description, { "pattern": $pattern });
    )*};
}

texts! {
    /// A URI, as it was written: two are the same where their characters are (RFC 6749 §3.1.2.3).
    Uri = "Uri", "a URI, as it was written: 1 to 2,048 visible ASCII characters", 1..=2_048,
        b'!', VISIBLE, "^[!-~]{1,2048}$";
    /// A name of a registry (RFC 7591 §2), such as a grant type; also one that nobody knows.
    Word = "Word", "a registered name such as authorization_code: 1 to 200 ASCII characters", 1..=200,
        b' ', WITH_SPACES, "^[ -~]{1,200}$";
    /// Scopes with spaces between them (RFC 6749 §3.3), as they were registered; they may be none.
    ScopeText = "ScopeText", "scopes with spaces between them: at most 4,096 ASCII characters", 0..=4_096,
        b' ', WITH_SPACES, "^[ -~]{0,4096}$";
}

/// At most `MAX` of something, in the order in which they were listed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

/// There are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most {max}, and not {count}")]
pub struct BoundedError {
    pub max: usize,
    pub count: usize,
}

impl<T, const MAX: usize> Bounded<T, MAX> {
    pub const MAX: usize = MAX;

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Bounded<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for Bounded<T, MAX> {
    type Error = BoundedError;

    fn try_from(list: Vec<T>) -> Result<Self, BoundedError> {
        if list.len() > MAX { Err(BoundedError { max: MAX, count: list.len() }) } else { Ok(Self(list)) }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

impl<T: JsonSchema, const MAX: usize> JsonSchema for Bounded<T, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}s", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<T>(), "maxItems": MAX })
    }
}

//! JSON that is nested deeper than serde_json reads by itself (128): metadata was once taken nearly as deep, and rows
//! and answers wrap it.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Nothing deeper is read: each level takes its part of the stack.
const MAX: usize = 256;

/// A value that may be nested so deep.
pub struct Deep<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Deep<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        from_str(text.get()).map(Self).map_err(D::Error::custom)
    }
}

/// Reads JSON text that is nested at most 256 deep.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    if nesting(text) > MAX {
        return Err(serde_json::Error::custom("it is nested more than 256 deep"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    let value = T::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// How deep objects and arrays lie in one another.
fn nesting(text: &str) -> usize {
    let (mut deepest, mut depth, mut in_text, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}1{}", r#"{"a":["#.repeat(depth / 2), "]}".repeat(depth / 2))
    }

    #[test]
    fn what_was_taken_once_is_read_with_what_wraps_it_and_no_stack_is_used_up() {
        for depth in [2, 126, 130, 200, 256] {
            let text = nested(depth);
            assert_eq!(from_str::<Value>(&text).unwrap().to_string(), text);
            assert_eq!(serde_json::from_str::<Deep<Value>>(&text).unwrap().0.to_string(), text);
        }
        for depth in [258, 1_000_000] {
            assert!(from_str::<Value>(&nested(depth)).is_err(), "{depth}");
        }
    }

    #[test]
    fn brackets_in_texts_are_no_nesting() {
        let text = format!(r#"{{"{}":"\"{}\\"}}"#, "[".repeat(1_000), "{".repeat(1_000));
        assert!(from_str::<Value>(&text).is_ok());
        assert!(from_str::<Value>("{}}").is_err());
    }
}

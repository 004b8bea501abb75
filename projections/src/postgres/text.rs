//! What people wrote: sealed in events, in clear text in the read models, gone once it is forgotten.

use std::collections::BTreeMap;

use async_trait::async_trait;
use events::deep;
use events::sealed::{Field, SealedField};
use events::{Keyholder, Recorded, SealedText};
use serde_json::Value;

/// Opens sealed text. The gateway's vault does.
#[async_trait]
pub trait Unseal: Send + Sync + 'static {
    /// `None`: its key is gone, the text is forgotten.
    async fn open(&self, field: &SealedField, text: &SealedText) -> Result<Option<String>, UnsealError>;
}

/// Why a text stays closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Worth another try: nothing is stored until it opens.
    #[error("the vault can't be reached: {0}")]
    Unavailable(String),
    /// It will never open: stored as if it were forgotten.
    #[error("the text does not open: {0}")]
    Damaged(String),
}

/// An event's texts by field: a string, or an object for metadata; `null` is forgotten.
pub type Texts = BTreeMap<Field, Value>;

/// Opens all texts of an event; those of a keyholder that is forgotten are `null`.
pub async fn open(
    unseal: &dyn Unseal,
    recorded: &Recorded,
    forgotten: impl Fn(&Keyholder) -> bool,
) -> Result<Texts, UnsealError> {
    let mut texts = Texts::new();
    for (field, sealed) in recorded.event.sealed() {
        let place = SealedField::of(&recorded.envelope.subject, recorded.envelope.id, field);
        if forgotten(&place.keyholder) {
            texts.insert(field, Value::Null);
            continue;
        }
        let value = match unseal.open(&place, sealed).await {
            Ok(Some(text)) => match field {
                Field::Name | Field::Reason | Field::Address | Field::Url | Field::Email | Field::Picture => {
                    storable(Value::String(text))
                }
                Field::Metadata => deep::from_str(&text).map_or(Value::Null, storable),
            },
            Ok(None) => Value::Null,
            Err(UnsealError::Damaged(reason)) => {
                metrics::counter!("keyledger_damaged_texts_total").increment(1);
                tracing::error!(sequence = recorded.position.sequence, field = field.as_str(), %reason, "a sealed text does not open");
                Value::Null
            }
            Err(error @ UnsealError::Unavailable(_)) => return Err(error),
        };
        texts.insert(field, value);
    }
    Ok(texts)
}

/// A value whose texts PostgreSQL takes.
fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(storable).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (clean(name), storable(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// PostgreSQL holds no NUL in a text: one becomes U+FFFD.
pub(crate) fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// A field as text; `None` where it is forgotten or not there.
pub(super) fn string(texts: &Texts, field: Field) -> Option<String> {
    texts.get(&field).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_nul_reaches_the_database() {
        let value = serde_json::json!({"a\0": ["b\0", {"c": "\0"}], "d": 1});
        let expected = serde_json::json!({"a\u{fffd}": ["b\u{fffd}", {"c": "\u{fffd}"}], "d": 1});
        assert_eq!(storable(value), expected);
    }
}

//! A moment as a client sends it.

use std::borrow::Cow;

use events::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// What is stored of a moment is what was sent: what would be cut off or moved is refused, with words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Moment(pub Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        Timestamp::given(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_moment_is_stored_as_it_was_sent_or_refused() {
        let read = |text: &str| serde_json::from_value::<Moment>(Value::from(text));
        let sent = read("2026-11-24T09:00:00.5+01:00").unwrap();
        assert_eq!(serde_json::to_value(sent).unwrap(), json!("2026-11-24T08:00:00.500Z"));
        for (text, word) in [
            ("2026-11-24T08:00:00.123456Z", "millisecond"),
            ("2016-12-31T23:59:60Z", "leap second"),
            ("2026-11-24 08:00:00Z", "no T between"),
        ] {
            let refused = read(text).unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
    }
}

//! What the log needs of its server and its stream, and how a difference is told.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Shared;
use super::wire::CallError;

/// Shard 0's stream.
pub const STREAM: &str = "KL_EVENTS_0";

/// Its subjects.
pub const SUBJECTS: &str = "kl.events.0.>";

/// The oldest nats-server with atomic batches (ADR-50).
pub const MINIMUM_SERVER: (u64, u64) = (2, 12);

/// A follower has one consumer, and leaves it behind when its connection is lost. So many are enough for a fleet of
/// thousands of processes that reconnect several times a minute, and cost the servers some 40 kB each.
const MAX_CONSUMERS: u32 = 20_000;

/// The server forgets a consumer that nobody asks any more, and creates none that would live longer: whoever may
/// follow can't leave durable ones behind. What clients' libraries ask for by themselves is within it.
const CONSUMERS_LAST_AT_MOST: Duration = Duration::from_secs(300);
/// Keyledger's own.
pub(super) const CONSUMER_LASTS: Duration = Duration::from_secs(60);

/// The stream's configuration as the log needs it, for `STREAM.CREATE`, with this many replicas.
///
/// No limit on messages and no time to live, since any of them would drop events; `discard: new`, so that a limit that
/// somebody sets later refuses the newest rather than drops the oldest. Nothing relies on NATS's duplicate
/// window (the expected sequence does that work), so it is as short as the server allows.
pub fn stream_config(replicas: u8) -> Value {
    let mut config = required();
    config.insert("num_replicas".to_owned(), json!(replicas));
    config.insert("description".to_owned(), json!("Keyledger's event log: the one source of truth"));
    Value::Object(config)
}

fn required() -> Map<String, Value> {
    let required = json!({
        "name": STREAM,
        "subjects": [SUBJECTS],
        "retention": "limits",
        "storage": "file",
        "compression": "s2",
        "discard": "new",
        "max_consumers": MAX_CONSUMERS,
        "consumer_limits": { "inactive_threshold": CONSUMERS_LAST_AT_MOST.as_secs() * 1_000_000_000 },
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "duplicate_window": 100_000_000,
        "deny_delete": true,
        "deny_purge": true,
        "allow_direct": true,
        "allow_atomic": true,
    });
    match required {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// What an operator may choose: it changes neither what is stored nor for how long.
const FREE: [&str; 4] = ["num_replicas", "description", "metadata", "placement"];

/// One setting of the stream that is not as the log needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamDifference {
    /// The setting's name in NATS, such as `max_age`.
    pub setting: String,
    pub wanted: String,
    pub found: String,
}

impl std::fmt::Display for StreamDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}, must be {}", self.setting, self.found, self.wanted)
    }
}

/// Why the log is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("nats-server is {found}; the log needs 2.12 or later")]
    ServerTooOld { found: String },
    #[error("there is no stream {STREAM}: run `keyledger nats setup`")]
    NoStream,
    #[error("the stream {STREAM} is not as the log needs it: {}", join(.0))]
    StreamDiffers(Vec<StreamDifference>),
    #[error("{UNSIGNED}")]
    Unsigned,
    #[error("the log can't be reached: {0}")]
    Unavailable(String),
}

/// What is said of a log whose first event nobody signed.
pub(super) const UNSIGNED: &str = "the events of this log are not signed: a version before 0.1 wrote it, and nobody can sign \
     them now. Keep it as it is for who wants to read it, and begin a new one: an empty NATS server, `keyledger nats \
     setup`, `keyledger bootstrap`, then make organizations, servers and keys anew";

fn join(differences: &[StreamDifference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(super) async fn check(log: &Shared) -> Result<(), OpenError> {
    let result = compare(log).await;
    match &result {
        Ok(()) => metrics::gauge!("keyledger_log_stream_differences").set(0.0),
        Err(OpenError::StreamDiffers(differences)) => {
            #[expect(clippy::cast_precision_loss, reason = "a stream has a few dozen settings")]
            metrics::gauge!("keyledger_log_stream_differences").set(differences.len() as f64);
        }
        Err(OpenError::ServerTooOld { .. } | OpenError::NoStream | OpenError::Unsigned) => {
            metrics::gauge!("keyledger_log_stream_differences").set(1.0);
        }
        Err(OpenError::Unavailable(_)) => {}
    }
    result
}

async fn compare(log: &Shared) -> Result<(), OpenError> {
    #[derive(serde::Deserialize)]
    struct Answer {
        config: Map<String, Value>,
    }
    let version = log.wire.client().server_info().version;
    if !is_new_enough(&version) {
        return Err(OpenError::ServerTooOld { found: version });
    }
    let answer: Answer =
        match log.wire.call(&format!("STREAM.INFO.{STREAM}"), &Value::Null, log.timeouts.read).await {
            Ok(answer) => answer,
            Err(error) if error.api_code() == Some(CallError::NO_STREAM) => return Err(OpenError::NoStream),
            Err(error) => return Err(unavailable(&error)),
        };
    let differences = stream_differences(&answer.config);
    if differences.is_empty() { Ok(()) } else { Err(OpenError::StreamDiffers(differences)) }
}

fn unavailable(error: &CallError) -> OpenError {
    OpenError::Unavailable(error.to_string())
}

/// Whether a server of this version, such as `2.15.1`, has what the log needs.
pub fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    let (Some(Some(major)), Some(Some(minor))) = (parts.next(), parts.next()) else { return false };
    (major, minor) >= MINIMUM_SERVER
}

/// Each setting of the log's stream (as `STREAM.INFO` tells them) that is not as the log needs it.
pub fn stream_differences(found: &Map<String, Value>) -> Vec<StreamDifference> {
    differences(&required(), found)
}

/// Each setting of a stream that is not as required. A setting that nobody requires and that is set differs
/// too: one that this version does not know may drop messages. Free are replicas, placement and texts.
pub fn differences(required: &Map<String, Value>, found: &Map<String, Value>) -> Vec<StreamDifference> {
    let mut differences = Vec::new();
    for (setting, wanted) in required {
        let value = found.get(setting).unwrap_or(&Value::Null);
        if value != wanted && !(is_unset(value) && is_unset(wanted)) {
            differences.push(difference(setting, wanted.to_string(), value));
        }
    }
    for (setting, value) in found {
        if !required.contains_key(setting) && !FREE.contains(&setting.as_str()) && !is_unset(value) {
            differences.push(difference(setting, "unset".to_owned(), value));
        }
    }
    differences
}

fn difference(setting: &str, wanted: String, found: &Value) -> StreamDifference {
    let found = if is_unset(found) { "unset".to_owned() } else { found.to_string() };
    StreamDifference { setting: setting.to_owned(), wanted, found }
}

/// Go's zero values, which the server leaves out or writes.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_unset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_2_12_on_are_new_enough() {
        for good in ["2.12.0", "2.15.1", "3.0.0", "2.12.0-preview.1"] {
            assert!(is_new_enough(good), "{good}");
        }
        for old in ["2.9.10", "2.11.99", "1.99.0", "", "x", "2"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }

    #[test]
    fn the_wanted_configuration_has_no_differences() {
        let Value::Object(config) = stream_config(3) else { panic!("an object") };
        assert_eq!(stream_differences(&config), []);
    }

    #[test]
    fn a_changed_a_missing_and_an_unknown_setting_are_named() {
        let Value::Object(mut config) = stream_config(1) else { panic!("an object") };
        config.insert("max_age".to_owned(), json!(60));
        config.remove("deny_delete");
        config.insert("drops_events".to_owned(), json!(true));
        config.insert("unknown_but_unset".to_owned(), json!({"a": 0}));
        let named: Vec<_> = stream_differences(&config).iter().map(ToString::to_string).collect();
        assert_eq!(
            named,
            [
                "deny_delete is unset, must be true",
                "max_age is 60, must be 0",
                "drops_events is true, must be unset",
            ]
        );
    }
}

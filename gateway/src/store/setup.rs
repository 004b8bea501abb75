//! `keyledger nats setup`: the log's stream and the vaults' buckets, created once as the admin user.
//!
//! What is there already is compared and never changed: a difference is an error that names it, since a changed
//! limit can drop events.

use std::fmt;
use std::time::Duration;

use events::log::jetstream::{self, CallError, StreamDifference, Wire};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ACCESS, ATTEMPTS, CHECKPOINTS, FLEET, OAUTH, SNAPSHOTS, VAULT_CONTROL, VAULT_NODE, VAULT_PEOPLE, access,
    attempts, passing,
};
use crate::config::Access;

/// For the answer to each question; a stream that is created in a cluster takes a while.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What was set up, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report(pub Vec<(String, Done)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Created,
    /// It was there, as it must be.
    Kept,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, done) in &self.0 {
            let done = match done {
                Done::Created => "created",
                Done::Kept => "there already, as it must be",
            };
            writeln!(f, "{name}: {done}")?;
        }
        Ok(())
    }
}

/// Why not all is set up. What was created before stays: setting up again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("nats-server is {0}; Keyledger needs 2.12 or later")]
    ServerTooOld(String),
    #[error(
        "the stream {stream} is there and differs: {}; set it right by hand, or begin with an empty server",
        .differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Differs { stream: String, differences: Vec<StreamDifference> },
    #[error("NATS refused to create the stream {stream}: {reason}")]
    Refused { stream: String, reason: String },
    #[error("no answer from JetStream ({0}): is it on, and is this the admin user?")]
    NoAnswer(#[source] CallError),
}

/// Creates what is missing, with so many replicas (1, or 3 in a cluster), and compares what is there.
pub async fn setup(client: &async_nats::Client, replicas: u8) -> Result<Report, SetupError> {
    setup_keeping(client, replicas, &Access::default()).await
}

/// The same where records of access are kept as this says.
pub async fn setup_keeping(
    client: &async_nats::Client,
    replicas: u8,
    access: &Access,
) -> Result<Report, SetupError> {
    let version = client.server_info().version;
    if !jetstream::is_new_enough(&version) {
        return Err(SetupError::ServerTooOld(version));
    }
    let wire = Wire::new(client.clone());
    let mut report = Vec::new();
    for (name, config) in streams_keeping(replicas, access) {
        report.push((name.clone(), ensure(&wire, name, &config).await?));
    }
    Ok(Report(report))
}

/// The names of all streams.
pub fn names() -> impl Iterator<Item = String> {
    streams(1).into_iter().map(|(name, _)| name)
}

/// Each stream's name and its configuration, as `STREAM.CREATE` takes it.
pub fn streams(replicas: u8) -> Vec<(String, Value)> {
    streams_keeping(replicas, &Access::default())
}

/// The same where records of access are kept as this says.
pub fn streams_keeping(replicas: u8, access: &Access) -> Vec<(String, Value)> {
    let mut streams = vec![(jetstream::STREAM.to_owned(), jetstream::stream_config(replicas))];
    for bucket in [VAULT_NODE, VAULT_CONTROL, VAULT_PEOPLE] {
        // A secret that ends is written over, which only a deletion by its sequence does. Control alone may, and can
        // empty these buckets anyway.
        let erasable = [("deny_delete", json!(false)), ("num_replicas", json!(replicas))];
        streams.push((format!("KV_{bucket}"), with(bucket_config(bucket), &erasable)));
    }
    // What was signed once is there for good.
    let kept = [
        ("allow_rollup_hdrs", json!(false)),
        ("deny_delete", json!(true)),
        ("deny_purge", json!(true)),
        ("max_msg_size", json!(65_536)),
        ("num_replicas", json!(replicas)),
    ];
    let checkpoints = unlimited(CHECKPOINTS.to_owned(), &[super::checkpoints::ALL.to_owned()]);
    streams.push((CHECKPOINTS.to_owned(), with(checkpoints, &kept)));
    // Each entry says how long it lasts: what answers however old its knowledge is must not age out. And a node may
    // write here, so nobody may empty it: a rollup takes every entry away.
    let passing = [
        ("allow_msg_ttl", json!(true)),
        ("allow_rollup_hdrs", json!(false)),
        ("deny_purge", json!(true)),
        ("num_replicas", json!(replicas)),
    ];
    streams.push((format!("KV_{FLEET}"), with(bucket_config(FLEET), &passing)));
    streams.push((format!("KV_{OAUTH}"), oauth_config(replicas)));
    streams.push((format!("OBJ_{SNAPSHOTS}"), with(objects_config(), &[("num_replicas", json!(replicas))])));
    streams.push((ACCESS.to_owned(), access_config(access, replicas)));
    streams.push((ATTEMPTS.to_owned(), attempts_config(replicas)));
    streams
}

/// Each entry says how long it lasts. Full, the bucket takes nothing more until some have ended: what is there was
/// promised to somebody.
fn oauth_config(replicas: u8) -> Value {
    let bounds = [
        ("allow_msg_ttl", json!(true)),
        ("allow_rollup_hdrs", json!(false)),
        ("deny_purge", json!(true)),
        ("max_bytes", json!(passing::MAX_BYTES)),
        ("num_replicas", json!(replicas)),
    ];
    with(bucket_config(OAUTH), &bounds)
}

/// The oldest go, and nothing else: neither by a rollup nor by anybody's word.
fn access_config(access: &Access, replicas: u8) -> Value {
    with(
        unlimited(ACCESS.to_owned(), &[access::ALL.to_owned()]),
        &[
            ("num_replicas", json!(replicas)),
            ("discard", json!("old")),
            ("max_age", json!(u64::try_from(access.max_age().as_nanos()).unwrap_or(u64::MAX))),
            ("max_bytes", json!(access.max_bytes)),
            ("max_msg_size", json!(access::MAX_RECORD)),
            ("allow_rollup_hdrs", json!(false)),
            ("deny_delete", json!(true)),
            ("deny_purge", json!(true)),
        ],
    )
}

/// The oldest go, of each side for itself, and nothing else.
fn attempts_config(replicas: u8) -> Value {
    with(
        unlimited(ATTEMPTS.to_owned(), &[attempts::ALL.to_owned()]),
        &[
            ("num_replicas", json!(replicas)),
            ("discard", json!("old")),
            ("max_age", json!(u64::try_from(attempts::KEPT.as_nanos()).unwrap_or(u64::MAX))),
            ("max_bytes", json!(attempts::MAX_BYTES)),
            ("max_msgs_per_subject", json!(attempts::MOST)),
            ("max_msg_size", json!(attempts::MAX_STEP)),
            ("allow_rollup_hdrs", json!(false)),
            ("deny_delete", json!(true)),
            ("deny_purge", json!(true)),
        ],
    )
}

fn with(mut config: Map<String, Value>, members: &[(&str, Value)]) -> Value {
    for (name, value) in members {
        config.insert((*name).to_owned(), value.clone());
    }
    Value::Object(config)
}

/// An object store (ADR-20).
fn objects_config() -> Map<String, Value> {
    unlimited(format!("OBJ_{SNAPSHOTS}"), &[format!("$O.{SNAPSHOTS}.C.>"), format!("$O.{SNAPSHOTS}.M.>")])
}

/// A key-value bucket (ADR-8) without history: a purged entry is gone.
fn bucket_config(bucket: &str) -> Map<String, Value> {
    let mut config = unlimited(format!("KV_{bucket}"), &[format!("$KV.{bucket}.>")]);
    config.insert("max_msgs_per_subject".to_owned(), json!(1));
    config.insert("max_msg_size".to_owned(), json!(65_536));
    config.insert("deny_delete".to_owned(), json!(true));
    config
}

/// What a bucket and an object store have alike: nothing is dropped but by whoever stores something newer.
fn unlimited(name: String, subjects: &[String]) -> Map<String, Value> {
    let config = json!({
        "name": name,
        "subjects": subjects,
        "retention": "limits",
        "storage": "file",
        "compression": "none",
        "discard": "new",
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "duplicate_window": 120_000_000_000_u64,
        "allow_rollup_hdrs": true,
        "allow_direct": true,
    });
    match config {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

async fn ensure(wire: &Wire, name: String, config: &Value) -> Result<Done, SetupError> {
    if let Some(found) = found(wire, &name).await? {
        return compare(name, config, &found);
    }
    match wire.call::<Value>(&format!("STREAM.CREATE.{name}"), config, TIMEOUT).await {
        Ok(_) => Ok(Done::Created),
        // Perhaps somebody else created it in between.
        Err(CallError::Api(error)) => match found(wire, &name).await? {
            Some(found) => compare(name, config, &found),
            None => Err(SetupError::Refused { stream: name, reason: error.to_string() }),
        },
        Err(error) => Err(SetupError::NoAnswer(error)),
    }
}

fn compare(stream: String, config: &Value, found: &Map<String, Value>) -> Result<Done, SetupError> {
    let mut required = config.as_object().cloned().unwrap_or_default();
    required.remove("description");
    if [VAULT_NODE, VAULT_CONTROL, VAULT_PEOPLE].iter().any(|vault| stream.ends_with(vault)) {
        // One that was set up with it can't be without: there a secret is deleted and not written over.
        let denied = found.get("deny_delete").cloned().unwrap_or(json!(false));
        required.insert("deny_delete".to_owned(), denied);
    }
    let differences = jetstream::differences(&required, found);
    if differences.is_empty() { Ok(Done::Kept) } else { Err(SetupError::Differs { stream, differences }) }
}

async fn found(wire: &Wire, name: &str) -> Result<Option<Map<String, Value>>, SetupError> {
    #[derive(Deserialize)]
    struct Info {
        config: Map<String, Value>,
    }
    match wire.call::<Info>(&format!("STREAM.INFO.{name}"), &Value::Null, TIMEOUT).await {
        Ok(info) => Ok(Some(info.config)),
        Err(error) if error.api_code() == Some(CallError::NO_STREAM) => Ok(None),
        Err(error) => Err(SetupError::NoAnswer(error)),
    }
}

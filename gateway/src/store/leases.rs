//! The workers' leases, in the fleet's bucket.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use projections::lease::{LeaseError, LeaseStore, Stored};
use serde::Deserialize;
use serde_json::json;

use super::bucket::{Bucket, BucketError};
use super::{Client, FLEET, api};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Over a connection of the worker's.
pub struct FleetLeases {
    client: Client,
    bucket: Bucket,
}

#[derive(Default, Deserialize)]
struct Info {
    #[serde(default)]
    state: State,
}

#[derive(Default, Deserialize)]
struct State {
    /// How many messages each subject has.
    subjects: Option<BTreeMap<String, u64>>,
}

impl FleetLeases {
    pub fn new(client: Client) -> Self {
        Self { bucket: Bucket::new(client.clone(), FLEET), client }
    }

    async fn info(&self, prefix: &str) -> Result<Info, String> {
        let body = json!({ "subjects_filter": format!("$KV.{FLEET}.{prefix}>") }).to_string();
        let request = async_nats::Request::new().payload(body.into()).timeout(Some(TIMEOUT));
        let answer = self.client.send_request(api(&format!("STREAM.INFO.KV_{FLEET}")), request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl LeaseStore for FleetLeases {
    async fn read(&self, entry: &str) -> Result<Option<Stored>, LeaseError> {
        let entry = self.bucket.get(entry).await?;
        Ok(entry.map(|entry| Stored { value: entry.value.to_vec(), revision: entry.revision }))
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<String>, LeaseError> {
        let info = self.info(prefix).await.map_err(LeaseError::Unavailable)?;
        let bucket = format!("$KV.{FLEET}.");
        let subjects = info.state.subjects.unwrap_or_default();
        Ok(subjects
            .into_keys()
            .filter_map(|subject| Some(subject.strip_prefix(&bucket)?.to_owned()))
            .collect())
    }

    async fn write(&self, entry: &str, value: Vec<u8>, expected: u64) -> Result<u64, LeaseError> {
        Ok(self.bucket.put(entry, value.into(), expected).await?)
    }

    async fn delete(&self, entry: &str, expected: u64) -> Result<(), LeaseError> {
        self.bucket.delete(entry, expected).await?;
        Ok(())
    }
}

impl From<BucketError> for LeaseError {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::Conflict => Self::Conflict,
            BucketError::Unavailable { .. } => Self::Unavailable(error.to_string()),
        }
    }
}

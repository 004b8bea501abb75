//! The workers' leases, in the fleet's bucket.

use async_trait::async_trait;
use projections::lease::{LeaseError, LeaseStore, Stored};

use super::Client;
use super::bucket::{Bucket, BucketError};

/// Over a connection of the worker's.
pub struct FleetLeases {
    bucket: Bucket,
}

impl FleetLeases {
    pub fn new(client: Client) -> Self {
        Self { bucket: Bucket::of_fleet(client) }
    }
}

#[async_trait]
impl LeaseStore for FleetLeases {
    async fn read(&self, entry: &str) -> Result<Option<Stored>, LeaseError> {
        let entry = self.bucket.get(entry).await?;
        Ok(entry.map(|entry| Stored { value: entry.value.to_vec(), revision: entry.revision }))
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<String>, LeaseError> {
        Ok(self.bucket.keys(prefix).await?)
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

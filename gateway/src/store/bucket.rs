//! A NATS KV bucket (ADR-8) whose entries change by compare-and-set only.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_TTL;
use bytes::Bytes;

use super::FLEET;
use super::stream::{Message, Stream, StreamError};

/// What is not renewed for a day is forgotten, long after the last proof that could rest on it.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A bucket, over a connection of a role that may use it.
#[derive(Clone)]
pub struct Bucket {
    stream: Stream,
    name: &'static str,
    /// How long an entry lasts that is not changed again; `None`: for ever.
    lasts: Option<Duration>,
}

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: Bytes,
    /// What the next change must expect.
    pub revision: u64,
}

/// Why nothing was read or changed.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The entry is not at the expected revision.
    #[error("the entry has changed since it was read")]
    Conflict,
    #[error("the bucket {bucket} can't be reached: {reason}")]
    Unavailable { bucket: &'static str, reason: String },
}

impl Bucket {
    pub fn new(client: async_nats::Client, name: &'static str) -> Self {
        Self { stream: Stream::new(client, format!("KV_{name}")), name, lasts: None }
    }

    /// The fleet's: an entry that is not changed for a day is forgotten, and so is the sign that one was deleted.
    pub fn of_fleet(client: async_nats::Client) -> Self {
        Self { lasts: Some(DAY), ..Self::new(client, FLEET) }
    }

    /// The same, whose entries last for ever.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { lasts: None, ..self }
    }

    /// The same, whose entries end after so long, unless they are changed again.
    #[must_use]
    pub fn lasting_for(self, lasts: Duration) -> Self {
        Self { lasts: Some(lasts), ..self }
    }

    /// The same, with another bound for each question.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { stream: self.stream.within(timeout), ..self }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether the bucket is there.
    pub async fn check(&self) -> Result<(), BucketError> {
        self.stream.check().await.map_err(|error| self.failed(error))
    }

    /// `None`: never there, or deleted.
    pub async fn get(&self, key: &str) -> Result<Option<Entry>, BucketError> {
        let entry = self.last(key).await?.filter(|message| !is_deleted(message));
        Ok(entry.map(|message| Entry { value: message.payload, revision: message.sequence }))
    }

    /// The keys that begin so, with those of deleted entries.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, BucketError> {
        let found = self.stream.subjects(&self.subject(&format!("{prefix}>"))).await;
        let subjects = found.map_err(|error| self.failed(error))?;
        let bucket = self.subject("");
        Ok(subjects.keys().filter_map(|subject| Some(subject.strip_prefix(&bucket)?.to_owned())).collect())
    }

    async fn last(&self, key: &str) -> Result<Option<Message>, BucketError> {
        self.stream.last(&self.subject(key)).await.map_err(|error| self.failed(error))
    }

    /// Stores a value where the entry is at this revision (0: was never there); the answer is its new revision.
    /// After `Unavailable` it may be stored or not.
    pub async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, BucketError> {
        self.store(key, value, HeaderMap::new(), Some(expected)).await
    }

    /// Stores a value, whatever was there; the answer is its revision.
    pub async fn replace(&self, key: &str, value: Bytes) -> Result<u64, BucketError> {
        self.store(key, value, HeaderMap::new(), None).await
    }

    /// Stores the value of an entry that is not there; `false`: it is.
    pub async fn create(&self, key: &str, value: Bytes) -> Result<bool, BucketError> {
        let expected = match self.last(key).await? {
            None => 0,
            Some(message) if is_deleted(&message) => message.sequence,
            Some(_) => return Ok(false),
        };
        match self.put(key, value, expected).await {
            Ok(_) => Ok(true),
            Err(BucketError::Conflict) => Ok(false),
            Err(error @ BucketError::Unavailable { .. }) => Err(error),
        }
    }

    /// Deletes the entry where it is at this revision.
    pub async fn delete(&self, key: &str, expected: u64) -> Result<u64, BucketError> {
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "DEL");
        self.store(key, Bytes::new(), headers, Some(expected)).await
    }

    /// The same as [`purge`](Self::purge), once the value is written over on the servers' disks: what is only deleted lies
    /// in the stream's file until that is compacted. Where the server does not do it, it is deleted all the same.
    pub async fn erase(&self, key: &str) -> Result<u64, BucketError> {
        if let Some(message) = self.last(key).await?.filter(|message| !is_deleted(message))
            && let Err(error) = self.stream.erase(message.sequence).await
        {
            tracing::warn!(bucket = self.name, key, %error, "a secret is deleted, and stays on the servers' disks until the bucket's file is compacted: a bucket that was set up before denies more");
        }
        self.purge(key).await
    }

    /// Deletes the entry, whatever it is, with all that the bucket has kept of it.
    pub async fn purge(&self, key: &str) -> Result<u64, BucketError> {
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "PURGE");
        headers.insert("Nats-Rollup", "sub");
        self.store(key, Bytes::new(), headers, None).await
    }

    async fn store(
        &self,
        key: &str,
        value: Bytes,
        mut headers: HeaderMap,
        expected: Option<u64>,
    ) -> Result<u64, BucketError> {
        if let Some(lasts) = self.lasts {
            headers.insert(NATS_MESSAGE_TTL, format!("{}s", lasts.as_secs().max(1)));
        }
        let stored = self.stream.store(&self.subject(key), value, headers, expected).await;
        stored.map_err(|error| self.failed(error))
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }

    /// Nothing came of it, for this reason.
    pub fn unavailable(&self, reason: impl std::fmt::Display) -> BucketError {
        BucketError::Unavailable { bucket: self.name, reason: reason.to_string() }
    }

    pub(super) fn failed(&self, error: StreamError) -> BucketError {
        match error {
            StreamError::Conflict => BucketError::Conflict,
            StreamError::Unavailable(reason) => BucketError::Unavailable { bucket: self.name, reason },
        }
    }
}

/// A deleted entry is a message with its operation.
fn is_deleted(message: &Message) -> bool {
    message.headers.contains("KV-Operation")
}

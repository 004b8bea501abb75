//! A NATS KV bucket (ADR-8) whose entries change by compare-and-set only. Every question has a bound in time, and
//! nothing is sent while the connection is down: the client would send it late.
//!
//! A read is answered by the bucket's leader, or by one that was its leader up to half a minute ago; a write that
//! was acknowledged is the only proof of what holds.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{api, data};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A bucket, over a connection of a role that may use it.
#[derive(Clone)]
pub struct Bucket {
    client: async_nats::Client,
    name: &'static str,
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

#[derive(Deserialize)]
struct ApiError {
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Found {
    message: Option<Message>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Message {
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Acknowledged {
    #[serde(default)]
    seq: u64,
    error: Option<ApiError>,
}

/// No message found (10037).
const NO_MESSAGE: u32 = 10_037;
/// Wrong last sequence (10071).
const WRONG_SEQUENCE: u32 = 10_071;

impl Bucket {
    pub fn new(client: async_nats::Client, name: &'static str) -> Self {
        Self { client, name }
    }

    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// `None`: never there, or deleted.
    pub async fn get(&self, key: &str) -> Result<Option<Entry>, BucketError> {
        let body = json!({ "last_by_subj": self.subject(key) }).to_string();
        let request = async_nats::Request::new().payload(body.into());
        let answer = self.ask(api(&format!("STREAM.MSG.GET.KV_{}", self.name)), request).await?;
        let found: Found = serde_json::from_slice(&answer).map_err(|error| self.unavailable(error))?;
        match found {
            Found { error: Some(ApiError { err_code: NO_MESSAGE, .. }), .. } => Ok(None),
            Found { error: Some(error), .. } => Err(self.unavailable(error.description)),
            Found { message: None, .. } => Err(self.unavailable("an answer without a message")),
            Found { message: Some(message), .. } => {
                let decode = |text: &str| STANDARD.decode(text).map_err(|error| self.unavailable(error));
                // A deleted entry is a message with its operation.
                if String::from_utf8_lossy(&decode(&message.hdrs)?).contains("KV-Operation") {
                    return Ok(None);
                }
                Ok(Some(Entry { value: decode(&message.data)?.into(), revision: message.seq }))
            }
        }
    }

    /// Stores a value where the entry is at this revision (0: was never there); the answer is its new revision.
    /// After `Unavailable` it may be stored or not.
    pub async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, BucketError> {
        self.store(key, value, HeaderMap::new(), expected).await
    }

    /// Deletes the entry where it is at this revision.
    pub async fn delete(&self, key: &str, expected: u64) -> Result<u64, BucketError> {
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "DEL");
        self.store(key, Bytes::new(), headers, expected).await
    }

    async fn store(
        &self,
        key: &str,
        value: Bytes,
        mut headers: HeaderMap,
        expected: u64,
    ) -> Result<u64, BucketError> {
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        let request = async_nats::Request::new().payload(value).headers(headers);
        let answer = self.ask(data(&self.subject(key)), request).await?;
        let answer: Acknowledged =
            serde_json::from_slice(&answer).map_err(|error| self.unavailable(error))?;
        match answer.error {
            None => Ok(answer.seq),
            Some(ApiError { err_code: WRONG_SEQUENCE, .. }) => Err(BucketError::Conflict),
            Some(error) => Err(self.unavailable(error.description)),
        }
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }

    async fn ask(&self, subject: String, request: async_nats::Request) -> Result<Bytes, BucketError> {
        if self.client.connection_state() != async_nats::connection::State::Connected {
            return Err(self.unavailable("not connected to NATS"));
        }
        let answer = self.client.send_request(subject, request.timeout(Some(TIMEOUT))).await;
        Ok(answer.map_err(|error| self.unavailable(error))?.payload)
    }

    fn unavailable(&self, reason: impl std::fmt::Display) -> BucketError {
        BucketError::Unavailable { bucket: self.name, reason: reason.to_string() }
    }
}

//! The stream of what was read and tried through the admin API: one JSON record a message, under its owner's subject.
//! Control appends; it and the auditor read; NATS lets the oldest go, by age and by size, and nobody else does.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use events::Owner;
use events::log::jetstream::CallError;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stream::{Stream, StreamError};
use super::{ACCESS, api};

/// Every subject of it.
pub const ALL: &str = "kl.access.*";

/// No record is longer, in bytes.
pub const MAX_RECORD: usize = 16 * 1024;

/// For one read of many.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The records, over a connection of a role that may use them.
#[derive(Clone)]
pub struct AccessRecords {
    stream: Stream,
}

/// A record as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub sequence: u64,
    pub payload: Bytes,
}

/// Which sequences there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Ends {
    /// One more than the last, where there is none.
    #[serde(rename = "first_seq")]
    pub first: u64,
    #[serde(rename = "last_seq")]
    pub last: u64,
}

impl AccessRecords {
    pub fn new(client: async_nats::Client) -> Self {
        Self { stream: Stream::new(client, ACCESS.to_owned()) }
    }

    /// Appends a record, once under its id, also where it is sent again for want of an answer.
    pub async fn append(&self, about: Owner, id: Uuid, record: Bytes) -> Result<(), StreamError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.to_string());
        self.stream.store(&format!("kl.access.{about}"), record, headers, None).await.map(|_| ())
    }

    pub async fn ends(&self) -> Result<Ends, StreamError> {
        #[derive(Deserialize)]
        struct Info {
            state: Ends,
        }
        let subject = format!("STREAM.INFO.{ACCESS}");
        let info: Info = self.stream.wire().call(&subject, &Value::Null, TIMEOUT).await?;
        Ok(info.state)
    }

    /// The records of so many sequences from this one on, in order; those that are gone are left out.
    pub async fn range(&self, from: u64, count: u64) -> Result<Vec<StoredRecord>, StreamError> {
        let wire = self.stream.wire();
        if !wire.is_connected() {
            return Err(CallError::Disconnected.into());
        }
        let client = |error: &dyn std::fmt::Display| StreamError::Unavailable(error.to_string());
        let inbox = wire.client().new_inbox();
        let mut answers = wire.client().subscribe(inbox.clone()).await.map_err(|error| client(&error))?;
        // A direct read of many (ADR-31).
        let body = json!({ "seq": from, "next_by_subj": ALL, "batch": count }).to_string();
        let asked =
            wire.client().publish_with_reply(api(&format!("DIRECT.GET.{ACCESS}")), inbox, body.into());
        asked.await.map_err(|error| client(&error))?;
        let mut found = Vec::new();
        let all = async {
            while let Some(answer) = answers.next().await {
                match answer.status.map(|status| status.as_u16()) {
                    None => {
                        let headers = answer.headers.unwrap_or_default();
                        let sequence = headers.get("Nats-Sequence").and_then(|it| it.as_str().parse().ok());
                        let sequence =
                            sequence.ok_or_else(|| client(&"a direct read without its sequence"))?;
                        if sequence < from.saturating_add(count) {
                            found.push(StoredRecord { sequence, payload: answer.payload });
                        }
                    }
                    // The end of the batch, or no message at all.
                    Some(204 | 404) => return Ok(()),
                    Some(503) => return Err(CallError::NoResponders.into()),
                    Some(status) => {
                        return Err(client(&format!("a direct read was answered with {status}")));
                    }
                }
            }
            Err(CallError::ConnectionLost.into())
        };
        tokio::time::timeout(TIMEOUT, all).await.map_err(|_| CallError::TimedOut)??;
        Ok(found)
    }
}

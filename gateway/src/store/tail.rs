//! A stream whose oldest messages go: which there are, and many of them at a time.

use std::time::Duration;

use bytes::Bytes;
use events::log::jetstream::CallError;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api;
use super::stream::{Stream, StreamError};

/// For one read of many.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The stream, over a connection of a role that may read it.
#[derive(Clone)]
pub struct Tail {
    stream: Stream,
    /// Every subject of it.
    all: &'static str,
}

/// A message as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
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

impl Tail {
    pub fn new(stream: Stream, all: &'static str) -> Self {
        Self { stream, all }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub async fn ends(&self) -> Result<Ends, StreamError> {
        #[derive(Deserialize)]
        struct Info {
            state: Ends,
        }
        let subject = format!("STREAM.INFO.{}", self.stream.name());
        let info: Info = self.stream.wire().call(&subject, &Value::Null, TIMEOUT).await?;
        Ok(info.state)
    }

    /// The messages of so many sequences from this one on, in order; those that are gone are left out.
    pub async fn range(&self, from: u64, count: u64) -> Result<Vec<Stored>, StreamError> {
        let wire = self.stream.wire();
        if !wire.is_connected() {
            return Err(CallError::Disconnected.into());
        }
        let client = |error: &dyn std::fmt::Display| StreamError::Unavailable(error.to_string());
        let inbox = wire.client().new_inbox();
        let mut answers = wire.client().subscribe(inbox.clone()).await.map_err(|error| client(&error))?;
        // A direct read of many (ADR-31).
        let body = json!({ "seq": from, "next_by_subj": self.all, "batch": count }).to_string();
        let subject = api(&format!("DIRECT.GET.{}", self.stream.name()));
        let asked = wire.client().publish_with_reply(subject, inbox, body.into());
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
                            found.push(Stored { sequence, payload: answer.payload });
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

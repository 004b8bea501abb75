//! One stream's messages: stored with an acknowledgement, read back by subject. Every question has a bound in
//! time, and nothing is sent while the connection is down: the client would send it late.
//!
//! A read is answered by the stream's leader, or by one that was its leader up to half a minute ago; a write that
//! was acknowledged is the only proof of what holds.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use bytes::Bytes;
use events::log::jetstream::{CallError, Found, Wire, parse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{api, data};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A stream, over a connection of a role that may use it.
#[derive(Clone)]
pub struct Stream {
    wire: Wire,
    name: String,
    timeout: Duration,
}

/// A message as it was read.
#[derive(Clone, Debug)]
pub struct Message {
    pub sequence: u64,
    pub payload: Bytes,
    /// As they are on the wire.
    pub headers: String,
}

/// Why nothing was read or stored.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The subject's last message is another than was expected.
    #[error("the subject has changed since it was read")]
    Conflict,
    #[error("{0}")]
    Unavailable(String),
}

#[derive(Deserialize)]
struct Acknowledged {
    #[serde(default)]
    seq: u64,
}

#[derive(Deserialize)]
struct Info {
    state: State,
}

#[derive(Deserialize)]
struct State {
    /// Left out, or `null`, where there are none.
    subjects: Option<BTreeMap<String, u64>>,
}

impl Stream {
    pub fn new(client: async_nats::Client, name: String) -> Self {
        Self { wire: Wire::new(client), name, timeout: TIMEOUT }
    }

    /// The same, with another bound for each question.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the stream is there.
    pub async fn check(&self) -> Result<(), StreamError> {
        let _: Value = self.call("STREAM.INFO", &Value::Null).await?;
        Ok(())
    }

    /// The subject's last message.
    pub async fn last(&self, subject: &str) -> Result<Option<Message>, StreamError> {
        self.get(json!({ "last_by_subj": subject })).await
    }

    /// The subject's first message from this sequence on.
    pub async fn next(&self, subject: &str, from: u64) -> Result<Option<Message>, StreamError> {
        self.get(json!({ "seq": from, "next_by_subj": subject })).await
    }

    /// As [`next`](Self::next), from whichever replica is near: one may not have yet what was just stored.
    pub async fn next_nearby(&self, subject: &str, from: u64) -> Result<Option<Message>, StreamError> {
        let body = json!({ "seq": from, "next_by_subj": subject }).to_string();
        let request = async_nats::Request::new().payload(body.into());
        let subject = api(&format!("DIRECT.GET.{}", self.name));
        let answer = self.wire.request(subject, request, self.timeout).await?;
        match answer.status.map(|status| status.as_u16()) {
            None => {}
            Some(404) => return Ok(None),
            Some(status) => return Err(unavailable(format!("a direct read was answered with {status}"))),
        }
        let headers = answer.headers.unwrap_or_default();
        let sequence = headers.get("Nats-Sequence").and_then(|sequence| sequence.as_str().parse().ok());
        let sequence = sequence.ok_or_else(|| unavailable("a direct read without its sequence"))?;
        Ok(Some(Message { sequence, payload: answer.payload, headers: String::new() }))
    }

    /// Stores a message, where the subject's last one is at this sequence (0: there is none) when one is
    /// expected; the answer is the new sequence. After `Unavailable` it may be stored or not.
    pub async fn store(
        &self,
        subject: &str,
        payload: Bytes,
        mut headers: HeaderMap,
        expected: Option<u64>,
    ) -> Result<u64, StreamError> {
        if let Some(expected) = expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        }
        let request = async_nats::Request::new().payload(payload).headers(headers);
        let answer = self.wire.request(data(subject), request, self.timeout).await?;
        Ok(parse::<Acknowledged>(&answer.payload)?.seq)
    }

    /// The subjects that this pattern covers, with how many messages each has.
    pub async fn subjects(&self, pattern: &str) -> Result<BTreeMap<String, u64>, StreamError> {
        let info: Info = self.call("STREAM.INFO", &json!({ "subjects_filter": pattern })).await?;
        Ok(info.state.subjects.unwrap_or_default())
    }

    /// Deletes one message, once it is written over where it lies on the servers' disks.
    pub async fn erase(&self, sequence: u64) -> Result<(), StreamError> {
        let _: Value = self.call("STREAM.MSG.DELETE", &json!({ "seq": sequence, "no_erase": false })).await?;
        Ok(())
    }

    /// Deletes the subject's messages, every trace of them.
    pub async fn purge(&self, subject: &str) -> Result<(), StreamError> {
        let _: Value = self.call("STREAM.PURGE", &json!({ "filter": subject })).await?;
        Ok(())
    }

    async fn get(&self, which: Value) -> Result<Option<Message>, StreamError> {
        let found = self.wire.get(&self.name, &which, self.timeout).await?;
        Ok(found.map(|Found { sequence, payload, headers, .. }| Message { sequence, payload, headers }))
    }

    async fn call<T: DeserializeOwned>(&self, verb: &str, body: &Value) -> Result<T, StreamError> {
        Ok(self.wire.call(&format!("{verb}.{}", self.name), body, self.timeout).await?)
    }
}

impl From<CallError> for StreamError {
    fn from(error: CallError) -> Self {
        match error.api_code() {
            Some(CallError::WRONG_LAST_SEQUENCE | CallError::WRONG_LAST_SEQUENCE_UNTOLD) => Self::Conflict,
            Some(CallError::NO_STREAM) => unavailable("it is not there: run `keyledger nats setup`"),
            Some(_) | None => unavailable(error),
        }
    }
}

fn unavailable(reason: impl std::fmt::Display) -> StreamError {
    StreamError::Unavailable(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_came_second_is_a_conflict_however_it_is_told() {
        let of = |json: &str| StreamError::from(CallError::Api(serde_json::from_str(json).unwrap()));
        let told = of(r#"{"code":400,"err_code":10071,"description":"wrong last sequence: 7"}"#);
        let untold = of(r#"{"code":400,"err_code":10164,"description":"wrong last sequence"}"#);
        assert!(matches!(told, StreamError::Conflict) && matches!(untold, StreamError::Conflict));
        let full = of(r#"{"code":400,"err_code":10077,"description":"maximum messages exceeded"}"#);
        assert!(matches!(full, StreamError::Unavailable(_)));
    }
}

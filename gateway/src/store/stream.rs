//! One stream's messages: stored with an acknowledgement, read back by subject. Every question has a bound in
//! time, and nothing is sent while the connection is down: the client would send it late.
//!
//! A read is answered by the stream's leader, or by one that was its leader up to half a minute ago; a write that
//! was acknowledged is the only proof of what holds.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{ApiError, api, data};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A stream, over a connection of a role that may use it.
#[derive(Clone)]
pub struct Stream {
    client: async_nats::Client,
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
struct Found {
    message: Option<Wire>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Wire {
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

#[derive(Deserialize)]
struct Purged {
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Info {
    state: Option<State>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct State {
    /// Left out, or `null`, where there are none.
    subjects: Option<BTreeMap<String, u64>>,
}

/// No such stream (10059).
const NO_STREAM: u32 = 10_059;
/// No message found (10037).
const NO_MESSAGE: u32 = 10_037;
/// Wrong last sequence (10071).
const WRONG_SEQUENCE: u32 = 10_071;

impl Stream {
    pub fn new(client: async_nats::Client, name: String) -> Self {
        Self { client, name, timeout: TIMEOUT }
    }

    /// The same, with another bound for each question.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Whether the stream is there.
    pub async fn check(&self) -> Result<(), StreamError> {
        let answer = self.ask(api(&format!("STREAM.INFO.{}", self.name)), async_nats::Request::new()).await?;
        let info: Info = parse(&answer.payload)?;
        info.error.map_or(Ok(()), |error| Err(refused(&error)))
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
        let answer = self.ask(api(&format!("DIRECT.GET.{}", self.name)), request).await?;
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
        let answer: Acknowledged = parse(&self.ask(data(subject), request).await?.payload)?;
        match answer.error {
            None => Ok(answer.seq),
            Some(ApiError { err_code: WRONG_SEQUENCE, .. }) => Err(StreamError::Conflict),
            Some(error) => Err(refused(&error)),
        }
    }

    /// The subjects that this pattern covers, with how many messages each has.
    pub async fn subjects(&self, pattern: &str) -> Result<BTreeMap<String, u64>, StreamError> {
        let body = json!({ "subjects_filter": pattern }).to_string();
        let request = async_nats::Request::new().payload(body.into());
        let answer = self.ask(api(&format!("STREAM.INFO.{}", self.name)), request).await?;
        let info: Info = parse(&answer.payload)?;
        match (info.error, info.state) {
            (Some(error), _) => Err(refused(&error)),
            (None, Some(state)) => Ok(state.subjects.unwrap_or_default()),
            (None, None) => Err(unavailable("an answer without the stream's state")),
        }
    }

    /// Deletes the subject's messages, every trace of them.
    pub async fn purge(&self, subject: &str) -> Result<(), StreamError> {
        let body = json!({ "filter": subject }).to_string();
        let request = async_nats::Request::new().payload(body.into());
        let answer = self.ask(api(&format!("STREAM.PURGE.{}", self.name)), request).await?;
        let purged: Purged = parse(&answer.payload)?;
        purged.error.map_or(Ok(()), |error| Err(refused(&error)))
    }

    async fn get(&self, body: serde_json::Value) -> Result<Option<Message>, StreamError> {
        let request = async_nats::Request::new().payload(body.to_string().into());
        let answer = self.ask(api(&format!("STREAM.MSG.GET.{}", self.name)), request).await?;
        match parse(&answer.payload)? {
            Found { error: Some(ApiError { err_code: NO_MESSAGE, .. }), .. } => Ok(None),
            Found { error: Some(error), .. } => Err(refused(&error)),
            Found { message: None, .. } => Err(unavailable("an answer without a message")),
            Found { message: Some(message), .. } => Ok(Some(Message {
                sequence: message.seq,
                payload: decode(&message.data)?.into(),
                headers: String::from_utf8_lossy(&decode(&message.hdrs)?).into_owned(),
            })),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    pub(super) async fn ask(
        &self,
        subject: String,
        request: async_nats::Request,
    ) -> Result<async_nats::Message, StreamError> {
        if !self.is_connected() {
            return Err(unavailable("not connected to NATS"));
        }
        self.client.send_request(subject, request.timeout(Some(self.timeout))).await.map_err(unavailable)
    }
}

fn refused(error: &ApiError) -> StreamError {
    match error.err_code {
        NO_STREAM => unavailable("it is not there: run `keyledger nats setup`"),
        _ => unavailable(&error.description),
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, StreamError> {
    serde_json::from_slice(payload).map_err(unavailable)
}

fn decode(text: &str) -> Result<Vec<u8>, StreamError> {
    STANDARD.decode(text).map_err(unavailable)
}

fn unavailable(reason: impl std::fmt::Display) -> StreamError {
    StreamError::Unavailable(reason.to_string())
}

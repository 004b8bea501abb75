//! Questions to JetStream's API, as raw JSON, and what can go wrong with them.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Shared;
use crate::log::{Quorum, Stored};
use crate::timestamp::Timestamp;

/// Every role's user lives in a NATS account of its own, which imports what the role may use of the log's account,
/// each under a prefix: a reply subject of the user's is none of the log's account's.
///
/// JetStream's API, such as `STREAM.INFO.KL_EVENTS_0`, as a role reaches it.
pub fn api(subject: &str) -> String {
    format!("KL.API.{subject}")
}

/// A stream's own subject (`kl.events.…`, `$KV.…`, `$O.…`), as a role publishes to it.
pub fn data(subject: &str) -> String {
    format!("KL.DATA.{subject}")
}

/// An error that JetStream answered with.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ApiError {
    #[serde(default)]
    pub code: u16,
    #[serde(default)]
    pub err_code: u32,
    #[serde(default)]
    pub description: String,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.description, self.err_code)
    }
}

/// Why a question has no good answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("not connected to NATS")]
    Disconnected,
    #[error(
        "nobody answers for the stream (no leader, JetStream is off, or the accounts are not those of `keyledger nats setup --print`)"
    )]
    NoResponders,
    #[error("no answer in time")]
    TimedOut,
    #[error("the connection to NATS was lost while waiting for the answer")]
    ConnectionLost,
    #[error("{0}")]
    Api(ApiError),
    #[error("NATS: {0}")]
    Client(String),
    #[error("the answer could not be read: {0}")]
    Answer(String),
    /// What the leader says proves nothing.
    #[error("{0}")]
    NoMajority(Quorum),
    #[error("a server that was left behind lacks events of the log")]
    LeftBehind,
    /// So many that the leader is not asked which.
    #[error("{0} messages inside the log are gone, too many to tell which: restore the log from a backup")]
    Holes(usize),
}

impl CallError {
    /// No message found under this sequence or subject (10037).
    pub(super) fn is_no_message(&self) -> bool {
        self.api_code() == Some(10_037)
    }

    /// The stream is not there (10059).
    pub(super) fn is_no_stream(&self) -> bool {
        self.api_code() == Some(10_059)
    }

    fn api_code(&self) -> Option<u32> {
        match self {
            Self::Api(error) => Some(error.err_code),
            Self::Disconnected
            | Self::NoResponders
            | Self::TimedOut
            | Self::ConnectionLost
            | Self::Client(_)
            | Self::Answer(_)
            | Self::NoMajority(_)
            | Self::LeftBehind
            | Self::Holes(_) => None,
        }
    }
}

impl From<CallError> for crate::log::ReadError {
    fn from(error: CallError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Sends a request and waits for its answer. Ends early when the connection is lost: the answer would come on
/// a connection that is gone.
pub(super) async fn request(
    log: &Shared,
    subject: String,
    request: async_nats::Request,
    timeout: Duration,
) -> Result<async_nats::Message, CallError> {
    if !log.connected() {
        return Err(CallError::Disconnected);
    }
    let connection = log.connection();
    let lost = async {
        while log.connected() && log.connection() == connection {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answer = log.client.send_request(subject, request.timeout(Some(timeout)));
    tokio::select! {
        biased;
        answer = answer => answer.map_err(|error| match error.kind() {
            RequestErrorKind::TimedOut => CallError::TimedOut,
            RequestErrorKind::NoResponders => CallError::NoResponders,
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::Other => {
                CallError::Client(error.to_string())
            }
        }),
        () = lost => Err(CallError::ConnectionLost),
    }
}

/// Asks the API; `T` is the good answer.
pub(super) async fn call<T: DeserializeOwned>(
    log: &Shared,
    subject: &str,
    body: &serde_json::Value,
) -> Result<T, CallError> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request_ = async_nats::Request::new().payload(body.into());
    let answer = request(log, api(subject), request_, log.timeouts.read).await?;
    parse(&answer.payload)
}

pub(super) fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CallError> {
    #[derive(Deserialize)]
    struct MayFail {
        error: Option<ApiError>,
    }
    let unreadable = |error: serde_json::Error| CallError::Answer(error.to_string());
    if let Some(error) = serde_json::from_slice::<MayFail>(payload).map_err(unreadable)?.error {
        return Err(CallError::Api(error));
    }
    serde_json::from_slice(payload).map_err(unreadable)
}

/// `STREAM.MSG.GET`, which the stream's leader answers: `None` when there is no such message.
pub(super) async fn get(log: &Shared, which: serde_json::Value) -> Result<Option<Stored>, CallError> {
    #[derive(Deserialize)]
    struct Answer {
        message: Message,
    }
    #[derive(Deserialize)]
    struct Message {
        subject: String,
        seq: u64,
        #[serde(default)]
        data: String,
        time: String,
    }
    let subject = format!("STREAM.MSG.GET.{}", super::STREAM);
    let message = match call::<Answer>(log, &subject, &which).await {
        Ok(answer) => answer.message,
        Err(error) if error.is_no_message() => return Ok(None),
        Err(error) => return Err(error),
    };
    let payload = STANDARD.decode(&message.data).map_err(|error| CallError::Answer(error.to_string()))?;
    Ok(Some(Stored {
        sequence: message.seq,
        subject: message.subject,
        stored_at: time(&message.time)?,
        payload: payload.into(),
    }))
}

pub(super) fn time(text: &str) -> Result<Timestamp, CallError> {
    text.parse().map_err(|error: crate::timestamp::TimestampError| CallError::Answer(error.to_string()))
}

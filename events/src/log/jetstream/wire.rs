//! Questions to JetStream's API, as raw JSON, and what can go wrong with them: for the log, and for whoever keeps other
//! streams beside it.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{RequestErrorKind, Statistics};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::log::Quorum;

/// In place of `$JS.API`.
pub const API_PREFIX: &str = "KL.API";

/// Every role's user lives in a NATS account of its own, which imports what the role may use of the log's account,
/// each under a prefix: a reply subject of the user's is none of the log's account's.
///
/// JetStream's API, such as `STREAM.INFO.KL_EVENTS_0`, as a role reaches it.
pub fn api(subject: &str) -> String {
    format!("{API_PREFIX}.{subject}")
}

/// A stream's own subject (`kl.events.…`, `$KV.…`, `$O.…`), as a role publishes to it.
pub fn data(subject: &str) -> String {
    format!("KL.DATA.{subject}")
}

/// A role's way to JetStream. Cheap to clone.
#[derive(Clone)]
pub struct Wire {
    client: async_nats::Client,
    statistics: Arc<Statistics>,
}

/// A message that `STREAM.MSG.GET` found.
#[derive(Clone, Debug)]
pub struct Found {
    pub sequence: u64,
    pub subject: String,
    /// As the server writes it.
    pub time: String,
    pub payload: Bytes,
    /// As they are on the wire.
    pub headers: String,
}

/// An error that JetStream answered with.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ApiError {
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
pub enum CallError {
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
    /// No message found under this sequence or subject.
    pub const NO_MESSAGE: u32 = 10_037;
    /// The stream is not there.
    pub const NO_STREAM: u32 = 10_059;
    /// What was expected to be the last message, of a subject, is another one: told with its sequence, and without where
    /// another write to the subject is under way.
    pub const WRONG_LAST_SEQUENCE: u32 = 10_071;
    pub const WRONG_LAST_SEQUENCE_UNTOLD: u32 = 10_164;

    /// The number of the error that JetStream answered with (`err_code`).
    pub fn api_code(&self) -> Option<u32> {
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

impl Wire {
    pub fn new(client: async_nats::Client) -> Self {
        Self { statistics: client.statistics(), client }
    }

    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Which of the client's connections this is, counted from 1: it changes with every reconnect.
    pub fn connection(&self) -> u64 {
        self.statistics.connects.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Sends a request and waits for its answer. Nothing is sent while there is no connection: the client would send it
    /// late. Ends early when the connection is lost: the answer would come on a connection that is gone.
    pub async fn request(
        &self,
        subject: String,
        request: async_nats::Request,
        timeout: Duration,
    ) -> Result<async_nats::Message, CallError> {
        if !self.is_connected() {
            return Err(CallError::Disconnected);
        }
        let connection = self.connection();
        let lost = async {
            while self.is_connected() && self.connection() == connection {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let answer = self.client.send_request(subject, request.timeout(Some(timeout)));
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|error| match error.kind() {
                RequestErrorKind::TimedOut => CallError::TimedOut,
                RequestErrorKind::NoResponders => CallError::NoResponders,
                RequestErrorKind::InvalidSubject
                | RequestErrorKind::MaxPayloadExceeded
                | RequestErrorKind::Other => CallError::Client(error.to_string()),
            }),
            () = lost => Err(CallError::ConnectionLost),
        }
    }

    /// Asks the API; `T` is the good answer.
    pub async fn call<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = async_nats::Request::new().payload(body.into());
        parse(&self.request(api(subject), request, timeout).await?.payload)
    }

    /// `STREAM.MSG.GET`, which the stream's leader answers: `None` when there is no such message.
    pub async fn get(
        &self,
        stream: &str,
        which: &Value,
        timeout: Duration,
    ) -> Result<Option<Found>, CallError> {
        #[derive(Deserialize)]
        struct Answer {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            subject: String,
            seq: u64,
            #[serde(default)]
            hdrs: String,
            #[serde(default)]
            data: String,
            time: String,
        }
        let Message { subject, seq, hdrs, data, time } =
            match self.call::<Answer>(&format!("STREAM.MSG.GET.{stream}"), which, timeout).await {
                Ok(answer) => answer.message,
                Err(error) if error.api_code() == Some(CallError::NO_MESSAGE) => return Ok(None),
                Err(error) => return Err(error),
            };
        let decode = |text: &str| STANDARD.decode(text).map_err(|error| CallError::Answer(error.to_string()));
        let headers = String::from_utf8_lossy(&decode(&hdrs)?).into_owned();
        Ok(Some(Found { sequence: seq, subject, time, payload: decode(&data)?.into(), headers }))
    }
}

/// What JetStream answered: `T`, or its error.
pub fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CallError> {
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

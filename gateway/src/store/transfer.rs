//! A stream out of NATS as bytes, and back into NATS: JetStream's own snapshot and restore (`STREAM.SNAPSHOT`,
//! `STREAM.RESTORE`), which keep sequences and times. The bytes are the server's to understand.

use std::time::Duration;

use bytes::Bytes;
use events::log::jetstream::{CallError, STREAM, Wire, parse};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{CHECKPOINTS, VAULT_CONTROL, VAULT_NODE, VAULT_PEOPLE, data};

/// Where a snapshot's parts arrive, each copy's under a name of its own.
pub const DELIVERED: &str = "kl.backup";

/// What a backup copies, in order: the log before the vaults that open it, and after the checkpoints, so that none is of
/// more than was copied.
pub fn streams() -> [String; 5] {
    let vault = |name| format!("KV_{name}");
    [CHECKPOINTS.to_owned(), STREAM.to_owned(), vault(VAULT_NODE), vault(VAULT_CONTROL), vault(VAULT_PEOPLE)]
}

/// Bytes in one part.
const PART: usize = 128 * 1024;
/// The longest silence while parts go either way. A server begins with a check of the stream.
const SILENCE: Duration = Duration::from_secs(60);

/// What a stream is beside its messages: as the server told it, to be given back as it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Shape {
    pub config: Value,
    pub state: Value,
}

/// Why a stream was not copied.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("there is no stream {0}: run `keyledger nats setup`")]
    NoStream(String),
    #[error("NATS refused it for the stream {stream}: {reason}")]
    Refused { stream: String, reason: String },
    #[error("NATS stopped answering for the stream {stream}: {reason}")]
    Unavailable { stream: String, reason: String },
    #[error("the copy of the stream {stream} can't be read or written: {source}")]
    File { stream: String, source: std::io::Error },
}

/// Where the parts of a copy that comes back go.
#[derive(Deserialize)]
struct Restore {
    deliver_subject: String,
}

/// One stream and the admin's connection.
pub struct Transfer<'a> {
    wire: Wire,
    stream: &'a str,
}

impl<'a> Transfer<'a> {
    pub fn new(client: &'a async_nats::Client, stream: &'a str) -> Self {
        Self { wire: Wire::new(client.clone()), stream }
    }

    /// What the stream is now; `None`: it is not there.
    pub async fn shape(&self) -> Result<Option<Shape>, TransferError> {
        match self.call("STREAM.INFO", &Value::Null).await {
            Ok(shape) => Ok(Some(shape)),
            Err(error) if error.api_code() == Some(CallError::NO_STREAM) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Writes the stream as it is at this moment. `id` is not used by another copy at the same time.
    pub async fn out(
        &self,
        id: &str,
        to: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Shape, TransferError> {
        let delivered = format!("{DELIVERED}.{id}");
        let subscribed = self.wire.client().subscribe(delivered.clone()).await;
        let mut parts = subscribed.map_err(|error| self.unavailable(error))?;
        let body =
            json!({ "deliver_subject": delivered, "no_consumers": true, "jsck": true, "chunk_size": PART });
        let shape: Shape = self.call("STREAM.SNAPSHOT", &body).await.map_err(|error| self.failed(error))?;
        loop {
            let part = tokio::time::timeout(SILENCE, parts.next()).await;
            let part = part.map_err(|_| self.unavailable("no further part came"))?;
            let part = part.ok_or_else(|| self.unavailable("the connection ended"))?;
            // Whoever may make a consumer can have it deliver here, were the name known. The server's parts have no headers,
            // and each event of the log has some, as has a consumer's sign that it lives.
            match (part.headers, part.status.map(|status| status.as_u16())) {
                (Some(_), None | Some(100..200)) => continue,
                (None, _) | (_, Some(200..300)) if part.payload.is_empty() => return Ok(shape),
                (None, _) => {}
                (_, status) => {
                    let reason = part.description.as_deref().unwrap_or_default();
                    return Err(self.refused(format!("{} {reason}", status.unwrap_or_default())));
                }
            }
            to.write_all(&part.payload).await.map_err(|source| self.file(source))?;
            if let Some(ack) = part.reply {
                // The server sends no more than its window without these.
                let sent = self.wire.client().publish(data(&ack), Bytes::new()).await;
                sent.map_err(|error| self.unavailable(error))?;
            }
        }
    }

    /// Creates the stream from what `out` wrote. It must not be there. The parts go as the restoring user: from
    /// another account the server would take its own note of who asks for a part.
    pub async fn back(
        &self,
        restoring: &async_nats::Client,
        shape: &Shape,
        from: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<(), TransferError> {
        let restoring = Wire::new(restoring.clone());
        let body = json!({ "config": shape.config, "state": shape.state }).to_string();
        let subject = format!("$JS.API.STREAM.RESTORE.{}", self.stream);
        let answer = self.ask(&restoring, subject, body.into()).await?;
        let Restore { deliver_subject: to } = parse(&answer).map_err(|error| self.failed(error))?;
        loop {
            let mut part = vec![0; PART];
            let mut filled = 0;
            while let Some(rest) = part.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match from.read(rest).await.map_err(|source| self.file(source))? {
                    0 => break,
                    read => filled += read,
                }
            }
            part.truncate(filled);
            let answer = self.ask(&restoring, to.clone(), part.into()).await?;
            if !answer.is_empty() {
                parse::<Value>(&answer).map_err(|error| self.failed(error))?;
            }
            // An empty part ends it; its answer is the stream's.
            if filled == 0 {
                return Ok(());
            }
        }
    }

    async fn call(&self, verb: &str, body: &Value) -> Result<Shape, CallError> {
        self.wire.call(&format!("{verb}.{}", self.stream), body, SILENCE).await
    }

    async fn ask(&self, wire: &Wire, subject: String, body: Bytes) -> Result<Bytes, TransferError> {
        let request = async_nats::Request::new().payload(body);
        let answer = wire.request(subject, request, SILENCE).await;
        Ok(answer.map_err(|error| self.failed(error))?.payload)
    }

    fn failed(&self, error: CallError) -> TransferError {
        match error {
            CallError::Api(_) if error.api_code() == Some(CallError::NO_STREAM) => {
                TransferError::NoStream(self.stream.to_owned())
            }
            CallError::Api(error) => self.refused(error.to_string()),
            CallError::TimedOut => {
                self.unavailable("no answer in time, as for what is not permitted: is this the right user?")
            }
            CallError::Disconnected
            | CallError::NoResponders
            | CallError::ConnectionLost
            | CallError::Client(_)
            | CallError::Answer(_)
            | CallError::NoMajority(_)
            | CallError::LeftBehind
            | CallError::Holes(_) => self.unavailable(error),
        }
    }

    fn unavailable(&self, reason: impl std::fmt::Display) -> TransferError {
        TransferError::Unavailable { stream: self.stream.to_owned(), reason: reason.to_string() }
    }

    fn refused(&self, reason: String) -> TransferError {
        TransferError::Refused { stream: self.stream.to_owned(), reason }
    }

    fn file(&self, source: std::io::Error) -> TransferError {
        TransferError::File { stream: self.stream.to_owned(), source }
    }
}

//! Syslog (RFC 5424) over TLS (RFC 5425): each message with its length before it.
//!
//! Syslog has no acknowledgement: what was written may lie in a buffer when the receiver dies. What it has is the end of a
//! connection. So a batch has one of its own, which ends with `close_notify`; the receiver must answer with its own once it has
//! read to there (RFC 5425, section 4.4), and only then is the batch taken. A connection that ends without is what one looks
//! like whose receiver has died.

use std::io::ErrorKind;
use std::time::Duration;

use async_trait::async_trait;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Transport, Undelivered};
use crate::config::{self, ConfigError};
use crate::drains::format::Message;
use crate::outgoing;

/// RFC 5425, section 4.1.
const PORT: u16 = 6514;

/// Log audit (RFC 5424, table 1).
const FACILITY: u8 = 13;

/// A message's type is cut there (RFC 5424, section 6).
const LONGEST_ID: usize = 32;

/// `sequenceId` begins anew after it (RFC 5424, section 7.3.1).
const LAST_SEQUENCE: u64 = 2_147_483_647;

/// What a receiver says is not read beyond this, in bytes.
const LONGEST_ANSWER: usize = 4_096;

pub(super) struct Syslog {
    tls: TlsConnector,
    name: ServerName<'static>,
    address: (String, u16),
    host: String,
    timeout: Duration,
    /// A receiver that ends a connection without a word of TLS has taken what was sent.
    trusting: bool,
}

impl Syslog {
    pub fn new(
        key: &str,
        config: &config::Drain,
        tls: ClientConfig,
        host: String,
    ) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::Value {
            key: format!("{key}.address"),
            problem: "no certificate can be for its host".to_owned(),
            accepted: "tls://HOST[:PORT]",
        };
        let text = config.address.host_str().unwrap_or_default();
        let text = text.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self {
            tls: outgoing::connector(tls),
            name: ServerName::try_from(text.clone()).map_err(|_| wrong())?,
            address: (text, config.address.port().unwrap_or(PORT)),
            host,
            timeout: config.timeout(),
            trusting: config.acknowledge == Some(false),
        })
    }

    fn frame(&self, message: &Message) -> Vec<u8> {
        let priority = FACILITY * 8 + message.severity.syslog();
        let id: String = message.kind.chars().filter(char::is_ascii_graphic).take(LONGEST_ID).collect();
        let sequence = match message.position.sequence % LAST_SEQUENCE {
            0 => LAST_SEQUENCE,
            sequence => sequence,
        };
        let version = env!("CARGO_PKG_VERSION");
        let line = format!(
            "<{priority}>1 {time} {host} keyledger - {id} [meta sequenceId=\"{sequence}\"][origin software=\"keyledger\" \
             swVersion=\"{version}\"] {body}",
            time = message.time,
            host = self.host,
            body = message.body,
        );
        format!("{} {line}", line.len()).into_bytes()
    }

    async fn exchange(&self, frames: &[u8]) -> std::io::Result<()> {
        let stream = TcpStream::connect((&*self.address.0, self.address.1)).await?;
        stream.set_nodelay(true)?;
        let mut stream = self.tls.connect(self.name.clone(), stream).await?;
        stream.write_all(frames).await?;
        stream.shutdown().await?;
        let mut answer = [0; 512];
        let mut read = 0;
        loop {
            match stream.read(&mut answer).await {
                Ok(0) => return Ok(()),
                Ok(more) if read + more <= LONGEST_ANSWER => read += more,
                Ok(_) => return Err(std::io::Error::other("it answers, as no receiver of syslog does")),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.trusting => return Ok(()),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(std::io::Error::other(
                        "it ended the connection without close_notify, as one does that dies; `acknowledge = false` is for a \
                         receiver that never sends it",
                    ));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[async_trait]
impl Transport for Syslog {
    async fn deliver(&self, messages: &[Message]) -> Result<(), Undelivered> {
        let frames: Vec<u8> = messages.iter().flat_map(|message| self.frame(message)).collect();
        match tokio::time::timeout(self.timeout, Box::pin(self.exchange(&frames))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Undelivered::Unavailable(error.to_string())),
            Err(_) => Err(Undelivered::Unavailable(format!(
                "it has not taken them and ended the connection within {} ms",
                self.timeout.as_millis()
            ))),
        }
    }
}

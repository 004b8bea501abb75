//! An upstream's answer to a greeting: judged as the proxy judges answers, and then whether it is one of MCP.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::mcp::header::SESSION_ID;
use crate::request::media::{JSON, Media};
use crate::request::session::is_session_id;
use crate::request::unfit::{self, Unfit};
use crate::upstream::UpstreamError;

/// So much of an answer is read.
const MAX_ANSWER: usize = 64 * 1024;

/// How one asks a server who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// From 2026-07-28 on.
    Discover,
    /// Before.
    Initialize,
}

impl Greeting {
    pub fn method(self) -> &'static str {
        match self {
            Self::Discover => "server/discover",
            Self::Initialize => "initialize",
        }
    }

    /// The newest version of MCP in which it is asked so.
    pub fn version(self) -> &'static str {
        match self {
            Self::Discover => "2026-07-28",
            Self::Initialize => "2025-11-25",
        }
    }

    pub fn message(self) -> Value {
        let client = json!({"name": "keyledger", "version": env!("CARGO_PKG_VERSION")});
        let params = match self {
            Self::Discover => json!({"_meta": {
                "io.modelcontextprotocol/protocolVersion": self.version(),
                "io.modelcontextprotocol/clientInfo": client,
                "io.modelcontextprotocol/clientCapabilities": {},
            }}),
            Self::Initialize => {
                json!({"protocolVersion": self.version(), "capabilities": {}, "clientInfo": client})
            }
        };
        json!({"jsonrpc": "2.0", "id": 1, "method": self.method(), "params": params})
    }

    /// The version that a result agrees on, if it has what the schema asks of it (2025-11-25, `InitializeResult`;
    /// 2026-07-28, `DiscoverResult`).
    fn agreed(self, result: &Value) -> Option<&str> {
        result.get("capabilities")?.as_object()?;
        match self {
            Self::Discover => {
                let versions = result.get("supportedVersions")?.as_array()?;
                versions.iter().filter_map(Value::as_str).find(|version| *version == self.version())
            }
            Self::Initialize => {
                let server = result.get("serverInfo")?;
                server.get("name")?.as_str()?;
                server.get("version")?.as_str()?;
                result.get("protocolVersion")?.as_str()
            }
        }
    }
}

/// An answer as far as it matters.
pub struct Answer {
    pub status: StatusCode,
    /// Why a call would be refused.
    pub unfit: Option<Unfit>,
    /// A body like this one reaches the client.
    pub passes: bool,
    pub session: Option<HeaderValue>,
    message: Option<Value>,
}

impl Answer {
    /// Reads until a message is there, the body has ended, or it is too long.
    pub async fn read<B>(response: Response<B>, greeting: Greeting) -> Result<Self, UpstreamError>
    where
        B: Body<Data = Bytes, Error = UpstreamError> + Unpin,
    {
        let (head, body) = response.into_parts();
        let session = head.headers.get(SESSION_ID).cloned();
        let sealable = session.as_ref().is_none_or(is_session_id) || greeting == Greeting::Discover;
        let fit = unfit::judge(head.status, &head.headers);
        let unfit = fit.and(if sealable { Ok(()) } else { Err(Unfit::Session) }).err();
        let media = Media::of(&head.headers);
        let mut answer =
            Self { status: head.status, passes: media != Media::Other, unfit, session, message: None };
        if answer.unfit.is_none() {
            answer.message = match media {
                Media::Events => events(body).await?,
                // Other JSON passes; MCP is none of it.
                Media::Json(json) if json == JSON => document(body).await?,
                Media::Json(_) | Media::Other => None,
            };
        }
        Ok(answer)
    }

    /// The version of MCP that it speaks, if this is an answer to the greeting.
    pub fn spoken(&self, greeting: Greeting) -> Option<String> {
        let message = self.message.as_ref().filter(|_| self.status.is_success())?;
        let is_result = message["jsonrpc"] == "2.0" && message["id"] == 1 && message.get("error").is_none();
        let agreed = greeting.agreed(message.get("result").filter(|_| is_result)?)?;
        let told: String = agreed.chars().filter(char::is_ascii_graphic).take(32).collect();
        (!told.is_empty()).then_some(told)
    }
}

async fn document<B>(mut body: B) -> Result<Option<Value>, UpstreamError>
where
    B: Body<Data = Bytes, Error = UpstreamError> + Unpin,
{
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            read.extend_from_slice(data);
        }
        if read.len() > MAX_ANSWER {
            return Ok(None);
        }
    }
    Ok(serde_json::from_slice(&read).ok())
}

async fn events<B>(mut body: B) -> Result<Option<Value>, UpstreamError>
where
    B: Body<Data = Bytes, Error = UpstreamError> + Unpin,
{
    let (mut events, mut left) = (Events::default(), MAX_ANSWER);
    while left > 0
        && let Some(frame) = body.frame().await
    {
        let frame = frame?;
        let Some(data) = frame.data_ref() else { continue };
        if let Some(message) = events.take(&data[..data.len().min(left)]) {
            return Ok(Some(message));
        }
        left = left.saturating_sub(data.len());
    }
    Ok(None)
}

/// An event stream, up to the answer that it holds (HTML Living Standard §9.2.6).
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    after_return: bool,
}

impl Events {
    /// The answer, once its event is whole.
    fn take(&mut self, bytes: &[u8]) -> Option<Value> {
        bytes.iter().find_map(|byte| {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => None,
                b'\n' | b'\r' => self.end_line(),
                byte => {
                    self.line.push(*byte);
                    None
                }
            }
        })
    }

    fn end_line(&mut self) -> Option<Value> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return serde_json::from_slice::<Value>(&data).ok().filter(|message| message["id"] == 1);
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            self.data.extend_from_slice(data);
            self.data.push(b'\n');
        }
        None
    }
}

#[cfg(test)]
mod tests;

//! What a client sends to the public listener.

pub use crate::listener::tests::client::{Connection, Reply};

/// A POST to `docs`. `headers` end in CRLF.
pub fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

//! Upstreams that do one wrong thing.

use std::time::Duration;

use async_trait::async_trait;

use super::{After, Behave, Received, Reply};

/// The same answer to everything.
#[derive(Clone, Debug)]
pub struct Fixed {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// Reads the request and never answers.
#[derive(Clone, Copy, Debug)]
pub struct Hanging;

/// Sends the caller elsewhere, with a status of its choice.
#[derive(Clone, Debug)]
pub struct Redirecting {
    pub status: u16,
    pub to: String,
}

/// Begins an answer of JSON and goes on with one byte each `every`, without end.
#[derive(Clone, Copy, Debug)]
pub struct Trickling {
    pub every: Duration,
}

impl Fixed {
    pub fn new(status: u16, content_type: &str, body: &str) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.to_owned())], body: body.to_owned() }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[async_trait]
impl Behave for Fixed {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        reply.whole(self.status, &headers, self.body.as_bytes()).await;
        After::Keep
    }
}

#[async_trait]
impl Behave for Hanging {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        reply.closed().await;
        After::Close
    }
}

#[async_trait]
impl Behave for Redirecting {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        reply
            .whole(self.status, &[("Location", &self.to), ("Content-Type", "text/html")], b"elsewhere")
            .await;
        After::Keep
    }
}

#[async_trait]
impl Behave for Trickling {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        reply.stream(&[]).await;
        while reply
            .event(None, &serde_json::json!({"jsonrpc": "2.0", "method": "notifications/message"}))
            .await
        {
            tokio::time::sleep(self.every).await;
        }
        After::Close
    }
}

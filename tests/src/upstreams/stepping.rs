//! An upstream whose streams go on only as the test lets them: what reaches the client before the next step
//! was not held back by anyone, without a clock to say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{After, Behave, McpServer, Received, Reply};

/// Every GET and every tool call is a stream of one message a step; the last step of a call is its result.
#[derive(Clone, Debug)]
pub struct Stepping {
    steps: Arc<Semaphore>,
    left: Arc<AtomicUsize>,
    of: usize,
    rest: Arc<McpServer>,
}

impl Stepping {
    /// Streams of so many messages.
    pub fn of(messages: usize) -> Self {
        Self {
            steps: Arc::new(Semaphore::new(0)),
            left: Arc::new(AtomicUsize::new(0)),
            of: messages,
            rest: Arc::new(McpServer::default()),
        }
    }

    /// Lets the open stream send one more message.
    pub fn step(&self) {
        self.steps.add_permits(1);
    }

    /// How many steps no stream has taken yet.
    pub fn untaken(&self) -> usize {
        self.steps.available_permits()
    }

    /// How many streams the gateway left before their end.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Behave for Stepping {
    async fn answer(&self, call: &Received, reply: &mut Reply) -> After {
        let message = call.message();
        if call.method != "GET" && message["method"] != "tools/call" {
            return self.rest.answer(call, reply).await;
        }
        reply.stream(&[("Mcp-Session-Id", "upstream-session-0")]).await;
        for step in 1..=self.of {
            tokio::select! {
                permit = self.steps.acquire() => permit.expect("never closed").forget(),
                () = reply.closed() => {
                    self.left.fetch_add(1, Ordering::SeqCst);
                    return After::Close;
                }
            }
            let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress",
                "params": {"progressToken": message["params"]["_meta"]["progressToken"], "progress": step}});
            let result = json!({"jsonrpc": "2.0", "id": message["id"],
                "result": {"content": [{"type": "text", "text": "done"}]}});
            reply.event(None, if step == self.of { &result } else { &progress }).await;
        }
        reply.end().await;
        After::Keep
    }
}

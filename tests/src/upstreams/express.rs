//! The official TypeScript SDK's own Express server as an upstream, with the tools `echo`, `wipe` and `slow`,
//! which makes a task.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::{clients, poll};

/// It runs until it is dropped.
#[derive(Debug)]
pub struct Express {
    port: u64,
    called: Arc<Mutex<Vec<(String, String)>>>,
    _task: JoinSet<()>,
    _child: Child,
}

impl Express {
    pub async fn start() -> Self {
        let mut child = Command::new("node")
            .arg(clients::folder().join("typescript/server.mjs"))
            .env("KEYLEDGER_CLIENTS", clients::installed())
            // The clients' scripts are given keys; a server has none.
            .env("KEYLEDGER_KEYS", "[]")
            // Ends it when this process ends, however that comes.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let first = poll::within("the Express server", Duration::from_secs(60), next(&mut lines)).await;
        let first = first.expect("the Express server ended: its message stands above");
        let port = first["port"].as_u64().unwrap_or_else(|| panic!("no port in {first}"));
        let called = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        let heard = called.clone();
        task.spawn(async move {
            while let Some(line) = next(&mut lines).await {
                let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
                heard.lock().expect("not poisoned").push((text("tool"), text("text")));
            }
        });
        Self { port, called, _task: task, _child: child }
    }

    /// Where a server is registered.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    pub fn address(&self) -> std::net::SocketAddr {
        let port = u16::try_from(self.port).expect("a port");
        ([127, 0, 0, 1], port).into()
    }

    /// The tools that ran, with their text, until `echo` has run with this text.
    pub async fn ran_until(&self, text: &str) -> Vec<(String, String)> {
        let (called, _) = poll::until("the tools that ran", Duration::from_secs(10), async || {
            let called = self.called.lock().expect("not poisoned").clone();
            if called.iter().any(|(tool, said)| tool == "echo" && said == text) {
                Ok(called)
            } else {
                Err(called)
            }
        })
        .await;
        called
    }
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Value> {
    let line = lines.next_line().await.ok().flatten()?;
    Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a line of ours: {line}")))
}

//! A private nats-server, and a log on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use events::clock::{SystemClock, SystemRandom};
use events::log::jetstream::{self, ConnectOptions, Credentials, JetStreamLog, OpenError, Timeouts};
use serde_json::{Value, json};

pub struct NatsServer {
    child: Option<Child>,
    pub port: u16,
    pub directory: tempfile::TempDir,
}

impl NatsServer {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { child: None, port, directory };
        server.restart().await;
        server
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    pub async fn restart(&mut self) {
        assert!(self.child.is_none());
        let program = std::env::var_os("NATS_SERVER").unwrap_or_else(|| "nats-server".into());
        let child = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream", "--store_dir"])
            .arg(self.store())
            .args(["--log", "/dev/null"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        eventually("nats-server listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok()
        })
        .await;
    }

    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().unwrap();
        assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
    }

    /// Ends at once, as a crash would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Copies the store to a folder, or back. The server must be stopped.
    pub fn copy(from: &Path, to: &Path) {
        if to.exists() {
            std::fs::remove_dir_all(to).unwrap();
        }
        assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
    }

    pub async fn client(&self) -> async_nats::Client {
        let options = ConnectOptions {
            servers: vec![self.url()],
            credentials: Credentials::None,
            name: "test".to_owned(),
            inbox_prefix: "_INBOX".to_owned(),
            authorities: None,
            certificate: None,
        };
        jetstream::connect(options).await.unwrap()
    }

    pub async fn api(&self, subject: &str, body: &Value) -> Value {
        let client = self.client().await;
        let answer = client.request(format!("$JS.API.{subject}"), body.to_string().into()).await.unwrap();
        serde_json::from_slice(&answer.payload).unwrap()
    }

    pub async fn create_stream(&self) {
        let answer = self.api("STREAM.CREATE.KL_EVENTS_0", &jetstream::stream_config(1)).await;
        assert_eq!(answer.get("error"), None, "{answer}");
    }

    pub async fn delete_stream(&self) {
        let answer = self.api("STREAM.DELETE.KL_EVENTS_0", &json!({})).await;
        assert_eq!(answer.get("error"), None, "{answer}");
    }

    pub async fn open(&self) -> Result<JetStreamLog, OpenError> {
        self.open_with(timeouts()).await
    }

    pub async fn open_with(&self, timeouts: Timeouts) -> Result<JetStreamLog, OpenError> {
        let client = self.client().await;
        JetStreamLog::open(client, Arc::new(SystemClock), Arc::new(SystemRandom), timeouts).await
    }

    /// A server with an empty log.
    pub async fn with_log() -> (Self, JetStreamLog) {
        let server = Self::start().await;
        server.create_stream().await;
        let log = server.open().await.unwrap();
        (server, log)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

fn timeouts() -> Timeouts {
    Timeouts {
        append: Duration::from_secs(3),
        read: Duration::from_secs(2),
        heartbeat: Duration::from_millis(500),
    }
}

/// Polls until it is there; at most 20 seconds.
pub async fn eventually<T>(what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
    let all = async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(20), all).await {
        Ok(found) => found,
        Err(_) => panic!("not within 20 seconds: {what}"),
    }
}

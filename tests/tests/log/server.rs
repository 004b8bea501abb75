//! A private nats-server, and a log on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use events::clock::{SystemClock, SystemRandom};
use events::log::jetstream::{
    self, ConnectOptions, Credentials, JetStreamLog, OpenError, Password, Timeouts,
};
use gateway::config::NatsRole;
use gateway::dev::children::Signal;
use gateway::dev::nats::{NatsOptions, NatsUser};
use gateway::store::roles;
use serde_json::{Value, json};

/// Its users are the roles with their permissions, and `root`, who may do everything.
pub struct NatsServer {
    server: Option<gateway::dev::nats::NatsServer>,
    options: NatsOptions,
    pub directory: tempfile::TempDir,
}

impl NatsServer {
    pub async fn start() -> Self {
        gateway::crypto::install();
        let directory = tempfile::tempdir().unwrap();
        let mut users: Vec<_> = roles::ALL
            .map(|role| NatsUser {
                name: role.as_str().to_owned(),
                permissions: Some(roles::permissions(role)),
            })
            .into();
        users.push(NatsUser { name: "root".to_owned(), permissions: None });
        let options = NatsOptions { directory: directory.path().join("nats"), users, sync_always: false };
        let mut server = Self { server: None, options, directory };
        server.restart().await;
        server
    }

    pub fn store(&self) -> PathBuf {
        self.options.directory.join("store")
    }

    pub async fn restart(&mut self) {
        assert!(self.server.is_none());
        let server = gateway::dev::nats::NatsServer::start(&self.options, &SystemRandom).await.unwrap();
        self.server = Some(server);
    }

    pub async fn signal(&self, signal: Signal) {
        self.running().child().signal(signal).await;
    }

    /// Ends at once, as a crash would.
    pub fn kill(&mut self) {
        assert!(self.server.take().is_some());
    }

    fn running(&self) -> &gateway::dev::nats::NatsServer {
        self.server.as_ref().unwrap()
    }

    /// Copies the store to a folder, or back. The server must be stopped.
    pub fn copy(from: &Path, to: &Path) {
        if to.exists() {
            std::fs::remove_dir_all(to).unwrap();
        }
        assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
    }

    pub async fn connect(&self, role: NatsRole) -> async_nats::Client {
        self.connect_as(role.as_str(), roles::inbox_prefix(role)).await
    }

    pub async fn root(&self) -> async_nats::Client {
        self.connect_as("root", "_INBOX".to_owned()).await
    }

    async fn connect_as(&self, user: &str, inbox_prefix: String) -> async_nats::Client {
        let user = self.running().credentials(user).unwrap();
        let options = ConnectOptions {
            servers: vec![self.running().url()],
            credentials: Credentials::User { name: user.user, password: Password::new(user.password) },
            name: "test".to_owned(),
            inbox_prefix,
            authorities: None,
            certificate: None,
        };
        jetstream::connect(options).await.unwrap()
    }

    /// Asks JetStream as `root`.
    pub async fn api(&self, subject: &str, body: &Value) -> Value {
        let client = self.root().await;
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
        self.open_as(NatsRole::Control).await
    }

    pub async fn open_as(&self, role: NatsRole) -> Result<JetStreamLog, OpenError> {
        let client = self.connect(role).await;
        JetStreamLog::open(client, Arc::new(SystemClock), Arc::new(SystemRandom), timeouts()).await
    }

    /// A server with an empty log.
    pub async fn with_log() -> (Self, JetStreamLog) {
        let server = Self::start().await;
        server.create_stream().await;
        let log = server.open().await.unwrap();
        (server, log)
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

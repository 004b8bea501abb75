use std::path::Path;

use events::clock::SystemRandom;
use gateway::dev::children::Signal;
use gateway::dev::nats::{Credentials, NatsOptions, NatsServer, NatsUser};
use tempfile::TempDir;

/// A nats-server of the test's own, with a user for each role. It can be stopped, killed and started again
/// under the same address.
pub struct Nats {
    server: Option<NatsServer>,
    url: String,
    options: NatsOptions,
    // After the server: it goes first.
    _directory: TempDir,
}

impl Nats {
    /// Stores without waiting for the disk. Streams are the test's to create.
    pub async fn start() -> Self {
        gateway::crypto::install();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let users = ["admin", "control", "worker", "node", "auditor"];
        let options = NatsOptions {
            directory: directory.path().join("nats"),
            users: users.map(|name| NatsUser { name: name.into(), permissions: None }).into(),
            sync_always: false,
        };
        let server = NatsServer::start(&options, &SystemRandom).await.expect("nats-server starts");
        Self { url: server.url(), server: Some(server), options, _directory: directory }
    }

    /// Without credentials.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Of the users admin, control, worker, node, auditor. Kept over a restart.
    pub fn credentials(&self, user: &str) -> Credentials {
        self.running().credentials(user).unwrap_or_else(|| panic!("there is no NATS user {user}"))
    }

    /// A connection as this user.
    pub async fn connect(&self, user: &str) -> async_nats::Client {
        let Credentials { user, password } = self.credentials(user);
        async_nats::ConnectOptions::with_user_and_password(user, password)
            .connect(&self.url)
            .await
            .expect("nats-server takes the connection")
    }

    /// Ends it in good order.
    pub async fn stop(&mut self) {
        self.server.take().expect("nats-server runs").stop().await;
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        drop(self.server.take().expect("nats-server runs"));
    }

    /// Starts it again on the same data, under the same address.
    pub async fn start_again(&mut self) {
        assert!(self.server.is_none(), "nats-server still runs");
        let server = NatsServer::start(&self.options, &SystemRandom).await.expect("nats-server starts again");
        assert_eq!(server.url(), self.url, "the port was taken in between");
        self.server = Some(server);
    }

    /// It stands still: connections stay open and nothing answers.
    pub async fn pause(&self) {
        self.running().child().signal(Signal::Pause).await;
    }

    pub async fn resume(&self) {
        self.running().child().signal(Signal::Continue).await;
    }

    /// Where its data lies: to copy and put back while it is stopped.
    pub fn store(&self) -> &Path {
        &self.options.directory
    }

    fn running(&self) -> &NatsServer {
        self.server.as_ref().expect("nats-server runs")
    }
}

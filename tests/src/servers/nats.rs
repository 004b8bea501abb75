use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use events::clock::{SystemClock, SystemRandom};
use events::log::jetstream::{self, ConnectOptions, JetStreamLog, Password, Timeouts};
use gateway::config::NatsRole;
use gateway::dev::children::Signal;
use gateway::dev::nats::{Credentials, NatsOptions, NatsServer, NatsUser};
use gateway::store::readers::Reader;
use gateway::store::{roles, setup};
use tempfile::TempDir;

/// The test's own user, who may do everything.
pub const ROOT: &str = "root";

/// A nats-server of the test's own, with a user for each role, who may do what the role may. It can be stopped,
/// killed and started again under the same address.
pub struct Nats {
    server: Option<NatsServer>,
    url: String,
    options: NatsOptions,
    // After the server: it goes first.
    _directory: TempDir,
}

impl Nats {
    /// Stores without waiting for the disk. It holds nothing yet: `set_up` creates the streams.
    pub async fn start() -> Self {
        Self::with(false, Vec::new()).await
    }

    /// Each write is on disk before it is acknowledged.
    pub async fn durable() -> Self {
        Self::with(true, Vec::new()).await
    }

    async fn with(sync_always: bool, readers: Vec<Reader>) -> Self {
        gateway::crypto::install();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = NatsOptions {
            directory: directory.path().join("nats"),
            users: users(),
            readers,
            sync_always,
            cluster: None,
        };
        let server = NatsServer::start(&options, &SystemRandom).await.expect("nats-server starts");
        Self { url: server.url(), server: Some(server), options, _directory: directory }
    }

    /// Started, with the log's stream and the vaults' buckets.
    pub async fn set_up() -> Self {
        Self::set_up_for(Vec::new()).await
    }

    /// The same, with these readers beside the roles.
    pub async fn set_up_for(readers: Vec<Reader>) -> Self {
        let nats = Self::with(false, readers).await;
        setup::setup(&nats.connect("admin").await, 1).await.expect("NATS is set up");
        nats
    }

    /// The log, over a connection of this role's own, with times as short as tests want them.
    pub async fn log(&self, role: NatsRole) -> Result<JetStreamLog, jetstream::OpenError> {
        open_log(self.connect(role.as_str()).await).await
    }

    /// Without credentials.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Of the users root, admin, control, worker, node, auditor. Kept over a restart.
    pub fn credentials(&self, user: &str) -> Credentials {
        self.running().credentials(user).unwrap_or_else(|| panic!("there is no NATS user {user}"))
    }

    /// A connection as this user.
    pub async fn connect(&self, user: &str) -> async_nats::Client {
        connect(vec![self.url()], self.credentials(user)).await
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
        super::pause(self.running().child()).await;
    }

    pub async fn resume(&self) {
        self.running().child().signal(Signal::Continue).await;
    }

    /// Where its data lies: to copy and put back while it is stopped.
    pub fn store(&self) -> PathBuf {
        self.options.directory.join("store")
    }

    /// Copies its data to a folder, or back. It must be stopped.
    pub fn copy_store(from: &Path, to: &Path) {
        if to.exists() {
            std::fs::remove_dir_all(to).expect("the old data goes");
        }
        let copied = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(copied.is_ok_and(|status| status.success()), "{} is not copied", from.display());
    }

    fn running(&self) -> &NatsServer {
        self.server.as_ref().expect("nats-server runs")
    }
}

/// The test's own user, and one for each role, who may do what the role may.
pub(super) fn users() -> Vec<NatsUser> {
    let mut users = vec![NatsUser { name: ROOT.to_owned(), role: None }];
    users.extend(NatsUser::each_role());
    users.push(NatsUser { name: "restore".to_owned(), role: Some(NatsRole::Restore) });
    users
}

pub(super) async fn connect(servers: Vec<String>, credentials: Credentials) -> async_nats::Client {
    let Credentials { user, password } = credentials;
    let inbox_prefix = roles::ALL
        .into_iter()
        .chain([NatsRole::Restore])
        .find(|role| role.as_str() == user)
        .map_or_else(|| "_INBOX".to_owned(), roles::inbox_prefix);
    jetstream::connect(ConnectOptions {
        servers,
        credentials: jetstream::Credentials::User { name: user, password: Password::new(password) },
        name: "test".to_owned(),
        inbox_prefix,
        authorities: None,
        certificate: None,
    })
    .await
    .expect("nats-server takes the connection")
}

pub(super) async fn open_log(client: async_nats::Client) -> Result<JetStreamLog, jetstream::OpenError> {
    let timeouts = Timeouts {
        append: Duration::from_secs(3),
        read: Duration::from_secs(2),
        heartbeat: Duration::from_millis(500),
    };
    JetStreamLog::open(client, Arc::new(SystemClock), Arc::new(SystemRandom), timeouts).await
}

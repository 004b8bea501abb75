//! A backup, put into a private nats-server in a temporary folder: its bytes are nats-server's to understand. Both end
//! with this, and with the process, however it ends.

use std::path::Path;

use events::clock::SystemRandom;
use events::log::jetstream::{ConnectOptions, Credentials, Password, connect};
use tempfile::TempDir;

use crate::backup;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::config::{Access, NatsRole};
use crate::dev::nats::{NatsOptions, NatsServer, NatsUser};
use crate::store::{self, roles};

/// Nobody is told of this server: it need not have room for that.
const NOTHING: Access = Access { max_age_days: 1, max_bytes: 1_048_576 };

pub struct Copy {
    // Before its folder: it goes first.
    server: NatsServer,
    _folder: TempDir,
}

impl Copy {
    pub async fn of(backup: &Path, output: &mut Output) -> Result<Self, CliError> {
        let unmade = |error: std::io::Error| CliError::Unavailable(format!("no temporary folder: {error}"));
        let folder = tempfile::Builder::new().prefix("keyledger-verify-").tempdir().map_err(unmade)?;
        let mut users = NatsUser::each_role();
        users.push(NatsUser { name: NatsRole::Restore.as_str().to_owned(), role: Some(NatsRole::Restore) });
        let options = NatsOptions {
            directory: folder.path().join("nats"),
            users,
            readers: Vec::new(),
            sync_always: false,
            cluster: None,
        };
        let server = NatsServer::start(&options, &SystemRandom).await.map_err(|error| {
            CliError::Unavailable(format!("a backup is checked in a nats-server of its own: {error}"))
        })?;
        let copy = Self { server, _folder: folder };
        let (admin, restoring) =
            (copy.connect(NatsRole::Admin).await?, copy.connect(NatsRole::Restore).await?);
        let manifest = backup::put_back(&admin, &restoring, backup, 1, &NOTHING, |_| ()).await?;
        output.note(format!("{}: a backup as of {}", backup.display(), manifest.taken_at));
        Ok(copy)
    }

    pub async fn connect(&self, role: NatsRole) -> Result<store::Client, CliError> {
        let known = self.server.credentials(role.as_str());
        let known =
            known.ok_or_else(|| CliError::Unavailable("the private server has no such user".to_owned()))?;
        let options = ConnectOptions {
            servers: vec![self.server.url()],
            credentials: Credentials::User { name: known.user, password: Password::new(known.password) },
            name: "keyledger verify".to_owned(),
            inbox_prefix: roles::inbox_prefix(role),
            authorities: None,
            certificate: None,
        };
        Ok(connect(options).await?)
    }

    /// Ends the server in good order.
    pub async fn end(self) {
        self.server.stop().await;
    }
}

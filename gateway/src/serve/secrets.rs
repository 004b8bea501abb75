//! Renewed secrets reach a process that runs: it looks into its vaults now and then, and at once on SIGHUP, and uses what it
//! finds there from then on. A vault that does not answer leaves what is known.

use std::sync::Arc;

use projections::postgres;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Process;
use crate::files::keep_looking;
use crate::request::Door;
use crate::vault::ring::LOOK_EVERY;
use crate::vault::{NodeSecrets, Peppers, Vault, VaultError};

/// A node's, which it began with `secrets`.
pub(super) fn follow_node(process: &Process, vault: Vault, door: Arc<Door>, secrets: &NodeSecrets) {
    let (clock, mut times, mut known) = (Arc::clone(&process.clock), Times::of(process), secrets.ids());
    process.tasks.spawn(async move {
        while times.next().await {
            match NodeSecrets::load(&vault, clock.now()).await {
                Ok(secrets) if secrets.ids() == known => {}
                Ok(secrets) => {
                    known = secrets.ids();
                    match door.renew(&secrets) {
                        Ok(()) => tracing::info!("the node's secrets have changed and are used"),
                        Err(error) => {
                            tracing::error!(%error, "the node's secrets have changed and can't be used")
                        }
                    }
                }
                Err(error) => unread(&error),
            }
        }
    });
}

/// Control's: under which pepper it issues keys.
pub(super) fn follow_control(process: &Process, vault: Vault, peppers: Peppers) {
    let (clock, mut times) = (Arc::clone(&process.clock), Times::of(process));
    process.tasks.spawn(async move {
        while times.next().await {
            match Peppers::load(&vault, clock.now()).await {
                Ok(found) => peppers.take(&found),
                Err(error) => unread(&error),
            }
        }
    });
}

/// New connections to PostgreSQL are made with what `postgres.url_file` holds by now.
pub(super) fn follow_postgres(process: &Process, pool: postgres::Pool) {
    if process.config.postgres.as_ref().is_none_or(|postgres| postgres.url_file.is_none()) {
        return;
    }
    let (config, cancel, now) = (Arc::clone(&process.config), process.cancel.clone(), process.reload.clone());
    // As the pool was made with it a moment ago.
    let mut seen = config.postgres_url().ok();
    let look = move || {
        // What is said of it never holds the URL.
        let url = match config.postgres_url() {
            Ok(url) => url,
            Err(error) => {
                tracing::error!(%error, "postgres.url_file can't be used; the one before it is");
                return;
            }
        };
        if seen.as_ref().is_some_and(|seen| seen.expose() == url.expose()) {
            return;
        }
        match pool.connects_to(url.expose()) {
            Ok(()) => tracing::info!("postgres.url_file has changed: new connections are made with it"),
            Err(_) => tracing::error!("postgres.url_file holds no PostgreSQL URL; the one before it is used"),
        }
        seen = Some(url);
    };
    process.tasks.spawn(async move { keep_looking(now, cancel, look).await });
}

/// A master key file that does not fit is told before it is needed. One of a process's several connections to a vault is
/// enough: the file is the same.
pub(super) fn watch_keys(process: &Process, vault: Vault) {
    let told = vault.clone();
    process.at_scrape.add(move || {
        let unfit = u8::from(told.unfit_keys().is_some());
        metrics::gauge!("keyledger_master_key_file_unfit", "vault" => told.name().as_str()).set(unfit);
    });
    let told = vault.clone();
    process.lacks.add(move || told.unfit_keys());
    let mut times = Times::of(process);
    process.tasks.spawn(async move {
        while times.next().await {
            if let Err(error) = vault.look_at_keys().await {
                unread(&error);
            }
        }
    });
}

fn unread(error: &VaultError) {
    tracing::warn!(%error, "whether secrets were renewed is not known");
}

/// When to look.
struct Times {
    now: watch::Receiver<()>,
    cancel: CancellationToken,
}

impl Times {
    fn of(process: &Process) -> Self {
        Self { now: process.reload.clone(), cancel: process.cancel.clone() }
    }

    /// `false`: never again.
    async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => false,
            Ok(()) = self.now.changed() => true,
            () = tokio::time::sleep(LOOK_EVERY) => true,
        }
    }
}
